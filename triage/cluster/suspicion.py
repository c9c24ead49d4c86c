"""Find the lines of the product that are to blame: executed by many red tests and by few green ones.

Spectrum-based fault localisation for several faults at once. A line's suspicion is the lower end of the 95 %
interval (Wilson) of the share of red tests among those that execute it: a line that everybody runs is not
suspicious, and one that two red tests alone run is less so than one that twenty do. The most suspicious line
explains the red tests that execute it; what is left over is explained by the next one, and so on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from triage.model.look import LookDocument, LookedAt
from triage.model.rate import wilson

LEAST_SUSPICION = 0.3
"""Two red tests and no green one give 0.34, five and one 0.44, ten and twelve 0.27, one and none 0.21."""

_NEARLY = 0.75
"""A line that also explains tests that nothing else does may be so much less suspicious."""

Line = tuple[str, int]
"""A line of a file."""


@dataclass(frozen=True)
class Culprit:
    """The most suspicious line of some red tests."""

    place: str
    """`path:line` of the product."""
    function: str
    """`path:function` that the line lies in."""
    suspicion: float
    red: int
    """Red tests that execute it and that nothing more suspicious explains."""
    green: int
    """Green tests that were looked at and execute it."""

    @property
    def tally(self) -> str:
        """How many tests execute it, for people."""
        return f"executed by {self.red} red and {self.green} green tests"


@dataclass(frozen=True)
class Suspected:
    """What the look says of one red test."""

    culprit: Culprit
    in_failing_call: bool
    """Whether the culprit's function ran beneath the very calls that led to the failure."""


@dataclass(frozen=True)
class Suspicions:
    """What the look says of all red tests."""

    document: LookDocument = field(default_factory=LookDocument)

    def of(self, nodeid: str) -> Suspected | None:
        """The culprit of a test; None where it was not looked at, or nothing is suspicious enough."""
        return self._by_test.get(nodeid)

    def seen(self, nodeid: str) -> LookedAt | None:
        """What was seen of a red test; None for others."""
        test = self.document.of(nodeid)
        return test if test is not None and test.outcome.has_failures else None

    @cached_property
    def _by_test(self) -> Mapping[str, Suspected]:
        red = [test for test in self.document.tests if _can_be_explained(test)]
        return dict(_explained(red, self._green_counts, self.document))

    @cached_property
    def _green_counts(self) -> Mapping[Line, int]:
        """How many green tests execute each line."""
        counts: dict[Line, int] = defaultdict(int)
        for test in self.document.tests:
            if test.outcome.is_green:
                for line in _lines(test, self.document):
                    counts[line] += 1
        return counts


def _can_be_explained(test: LookedAt) -> bool:
    return test.nth == 0 and test.outcome.has_failures and bool(test.lines)


def _lines(test: LookedAt, document: LookDocument) -> Iterable[Line]:
    for function, lines in test.lines.items():
        path = document.functions[function].path
        for line in lines:
            yield path, line


@dataclass(frozen=True)
class _Candidates:
    """Lines that the same red tests and equally many green ones execute: nothing tells them apart."""

    red: int
    """Bit n is set for the n-th red test."""
    green: int
    lines: tuple[Line, ...]


@dataclass
class _Explanation:
    """Lines to blame, and the red tests that they explain."""

    candidates: _Candidates
    own: int
    """Bit n is set for the n-th red test."""

    @property
    def suspicion(self) -> float:
        """Of the lines, by the tests that they explain and the green ones that execute them."""
        red = self.own.bit_count()
        return wilson(red, red + self.candidates.green)[0]


def _explained(
    red: Sequence[LookedAt], green: Mapping[Line, int], document: LookDocument
) -> Iterable[tuple[str, Suspected]]:
    """Each red test with what is to blame."""
    candidates = _candidates(red, green, document)
    for explanation in _explanations(len(red), candidates):
        best = explanation.candidates
        tests = [test for number, test in enumerate(red) if explanation.own >> number & 1]
        in_calls = [_functions_with(best, test, document) & _in_failing_calls(test) for test in tests]
        number, line = _line_for_people(best, tests[0], in_calls[0], document)
        function = document.functions[number]
        culprit = Culprit(
            place=f"{function.path}:{line}",
            function=str(function),
            suspicion=explanation.suspicion,
            red=len(tests),
            green=best.green,
        )
        for test, in_call in zip(tests, in_calls, strict=True):
            yield test.nodeid, Suspected(culprit, bool(in_call))


