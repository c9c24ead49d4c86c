"""What a joint search for many causes takes, beside its bound and beside a search for each test alone.

Histories and differences are simulated: causes at random places, groups of uneven size. Called by
`python -m benchmarks searches`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import mean

from triage.attribute.answers import Answer
from triage.attribute.hunk_search import HunkSearch
from triage.attribute.joint_bisection import JointBisection, Question, bisect
from triage.attribute.sequential import SequentialAnswer

_SIZES = (64, 512, 4096)
_CAUSES = (1, 4, 8, 32)
_TRIALS = 20
_LARGEST_GROUP = 40
_FLAKY_SHARE = 0.3
"""Of the tests, in the history with flaky tests."""
_FLAKY_RATE = 0.5
_UNTESTABLE_SHARE = 0.05
"""Of the commits, in the history with commits that cannot be run."""
_LONGEST_STRETCH = 5
"""Of commits side by side that cannot be run."""
_HUNKS = (16, 128, 1024)
_HUNKS_A_FILE = 4


@dataclass
class _History:
    """Tests with the position at which each became red."""

    length: int
    groups: list[list[int]] = field(default_factory=list)
    first_bad: dict[int, int] = field(default_factory=dict)
    rates: dict[int, float] = field(default_factory=dict)
    untestable: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class _Cost:
    checkouts: int
    executions: int
    alone: int
    """Check-outs of a bisection for each test alone."""
    right: float
    """Share of the tests of which the answer holds the first bad commit, and nothing else where it can."""


def main() -> None:
    """Print the costs of both joint searches."""
    _print_commits("steady tests", flaky=0.0, untestable=0.0)
    _print_commits("three in ten tests fail half the time", flaky=_FLAKY_SHARE, untestable=0.0)
    _print_commits("one commit in twenty cannot be run", flaky=0.0, untestable=_UNTESTABLE_SHARE)
    _print_hunks()


def _print_commits(what: str, *, flaky: float, untestable: float) -> None:
    print(f"joint bisection, {what}: check-outs (mean of {_TRIALS}; bound k log2(n/k) + 2k + 2)")
    for length in _SIZES:
        for causes in _CAUSES:
            chance = random.Random(length * 100 + causes)
            costs = []
            for _ in range(_TRIALS):
                history = _history(length, causes, chance, flaky=flaky, untestable=untestable)
                costs.append(_bisect(history, chance))
            bound = causes * math.log2(length / causes) + 2 * causes + 2
            print(
                f"  n {length:>4}, k {causes:>2}: {mean(cost.checkouts for cost in costs):>6.1f}"
                f" (most {max(cost.checkouts for cost in costs)}, bound {bound:.0f};"
                f" each test alone {mean(cost.alone for cost in costs):.0f});"
                f" {mean(cost.executions for cost in costs):.0f} test executions;"
                f" right {mean(cost.right for cost in costs):.1%}"
            )


def _history(length: int, causes: int, chance: random.Random, *, flaky: float, untestable: float) -> _History:
    history = _History(length)
    for position in chance.sample(range(1, length + 1), causes):
        size = min(int(chance.paretovariate(1)), _LARGEST_GROUP)
        tests = [len(history.first_bad) + index for index in range(size)]
        history.groups.append(tests)
        history.first_bad.update(dict.fromkeys(tests, position))
    for test in history.first_bad:
        history.rates[test] = _FLAKY_RATE if chance.random() < flaky else 1.0
    while len(history.untestable) < untestable * length:
        start = chance.randrange(1, length)
        stretch = range(start, min(start + chance.randint(1, _LONGEST_STRETCH), length))
        history.untestable.update(stretch)
    return history


def _bisect(history: _History, chance: random.Random) -> _Cost:
    search = JointBisection(history.length, history.groups)
    executions = 0

    def ask(question: Question[int]) -> dict[int, Answer]:
        nonlocal executions
        answers = {}
        for test in question.tests:
            answers[test], runs = _run(history, test, question.position, chance)
            executions += runs
        return answers

    found = bisect(search, ask)
    right = 0
    for test, where in found.items():
        holds = where.good < history.first_bad[test] <= where.bad
        between = range(where.good + 1, where.bad)
        right += holds and history.untestable.issuperset(between)
    alone = len(found) * math.ceil(math.log2(history.length))
    return _Cost(search.checkouts, executions, alone, right / len(found))


def _run(history: _History, test: int, position: int, chance: random.Random) -> tuple[Answer, int]:
    """What a test answers at a position, and how many executions that took."""
    if position in history.untestable:
        return Answer.UNTESTABLE, 1
    rate = history.rates[test]
    is_bad = position >= history.first_bad[test]
    if rate == 1.0:
        return (Answer.RED if is_bad else Answer.GREEN), 1
    decision = SequentialAnswer(rate)
    while decision.answer is None:
        decision.add(is_bad and chance.random() < rate)
    return decision.answer, decision.runs


def _print_hunks() -> None:
    print(f"joint search for hunks: experiments (mean of {_TRIALS}; bound k log2(h/k) + 3k)")
    for hunks in _HUNKS:
        for causes in (1, 4, 8):
            chance = random.Random(hunks * 100 + causes)
            counts = [_search_hunks(hunks, causes, chance) for _ in range(_TRIALS)]
            bound = causes * math.log2(hunks / causes) + 3 * causes
            alone = causes * (math.log2(hunks) + 3)
            print(
                f"  h {hunks:>4}, k {causes}: {mean(counts):>5.1f} (most {max(counts)}, bound {bound:.0f};"
                f" each cause alone {alone:.0f})"
            )


def _search_hunks(hunks: int, causes: int, chance: random.Random) -> int:
    culprits = chance.sample(range(hunks), causes)
    tests = {}
    for culprit in culprits:
        for _ in range(min(int(chance.paretovariate(1)), _LARGEST_GROUP)):
            tests[len(tests)] = culprit

    def ask(reverted: frozenset[int], asked: Sequence[int]) -> dict[int, Answer]:
        return {test: Answer.GREEN if tests[test] in reverted else Answer.RED for test in asked}

    search = HunkSearch(range(hunks), tests, ask, lambda hunk: str(hunk // _HUNKS_A_FILE))
    found = search.run()
    assert found == {test: frozenset((culprit,)) for test, culprit in tests.items()}
    return search.experiments + 2 * causes
