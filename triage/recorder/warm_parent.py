"""A process that has imported pytest and the suite's libraries, and forks a whole pytest session on order.

Run by `COMMAND` with a file of settings, in the environment of the sessions to come. It imports the modules
that a session of the suite had imported when its collection was over, those of libraries alone: no conftest,
no test file and no product module is ever imported here, so what these do when they are imported they do in
each session anew. What a session imports only later, while its tests run or when it ends, is loaded too and
set aside. A session then is `python -m pytest ARGUMENTS` in a fork, from its first option on, in its own
folder and environment.

What a fork cannot make good is told to the harness: variables that were read during the imports (another
value would have come too late for them), and reasons for which no fork would be independent (threads,
sockets, files that were left behind). Standard library and pytest only.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import importlib.metadata
import json
import os
import random
import runpy
import socket
import sys
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from triage.recorder import forkserver, supervisor
from triage.recorder.set_aside import SetAside

_RECORDER = (
    "conftests", "exceptions", "import_path", "installed", "items", "json_report", "left_out",
    "other_plugins", "record_file", "reports", "select", "watchdog",
)  # fmt: skip
"""Modules of the recorder that read no settings when they are imported; each session needs them."""
_INSTRUMENTS = "triage.instruments.imports"
"""Named and not imported above: the recorder needs no instrument."""
COMMAND = (
    "import sys; sys.path[:] = [entry for entry in sys.path if entry]; "
    "from triage.recorder.warm_parent import main; main()"
)
"""For `python -c`: the suite lies in the current folder, and nothing of it may be imported here."""
_READERS = ("os", "posixpath", "collections.abc")
"""Modules through which others read variables."""
_EVERY_VARIABLE = "*"
"""Stands for all variables, where a module has copied the whole environment."""
_OWN_OF_EACH_RUN = frozenset({"HOME", "TMPDIR", _EVERY_VARIABLE})
"""Variables that differ from session to session: a module that has read one may not be loaded beforehand."""


def main() -> None:
    """Import, then fork for each order of the harness; a fork goes on as `python -m pytest`."""
    # handlers run last in, first out: this one is the last
    atexit.register(exit_at_once)
    settings = _take(sys.argv[1])
    control = socket.socket(fileno=settings["control"])
    control.set_inheritable(False)
    own_path = _entries(os.environ.get("PYTHONPATH"))
    temporary = os.environ.get("TMPDIR")
    with _reads_of_the_environment() as reads:
        imported = _import_all(settings["steps"])
    reasons = _unfit(control, temporary)
    aside = SetAside()
    reasons_later: list[str] = []
    if settings["later"] and not reasons:
        with _reads_of_the_environment() as reads_later, _rewriting_of_plugins():
            aside.load(settings["later"])
        own = sorted((reads_later - reads) & _OWN_OF_EACH_RUN)
        reasons_later = [*_unfit(control, temporary), *(f"a library has read {name}" for name in own)]
        reads |= reads_later
    said = {
        "ready": True,
        "unfit": reasons,
        # the same parent without what is imported later is fit
        "unfit_later": reasons_later,
        "reads": sorted(reads),
        "imported": imported,
        "set_aside": len(aside.modules),
        "seconds": round(time.process_time(), 3),
    }
    control.sendall(json.dumps(said).encode() + b"\n")
    specification = forkserver.fork_on_order(control, "start")
    _become(_take(specification), own_path)
    # what is planted at the start of collection acts on libraries that are imported behind it
    collected = {name: sys.modules[name] for name in settings["collected"] if name in sys.modules}
    importlib.import_module(_INSTRUMENTS).IMPORTED_EARLY.update(collected | aside.modules)
    run_pytest()


def _unfit(control: socket.socket, temporary: str | None) -> list[str]:
    """Why no fork would be independent of this process, as it is now."""
    return forkserver.unfit_process(control.fileno()) + _left_behind(temporary)


def _take(path: str) -> dict[str, Any]:
    """Read a file of the harness and delete it: it holds the environment, secrets included."""
    with open(path, encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
    os.unlink(path)
    return found


# -- imports --------------------------------------------------------------------------------------


def _import_all(steps: Sequence[Any]) -> int:
    """Take the steps of a session: import a module, or set a variable; return how many modules that gave."""
    before = len(sys.modules)
    importlib.import_module("pytest")
    for name in _RECORDER:
        importlib.import_module(f"triage.recorder.{name}")
    with _rewriting_of_plugins():
        for step in steps:
            if isinstance(step, str):
                # what cannot be imported by its name alone is imported by the session, as ever
                with contextlib.suppress(Exception):
                    importlib.import_module(step)
            else:
                _set(*step)
    return len(sys.modules) - before


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


@contextlib.contextmanager
def _rewriting_of_plugins() -> Iterator[None]:
    """Let pytest rewrite the assertions of installed plugins, as it does where it imports them itself.

    A session warns of plugins that were imported without: some suites make an error of every warning.
    """
    hook = None
    if not os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        from _pytest.assertion import install_importhook
        from _pytest.config import _iter_rewritable_modules, get_config

        hook = install_importhook(get_config())
        names = _iter_rewritable_modules(_files_of_plugins())
        # triage itself is an installed plugin: of what runs already pytest would warn, and it cannot yet
        hook.mark_rewrite(*(name for name in names if name not in sys.modules))
    try:
        yield
    finally:
        if hook is not None:
            sys.meta_path.remove(hook)


def _files_of_plugins() -> Iterator[str]:
    """Files of all distributions that offer pytest a plugin."""
    for distribution in importlib.metadata.distributions():
        if any(point.group == "pytest11" for point in distribution.entry_points):
            yield from (str(file) for file in distribution.files or ())


@contextlib.contextmanager
def _reads_of_the_environment() -> Iterator[set[str]]:
    """The names of all variables that Python code reads meanwhile."""
    reads: set[str] = set()
    # mypy knows `os._Environ`, and not that its methods may be replaced
    kind: Any = type(os.environ)
    get, iterate = kind.__getitem__, kind.__iter__

    def get_noted(self: Any, key: Any) -> Any:
        name = os.fsdecode(key)
        if name != "HOME" or not _asks_for_installations():
            reads.add(name)
        return get(self, key)

    def iterate_noted(self: Any) -> Any:
        reads.add(_EVERY_VARIABLE)
        return iterate(self)

    kind.__getitem__, kind.__iter__ = get_noted, iterate_noted
    try:
        yield reads
    finally:
        kind.__getitem__, kind.__iter__ = get, iterate


def _asks_for_installations() -> bool:
    """Whether the home folder is read only to know where a user's own packages would be installed."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__") in _READERS:
        frame = frame.f_back
    return frame.f_globals.get("__name__") in ("site", "sysconfig")


