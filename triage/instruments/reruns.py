"""Run a test once more in its own process, beside its ordinary run."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from _pytest.runner import runtestprotocol

_MESSAGE_CHARS = 300


class Rerun(NamedTuple):
    """What came of one such run."""

    outcome: str
    """passed, failed or skipped."""
    message: str
    """Last line of the first failed stage; empty where none failed."""


def run_again(item: pytest.Item, nextitem: pytest.Item | None) -> Rerun:
    """Run set-up, call and teardown of a test without reporting them."""
    renew_fixtures(item)
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    failed = [report for report in reports if report.failed]
    if failed:
        last_line = failed[0].longreprtext.strip().rsplit("\n", 1)[-1]
        return Rerun("failed", last_line[:_MESSAGE_CHARS])
    if any(report.skipped for report in reports):
        return Rerun("skipped", "")
    return Rerun("passed", "")


def renew_fixtures(item: pytest.Item) -> None:
    """Make a test ready for its next run: it forgets the fixture values of its last one."""
    if hasattr(item, "_initrequest"):
        item._initrequest()
