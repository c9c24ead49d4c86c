"""Small looks at items, reports and errors of pytest, each of which may be of any kind."""

from __future__ import annotations

import errno
import os
import traceback
from typing import Any

import pytest

from triage.recorder.raised import text_of


class Beside:
    """A stand-in for a next test beside the last one: what both would share stays up."""

    def __init__(self, item: Any) -> None:
        self._parents = item.listchain()[:-1]

    def listchain(self) -> list[Any]:
        """The shared parents."""
        return list(self._parents)


def packages() -> dict[str, str]:
    """Distributions that the suite's interpreter has."""
    from importlib.metadata import distributions

    found = {dist.metadata["Name"]: dist.version for dist in distributions()}
    return dict(sorted((str(name), version) for name, version in found.items() if name))


def lost_streams(error: BaseException) -> bool:
    """Whether pytest's own capturing broke: a test closed its descriptors, or its streams."""
    if isinstance(error, OSError) and error.errno == errno.EBADF:
        return True
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    place = "" if last is None else last.tb_frame.f_code.co_filename.replace(os.sep, "/")
    return isinstance(error, ValueError) and place.endswith("/_pytest/capture.py")


def left_while_collecting(collector: Any, error: BaseException) -> Any:
    """The report of a collector that pytest would end the session for."""
    text = "".join(traceback.format_exception(error))
    return pytest.CollectReport(collector.nodeid, "failed", text, [])


def line_of(item: Any) -> int | None:
    """Where pytest says that the item stands, counted from 0; None where it does not say."""
    try:
        number = item.location[1]
    except Exception:
        return None
    return number if isinstance(number, int) else None


def named(error: BaseException) -> str:
    """`Exit: reason`, on whatever terms the exception gives it."""
    text = text_of(getattr(error, "msg", None) or error)[:4096]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def skip_reason(reports: list[Any]) -> str | None:
    """Why a test was skipped, or was expected to fail."""
    for report in reports:
        if report.skipped:
            expected = getattr(report, "wasxfail", None)
            if expected is not None:
                return str(expected).removeprefix("reason: ")
            if isinstance(report.longrepr, tuple):
                return str(report.longrepr[2]).removeprefix("Skipped: ")
    return None


def only_counts(report: Any) -> bool:
    """pytest's own line that a test has failed subtests, beside the subtests' failures."""
    return isinstance(report.longrepr, str) and report.longrepr.startswith("contains ")
