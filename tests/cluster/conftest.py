"""Builders: failures and runs in one line each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from triage.model.failure import Failure, Frame, Raised
from triage.model.outcome import Outcome, Phase
from triage.model.run import RunRecord, TestResult

Make = Callable[..., RunRecord]
STAMP = "20261124T060000Z"


@pytest.fixture
def failing() -> Callable[..., TestResult]:
    """failing("tests/test_a.py::test_a", "ValueError: bad 3", frame="src/x.py:load")."""

    def make(nodeid: str, text: str, frame: str | None = None, code: str | None = None) -> TestResult:
        kind, _, message = text.partition(": ")
        frames = [Frame(path=nodeid.partition("::")[0], lineno=1, function="test", code=code, origin="test")]
        if frame is not None:
            path, _, function = frame.partition(":")
            frames.append(Frame(path=path, lineno=2, function=function, origin="product"))
        chain = (Raised(type=kind, message=message, frames=tuple(frames)),)
        failure = Failure(nodeid=nodeid, phase=Phase.CALL, chain=chain)
        return TestResult(nodeid=nodeid, outcome=Outcome.FAILED, failures=(failure,))

    return make


@pytest.fixture
def run() -> Make:
    """run(result, ..., stamp=...) makes a complete record."""

    def make(*results: TestResult, stamp: str = STAMP) -> RunRecord:
        return RunRecord(stamp=stamp, campaign="test", root="/suite", complete=True, results=results)

    return make
