"""Treatment: run each test twice in one process. Settings: {"on": true}; {"files": true}: each file twice;
{"again": [nodeid...]}: these tests once more, behind all others.

The second time has fixtures and an instance of its own; what both share is what the first one left behind.
"""

from __future__ import annotations

import copy
from itertools import groupby
from typing import Any

import pytest

from triage.instruments.base import settings

_SETTINGS = settings("twice")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: Any) -> None:
    """Put a second item behind each, or those of a file behind its last one.

    Once it is known what runs: whoever selects tests by their ids would put both items of one id together.
    """
    items = session.items
    if _SETTINGS.get("files"):
        items[:] = [item for file in _files(items) for item in (*file, *map(_second, file))]
    elif _SETTINGS.get("on"):
        items[:] = [twin for item in items for twin in (item, _second(item))]
    elif _SETTINGS.get("again"):
        again = set(_SETTINGS["again"])
        items += [_second(item) for item in list(items) if item.nodeid in again]


def _files(items: list[Any]) -> list[list[Any]]:
    """Items that stand behind each other and come from one file."""
    return [list(file) for _, file in groupby(items, key=lambda item: item.path)]


def _second(item: Any) -> Any:
    """The same test once more: pytest tears an item down before another one, and not before itself."""
    second = copy.copy(item)
    if getattr(item, "cls", None) is not None:
        # made at collection: a second run with the first one's instance would see its attributes
        for name in ("_instance", "_obj"):
            vars(second).pop(name, None)
    if hasattr(second, "_initrequest"):
        second._initrequest()
    return second
