"""Try surroundings: several factors at once, told apart where that shows a test red.

Most factors show nothing in most suites, so that one run says it of all of a group. First they are there
behind the import of the suite, in a fork; later from the start of an interpreter, for what acts only where it
is there when modules are imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from triage.hunt.document import ArmDone, Suspected
from triage.hunt.factors import Surroundings, in_groups
from triage.hunt.meeting import meet_themselves
from triage.hunt.plan import Arm
from triage.hunt.seen import SeenRun
from triage.hunt.state import Hunt
from triage.lab.protocol import Look, Setup
from triage.model.failure import Failure
from triage.text.plural import counted_noun

FRESH = "new interpreter"
_FROM_THE_START = "from the start"
_TOO_MANY = 0.5
"""Share of red tests with which a factor breaks the suite as such and says nothing of single tests."""
_FEW = 2
"""So many red tests are looked at whatever share they are."""
_SAMPLE = 12
"""Red tests by which it is told which factor of a group breaks the suite as such."""
_WORTH_OF_FACTORS = 0.5
"""Beside the orders, whose worth is what they found of 198 latent tests, in tens."""
_SELDOM = 0.3
"""Tests that a factor shows only where it is there before the suite is imported."""


def arms_of_factors(hunt: Hunt, factors: Sequence[Surroundings]) -> list[Arm]:
    """Groups behind the import of the suite, and groups from the start; what disturbs others by itself."""
    behind_import: list[Surroundings] = []
    only_early: list[Surroundings] = []
    early: list[Surroundings] = []
    arms: list[Arm] = []
    for factor in factors:
        hunt.factors[factor.name] = hunt.factors[from_start(factor.name)] = factor
        is_left = from_start(factor.name) not in hunt.earlier.arms
        if factor.is_alone:
            arms.append(Arm(factor.name, hunt.costs.orders(), _WORTH_OF_FACTORS * factor.worth))
        elif factor.at_start:
            only_early += [factor] if is_left else []
        else:
            behind_import += [factor] if factor.name not in hunt.earlier.arms else []
            early += [factor] if is_left else []
    for group in in_groups(behind_import):
        members = tuple(factor.name for factor in group)
        arms.append(Arm(_called(members), hunt.costs.orders(), _worth(group), members=members))
    for group in in_groups(only_early):
        arms.append(_arm_from_start(hunt, group, _worth(group)))
    for group in in_groups(early):
        arms.append(_arm_from_start(hunt, group, _SELDOM * _worth(group), is_late=True))
    return arms


def _worth(group: Sequence[Surroundings]) -> float:
    return _WORTH_OF_FACTORS * sum(factor.worth for factor in group)


def _arm_from_start(hunt: Hunt, group: Sequence[Surroundings], worth: float, *, is_late: bool = False) -> Arm:
    members = tuple(from_start(factor.name) for factor in group)
    return Arm(_called(members), hunt.costs.fresh(), worth, is_late=is_late, members=members)


def starts_early(arm: Arm) -> bool:
    """Whether the arm needs its factors before the suite is imported."""
    return arm.members[-1].endswith(_FROM_THE_START)


def try_alone(hunt: Hunt, arm: Arm) -> None:
    """The whole suite with one factor beside which nothing else may run."""
    (run,) = _run(hunt, [(arm.name,)], hunt.collected, is_early=False)
    take(hunt, arm.name, _telling(hunt, arm.name, hunt.new_reds(run)), run.seconds)


def try_groups(hunt: Hunt, arms: Sequence[Arm]) -> None:
    """The whole suite with several factors at once; what is red is tried with each of them by itself."""
    is_early = starts_early(arms[0])
    if is_early:
        try_fresh(hunt)
    for arm, run in zip(
        arms, _run(hunt, [arm.members for arm in arms], hunt.collected, is_early=is_early), strict=True
    ):
        hunt.arms.append(
            ArmDone(name=arm.name, runs=1, red=len(hunt.new_reds(run)), seconds=round(run.seconds, 3))
        )
        _take_group(hunt, arm.members, run, is_early=is_early)


def _take_group(hunt: Hunt, members: tuple[str, ...], run: SeenRun, *, is_early: bool) -> None:
    """What a run with some factors says of each of them."""
    known: set[str] = set()
    if is_early:
        known = {nodeid for member in members for nodeid in _red_behind_import(hunt, member)}
    red = [nodeid for nodeid in hunt.new_reds(run) if nodeid not in known]
    if not red:
        for member in members:
            take(hunt, member, {}, 0.0)
        return
    left = members
    if _are_too_many(hunt, len(red)):
        left = _without_breaking(hunt, members, red, is_early=is_early)
    if left == members:
        _tell_apart(hunt, members, red, is_early=is_early)
    elif left:
        (again,) = _run(hunt, [left], hunt.collected, is_early=is_early)
        _take_group(hunt, left, again, is_early=is_early)


def _without_breaking(
    hunt: Hunt, members: tuple[str, ...], red: Sequence[str], *, is_early: bool
) -> tuple[str, ...]:
    """The factors but for those that break the suite as such, by a sample of the red tests."""
    sample = red[:: ceil(len(red) / _SAMPLE)]
    left = []
    for single in _run(hunt, [(member,) for member in members], sample, is_early=is_early):
        expected = len(red) * len(single.red & set(sample)) / len(sample)
        if _are_too_many(hunt, round(expected)):
            _say_broken(hunt, single.arm, round(expected))
            take(hunt, single.arm, {}, single.seconds)
        else:
            left.append(single.arm)
    return tuple(left)


def _tell_apart(hunt: Hunt, members: tuple[str, ...], red: Sequence[str], *, is_early: bool) -> None:
    """Run the red tests of a group with each of its factors."""
    singles = _run(hunt, [*((member,) for member in members), ()], red, is_early=is_early)
    # who misses the other tests is red with any factor and with none
    needs_others = singles.pop().red
    unexplained = dict.fromkeys(red)
    for single in singles:
        found = {nodeid: failure for nodeid, failure in single.failures.items() if nodeid not in needs_others}
        for nodeid in found:
            unexplained.pop(nodeid, None)
        take(hunt, single.arm, _telling(hunt, single.arm, found), single.seconds)
    meeting = meet_themselves(hunt, [nodeid for nodeid in unexplained if nodeid not in needs_others])
    hunt.by_chance = tuple(dict.fromkeys((*hunt.by_chance, *meeting)))
    reason = "it was red with all of them, and with none alone"
    hunt.suspected += [
        Suspected(nodeid=nodeid, found_by=_called(members), reason=reason)
        for nodeid in unexplained
        if nodeid not in meeting
    ]


def _run(
    hunt: Hunt, several: Sequence[tuple[str, ...]], nodeids: Sequence[str], *, is_early: bool
) -> list[SeenRun]:
    """These tests with the factors of each of these arms, side by side."""
    setups: list[Setup] = []
    for members in several:
        setup = Setup(nodeids=tuple(nodeids), seed=hunt.request.seed)
        for member in members:
            setup, _ = hunt.factors[member].arms(setup)
        setups.append(setup)
    names = [_called(members) for members in several]
    if is_early:
        looks = [Look(setup=setup, why=f"with {name}") for name, setup in zip(names, setups, strict=True)]
        return [SeenRun.of(name, seen) for name, seen in zip(names, hunt.lab.look(looks), strict=True)]
    runs: list[SeenRun] = []
    hunt.warm.run_all(
        [setup.nodeids for setup in setups],
        lambda number, seen: runs.append(SeenRun.of(names[number], seen)),
        setups,
    )
    return runs


def try_fresh(hunt: Hunt) -> None:
    """The suite as it stands in a new interpreter, once: what is red there is no matter of a factor."""
    if any(arm.name == FRESH for arm in hunt.arms):
        return
    setup = Setup(nodeids=hunt.collected, seed=hunt.request.seed)
    (seen,) = hunt.lab.look([Look(setup=setup, why="the suite as it stands, for comparison")])
    run = SeenRun.of(FRESH, seen)
    red = hunt.new_reds(run)
    hunt.red_when_fresh = frozenset(run.red)
    hunt.keep(run)
    hunt.arms.append(ArmDone(name=FRESH, runs=1, red=len(red), seconds=run.seconds))


def _are_too_many(hunt: Hunt, red: int) -> bool:
    return red > max(_FEW, _TOO_MANY * len(hunt.knowledge.tests))


def _telling(hunt: Hunt, arm: str, red: Mapping[str, Failure]) -> Mapping[str, Failure]:
    """The red tests, unless they are so many that the factor breaks the suite as such."""
    if not _are_too_many(hunt, len(red)):
        return red
    _say_broken(hunt, arm, len(red))
    return {}


def _say_broken(hunt: Hunt, arm: str, red: int) -> None:
    count = f"{red} of {counted_noun(len(hunt.knowledge.tests), 'test')}"
    hunt.notes.append(f"{arm}: {count} are red: it breaks the suite as such")


def take(hunt: Hunt, arm: str, red: Mapping[str, Failure], seconds: float) -> None:
    """What one factor has shown; a run of its own it had only where it took time."""
    hunt.red_with[arm] = red
    hunt.arms.append(ArmDone(name=arm, runs=int(seconds > 0), red=len(red), seconds=round(seconds, 3)))


def _red_behind_import(hunt: Hunt, member: str) -> set[str]:
    """Tests that the same factor has shown red in a fork."""
    return set(hunt.red_with.get(hunt.factors[member].name, ()))


def from_start(name: str) -> str:
    """The arm of a factor that is there when an interpreter starts."""
    return f"{name} {_FROM_THE_START}"


def _called(members: Sequence[str]) -> str:
    if not members:
        return "no factor"
    return f"{members[0]} and {len(members) - 1} more" if len(members) > 1 else members[0]
