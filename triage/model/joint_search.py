"""`joint.json`: what the joint search asked, what it found for every red test, and what it took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from triage.model.base import Value
from triage.model.base_commit import OnBase
from triage.model.experiment import ExperimentResult
from triage.text.lines import lines_in_words

JOINT_FILE = "joint.json"

Confidence = Literal["proven", "likely", "unknown"]


class CommitRef(Value):
    """A commit for people."""

    id: str
    author: str = ""
    date: str = ""
    subject: str = ""

    @property
    def shown(self) -> str:
        """Short id, subject, author and day."""
        by = f" ({self.author}, {self.date[:10]})" if self.author else ""
        return f"{self.id[:12]} {self.subject}".strip() + by


class HunkRef(Value):
    """Lines that broke tests."""

    place: str
    """`path:first-last` by the lines of the state that has them; the path alone of a whole file."""
    path: str
    first: int
    last: int
    before: str
    after: str

    @property
    def in_words(self) -> str:
        """`line 12 of src/a.py`; the path alone of a whole file."""
        return self.path if self.place == self.path else lines_in_words(self.path, self.first, self.last)


class JointCause(Value):
    """One cause: the tests that it broke, the lines, the commit."""

    tests: tuple[str, ...]
    cluster: str | None = None
    hunks: tuple[HunkRef, ...] = ()
    """Several where they do harm only together, or cannot be taken back one by one."""
    commits: tuple[CommitRef, ...] = ()
    """The first bad commit; several where those between could not be tested; none: it is not committed."""
    also_needed: tuple[str, ...] = ()
    """Places of other causes that some of these tests have as well: they have to go too before those pass."""
    confidence: Confidence = "unknown"
    summary: str
    experiments: tuple[ExperimentResult, ...] = ()

    @property
    def culprits(self) -> tuple[str, ...]:
        """Commits and hunks, as `root_cause` names them."""
        return (*(commit.id for commit in self.commits), *(hunk.place for hunk in self.hunks))


class FactorFound(Value):
    """A factor proven for one cluster that makes other red tests pass, too."""

    factor: str
    known_from: str
    """The probe's document."""
    tests: tuple[str, ...]
    experiments: tuple[ExperimentResult, ...] = ()
    confidence: Confidence = "unknown"


class Unexplained(Value):
    """A red test without a cause, and why."""

    nodeid: str
    reason: str
    commits: tuple[CommitRef, ...] = ()
    """Of which one broke it, as far as the search came; empty where it may be any of the change."""


class SearchCost(Value):
    """What the search took, in check-outs, experiments and processes, beside one search for each test."""

    commits: int = 0
    """Between base and head."""
    checkouts: int = 0
    checkouts_alone: int = 0
    hunks: int = 0
    experiments: int = 0
    experiments_alone: int = 0
    untestable: int = 0
    """Experiments in which some test had no answer."""
    processes: int = 0
    seconds: float = 0.0
    is_cut: bool = False
    """Whether the budget ended the search."""


class JointReport(Value):
    """The whole document."""

    schema_version: int = 1
    stamp: str
    folder: str
    base: str | None
    """The commit that was good; None where there is none."""
    base_chosen: str
    tests: tuple[str, ...]
    """The red tests that were asked about."""
    run: str = ""
    """STAMP of the run whose red tests they are."""
    on_base: Mapping[str, OnBase] = {}
    """Node id to what the base says of the test; empty where there is no base."""
    flaky: tuple[str, ...] = ()
    """Those that were red and green in the run."""
    causes: tuple[JointCause, ...] = ()
    factors: tuple[FactorFound, ...] = ()
    unexplained: tuple[Unexplained, ...] = ()
    cost: SearchCost = SearchCost()
    notes: tuple[str, ...] = ()

    @property
    def hidden_causes(self) -> tuple[str, ...]:
        """Places of causes that no test has alone: their tests go on failing when the other cause is gone."""
        known = {hunk.place for cause in self.causes for hunk in cause.hunks}
        places = dict.fromkeys(place for cause in self.causes for place in cause.also_needed)
        return tuple(place for place in places if place not in known)
