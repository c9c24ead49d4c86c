"""Meter: record what of the outside world the user's code uses while the test runs.

Environment variables, clocks, random numbers, network, files that are not there, the working directory,
threads, processes, limits: each kind once for each line, so that probes experiment only with what the test
uses.
"""

from __future__ import annotations

import os
import sys
import threading
from types import CodeType, FrameType
from typing import Any

import pytest

from triage.instruments.base import Writer, authors

_ROOT = os.getcwd()
_WRITER = Writer("usage")
_SEEN: set[tuple[str, str, str]] = set()
_MAX_LINES = 400
_BUSY = threading.local()
"""Whether this thread writes a line or handles an event, which uses files itself."""
_LIBRARY_FRAMES = 8
"""How many frames of libraries may lie between the user's line and what it uses."""
_RUNNERS = frozenset({"_pytest", "pluggy"})
_NETWORK_FRAMES = 40
"""Clients of HTTP and of databases are deep."""

_BUILTINS: dict[str, str] = {
    "time.time": "clock", "time.time_ns": "clock", "time.localtime": "clock", "time.gmtime": "clock",
    "time.strftime": "clock", "time.ctime": "clock", "time.asctime": "clock", "time.mktime": "zone",
    "time.monotonic": "timer", "time.perf_counter": "timer", "time.process_time": "timer",
    "time.sleep": "sleep", "datetime.now": "clock", "datetime.utcnow": "clock", "datetime.today": "clock",
    "date.today": "clock", "datetime.fromtimestamp": "zone", "datetime.astimezone": "zone",
    "datetime.timestamp": "zone", "date.fromtimestamp": "zone",
    "posix.urandom": "entropy", "posix.getcwd": "cwd", "posix.chdir": "cwd", "posix.umask": "umask",
    "posix.cpu_count": "cores", "posix.sched_getaffinity": "cores", "posix.getpid": "pid",
    "posix.getuid": "user", "posix.geteuid": "user", "posix.getlogin": "user", "posix.uname": "platform",
    "posix.listdir": "listing", "posix.scandir": "listing", "posix.statvfs": "disk",
    "posix.get_terminal_size": "terminal", "_locale.setlocale": "locale", "_locale.localeconv": "locale",
    "_locale.nl_langinfo": "locale", "_locale.getencoding": "locale", "_locale.strcoll": "locale",
    "resource.getrlimit": "limits", "resource.setrlimit": "limits",
    "_thread.start_new_thread": "threads", "_socket.gethostname": "host",
    "sys.setrecursionlimit": "limits", "gc.collect": "gc",
}  # fmt: skip
"""Kind of use by the name of a function in C."""
_NAMES = frozenset(name.rpartition(".")[2] for name in _BUILTINS) | {"random", "getrandbits", "seed"}
"""Looked up first: most calls of functions in C are of none of these."""
_CODES: dict[CodeType, str | None] = {}
"""Kind of use by code that was called; None for code of no interest."""
_MODULES = {
    "random": "random", "secrets": "entropy", "uuid": "entropy", "locale": "locale", "socket": "network",
    "http.client": "network", "urllib.request": "network", "subprocess": "process",
    "multiprocessing": "process",
    "concurrent.futures.thread": "threads", "concurrent.futures.process": "process", "threading": "threads",
    "asyncio.base_events": "loop", "tempfile": "temporary", "shutil": "disk", "platform": "platform",
    "getpass": "user", "posixpath.expanduser": "home", "calendar": "clock", "weakref": "gc",
}  # fmt: skip
"""Kind of use by the module, or by the function, that is called in Python."""


def _note(
    kind: str, name: str, frame: FrameType | None, *, depth: int = _LIBRARY_FRAMES, **more: Any
) -> None:
    """Record a use, once for each line of the user's."""
    where = _user_line(frame, depth)
    if where is None:
        return
    key = (kind, f"{name} {more.get('address', '')}", where)
    if key in _SEEN or len(_SEEN) >= _MAX_LINES:
        return
    _SEEN.add(key)
    was_busy = getattr(_BUSY, "on", False)
    # to write opens a file, which is audited too
    _BUSY.on = True
    try:
        _WRITER.write("use", what=kind, name=name, where=where, **more)
    finally:
        _BUSY.on = was_busy


def _user_line(frame: FrameType | None, depth: int = _LIBRARY_FRAMES) -> str | None:
    """The user's line, if it is the caller or calls through a few library frames.

    What a library does while it is imported is not what the user's code asks for, nor is what pytest does to
    show a failed assertion (it asks for CI and BUILD_NUMBER on the test's own line) or to set a variable.
    """
    for _ in range(depth):
        if frame is None or frame.f_code.co_filename.startswith("<frozen importlib"):
            return None
        if frame.f_globals.get("__name__", "").partition(".")[0] in _RUNNERS:
            return None
        file = authors(_ROOT, frame.f_code.co_filename)
        if file is not None:
            return f"{file}:{frame.f_lineno}"
        frame = frame.f_back
    return None


