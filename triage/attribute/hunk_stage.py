"""Ask one difference, for all tests that it broke, which of its hunks makes each green when taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from triage.attribute.answers import Answer
from triage.attribute.hunk_search import HunkSearch
from triage.attribute.runs import RedTests, Seen
from triage.lab.protocol import Setup
from triage.lab.verdict import same_reason
from triage.text.hunks import Difference, Hunk
from triage.text.plural import counted_noun

Hunks = frozenset[Hunk]


@dataclass(frozen=True)
class Culprits:
    """What broke one test inside of a difference."""

    hunks: Hunks
    """Without them the bad state passes; and they, alone on the good state, make the test fail."""
    also: tuple[Hunks, ...] = ()
    """Further causes: each alone makes the test fail too, so that all of them have to go before it passes."""

    @property
    def all(self) -> Hunks:
        """What has to be taken back before the test passes."""
        return self.hunks.union(*self.also)


@dataclass
class HunkCost:
    """What the search for hunks took."""

    hunks: int = 0
    experiments: int = 0
    untestable: int = 0
    alone: float = 0.0
    """Experiments that a search for each test by itself would take."""


@dataclass
class HunkStage:
    """One difference between a good and a bad state, and the tests that it broke."""

    runs: RedTests
    state: Setup
    """The bad state, without node ids."""
    difference: Difference
    say: Callable[[str], None]
    known_causes: Hunks = frozenset()
    """Hunks of the difference that alone broke other tests, as an earlier search found."""
    reference: dict[str, Seen] = field(default_factory=dict)
    """How each test fails at the bad state."""
    found: dict[str, Culprits] = field(default_factory=dict)
    unexplained: dict[str, str] = field(default_factory=dict)
    """Tests that no hunk explains, with the reason."""
    misled: dict[str, str] = field(default_factory=dict)
    """Tests whose single runs led somewhere that repeats do not confirm: their commit is no answer either."""
    cost: HunkCost = field(default_factory=HunkCost)
    _stays: dict[Hunks, set[str]] = field(default_factory=dict)

    def run(self, tests: Sequence[str]) -> None:
        """Find the culprits of each test. Raises `BudgetSpent`; `found` has what was known by then."""
        self.cost.hunks = len(self.difference.hunks)
        if not self.difference.hunks:
            self.unexplained.update(dict.fromkeys(tests, "the change has no lines that could be taken back"))
            return
        broken = self._controls(tests)
        if not broken:
            return
        search = HunkSearch(self.difference.hunks, broken, self._ask_without, lambda hunk: hunk.path)
        steps = len(self.difference.hunks).bit_length()
        hunks = counted_noun(len(self.difference.hunks), "hunk")
        red = counted_noun(len(broken), "red test")
        self.say(
            f"{hunks}, {red}: which hunk broke which? About"
            f" {steps} experiments and one a cause, about {self.runs.seconds:.0f} s each"
        )
        self.cost.alone += (steps + 1) * len(broken)
        try:
            search.run()
        finally:
            self.cost.experiments += search.experiments
            self.cost.untestable += search.untestable
            self.found.update({test: Culprits(hunks) for test, hunks in search.sets.items()})
        self._stays.update(_red_without(search))
        self._look_at_sets(search)

    def stays_red(self, hunks: Hunks) -> tuple[str, ...]:
        """Tests that the search saw fail without these hunks too."""
        return tuple(sorted(self._stays.get(hunks, ())))

    def leave_out(self, test: str, reason: str) -> None:
        """Take back what was found for a test."""
        self.found.pop(test, None)
        self.misled[test] = reason

    def without(self, hunks: Iterable[Hunk]) -> Setup:
        """The bad state with some hunks taken back."""
        return self.state.plus(reverted=tuple(sorted(hunk.name for hunk in hunks)))

    def only(self, hunks: Hunks) -> Setup:
        """The good state with these hunks alone."""
        return self.without(hunk for hunk in self.difference.hunks if hunk not in hunks)

    # -- controls -----------------------------------------------------------------------------

    def _controls(self, tests: Sequence[str]) -> list[str]:
        """The tests that fail at the bad state and pass with every hunk taken back, run as they will be."""
        unknown = [test for test in tests if test not in self.reference]
        if unknown:
            self.reference.update(self.runs.run(self.state, unknown, "the control: all hunks are there"))
        red = [
            test for test in tests if self.reference[test].outcome.is_red or self.runs.subjects[test].is_flaky
        ]
        for test in set(tests) - set(red):
            self.unexplained[test] = "it does not fail where it was run with the other red tests"
        everything = self.without(self.difference.hunks)
        answers = self.runs.answers(everything, red, "the control: no hunk is there") if red else {}
        for test in red:
            if answers[test] is Answer.RED:
                self.unexplained[test] = "it fails with every hunk of the product taken back, too"
            elif answers[test] is Answer.UNTESTABLE:
                self.unexplained[test] = "it could not be run with every hunk of the product taken back"
        self.cost.experiments += 1
        return [test for test in red if answers[test] is Answer.GREEN]

    def _ask_without(self, reverted: Hunks, tests: Sequence[str]) -> Mapping[str, Answer]:
        why = f"without {_listed(reverted)}"
        return self.runs.answers(self.without(reverted), tests, why, self.reference)

    # -- sets of several hunks ----------------------------------------------------------------

    def _look_at_sets(self, search: HunkSearch[Hunk, str]) -> None:
        """Tell several causes of one test from hunks that are only together a cause."""
        users: dict[Hunks, list[str]] = {}
        for test, hunks in search.sets.items():
            users.setdefault(hunks, []).append(test)
        singles = self.known_causes.union(*(hunks for hunks in users if len(hunks) == 1))
        for hunks, tests in users.items():
            if len(hunks) > 1:
                self._divide(hunks, tests, singles)

    def _divide(self, hunks: Hunks, tests: Sequence[str], singles: Hunks) -> None:
        """Put each hunk of a set alone on the good state: who makes a test fail there is a cause of its own.

        Of several the one counts whose failure is what the test shows today. `singles` are hunks that alone
        broke other tests: whatever they raise is no sign of a change that was torn in two.
        """
        failing: dict[str, list[tuple[Hunk, Seen]]] = {test: [] for test in tests}
        for hunk in sorted(hunks, key=lambda each: (each.path, each.first)):
            self.cost.experiments += 1
            alone = self.runs.run(self.only(frozenset((hunk,))), tests, f"the base with {hunk.name} alone")
            for test, seen in alone.items():
                may_be_cause = hunk in singles or _is_like(seen, self.reference[test])
                if seen.outcome.is_red and may_be_cause:
                    failing[test].append((hunk, seen))
        for test, causes in failing.items():
            if len(causes) < 2:
                continue  # they are needed together: a renamed name and its callers
            shown = self.reference[test].failure
            causes.sort(key=lambda cause: not same_reason(cause[1].failure, shown))
            first, *others = (frozenset((hunk,)) for hunk, _ in causes)
            self.found[test] = Culprits(first, tuple(others))


_TORN = frozenset(
    {
        "AttributeError", "ImportError", "ModuleNotFoundError", "NameError", "SyntaxError", "TypeError",
        "UnboundLocalError",
    }
)  # fmt: skip
"""What code raises of which one half was changed and the other was not: a call and its definition."""


def _is_like(seen: Seen, reference: Seen) -> bool:
    """Whether a failure may be a cause by itself, and is not merely that of code torn in two."""
    mine, theirs = seen.failure, reference.failure
    if mine is None or theirs is None:
        return mine is theirs
    if mine.exception == theirs.exception:
        return True
    return mine.phase == theirs.phase and mine.exception.rpartition(".")[2] not in _TORN


_DOCUMENTS = (".md", ".rst", ".txt", ".adoc")


def ordered(hunks: Iterable[Hunk], seen: Iterable[Seen]) -> tuple[Hunk, ...]:
    """Hunks of files that failures lead through first, then other code, data and configuration, documents."""
    named = {
        frame.path
        for each in seen
        if each.failure is not None
        for raised in each.failure.chain
        for frame in raised.frames
    }

    def rank(hunk: Hunk) -> tuple[int, str, int]:
        suffix = PurePosixPath(hunk.path).suffix
        if hunk.path in named:
            kind = 0
        elif suffix == ".py":
            kind = 1
        else:
            kind = 3 if suffix in _DOCUMENTS else 2
        return kind, hunk.path, hunk.first

    return tuple(sorted(hunks, key=rank))


def _red_without(search: HunkSearch[Hunk, str]) -> dict[Hunks, set[str]]:
    """Each set of hunks that was found for some test, with the tests that fail without it."""
    found = {}
    for hunks in set(search.sets.values()):
        found[hunks] = {test for test, answer in search.known(hunks).items() if answer is Answer.RED}
    return found


_MOST_LISTED = 4
"""Hunks in a sentence."""


def _listed(hunks: Hunks) -> str:
    names = sorted(hunk.name for hunk in hunks)
    more = len(names) - _MOST_LISTED
    return ", ".join(names[:_MOST_LISTED]) + (f" and {more} more hunks" if more > 0 else "")
