"""Meter: record what a test takes hold of that another process could hold too.

Files that it writes, makes, moves or removes, and addresses that it binds: events `hold`. Two tests that hold
one thing disturb each other when they run at once, and so does one that holds what the other reads, or looks
at to see whether it is there: `read`.
What lies in a folder of pytest's own, or is a port that the system chose, is the test's alone.
"""

from __future__ import annotations

import functools
import os
import tempfile
from typing import Any

import pytest

from triage.instruments.audit import (
    guarded,
    listen,
    opens_for_writing,
    pytest_runtest_logfinish,
    pytest_runtest_logstart,
    running,
)
from triage.instruments.base import Writer, user_frame

__all__ = ["pytest_runtest_logfinish", "pytest_runtest_logstart", "pytest_sessionstart"]

_ROOT = os.path.realpath(os.getcwd())
_PLACES = (
    (_ROOT, ""),
    (os.path.realpath(tempfile.gettempdir()), "$TMPDIR/"),
    (os.path.realpath(os.path.expanduser("~")), "~/"),
)
"""Folders that are others for each process of the laboratory, and how a path below them is shown."""
_WRITER = Writer("holds")
_CHANGES = frozenset(
    {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink"}
)
"""Audit events whose first argument is a path that is made, moved or removed."""
_PRIVATE = ("/pytest-of-", "/__pycache__", "/.pytest_cache", "/.hypothesis")
"""Parts of paths that are made anew for each session, or that Python and pytest share out themselves."""
_CODE = (".py", ".pyc", ".pyi", ".so", ".toml", ".ini", ".cfg")
"""Ends of names of files that tests and tools read all the time."""
_SYSTEM = ("/dev/", "/proc/", "/sys/")
_LOOKS = ("stat", "lstat", "access")
"""Functions of `os` that tell whether a file is there: Python has no audit event for them."""
_seen: set[tuple[str, str]] = set()


def _take(event: str, arguments: tuple[Any, ...]) -> None:
    _note("hold", _held(event, arguments))
    is_opened_to_read = event == "open" and not opens_for_writing(arguments[1], arguments[2])
    if is_opened_to_read or event in _LOOKS:
        _note("read", _data_file(arguments[0]))


def _listen_to(name: str) -> None:
    """Let one of the functions that look at a file tell of it."""
    look = getattr(os, name)
    tell = guarded(_take)

    @functools.wraps(look)
    def looking(path: Any, *arguments: Any, **named: Any) -> Any:
        tell(name, (path,))
        return look(path, *arguments, **named)

    for group in (os.supports_dir_fd, os.supports_effective_ids, os.supports_fd, os.supports_follow_symlinks):
        if look in group:
            group.add(looking)  # code asks there whether a function takes an argument
    setattr(os, name, looking)


def _note(what: str, name: str | None) -> None:
    """Write it down once for each test."""
    if name is None or (running[-1], f"{what} {name}") in _seen:
        return
    where = user_frame(_ROOT, 3)
    if what == "read" and where is None:
        return  # what libraries read for themselves
    _seen.add((running[-1], f"{what} {name}"))
    _WRITER.write(what, name=name, nodeid=running[-1], where=where)


def _data_file(path: Any) -> str | None:
    name = _file(path)
    return None if name is None or name.endswith(_CODE) else name


def _held(event: str, arguments: tuple[Any, ...]) -> str | None:
    """The thing, as two processes name it alike; None for what nobody else could hold."""
    if event == "socket.bind":
        return _address(arguments[1])
    if event == "open" and not opens_for_writing(arguments[1], arguments[2]):
        return None
    if event in _CHANGES or event == "open":
        return _file(arguments[0])
    if event == "sqlite3.connect":
        return None if arguments[0] in (":memory:", b":memory:", "") else _file(arguments[0])
    return None


def _address(address: Any) -> str | None:
    """HOST:PORT, or the path of a local socket; None where the system chooses."""
    if isinstance(address, str | bytes):
        return _file(address) if address else None
    if not isinstance(address, tuple) or len(address) < 2 or address[1] == 0:
        return None
    return f"the address {address[0]}:{address[1]}"


def _file(path: Any) -> str | None:
    if not isinstance(path, str | bytes | os.PathLike):
        return None
    name = os.path.realpath(os.fsdecode(path))
    place, within = next(
        ((shown, name[len(folder) :]) for folder, shown in _PLACES if name.startswith(folder + os.sep)),
        ("/", name),
    )
    if name.startswith(_SYSTEM) or any(part in within for part in _PRIVATE):
        return None
    return f"the file {place}{within[1:]}"


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Begin to listen."""
    listen(_take)
    for name in _LOOKS:
        _listen_to(name)
