"""What running the red tests on the base commit says of a change."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from triage.model.base import Value
from triage.model.outcome import Outcome

DEFAULT_BASE_BUDGET = 600.0
"""Seconds: enough for a handful of red tests of any suite, and a bound for a run where all are red."""


DEFAULT_ATTRIBUTE_BUDGET = 600.0
"""Seconds: some dozens of runs of the red tests of most suites."""


class BaseVerdict(StrEnum):
    """What the change has to do with one failure."""

    BROKEN = "broken-by-change"
    """Steadily green on the base."""
    ABSENT = "absent-on-base"
    """The base does not have the test: it came with the change."""
    UNDECIDED = "undecided"
    """The base could not answer; the reason is said."""
    RED = "red-on-base"
    """Red on the base too."""

    @property
    def blames_change(self) -> bool:
        """Whether the failure came with the change."""
        return self in (BaseVerdict.BROKEN, BaseVerdict.ABSENT)

    @property
    def in_words(self) -> str:
        """As people read it."""
        return _IN_WORDS[self]


_IN_WORDS = {
    BaseVerdict.BROKEN: "broken by this change",
    BaseVerdict.ABSENT: "new with this change",
    BaseVerdict.UNDECIDED: "undecided on the base",
    BaseVerdict.RED: "red on the base too",
}


_WORST_FIRST = (BaseVerdict.BROKEN, BaseVerdict.ABSENT, BaseVerdict.UNDECIDED, BaseVerdict.RED)
"""A cluster is as bad as its worst member: one that the change broke is not excused by others."""


def worst(verdicts: Iterable[BaseVerdict]) -> BaseVerdict | None:
    """Return the verdict on several failures together; None for none."""
    return min(verdicts, key=_WORST_FIRST.index, default=None)


TestFiles = Literal["head", "base"]
"""Whose tests and conftest files ran on the base's product: those of the change, or the base's own."""


class OnBase(Value):
    """How one test fared on the base."""

    ref: str
    """As it was asked for: `main`, `auto`."""
    commit: str
    outcome: Outcome | None = None
    """None where the test did not run there; flaky where its runs did not agree."""
    runs: int = 0
    failed: int = 0
    verdict: BaseVerdict
    reason: str
    """One sentence with the figures."""
    tests: TestFiles | None = None
    """Whose form of the test decided."""
    nodeid: str | None = None
    """The test's name on the base, where the change renamed its file or moved it to another."""
    cached_from: str | None = None
    """STAMP of the run that ran it, where its figures were used again."""


class BaseRun(Value):
    """The base of one run: which commit, why that one, and what was spent on it."""

    ref: str
    commit: str | None
    """None where there is nothing to compare with; `notes` say why."""
    subject: str = ""
    """First line of the commit's message."""
    chosen: str
    """How the commit was found, in words."""
    tried: int = 0
    """Failing tests that the base was asked about."""
    undecided: int = 0
    seconds: float = 0.0
    budget: float | None = None
    notes: tuple[str, ...] = ()