def _explanations(tests: int, candidates: Sequence[_Candidates]) -> list[_Explanation]:
    """The most suspicious lines first; then what is left over goes to lines that are nearly as suspicious."""
    found: list[_Explanation] = []
    unexplained = (1 << tests) - 1
    left = list(candidates)
    while unexplained:
        best = max(left, key=lambda candidate: _rank(candidate, unexplained), default=None)
        if best is None or _rank(best, unexplained)[0] < LEAST_SUSPICION:
            break
        explanation = _Explanation(best, best.red & unexplained)
        found.append(explanation)
        unexplained &= ~explanation.own
        left = [candidate for candidate in left if candidate.red & unexplained]
    for explanation in found:
        wider = _wider(explanation, unexplained, left)
        explanation.candidates, explanation.own = wider.candidates, wider.own
        unexplained &= ~wider.own
    return found


def _wider(explanation: _Explanation, unexplained: int, candidates: Sequence[_Candidates]) -> _Explanation:
    """Lines that explain the same tests and some that nothing explains, nearly as suspicious: one cause
    for all of them is likelier than one more.
    """
    best = explanation
    for candidate in candidates:
        if explanation.own & ~candidate.red or not candidate.red & unexplained:
            continue
        wider = _Explanation(candidate, explanation.own | candidate.red & unexplained)
        is_near = wider.suspicion >= _NEARLY * explanation.suspicion
        if is_near and wider.own.bit_count() > best.own.bit_count():
            best = wider
    return best


def _rank(candidate: _Candidates, unexplained: int) -> tuple[float, int, int, Line]:
    """Suspicion first; of equally suspicious lines those of most tests, then alike on every machine."""
    count = (candidate.red & unexplained).bit_count()
    suspicion, _ = wilson(count, count + candidate.green)
    return suspicion, count, -candidate.green, candidate.lines[0]


def _candidates(
    red: Sequence[LookedAt], green: Mapping[Line, int], document: LookDocument
) -> list[_Candidates]:
    executed_by: dict[Line, int] = defaultdict(int)
    for number, test in enumerate(red):
        for line in _lines(test, document):
            executed_by[line] |= 1 << number
    alike: dict[tuple[int, int], list[Line]] = defaultdict(list)
    for line, tests in executed_by.items():
        alike[tests, green.get(line, 0)].append(line)
    return [
        _Candidates(red=tests, green=greens, lines=tuple(sorted(lines)))
        for (tests, greens), lines in sorted(alike.items())
    ]


def _functions_with(best: _Candidates, test: LookedAt, document: LookDocument) -> set[int]:
    """The functions in which the test executes any of the lines."""
    alike = set(best.lines)
    found = set()
    for function, lines in test.lines.items():
        path = document.functions[function].path
        if any((path, line) in alike for line in lines):
            found.add(function)
    return found


def _in_failing_calls(test: LookedAt) -> set[int]:
    """Functions that ran beneath the calls that led to the failure."""
    failure = test.failure
    # what was called last may have nothing to do with the failure
    if failure is None or failure.how in (None, "last"):
        return set()
    return set(failure.suspects)


def _line_for_people(
    best: _Candidates, test: LookedAt, preferred: set[int], document: LookDocument
) -> tuple[int, int]:
    """Of lines that nothing tells apart the one that the test executes first, and its function.

    Lines of the `preferred` functions come before others: they ran in the failing call.
    """
    alike = set(best.lines)
    found = []
    for function, lines in test.lines.items():
        path = document.functions[function].path
        found += [(function, line) for line in lines if (path, line) in alike]
    in_failing_call = [place for place in found if place[0] in preferred]
    return (in_failing_call or found)[0]
