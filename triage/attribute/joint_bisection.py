"""Bisect one history for many red tests at once.

Positions run from 0, where every test is green, to `length`, where every test is red. Each group of tests
(thought to have one cause) has an interval in which it became red. A step takes the middle of the widest
interval, and runs there one representative of every group whose interval contains it: one check-out answers
for all of them. A group whose members disagree is split. At the end each member is run at the position that
was found and at the one before it; who does not flip there goes on by itself.

For k causes in n positions it takes at most k * log2(n / k) + 2 * k + 2 check-outs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from triage.attribute.answers import Answer

T = TypeVar("T", bound=Hashable)

_CLOSE = 4
"""Length of an interval from which on all members of a group are run: most of them are then confirmed at
both ends by the time the search has come there, without a check-out of their own."""
_MOST_SKIPPED = 12
"""Positions without an answer in one interval after which the interval itself is the answer: each costs a
check-out, and a range of commits is an answer too."""


class Question(NamedTuple, Generic[T]):
    """One check-out, and the tests to run there."""

    position: int
    tests: tuple[T, ...]


class Found(NamedTuple):
    """Where a test became red: after `good`, and at `bad` at the latest."""

    good: int
    bad: int
    is_confirmed: bool
    """Whether this very test was green at `good` and red at `bad`."""

    @property
    def is_exact(self) -> bool:
        """Whether nothing lies between the two."""
        return self.bad - self.good == 1


@dataclass
class _Group(Generic[T]):
    """Tests that are taken to have become red at one position of the interval."""

    members: list[T]
    good: int
    bad: int
    skipped: set[int] = field(default_factory=set)
    """Positions that gave no answer."""
    is_second_try: bool = False
    """Whether its members were in another group before, which was wrong about them."""

    @property
    def length(self) -> int:
        return self.bad - self.good

    @property
    def is_open(self) -> bool:
        """Whether a position inside is left to run."""
        inside = [position for position in self.skipped if self.good < position < self.bad]
        return self.length > 1 and len(inside) < min(self.length - 1, _MOST_SKIPPED)

    def holds(self, position: int) -> bool:
        """Whether running there would narrow the interval."""
        return self.good < position < self.bad and position not in self.skipped

    def middle(self, known_ends: Collection[int]) -> int:
        """The position nearest to the middle that may have an answer.

        `known_ends` are ends of intervals that were found for others. A test that left its group mostly has
        one of their causes, so those are halved first. Positions without an answer mostly lie side by side:
        the more of them there are, the farther the next one is from them.
        """
        ends = sorted(end for end in known_ends if self.holds(end)) if self.is_second_try else []
        if ends:
            return ends[len(ends) // 2]
        skipped = [position for position in self.skipped if self.good < position < self.bad]
        distance = 1 << len(skipped) >> 1
        while distance > 1:
            for position in self._outward():
                if all(abs(position - other) >= distance for other in skipped):
                    return position
            distance //= 2
        return next(position for position in self._outward() if position not in self.skipped)

    def _outward(self) -> Iterator[int]:
        """Positions of the interval, the middle first."""
        centre = (self.good + self.bad) // 2
        for distance in range(self.length):
            for position in dict.fromkeys((centre - distance, centre + distance)):
                if self.good < position < self.bad:
                    yield position


@dataclass
class _Seen:
    """What one test has answered so far."""

    green: set[int]
    red: set[int]
    untestable: set[int] = field(default_factory=set)

    def knows(self, position: int) -> bool:
        return position in self.green or position in self.red or position in self.untestable

    @property
    def interval(self) -> tuple[int, int]:
        """Where its first red answer lies, and the last green one before it."""
        bad = min(position for position in self.red if any(good < position for good in self.green))
        return max(position for position in self.green if position < bad), bad


class JointBisection(Generic[T]):
    """Ask `question` for the next check-out and tell `answer` what it gave, until there is none."""

    def __init__(self, length: int, groups: Iterable[Sequence[T]], *, witnesses: int = 0) -> None:
        """`witnesses` further members of a group are run with its representative where there is room.

        They tell early that a group has several causes; a group found out at the end starts anew.
        """
        self._groups = [_Group(list(members), 0, length) for members in groups if members]
        self._seen = {member: _Seen({0}, {length}) for group in self._groups for member in group.members}
        self._witnesses = witnesses
        self.checkouts = 0
        self.executions = 0

    def question(self) -> Question[T] | None:
        """The next check-out; None where everything is known that can be."""
        position = self._next_position()
        if position is None:
            return None
        tests: list[T] = []
        for group in self._groups:
            if group.is_open and group.holds(position):
                tests += self._asked(group)
            elif not group.is_open and position in (group.good, group.bad):
                tests += [member for member in group.members if not self._seen[member].knows(position)]
        return Question(position, tuple(tests))

    def answer(self, position: int, answers: Mapping[T, Answer]) -> None:
        """Take in what the tests said at a position."""
        self.checkouts += 1
        self.executions += len(answers)
        for test, answer in answers.items():
            self._note(self._seen[test], position, answer)
        for group in list(self._groups):
            if group.is_open and group.holds(position):
                self._narrow(group, position, answers)
            elif not group.is_open and position in (group.good, group.bad):
                self._confirm(group)

    @property
    def found(self) -> dict[T, Found]:
        """Where each test became red, as far as is known by now."""
        where: dict[T, Found] = {}
        for group in self._groups:
            for member in group.members:
                seen = self._seen[member]
                is_confirmed = group.good in seen.green and group.bad in seen.red
                where[member] = Found(group.good, group.bad, is_confirmed)
        return where

    # -- what to run next ---------------------------------------------------------------------

    def _next_position(self) -> int | None:
        """The middle of the widest interval; else where most members wait to be confirmed."""
        halving = self._position_to_halve()
        return halving if halving is not None else self._position_to_confirm()

    def _position_to_halve(self) -> int | None:
        """The middle of the interval that has most to tell; None where every group has its end."""
        weights: dict[tuple[int, int], float] = {}
        first: dict[tuple[int, int], _Group[T]] = {}
        for group in self._groups:
            if group.is_open:
                interval = (group.good, group.bad)
                weights[interval] = weights.get(interval, 0.0) + len(group.members) * math.log2(group.length)
                first.setdefault(interval, group)
        if not weights:
            return None
        widest = max(weights, key=lambda interval: (weights[interval], -interval[0]))
        ends: set[int] = set()
        for group in self._groups:
            if not group.is_open:
                ends |= {group.good, group.bad}
        return first[widest].middle(ends)

    def _position_to_confirm(self) -> int | None:
        """The end of intervals at which most members have not been run; None where all have been."""
        waiting: dict[int, int] = {}
        for group in self._groups:
            for position in (group.good, group.bad):
                unknown = sum(not self._seen[member].knows(position) for member in group.members)
                if unknown:
                    waiting[position] = waiting.get(position, 0) + unknown
        return max(waiting, key=lambda position: (waiting[position], -position), default=None)

    def _asked(self, group: _Group[T]) -> Sequence[T]:
        """The members that are run: all of them where the end is near, and where the group is a guess."""
        if group.length <= _CLOSE or group.is_second_try:
            return group.members
        return group.members[: 1 + self._witnesses]

    # -- what an answer means -----------------------------------------------------------------

    def _note(self, seen: _Seen, position: int, answer: Answer) -> None:
        match answer:
            case Answer.GREEN:
                seen.green.add(position)
            case Answer.RED:
                seen.red.add(position)
            case Answer.UNTESTABLE:
                seen.untestable.add(position)

    def _narrow(self, group: _Group[T], position: int, answers: Mapping[T, Answer]) -> None:
        """Halve a group's interval by the first member that answered; who answered otherwise leaves it."""
        told = [member for member in group.members if member in answers]
        decided = [member for member in told if answers[member] is not Answer.UNTESTABLE]
        if not decided:
            if told:
                group.skipped.add(position)
            return
        verdict = answers[decided[0]]
        others = [member for member in decided if answers[member] is not verdict]
        if others:
            group.members = [member for member in group.members if member not in others]
            leaving = _Group(others, group.good, group.bad, set(group.skipped))
            _halve(leaving, position, is_green=verdict is Answer.RED)
            self._groups.append(leaving)
        # the representative and the witnesses change, so that all members are heard in time
        leader = decided[0]
        unheard = [member for member in group.members if member not in answers]
        heard = [member for member in group.members if member in answers and member != leader]
        group.members = [leader, *unheard, *heard]
        _halve(group, position, is_green=verdict is Answer.GREEN)

    def _confirm(self, group: _Group[T]) -> None:
        """Let members go that did not flip where their group did: each goes on from what it said itself."""
        leaving: dict[tuple[int, int], list[T]] = {}
        for member in group.members:
            seen = self._seen[member]
            if group.good in seen.red or group.bad in seen.green:
                leaving.setdefault(seen.interval, []).append(member)
        if len(leaving) == 1 and len(next(iter(leaving.values()))) == len(group.members):
            (group.good, group.bad), _ = leaving.popitem()
            group.is_second_try = True
            return
        gone = {member for members in leaving.values() for member in members}
        group.members = [member for member in group.members if member not in gone]
        for (good, bad), members in leaving.items():
            self._groups.append(_Group(members, good, bad, set(group.skipped), is_second_try=True))
        self._groups = [each for each in self._groups if each.members]


def _halve(group: _Group[T], position: int, *, is_green: bool) -> None:
    if is_green:
        group.good = position
    else:
        group.bad = position


def bisect(search: JointBisection[T], ask: Callable[[Question[T]], Mapping[T, Answer]]) -> dict[T, Found]:
    """Run a search to its end."""
    while (question := search.question()) is not None:
        search.answer(question.position, ask(question))
    return search.found
