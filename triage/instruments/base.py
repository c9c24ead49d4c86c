"""Give every instrument its settings, and a file to which it appends what it sees.

An instrument is a pytest plugin inside the process under test. It must never change an outcome by
accident: a meter that fails writes what went wrong and stays silent afterwards.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

VARIABLE = "TRIAGE_INSTRUMENT"
# Bound at import: a test may replace any function of a library, and what it replaced is what is looked for.
_encode = json.JSONEncoder(default=repr).encode
_open = os.open
_write = os.write
_close = os.close
_LOCK = threading.RLock()
_DOCUMENT: dict[str, Any] | None = None


def _document() -> dict[str, Any]:
    global _DOCUMENT  # noqa: PLW0603 - the variable is gone from the environment after the first call
    if _DOCUMENT is None:
        path = os.environ.get(VARIABLE)
        _DOCUMENT = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    return _DOCUMENT


def settings(name: str) -> dict[str, Any]:
    """Return the settings of one instrument; empty where it was given none."""
    found = _document().get(name) or {}
    return json.loads(found) if isinstance(found, str) else dict(found)


def out_folder() -> str | None:
    """Return the folder for the files of instruments; None where none was given."""
    folder = _document().get("out")
    return str(folder) if folder else None


def encoded(event: str, **fields: Any) -> str:
    """Return an event as one line of JSON, without its newline."""
    return _encode({"event": event, **fields})


class Writer:
    """Appends a JSON line for each event, flushed, so that a crash loses nothing that was seen."""

    def __init__(self, name: str) -> None:
        folder = out_folder()
        self._path = Path(folder) / f"{name}.jsonl" if folder else None

    def write(self, event: str, **fields: Any) -> None:
        """Write one event; a full or closed disk is no reason to fail somebody's test."""
        if self._path is None:
            return
        line = encoded(event, **fields) + "\n"
        with _LOCK:
            try:
                descriptor = _open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            except OSError:
                return
            try:
                _write(descriptor, line.encode("utf-8", "backslashreplace"))
            except OSError:
                return
            finally:
                _close(descriptor)


_FOREIGN = frozenset({"site-packages", "dist-packages", ".venv", "venv", ".tox", ".nox", "node_modules"})
_LIBRARY = os.path.dirname(os.__file__) + os.sep
_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def beneath(root: str, path: str) -> str | None:
    """Return a path relative to the root (posix), or None where it lies elsewhere or in an environment."""
    folder = root.rstrip(os.sep) + os.sep
    if not path.startswith(folder):
        return None
    relative = path[len(folder) :].replace(os.sep, "/")
    return None if _FOREIGN & set(relative.split("/")) else relative


@functools.lru_cache(maxsize=4096)
def authors(root: str, path: str) -> str | None:
    """Return a path that is the author's code: beneath the root, or installed from a tree of its own.

    Relative beneath the root, absolute elsewhere; None for libraries, for Python itself and for triage.
    """
    inside = beneath(root, path)
    if inside is not None:
        return inside
    if not path or path.startswith(("<", _LIBRARY, _OWN)):
        return None
    if _FOREIGN & set(path.split(os.sep)):
        return None
    return path if os.path.isabs(path) else None


def user_frame(root: str, depth: int = 1) -> str | None:
    """Return `file:line` of the nearest frame of the user's code; `depth` 1 begins with the caller."""
    frame = sys._getframe(depth)
    while frame is not None:
        file = authors(root, frame.f_code.co_filename)
        if file is not None:
            return f"{file}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return None
