"""Meter and treatment: record the process state that a test finds, or restore pieces of it before the test.

Settings: {"watch": [nodeid...]} records all process state as the watched tests find it (a digest a key, and a
short text where people may read it), and what of it nobody has touched since the process began; with
{"inside": key} the attributes of the objects in that dictionary or list, too;
{"modules": true} the names of all imported modules, too;
{"restore": [key...], "before": nodeid, "from": "collected" | "start"} restores these keys right before that
test's set-up, to what they were when collection was over (or had not begun). Keys are those of
`triage.instruments.process_state_table`.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from triage.instruments import attributes, process_state
from triage.instruments.base import Writer, settings
from triage.instruments.digest import brief, digest
from triage.instruments.process_state_table import state_of

_ROOT = os.getcwd()
_OWN_FOLDERS = tuple(filter(None, (_ROOT, os.environ.get("TMPDIR"), os.environ.get("HOME"))))
"""Each working copy has its own: that they differ is nobody's leak."""
_SETTINGS = settings("state")
_WRITER = Writer("state")
_RESTORERS: dict[str, Callable[[], None]] = {}
"""For each key of the treatment: the function that restores it."""
_OWN = ("env:PYTEST_CURRENT_TEST", "env:TRIAGE_INSTRUMENT", "env:PYTEST_VERSION")
"""Set by pytest and by triage: no test leaks them."""
_SKIPPED_FOLDERS = frozenset({"__pycache__", ".git", ".pytest_cache", ".hypothesis", ".venv", "venv"})
_MAX_FILES = 4000
_MAX_BYTES = 1_000_000
"""A larger file is compared by its time instead of its contents."""


def snapshot() -> dict[str, tuple[str, str]]:
    """Return a digest and a short text for every key; a value that may be a secret is shown as `set`."""
    found: dict[str, tuple[str, str]] = {}
    for key, value in _live():
        if key not in _OWN:
            found[key] = (digest(value, own_folders=_OWN_FOLDERS), _shown(key, value))
    return found


def live_digests() -> dict[str, str]:
    """By key: a digest of all state, that of attributes and files too."""
    return {key: digest(value, own_folders=_OWN_FOLDERS) for key, value in _live() if key not in _OWN}


def _digests_of_the_process() -> dict[str, str]:
    """By key: a digest of all process state that is neither an attribute nor a file."""
    return {key: digest(value, own_folders=_OWN_FOLDERS) for key, value in process_state.present_values()}


_AT_THE_START = _digests_of_the_process() if _SETTINGS.get("watch") else {}
"""Before anything of the user's is imported."""


def _untouched() -> list[str]:
    """Keys whose values are those of the start: nothing that ran has leaked them."""
    now = _digests_of_the_process()
    return [key for key, value in _AT_THE_START.items() if now.get(key) == value]


def _shown(key: str, value: Any) -> str:
    state = state_of(key)
    if state is None or state.shown == "value":
        return brief(value).replace(_ROOT, ".")
    return "set" if state.shown == "presence" else ""


def _live() -> Iterator[tuple[str, Any]]:
    yield from process_state.present_values()
    yield from attributes.module_values(_ROOT)
    if _SETTINGS.get("inside"):
        yield from attributes.members_of(_SETTINGS["inside"])
    yield from _files()


def _files() -> Iterator[tuple[str, Any]]:
    """Files of the suite and of the temporary folder, by size and contents: a test may leave or lose some."""
    count = 0
    for kind, folder in _folders().items():
        for base, subfolders, files in os.walk(folder):
            subfolders[:] = [name for name in subfolders if _is_watched(name)]
            for name in files:
                count += 1
                if count > _MAX_FILES:
                    return
                path = os.path.join(base, name)
                try:
                    status = os.stat(path)
                except OSError:
                    continue
                yield kind + os.path.relpath(path, folder), (status.st_size, _content(path, status))


def _folders() -> dict[str, str]:
    """The watched folder of each kind of file; the temporary one only where the run has its own."""
    folders = {"file:": _ROOT}
    temporary = os.environ.get("TMPDIR")
    if temporary:
        folders["tmp:"] = temporary
    return folders


def _is_watched(folder: str) -> bool:
    # `tmp_path` of other tests lies below pytest-of-USER
    return folder not in _SKIPPED_FOLDERS and not folder.startswith("pytest-of-")


def _content(path: str, status: os.stat_result) -> str:
    if status.st_size > _MAX_BYTES:
        return str(status.st_mtime_ns)
    try:
        return digest(Path(path).read_bytes())
    except OSError:
        return "unreadable"


def _save(key: str) -> Callable[[], None]:
    """A function that restores a key to its present value."""
    if key.startswith("attr:"):
        restore = attributes.save(key)
        if restore is None:
            raise LookupError("it was not there to be saved")
        return restore
    kind = key.partition(":")[0] + ":"
    if kind in ("file:", "tmp:"):
        # the folder as it is now: a test may change the working directory or TMPDIR
        folder = _folders().get(kind, tempfile.gettempdir())
        state = state_of(key, folder=repr(folder))
        assert state is not None
        return process_state.save_state(state)
    return process_state.save(key)


def _save_all(moment: str) -> None:
    if _SETTINGS.get("from", "collected") != moment:
        return
    for key in _SETTINGS.get("restore", ()):
        try:
            _RESTORERS[key] = _save(key)
        except Exception as error:
            _RESTORERS[key] = functools.partial(_raise, error)


def _raise(error: Exception) -> None:
    raise error


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Before anything of the user's is imported."""
    _save_all("start")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Everything is imported, nothing has run."""
    if _SETTINGS.get("watch"):
        attributes.remember_modules(_ROOT)
    _save_all("collected")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Restore, or record, right before the test's own set-up."""
    if item.nodeid == _SETTINGS.get("before"):
        for key, restore in _RESTORERS.items():
            try:
                restore()
                _WRITER.write("restored", place=key)
            except Exception as error:
                _WRITER.write("missed", missed=f"{key}: {error!r}")
    if item.nodeid in _SETTINGS.get("watch", ()):
        try:
            modules = sorted(sys.modules) if _SETTINGS.get("modules") else []
            _WRITER.write(
                "found", nodeid=item.nodeid, places=snapshot(), untouched=_untouched(), modules=modules
            )
        except Exception as error:
            _WRITER.write("trouble", error=repr(error))
