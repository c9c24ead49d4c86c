"""Treatment: list folders in the opposite order. Settings: {"backwards": true}.

The order of `os.listdir`, `os.scandir` and all that is built on them (`glob`, `os.walk`, `Path.iterdir`) is
that of the file system: on another machine it is another one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from triage.instruments.base import settings

_BACKWARDS = bool(settings("entries").get("backwards"))
_listdir, _scandir = os.listdir, os.scandir


def _listed_backwards(*arguments: Any) -> list[Any]:
    return sorted(_listdir(*arguments), reverse=True)


class _Entries:
    """What `os.scandir` gives, in the opposite order."""

    def __init__(self, *arguments: Any) -> None:
        with _scandir(*arguments) as entries:
            self._entries = iter(sorted(entries, key=lambda entry: entry.name, reverse=True))

    def __iter__(self) -> Iterator[Any]:
        return self._entries

    def __next__(self) -> Any:
        return next(self._entries)

    def __enter__(self) -> _Entries:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is open: everything was read at once."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish() -> None:
    """Behind the collection, whose own order is no matter of chance."""
    if _BACKWARDS:
        os.listdir = _listed_backwards  # type: ignore[assignment]
        os.scandir = _Entries  # type: ignore[assignment]
