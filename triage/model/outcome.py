"""The one outcome of each planned test, and what it means.

`_meaning` is the only place that says what an outcome means. Other rooms ask the properties, or match on
every member and close with `assert_never`: mypy points at each place where a new outcome needs a decision.
Each property is found out once for each member: of a large run it is asked a dozen times for every test.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cache, cached_property
from typing import Literal, assert_never

PytestOutcome = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed", "not_run"]
"""The words that pytest and the formats made for it have; `not_run` is a test that none of them mentions."""


class _Colour(Enum):
    """What the outcome says about the code under test."""

    GREEN = "green"
    """As the suite expects."""
    RED = "red"
    """A failure: it belongs to a cluster."""
    CHANCE = "chance"
    """Red and green runs of the same code: a failure that belongs to a cluster, and proves no change."""
    NONE = "none"
    """Nothing."""


class _Extent(Enum):
    """How far the test got."""

    NEVER_STARTED = "never started"
    CUT_SHORT = "cut short"
    """The process died or was killed while the test ran."""
    TO_THE_END = "to the end"
    """pytest itself reported the outcome."""


@dataclass(frozen=True)
class _Meaning:
    colour: _Colour
    extent: _Extent
    pytest: PytestOutcome
    """The nearest word of pytest's own."""
    letter: str
    """For columns of many outcomes: pytest's letter where it has one, and none twice."""


class Outcome(StrEnum):
    """Exactly one for each planned test."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    CRASHED = "crashed"
    TIMEOUT = "timeout"
    FLAKY = "flaky"
    """Red and green runs of one test, in its place, within one run."""
    NOT_RUN = "not_run"

    @cached_property
    def is_red(self) -> bool:
        """Whether the test failed, as often as it was tried: what a gate counts."""
        return _meaning(self).colour is _Colour.RED

    @cached_property
    def is_flaky(self) -> bool:
        """Whether the test failed in some of its runs and passed in others."""
        return _meaning(self).colour is _Colour.CHANCE

    @cached_property
    def has_failures(self) -> bool:
        """Whether failures of the test were seen, which belong to clusters."""
        return self.is_red or self.is_flaky

    @cached_property
    def is_green(self) -> bool:
        """Whether the test did what the suite expects of it, an expected failure included."""
        return _meaning(self).colour is _Colour.GREEN

    @cached_property
    def passes(self) -> bool:
        """Whether the test itself held, expected or not: an expected failure shows no such thing."""
        return self.is_green and _meaning(self).pytest in ("passed", "xpassed")

    @cached_property
    def ran(self) -> bool:
        """Whether a process came to the test; a skip was decided there and counts."""
        return _meaning(self).extent is not _Extent.NEVER_STARTED

    @cached_property
    def finished(self) -> bool:
        """Whether pytest itself reported the outcome, so that the test's duration is its own."""
        return _meaning(self).extent is _Extent.TO_THE_END

    @cached_property
    def is_cut_short(self) -> bool:
        """Whether the process died or was killed while the test ran: no exception tells why."""
        return _meaning(self).extent is _Extent.CUT_SHORT

    @cached_property
    def letter(self) -> str:
        """One letter for it: a column of outcomes is a string."""
        return _meaning(self).letter

    @cached_property
    def pytest_word(self) -> PytestOutcome:
        """The word for it in formats that know only pytest's outcomes."""
        return _meaning(self).pytest


@cache
def _meaning(outcome: Outcome) -> _Meaning:
    match outcome:
        case Outcome.PASSED:
            meaning = _Meaning(_Colour.GREEN, _Extent.TO_THE_END, "passed", ".")
        case Outcome.FAILED:
            meaning = _Meaning(_Colour.RED, _Extent.TO_THE_END, "failed", "F")
        case Outcome.ERROR:
            meaning = _Meaning(_Colour.RED, _Extent.TO_THE_END, "error", "E")
        case Outcome.SKIPPED:
            meaning = _Meaning(_Colour.NONE, _Extent.TO_THE_END, "skipped", "s")
        case Outcome.XFAILED:
            meaning = _Meaning(_Colour.GREEN, _Extent.TO_THE_END, "xfailed", "x")
        case Outcome.XPASSED:
            meaning = _Meaning(_Colour.GREEN, _Extent.TO_THE_END, "xpassed", "X")
        case Outcome.CRASHED:
            meaning = _Meaning(_Colour.RED, _Extent.CUT_SHORT, "error", "C")
        case Outcome.TIMEOUT:
            meaning = _Meaning(_Colour.RED, _Extent.CUT_SHORT, "error", "T")
        case Outcome.FLAKY:
            # the last run passed: pytest-rerunfailures, Surefire and CTRF count it so and mark it
            meaning = _Meaning(_Colour.CHANCE, _Extent.TO_THE_END, "passed", "~")
        case Outcome.NOT_RUN:
            meaning = _Meaning(_Colour.NONE, _Extent.NEVER_STARTED, "not_run", "-")
        case _:
            assert_never(outcome)
    return meaning


class Phase(StrEnum):
    """Where in the life of a test a failure happened."""

    COLLECT = "collect"
    SETUP = "setup"
    CALL = "call"
    TEARDOWN = "teardown"
