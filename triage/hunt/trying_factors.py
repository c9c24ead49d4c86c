"""Try surroundings: one factor a run behind the import of the suite, several at once from the start.

What acts only where it is there when modules are imported is seldom, so that those runs are shared: the
factors of a group are there together, and only where that shows a test red are they told apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from triage.hunt.document import ArmDone, Suspected
from triage.hunt.factors import Surroundings, in_groups
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
_WORTH_OF_FACTORS = 0.5
"""Beside the orders, whose worth is what they found of 198 latent tests, in tens."""
_SELDOM = 0.3
"""Tests that a factor shows only where it is there before the suite is imported."""


def arms_of_factors(hunt: Hunt, factors: Sequence[Surroundings]) -> list[Arm]:
    """One in a fork for each, where the suite is imported already; and groups from the start."""
    arms: list[Arm] = []
    groups: list[Surroundings] = []
    for factor in factors:
        worth = _WORTH_OF_FACTORS * factor.worth
        from_start = _from_start(factor)
        hunt.factors[from_start] = factor
        if factor.at_start:
            arms.append(Arm(from_start, hunt.costs.fresh(), worth))
            continue
        hunt.factors[factor.name] = factor
        arms.append(Arm(factor.name, hunt.costs.orders(), worth))
        if from_start not in hunt.earlier.arms and not factor.is_alone:
            groups.append(factor)
    for group in in_groups(groups):
        worth = _SELDOM * _WORTH_OF_FACTORS * sum(factor.worth for factor in group)
        members = tuple(_from_start(factor) for factor in group)
        arms.append(Arm(_called(group), hunt.costs.fresh(), worth, is_late=True, members=members))
    return arms


def starts_early(arm: Arm) -> bool:
    """Whether the arm needs its factors before the suite is imported."""
    return arm.name.endswith(_FROM_THE_START)


def try_factors(hunt: Hunt, arms: Sequence[Arm]) -> None:
    """The whole suite with one factor each; who is red that is not so without it."""
    whole = Setup(nodeids=hunt.collected, seed=hunt.request.seed)
    changed = [hunt.factors[arm.name].arms(whole)[0] for arm in arms]
    runs: list[SeenRun] = []
    if starts_early(arms[0]):
        try_fresh(hunt)
        runs += _looked_at(hunt, [arm.name for arm in arms], changed)
    else:
        hunt.warm.run_all(
            [hunt.collected] * len(arms),
            lambda number, seen: runs.append(SeenRun.of(arms[number].name, seen)),
            changed,
        )
    for run in runs:
        _take(hunt, run.arm, _telling(hunt, run.arm, hunt.new_reds(run)), run.seconds)


def try_groups(hunt: Hunt, arms: Sequence[Arm]) -> None:
    """The whole suite with several factors at once; what is red is tried with each of them by itself."""
    try_fresh(hunt)
    changed = []
    for arm in arms:
        setup = Setup(nodeids=hunt.collected, seed=hunt.request.seed)
        for member in arm.members:
            setup, _ = hunt.factors[member].arms(setup)
        changed.append(setup)
    for arm, run in zip(arms, _looked_at(hunt, [arm.name for arm in arms], changed), strict=True):
        known = {nodeid for member in arm.members for nodeid in _red_behind_import(hunt, member)}
        red = [nodeid for nodeid in hunt.new_reds(run) if nodeid not in known]
        if red:
            _tell_apart(hunt, arm, red, run)
            continue
        for member in arm.members:
            _take(hunt, member, {}, run.seconds / len(arm.members))


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


def _tell_apart(hunt: Hunt, arm: Arm, red: Sequence[str], run: SeenRun) -> None:
    """Run the red tests of a group with each of its factors."""
    setup = Setup(nodeids=tuple(red), seed=hunt.request.seed)
    changed = [hunt.factors[member].arms(setup)[0] for member in arm.members]
    explained: set[str] = set()
    for single in _looked_at(hunt, arm.members, changed):
        found = {nodeid: failure for nodeid, failure in single.failures.items() if nodeid in red}
        explained |= set(found)
        _take(hunt, single.arm, _telling(hunt, single.arm, found), single.seconds)
    hunt.suspected += [
        Suspected(nodeid=nodeid, found_by=run.arm, reason="it was red with all of them, and with none alone")
        for nodeid in red
        if nodeid not in explained
    ]


def _looked_at(hunt: Hunt, names: Sequence[str], setups: Sequence[Setup]) -> list[SeenRun]:
    looks = [
        Look(setup=setup, why=f"the suite with {name}") for name, setup in zip(names, setups, strict=True)
    ]
    return [SeenRun.of(name, seen) for name, seen in zip(names, hunt.lab.look(looks), strict=True)]


def _telling(hunt: Hunt, arm: str, red: dict[str, Failure]) -> dict[str, Failure]:
    """The red tests, unless they are so many that the factor breaks the suite as such."""
    if len(red) <= max(_FEW, _TOO_MANY * len(hunt.knowledge.tests)):
        return red
    count = f"{len(red)} of {counted_noun(len(hunt.knowledge.tests), 'test')}"
    hunt.notes.append(f"{arm}: {count} are red: it breaks the suite as such")
    return {}


def _take(hunt: Hunt, arm: str, red: dict[str, Failure], seconds: float) -> None:
    hunt.red_with[arm] = red
    hunt.arms.append(ArmDone(name=arm, runs=1, red=len(red), seconds=round(seconds, 3)))


def _red_behind_import(hunt: Hunt, member: str) -> set[str]:
    """Tests that the same factor has shown red in a fork."""
    return set(hunt.red_with.get(hunt.factors[member].name, ()))


def _from_start(factor: Surroundings) -> str:
    return f"{factor.name} {_FROM_THE_START}"


def _called(group: Sequence[Surroundings]) -> str:
    more = f" and {len(group) - 1} more" if len(group) > 1 else ""
    return f"{group[0].name}{more} {_FROM_THE_START}"
