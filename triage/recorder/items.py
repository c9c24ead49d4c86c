"""Ask pytest's items and collectors what the record needs of them."""

from __future__ import annotations

import traceback
from typing import Any

import pytest


class NextItem:
    """Stands for a next item with the same parents, so that a teardown leaves their fixtures up."""

    def __init__(self, item: Any) -> None:
        self._parents = item.listchain()[:-1]

    def listchain(self) -> list[Any]:
        """Return the parents, as pytest's own items do."""
        return list(self._parents)


def line_of(item: Any) -> int | None:
    """Return the line of an item, counted from 0, as pytest says it; None where it does not."""
    try:
        line = item.location[1]
    except Exception:
        # a collector of somebody else's plugin may compute its location, and fail
        return None
    return line if isinstance(line, int) else None


def report_of_exit(collector: Any, error: BaseException) -> pytest.CollectReport:
    """Return a failed report for a collector whose import raised what would end the session."""
    text = "".join(traceback.format_exception(error))
    return pytest.CollectReport(collector.nodeid, "failed", text, [])
