"""Meter and treatment: what process state each test finds, and putting chosen pieces of it back.

Settings: {"watch": [nodeid...]} writes all places as the watched tests find them (digests, and short texts
for what people may read); {"restore": [place...], "before": nodeid, "from": "collected" | "start"} puts these
places back, right before that test's set-up, as they were when collection was over (or had not begun).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from triage.instruments import attributes, process_state
from triage.instruments.base import Writer, settings
from triage.instruments.digest import brief, digest

_ROOT = os.getcwd()
_SETTINGS = settings("state")
_WRITER = Writer("state")
_BACK: dict[str, Callable[[], None]] = {}
_PRIVATE = ("random.state", "numpy.random", "torch.random")
_IGNORED = ("env:PYTEST_CURRENT_TEST", "env:TRIAGE_INSTRUMENT", "env:PYTEST_VERSION")
_SKIPPED_FOLDERS = frozenset({"__pycache__", ".git", ".pytest_cache", ".hypothesis", ".venv", "venv"})
_MOST_FILES = 4000
_MOST_BYTES = 1_000_000


def snapshot() -> dict[str, tuple[str, str]]:
    """Every place with a digest and a short text; secrets may be in values, so variables show none."""
    found: dict[str, tuple[str, str]] = {}
    for place, value in _live():
        if place not in _IGNORED:
            shown = (
                ""
                if place in _PRIVATE
                else "set"
                if place.startswith("env:")
                else brief(value).replace(_ROOT, ".")
            )
            found[place] = (digest(value), shown)
    return found


def _live() -> Iterator[tuple[str, Any]]:
    yield from process_state.fixed_places().items()
    yield from ((f"env:{name}", value) for name, value in os.environ.items())
    yield from attributes.module_places(_ROOT)
    yield from _files()


def _files() -> Iterator[tuple[str, Any]]:
    """Files of the suite and of the temporary folder, by size and time: a test may leave or lose some."""
    count = 0
    for label, folder in (("file", _ROOT), ("tmp", os.environ.get("TMPDIR", ""))):
        for base, names, files in os.walk(folder) if folder else ():
            names[:] = [n for n in names if n not in _SKIPPED_FOLDERS and not n.startswith("pytest-of-")]
            for name in files:
                count += 1
                if count > _MOST_FILES:
                    return
                path = os.path.join(base, name)
                try:
                    status = os.stat(path)
                except OSError:
                    continue
                yield f"{label}:{os.path.relpath(path, folder)}", (status.st_size, _content(path, status))


def _content(path: str, status: os.stat_result) -> str:
    if status.st_size > _MOST_BYTES:
        return str(status.st_mtime_ns)
    try:
        return digest(Path(path).read_bytes())
    except OSError:
        return "unreadable"


def _save(place: str) -> Callable[[], None]:
    if place.startswith(("attr:", "module:")):
        return attributes.save(place) or (lambda: _missed(place))
    if place.startswith(("file:", "tmp:")):
        return _save_file(place)
    return process_state.save(place)


def _save_file(place: str) -> Callable[[], None]:
    label, _, name = place.partition(":")
    path = Path(_ROOT if label == "file" else os.environ.get("TMPDIR", "/tmp"), name)
    kept = path.read_bytes() if path.is_file() else None

    def back() -> None:
        if kept is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(kept)

    return back


def _missed(place: str) -> None:
    _WRITER.write("missed", missed=f"{place} was not there to be saved")


def _save_all(moment: str) -> None:
    if _SETTINGS.get("from", "collected") == moment:
        for place in _SETTINGS.get("restore", ()):
            _BACK[place] = _save(place)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Before anything of the user's is imported."""
    _save_all("start")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Everything is imported, nothing has run."""
    _save_all("collected")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Put back, or write down, right before the test's own set-up."""
    if item.nodeid == _SETTINGS.get("before"):
        for place, back in _BACK.items():
            try:
                back()
                _WRITER.write("restored", place=place)
            except Exception as error:
                _WRITER.write("missed", missed=f"{place}: {error!r}")
    if item.nodeid in _SETTINGS.get("watch", ()):
        try:
            _WRITER.write("found", nodeid=item.nodeid, places=snapshot())
        except Exception as error:
            _WRITER.write("trouble", error=repr(error))
