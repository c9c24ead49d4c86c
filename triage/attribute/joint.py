"""The joint search: commits, then hunks, then factors, for all red tests at once and under one budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from triage.attribute.answers import Answer
from triage.attribute.causes import FoundCause, lines_of_hunk, united
from triage.attribute.commit_stage import BrokenSince, CommitStage
from triage.attribute.confirm import Confirmed, confirm
from triage.attribute.difference import difference_between
from triage.attribute.history import History, history_between
from triage.attribute.hunk_stage import HunkStage
from triage.attribute.runs import RedTests, Seen
from triage.attribute.states import SearchedStates
from triage.attribute.wording import red_since
from triage.lab.budget import BudgetSpent
from triage.lab.protocol import Setup
from triage.model.base import Progress
from triage.model.experiment import Status
from triage.process.git import Repository
from triage.text.hunks import Difference, Hunk, moved_into
from triage.text.plural import counted_noun

_MOST_COMPARED = 200
"""Commits that are compared one by one with their parents, some hundredths of a second each."""
_MOST_BY_THEMSELVES = 20
"""Red tests that get a process each because they pass among the others: each state takes a start more."""
_FURTHER_CONTROLS = 3
"""Runs that tell flaky tests apart: who fails half of the time was red in the run, in two reruns and in one
control by luck, and stays red in these too once in a hundred times."""
_LONG_CONTROL = 10.0
"""Seconds of a control from which on one more is enough: what repeats contradict is found at the end, too."""
_PRESENT = Setup(nodeids=())
"""The tree as it stands."""


@dataclass
class JointSearch:
    """One search; what it has found by now is in its fields, however it ends."""

    runs: RedTests
    states: SearchedStates
    repository: Repository
    is_test_file: Callable[[str], bool]
    """Files that stay as they are today in every state; with the commits' own tests there are none."""
    progress: Progress
    head_tests: bool = True
    """Whether commits are run with today's tests; else with their own, and a changed test may be at fault."""
    commits: CommitStage = field(init=False)
    stages: list[HunkStage] = field(default_factory=list)
    causes: list[FoundCause] = field(default_factory=list)
    unexplained: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    is_cut: bool = False
    history: History | None = None
    _head: dict[str, Seen] = field(default_factory=dict)
    """How each test fails in the tree as it stands."""

    def __post_init__(self) -> None:
        self.commits = CommitStage(self.runs, self.repository, self._say, head_tests=self.head_tests)

    def run(self, base: str, tests: Sequence[str]) -> None:
        """Search between a base on which the tests are green and the tree as it stands."""
        try:
            red = self._red_here(tests)
            if red:
                self._search(base, red)
        except BudgetSpent:
            self.is_cut = True
        explained = {test for cause in self.causes for test in cause.tests}
        for test in tests:
            if test not in explained:
                reason = self._known_of(test) if self.is_cut else "no hunk was found"
                self.unexplained.setdefault(test, reason)

    def _search(self, base: str, tests: Sequence[str]) -> None:
        now = difference_between(self.repository, base, None, self.is_test_file, self._head.values())
        self.notes += now.notes
        uncommitted = difference_between(self.repository, "HEAD", None, self.is_test_file, ())
        self.history = history_between(self.repository, base, is_dirty=bool(uncommitted.difference.hunks))
        self.notes += self.history.notes
        self.commits.run(self.history, tests)
        for since, broken in _by_state(self.commits.found, tests).items():
            self._search_hunks(since, broken)
        remaining = self._still_red_at_head(tests)
        if remaining:
            # another cause hides behind the first one: the whole change is asked about
            commits = tuple(entry for entry in self.history.entries[1:] if entry is not None)
            whole = BrokenSince(base, None, commits, is_confirmed=True)
            self._search_hunks(whole, remaining)
        self.causes = [self._with_commit(cause, self.history) for cause in self.causes]

    def _known_of(self, test: str) -> str:
        """What the search knew of a test when the budget was spent."""
        since = self.commits.found.get(test)
        is_narrowed = (
            since is not None and self.history is not None and len(since.entries) < self.history.length
        )
        if since is None or not is_narrowed:
            return "the budget was spent before"
        return f"{red_since(since)}the budget was spent before its lines were searched"

    def _red_here(self, tests: Sequence[str]) -> list[str]:
        """The tests that fail in the tree as it stands, run as the search will run them."""
        self._say(f"{counted_noun(len(tests), 'red test')}: do they fail when they run together?")
        self._head = self.runs.run(_PRESENT, tests, "the control: the tree as it stands")
        # a flaky test may pass here and is red all the same
        green = [
            test
            for test, seen in self._head.items()
            if not seen.outcome.is_red and not self.runs.subjects[test].is_flaky
        ]
        if green:
            tried = green[:_MOST_BY_THEMSELVES]
            self._head.update(self.runs.run_by_themselves(_PRESENT, tried, "the control: each by itself"))
            green = [test for test in green if not self._head[test].outcome.is_red]
        red = [test for test in tests if test not in green]
        if red:
            is_long = self.runs.seconds > _LONG_CONTROL
            self.runs.repeat_control(_PRESENT, red, 1 if is_long else _FURTHER_CONTROLS)
        for test in green:
            ended = self._head[test].outcome.value.replace("_", " ")
            self.unexplained[test] = f"run again, with the other red tests and by itself, it is {ended}"
        return red

    # -- hunks --------------------------------------------------------------------------------

    def _search_hunks(self, since: BrokenSince, tests: Sequence[str]) -> None:
        """Search one difference, confirm what was found, and keep it as causes."""
        seen = [self._head[test] for test in tests]
        found = difference_between(self.repository, since.good, since.bad, self.is_test_file, seen)
        self.states.know(since.bad, found.difference)
        state = Setup(nodeids=(), commit=since.bad, head_tests=self.head_tests and since.bad is not None)
        stage = HunkStage(
            self.runs, state, found.difference, self._say, known_causes=self._known_in(found.difference)
        )
        if since.bad is None:
            stage.reference = {test: self._head[test] for test in tests}
        self.stages.append(stage)
        try:
            stage.run(tests)
        except BudgetSpent:
            self.is_cut = True
        confirmed = confirm(stage)
        if self.runs.lab.spending.seconds_left <= 0:
            self.is_cut = True  # what is not confirmed by now stays likely, or unknown
        for test, reason in stage.unexplained.items():
            self.unexplained[test] = f"{red_since(since)}{reason}"
        self.unexplained.update(stage.misled)
        for test in stage.misled:
            self.commits.found.pop(test, None)
        for each in confirmed:
            self.causes.append(
                FoundCause(
                    tests=each.tests,
                    hunks=each.culprits.hunks,
                    also=each.culprits.also,
                    since=since,
                    is_proven=each.is_proven,
                    judged=tuple(each.judged),
                    repair=_repair_today(stage, each) if since.bad is None else {},
                )
            )
        self.causes = united(self.causes)
        if self.is_cut:
            raise BudgetSpent

    def _known_in(self, difference: Difference) -> frozenset[Hunk]:
        """Hunks of a difference that are causes by themselves: they alone broke other tests."""
        known = {
            lines_of_hunk(hunk) for cause in self.causes if len(cause.hunks) == 1 for hunk in cause.hunks
        }
        return frozenset(hunk for hunk in difference.hunks if lines_of_hunk(hunk) in known)

    def _still_red_at_head(self, tests: Sequence[str]) -> list[str]:
        """Tests that fail in the tree as it stands without what an older commit brought, too."""
        remaining = []
        for number, cause in enumerate(self.causes):
            if cause.since.bad is None:
                continue
            edits = self._without_at_head(cause)
            if edits is None:
                continue
            state = _PRESENT.plus(edits=edits)
            place = ", ".join(sorted(hunk.name for hunk in cause.hunks))
            answers = self.runs.answers(state, cause.tests, f"the tree as it stands without {place}")
            remaining += [test for test in cause.tests if answers[test] is Answer.RED]
            if Answer.GREEN in answers.values() and Answer.UNTESTABLE not in answers.values():
                self.causes[number] = replace(cause, repair=edits)
        if remaining:
            self._forget(remaining)
        return [test for test in tests if test in remaining]

    def _without_at_head(self, cause: FoundCause) -> dict[str, str | None] | None:
        """Texts of today's files without a cause's hunks; None where later changes have gone over them."""
        edits: dict[str, str | None] = {}
        for hunk in sorted(cause.hunks, key=lambda each: each.first, reverse=True):
            path = self.repository.root / hunk.path
            text = edits.get(hunk.path)
            try:
                now = text if text is not None else path.read_bytes().decode()
            except (OSError, UnicodeDecodeError):
                return None
            changed = next(moved_into(hunk, now), None)
            if changed is None:
                return None
            edits[hunk.path] = changed
        return edits

    def _with_commit(self, cause: FoundCause, history: History) -> FoundCause:
        """Name the one commit that brought a cause's very lines, where several come into question.

        That is so where the whole change was searched, or commits between could not be tested.
        """
        if len(cause.since.entries) < 2 or history.length > _MOST_COMPARED:
            return cause
        wanted = {lines_of_hunk(hunk) for hunk in cause.hunks}
        for position in range(1, history.length + 1):
            good, bad, entry = (
                history.states[position - 1],
                history.states[position],
                history.entries[position],
            )
            assert good is not None, "only the last state is the tree as it stands"
            step = difference_between(self.repository, good, bad, self.is_test_file, ()).difference
            if entry is not None and wanted <= {lines_of_hunk(hunk) for hunk in step.hunks}:
                return replace(cause, since=replace(cause.since, entries=(entry,)))
        return cause

    def _forget(self, tests: Iterable[str]) -> None:
        """Take tests out of causes that do not explain how they fail today."""
        gone = set(tests)
        kept = []
        for cause in self.causes:
            left = tuple(test for test in cause.tests if test not in gone)
            if left:
                kept.append(cause.with_tests(left))
        self.causes = kept

    def _say(self, text: str) -> None:
        left = self.runs.lab.spending.seconds_left
        rest = "" if left == float("inf") else f" ({max(left, 0):.0f} s of the budget are left)"
        self.progress.note(f"{text}{rest}")


def _repair_today(stage: HunkStage, confirmed: Confirmed) -> dict[str, str | None]:
    """Today's files without the hunks; nothing where that is not enough, or not confirmed by repeats."""
    if confirmed.culprits.also or confirmed.without is not Status.CONFIRMED:
        return {}
    return stage.difference.edits(confirmed.culprits.hunks)


def _by_state(found: dict[str, BrokenSince], tests: Sequence[str]) -> dict[BrokenSince, list[str]]:
    """Tests by the difference in which each became red."""
    groups: dict[tuple[str, str | None], BrokenSince] = {}
    by_state: dict[BrokenSince, list[str]] = {}
    for test in tests:
        since = found[test]
        first = groups.setdefault((since.good, since.bad), since)
        by_state.setdefault(first, []).append(test)
    return by_state