def _profile(frame: FrameType, event: str, argument: Any) -> None:
    if event == "call":
        code = frame.f_code
        if code not in _CODES:
            _CODES[code] = _kind_of_code(frame)
        kind = _CODES[code]
        if kind == "variable":
            _variable(frame)
        elif kind is not None:
            _note(kind, f"{frame.f_globals.get('__name__', '')}.{code.co_name}", frame.f_back)
    elif event == "c_call" and argument.__name__ in _NAMES:
        _builtin(frame, argument)


def _kind_of_code(frame: FrameType) -> str | None:
    module, name = frame.f_globals.get("__name__", ""), frame.f_code.co_name
    if module == "os" and name == "__getitem__" and "key" in frame.f_locals:
        return "variable"
    return _MODULES.get(module) or _MODULES.get(f"{module}.{name}")


def _builtin(frame: FrameType, called: Any) -> None:
    owner = getattr(called, "__self__", None)
    module = getattr(called, "__module__", None) or getattr(owner, "__name__", None) or ""
    name = f"{module.rpartition('.')[2]}.{called.__name__}"
    if isinstance(owner, type):
        name = f"{owner.__name__}.{called.__name__}"
    kind = _BUILTINS.get(name) or _BUILTINS.get(f"{type(owner).__name__}.{called.__name__}")
    if kind is not None:
        _note(kind, name, frame)
    elif type(owner).__module__ == "_random" or type(owner).__name__ == "Random":
        _note("random", f"random.{called.__name__}", frame)


def _variable(frame: FrameType) -> None:
    key = frame.f_locals["key"]
    if isinstance(key, str):
        raw = os.environb.get(os.fsencode(key))
        _note("variable", key, frame.f_back, set=raw is not None)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if getattr(_BUSY, "on", False) or not _WATCHING:
        return
    _BUSY.on = True
    try:
        frame = sys._getframe(1)
        if event == "open":
            _opened(frame, arguments[0], arguments[1])
        elif event in ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname"):
            address = arguments[1] if event in ("socket.connect", "socket.bind") else arguments[:2]
            _note("network", event, frame, depth=_NETWORK_FRAMES, address=repr(address)[:200])
        elif event in ("subprocess.Popen", "os.system", "os.posix_spawn", "os.exec"):
            _note("process", event, frame, command=repr(arguments[:2])[:200])
        elif event in ("os.listdir", "os.scandir", "os.chdir"):
            _note("listing" if event != "os.chdir" else "cwd", event, frame)
    except Exception:
        pass
    finally:
        _BUSY.on = False


def _opened(frame: FrameType, path: Any, mode: Any) -> None:
    if not isinstance(path, str | bytes):
        return
    text = os.fsdecode(path)
    if _user_line(frame) is None:
        return
    if isinstance(mode, str) and "b" not in mode:
        _note("text", "open", frame)
    writing = isinstance(mode, str) and any(letter in mode for letter in "wxa+")
    target = os.path.dirname(os.path.abspath(text)) if writing else text
    exists = os.path.lexists(target)
    if not exists or not os.path.isabs(text):
        _note(
            "file", text, frame, exists=exists, absolute=os.path.abspath(text),
            relative=not os.path.isabs(text), writing=writing,
        )  # fmt: skip


def _watch_stat() -> None:
    """Note files that `os.path.exists` and its like do not find: they raise no audit event."""
    real = os.stat

    def stat(path: Any, *arguments: Any, **keywords: Any) -> os.stat_result:
        try:
            return real(path, *arguments, **keywords)
        except FileNotFoundError:
            if _WATCHING and isinstance(path, str | os.PathLike):
                text = os.fspath(path)
                if isinstance(text, str):
                    frame = sys._getframe(1)
                    _note(
                        "file", text, frame, exists=False, absolute=os.path.abspath(text),
                        relative=not os.path.isabs(text), writing=False, asked=True,
                    )  # fmt: skip
            raise

    os.stat = stat


_WATCHING = False
"""An audit hook cannot be removed again: it does nothing where this is False."""


def _start() -> None:
    global _WATCHING  # noqa: PLW0603 - one session a process
    _WATCHING = True
    sys.setprofile(_profile)
    threading.setprofile(_profile)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Watch from before collection on: modules read their environment when they are imported."""
    _watch_stat()
    sys.addaudithook(_audit)
    _start()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Install the profile function again, which a tool of the suite may have replaced."""
    _start()


def pytest_sessionfinish() -> None:
    """Stop watching."""
    global _WATCHING  # noqa: PLW0603
    _WATCHING = False
    sys.setprofile(None)
    threading.setprofile(None)