def _left_behind(folder: str | None) -> list[str]:
    """Files that the imports have made: what one session does to them the next would find."""
    if folder and os.path.isdir(folder) and os.listdir(folder):
        return ["a library has made temporary files while it was imported"]
    return []


# -- a session ------------------------------------------------------------------------------------


def _become(specification: dict[str, Any], parents_path: Sequence[str]) -> None:
    """Be a new interpreter with this command: its folder, environment, arguments, import path and chance."""
    supervisor.take_on(specification)
    time.tzset()
    sys.path[:] = _import_path(parents_path)
    importlib.invalidate_caches()
    _draw_other_numbers()
    # what libraries registered for the parent's end would take from all other sessions what they share
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        finalizer.detach()


_status: list[int] = []
"""The exit status of the session, once it is known."""


def run_pytest() -> None:
    """Do what `python -m pytest` does."""
    run_as_main: Callable[[str], object] = runpy._run_module_as_main  # type: ignore[attr-defined]
    try:
        run_as_main("pytest")
    except SystemExit as end:
        if isinstance(end.code, int):
            _status.append(end.code & 0xFF)
        raise


def exit_at_once() -> None:
    """End behind all other handlers: to destroy what the parent has imported takes longer than most tests."""
    if _status:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(_status[0])


def _import_path(parents_path: Sequence[str]) -> list[str]:
    """The import path of an interpreter that starts here: its folder, its PYTHONPATH, the libraries."""
    rest = list(sys.path)
    for entry in parents_path:
        if entry in rest:
            rest.remove(entry)
    here = [] if sys.flags.safe_path else [os.getcwd()]
    own = [entry for entry in _entries(os.environ.get("PYTHONPATH")) if entry not in rest]
    return [*here, *own, *rest]


def _entries(path: str | None) -> list[str]:
    """The folders of a PYTHONPATH as `site` puts them on the import path: absolute, each once."""
    return list(dict.fromkeys(os.path.abspath(entry) for entry in (path or "").split(os.pathsep) if entry))


def _draw_other_numbers() -> None:
    """Seed anew what an interpreter seeds by chance: forks would all draw the same numbers."""
    random.seed()
    numpy_random: Any = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
