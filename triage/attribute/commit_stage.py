"""Ask the history of a change, for all red tests at once: in which commit did each of them become red?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from triage.attribute.answers import Answer
from triage.attribute.history import History, parent_of, side_of_merge
from triage.attribute.joint_bisection import Found, JointBisection, Question
from triage.attribute.runs import RedTests
from triage.base.subjects import Subject
from triage.lab.protocol import Setup
from triage.process.git import Repository
from triage.process.git_history import LogEntry
from triage.text.plural import counted_noun

_CHEAP_SECONDS = 10.0
"""Of all red tests together: up to it every one of them runs at each commit, which costs no further start."""
_WITNESSES = 2
"""Members that run beside the representative where all of them take longer."""


@dataclass(frozen=True)
class BrokenSince:
    """Where a test became red."""

    good: str
    """A commit at which it is green."""
    bad: str | None
    """The state at which it is red; None is the tree as it stands."""
    entries: tuple[LogEntry, ...]
    """The commits of which one broke it, as the log shows them; empty where only the tree has the change."""
    is_confirmed: bool
    """Whether this very test was run at both ends."""


@dataclass
class CommitCost:
    """What the joint bisection took."""

    checkouts: int = 0
    executions: int = 0
    alone: int = 0
    """Check-outs that bisecting each test by itself would take."""


class CommitStage:
    """The joint bisection on real commits."""

    def __init__(
        self, runs: RedTests, repository: Repository, say: Callable[[str], None], *, head_tests: bool
    ) -> None:
        self._runs = runs
        self._head_tests = head_tests
        self._repository = repository
        self._say = say
        self.cost = CommitCost()
        self.found: dict[str, BrokenSince] = {}
        """Fills while the search runs."""

    def run(self, history: History, tests: Sequence[str]) -> None:
        """Find for each test where it became red. Raises `BudgetSpent`: `found` has what was known then."""
        if history.length == 1:
            for test in tests:
                self.found[test] = self._broken_since(history, Found(0, 1, True))
            return
        self._bisect(history, tests)
        self._descend(tests)

    def _bisect(self, history: History, tests: Sequence[str]) -> None:
        groups = groups_by_signature(self._runs.subjects[test] for test in tests)
        search = JointBisection(history.length, groups, witnesses=self._witnesses(tests))
        steps = max(1, (history.length - 1).bit_length())
        self.cost.alone += steps * len(tests)
        commits = counted_noun(history.length, "commit")
        red = counted_noun(len(tests), "red test")
        self._say(
            f"{commits}, {red}: which commit broke which? At least {steps}"
            f" check-outs, about {self._runs.seconds:.0f} s each"
        )
        try:
            while (question := search.question()) is not None:
                search.answer(question.position, self._ask(history, question))
        finally:
            self.cost.checkouts += search.checkouts
            self.cost.executions += search.executions
            for test, found in search.found.items():
                self.found[test] = self._broken_since(history, found)

    def _ask(self, history: History, question: Question[str]) -> dict[str, Answer]:
        state = Setup(nodeids=(), commit=history.states[question.position], head_tests=self._head_tests)
        shown = history.shown(question.position)
        why = f"at {shown}, {counted_noun(len(question.tests), 'red test')}"
        return self._runs.answers(state, question.tests, why)

    def _descend(self, tests: Iterable[str]) -> None:
        """Where a merge broke tests, go on in the branch that it merged."""
        merges: dict[str, list[str]] = {}
        for test in tests:
            entries = self.found[test].entries
            if len(entries) == 1:
                merges.setdefault(entries[0].id, []).append(test)
        for merge, broken in merges.items():
            side = side_of_merge(self._repository, merge)
            if side is not None:
                self._bisect(side, broken)

    def _broken_since(self, history: History, found: Found) -> BrokenSince:
        between = history.entries[found.good + 1 : found.bad + 1]
        entries = tuple(entry for entry in between if entry is not None)
        good, bad = history.states[found.good], history.states[found.bad]
        if bad is not None and found.is_exact:
            # in a side branch the state before may be of the branch that it was merged into
            good = parent_of(self._repository, bad) or good
        assert good is not None, "only the last state is the tree as it stands"
        return BrokenSince(good, bad, entries, found.is_confirmed)

    def _witnesses(self, tests: Sequence[str]) -> int:
        return len(tests) if self._runs.seconds <= _CHEAP_SECONDS else _WITNESSES


def groups_by_signature(subjects: Iterable[Subject]) -> list[list[str]]:
    """Tests that may have one cause: those whose first failures look alike."""
    groups: dict[str, list[str]] = {}
    for subject in subjects:
        key = subject.signatures[0] if subject.signatures else subject.nodeid
        groups.setdefault(key, []).append(subject.nodeid)
    return list(groups.values())
