"""Find, for many red tests at once, the smallest sets of hunks whose reversal makes each of them green.

Every experiment reverts some hunks and runs the undecided tests: one bit for each of them. A test reacts to
its own hunks alone, so the halves of all tests' candidates are reverted in the same experiment:

1. Halving. Each test has candidates, at first all hunks. An experiment reverts one half of the candidates of
   every class of tests (tests with the same candidates); green keeps that half, red the other. A state that
   breaks a test is asked again with the half of its own class alone, then with the other half.
2. Proof. Where one candidate is left, it alone is reverted, for all tests.
3. Prefixes, for tests that no single hunk flips. All hunks reverted is green and none is red, so between
   the two lies the shortest prefix (of the hunks in their order) that is green: its last hunk is needed. It
   is kept, and the search goes on before it, until what is kept is enough. Mixed states that cannot be
   tested are widened around, and then several hunks are needed as one.

For k causes in h hunks this takes log2(h) + k experiments where each test has one hunk and nothing
interferes, and at most k * log2(h / k) + k where every class has to be asked alone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from triage.attribute.answers import Answer
from triage.attribute.joint_bisection import JointBisection

H = TypeVar("H", bound=Hashable)
"""A hunk."""
T = TypeVar("T", bound=Hashable)
"""A test."""

Ask = Callable[[frozenset[H], Sequence[T]], Mapping[T, Answer]]
"""One experiment: revert these hunks and run these tests."""

_MOST_TO_DROP = 48
"""Experiments that are spent on making sets smaller: the confirmation needs time too."""
_MOST_NEEDED = 6
"""Hunks that one test may need together; beyond it the diff is one piece to it."""


class HunkSearch(Generic[H, T]):
    """The search over the hunks of one difference; `sets` fills while it runs, also where it is cut short."""

    def __init__(
        self,
        hunks: Sequence[H],
        tests: Iterable[T],
        ask: Ask[H, T],
        file_of: Callable[[H], str],
    ) -> None:
        """`hunks` in an order that puts those of one file side by side; all reverted, every test is green."""
        self._hunks = tuple(hunks)
        self._tests = tuple(tests)
        self._ask_once = ask
        self._file_of = file_of
        self._known: dict[frozenset[H], dict[T, Answer]] = {}
        self.experiments = 0
        self.untestable = 0
        """Experiments in which some test had no answer."""
        self.sets: dict[T, frozenset[H]] = {}
        """The smallest set that was seen to make a test green."""

    def run(self) -> dict[T, frozenset[H]]:
        """Search to the end."""
        candidates = self._halve()
        stubborn = self._prove_single(candidates)
        if stubborn:
            self._search_prefixes(stubborn)
            self._drop_needless(stubborn)
        return self.sets

    def ask(self, reverted: frozenset[H], tests: Sequence[T]) -> dict[T, Answer]:
        """What the tests say of a set; nothing is asked twice."""
        known = self._known.setdefault(reverted, {})
        unknown = [test for test in tests if test not in known]
        if unknown:
            self.experiments += 1
            answers = self._ask_once(reverted, unknown)
            known.update({test: answers.get(test, Answer.UNTESTABLE) for test in unknown})
            self.untestable += any(known[test] is Answer.UNTESTABLE for test in unknown)
        return {test: known[test] for test in tests}

    def known(self, reverted: frozenset[H]) -> Mapping[T, Answer]:
        """What tests have said of a set by now."""
        return self._known.get(reverted, {})

    # -- halving ------------------------------------------------------------------------------

    def _halve(self) -> dict[T, tuple[H, ...]]:
        """One candidate for each test; none for those that halving cannot follow."""
        candidates = dict.fromkeys(self._tests, self._hunks)
        while True:
            classes = self._open_classes(candidates)
            if not classes:
                return candidates
            halves = {whole: self._first_half(whole) for whole in classes}
            reverted = frozenset(hunk for half in halves.values() for hunk in half)
            open_tests = [test for tests in classes.values() for test in tests]
            answers = self.ask(reverted, open_tests)
            for whole, tests in classes.items():
                half = halves[whole]
                told = {test: answers[test] for test in tests}
                if any(answer is Answer.UNTESTABLE for answer in told.values()):
                    told = self._ask_apart(half, whole, told)
                rest = tuple(hunk for hunk in whole if hunk not in half)
                for test, answer in told.items():
                    candidates[test] = _next_candidates(answer, half, rest)

    def _open_classes(self, candidates: Mapping[T, tuple[H, ...]]) -> dict[tuple[H, ...], list[T]]:
        classes: dict[tuple[H, ...], list[T]] = {}
        for test, own in candidates.items():
            if len(own) > 1:
                classes.setdefault(own, []).append(test)
        return classes

    def _ask_apart(self, half: Sequence[H], whole: Sequence[H], told: Mapping[T, Answer]) -> dict[T, Answer]:
        """Ask a class again without the hunks of others, then by its other half."""
        answers = dict(told)
        untested = [test for test, answer in answers.items() if answer is Answer.UNTESTABLE]
        answers.update(self.ask(frozenset(half), untested))
        untested = [test for test in untested if answers[test] is Answer.UNTESTABLE]
        if untested:
            rest = frozenset(hunk for hunk in whole if hunk not in half)
            for test, answer in self.ask(rest, untested).items():
                # one hunk decides, so it is in one half or the other
                answers[test] = answer.opposite
        return answers

    def _first_half(self, whole: Sequence[H]) -> tuple[H, ...]:
        """The first half, cut between two files where that makes the search no longer."""
        middle = len(whole) // 2
        # halves of at most this size take as many further steps as exact halves
        largest = 1 << (len(whole) - 1).bit_length() - 1
        borders = []
        for index in range(len(whole) - largest, largest + 1):
            if 0 < index < len(whole) and self._file_of(whole[index - 1]) != self._file_of(whole[index]):
                borders.append(index)
        if borders:
            middle = min(borders, key=lambda index: abs(index - middle))
        return tuple(whole[:middle])

    # -- proof of single hunks ----------------------------------------------------------------

    def _prove_single(self, candidates: Mapping[T, tuple[H, ...]]) -> list[T]:
        """Revert each suspect alone, for all tests; give the tests that theirs does not flip."""
        suspects = dict.fromkeys(own[0] for own in candidates.values() if len(own) == 1)
        for suspect in suspects:
            alone = frozenset((suspect,))
            for test, answer in self.ask(alone, self._tests).items():
                is_own = candidates[test] == (suspect,)
                if answer is Answer.GREEN and (is_own or test not in self.sets):
                    self.sets[test] = alone
        return [test for test in self._tests if test not in self.sets]

    # -- prefixes -----------------------------------------------------------------------------

    def _search_prefixes(self, stubborn: Sequence[T]) -> None:
        """Find hunk after hunk that a test needs, all stubborn tests side by side."""
        waiting: dict[tuple[frozenset[H], int], list[T]] = {(frozenset(), len(self._hunks)): list(stubborn)}
        for _ in range(_MOST_NEEDED):
            following: dict[tuple[frozenset[H], int], list[T]] = {}
            for (kept, length), tests in waiting.items():
                for test, prefix in self._shortest_prefixes(kept, length, tests):
                    following.setdefault(prefix, []).append(test)
            waiting = {}
            for (kept, length), tests in following.items():
                enough = self.ask(kept, tests)
                for test in tests:
                    if enough[test] is Answer.GREEN or length == 0:
                        self.sets[test] = kept
                    else:
                        waiting.setdefault((kept, length), []).append(test)
            if not waiting:
                return
        for (kept, length), tests in waiting.items():
            whole = kept | frozenset(self._hunks[:length])
            self.sets.update(dict.fromkeys(tests, whole))

    def _shortest_prefixes(
        self, kept: frozenset[H], length: int, tests: Sequence[T]
    ) -> Iterator[tuple[T, tuple[frozenset[H], int]]]:
        """What each test needs further, and how many hunks lie before it.

        Position 0 of the bisection reverts the whole prefix (green), the last one none of it (red).
        """
        search = JointBisection(length, [list(tests)], witnesses=len(tests))
        while (question := search.question()) is not None:
            prefix = frozenset(self._hunks[: length - question.position])
            search.answer(question.position, self.ask(kept | prefix, question.tests))
        for test, found in search.found.items():
            first, last = length - found.bad, length - found.good
            yield test, (kept | frozenset(self._hunks[first:last]), first)

    # -- what is not needed -------------------------------------------------------------------

    def _drop_needless(self, tests: Iterable[T]) -> None:
        """Leave out of sets what came along only because states between could not be tested.

        Pieces of a set are left out, halves first; what is green without a piece does not need it. After some
        dozens of experiments the rest stays: a large change that is torn in every state in between.
        """
        end = self.experiments + _MOST_TO_DROP
        users: dict[frozenset[H], list[T]] = {}
        for test in tests:
            users.setdefault(self.sets[test], []).append(test)
        for whole, own in users.items():
            needed = whole
            size = len(needed) // 2
            while size:
                needed = self._without_pieces(needed, size, own, end)
                size = min(size, len(needed)) // 2
            self.sets.update(dict.fromkeys(own, needed))

    def _without_pieces(self, needed: frozenset[H], size: int, tests: Sequence[T], end: int) -> frozenset[H]:
        """The set without the pieces of this size that it does not need; `end` is the last experiment."""
        ordered = [hunk for hunk in self._hunks if hunk in needed]
        for start in range(0, len(ordered), size):
            smaller = needed - frozenset(ordered[start : start + size])
            if self.experiments >= end:
                break
            if smaller and set(self.ask(smaller, tests).values()) == {Answer.GREEN}:
                needed = smaller
        return needed


def _next_candidates(answer: Answer, half: tuple[H, ...], rest: tuple[H, ...]) -> tuple[H, ...]:
    match answer:
        case Answer.GREEN:
            return half
        case Answer.RED:
            return rest
        case Answer.UNTESTABLE:
            return ()  # left to the search by prefixes
