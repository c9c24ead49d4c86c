"""Run the arms of a hunt that fit into its budget: orders, tests alone and twice, factors."""

from __future__ import annotations

from collections.abc import Sequence

from triage.hunt.document import ArmDone
from triage.hunt.factors import Surroundings, every_factor, worth_trying
from triage.hunt.machine import describe_machine, libraries_of
from triage.hunt.orders import (
    by_file,
    mixed_order,
    reversed_files,
    square_order,
)
from triage.hunt.plan import SQUARES, Arm, chosen
from triage.hunt.seen import ALONE, OWN_FILE, SeenRun
from triage.hunt.state import ORDER, SQUARE, Hunt
from triage.lab.protocol import Look, Setup
from triage.text.plural import counted_noun

FRESH = "new interpreter"
_TWICE, _FILES = "twice", OWN_FILE
_FROM_THE_START = "from the start"
_TOO_MANY = 0.5
"""Share of red tests with which a factor breaks the suite as such and says nothing of single tests."""
_FEW = 2
"""So many red tests are looked at whatever share they are."""
_BATCH = 4
"""Orders of one worker between two looks at the clock."""
_WORTH_OF_FACTORS = 0.5
"""Beside the orders, whose worth is what they found of 198 latent tests, in tens."""
_SELDOM = 0.3
"""Tests that a factor shows only where it is there before the suite is imported."""


def try_arms(hunt: Hunt, limit: float) -> None:
    """Run what fits until so many seconds of the hunt, best value first; then what an earlier call left."""
    arms = hunt.not_tried
    if not hunt.arms:
        arms = _every_arm(hunt)
        hunt.planned_seconds = sum(arm.seconds for arm in arms)
    taken, hunt.not_tried = chosen(arms, max(0.0, limit - hunt.seconds))
    if not taken:
        return
    progress = hunt.services.progress
    progress.start(len(taken), f"hunting in {counted_noun(len(hunt.collected), 'test')}")
    batches = _batches(hunt, taken)
    for number, batch in enumerate(batches):
        is_late = hunt.seconds > limit and number > 0
        if is_late or _is_answered(hunt):
            hunt.not_tried += [arm for left in batches[number:] for arm in left]
            break
        _try(hunt, [arm.name for arm in batch], limit)
        for arm in batch:
            progress.step(arm.name)
    progress.finish()


def _is_answered(hunt: Hunt) -> bool:
    """Whether the one test that was asked about has been red."""
    subject = hunt.request.subject
    red = (hunt.twice_red, *hunt.red_with.values(), hunt.knowledge.victims())
    return subject is not None and any(subject in each for each in red)


def _every_arm(hunt: Hunt) -> list[Arm]:
    """What was asked for and has not been tried on this very suite before."""
    only = hunt.request.only
    arms = _arms_of_orders(hunt) if not only or ORDER in only else []
    factors = every_factor(describe_machine(hunt.services))
    for factor in worth_trying(factors, libraries_of(hunt.services.root)):
        if not only or factor.group in only:
            arms += _arms_of_factor(hunt, factor)
    return [arm for arm in arms if arm.name not in hunt.earlier.arms]


def _arms_of_orders(hunt: Hunt) -> list[Arm]:
    costs = hunt.costs
    arms = [
        Arm("reversed", costs.orders(), 12.0),
        Arm("reversed files", costs.orders(), 6.0),
        Arm(_TWICE, costs.orders(2), 4.0),
        Arm(ALONE, costs.alone, 5.0),
    ]
    first = hunt.earlier.next_square
    for number in range(SQUARES):
        # the first shuffle shows half of what five show
        arms.append(Arm(f"{SQUARE} {first + number}", costs.orders(), 8.0 / (number + 1)))
    files = len(by_file(hunt.collected))
    if files > 1:
        arms.append(Arm(_FILES, files * costs.fresh(1.0 / files), 1.0))
    return arms


def _arms_of_factor(hunt: Hunt, factor: Surroundings) -> list[Arm]:
    """In a fork, where the suite is imported already; and from the start of an interpreter."""
    worth = _WORTH_OF_FACTORS * factor.worth
    from_start = f"{factor.name} {_FROM_THE_START}"
    hunt.factors[from_start] = factor
    if factor.at_start:
        return [Arm(from_start, hunt.costs.fresh(), worth)]
    hunt.factors[factor.name] = factor
    late = Arm(factor.name, hunt.costs.orders(), worth)
    return [late, Arm(from_start, hunt.costs.fresh(), _SELDOM * worth)]


def _batches(hunt: Hunt, arms: Sequence[Arm]) -> list[list[Arm]]:
    """The arms in their order; those of one process as many at once as there are workers."""
    batches: list[list[Arm]] = []
    waiting: dict[bool, list[Arm]] = {True: [], False: []}
    for arm in arms:
        if arm.name not in hunt.factors:
            batches.append([arm])
            continue
        alike = waiting[arm.name.endswith(_FROM_THE_START)]
        alike.append(arm)
        if len(alike) == hunt.request.workers:
            batches.append(list(alike))
            alike.clear()
    return [*batches, *(left for left in waiting.values() if left)]


def _try(hunt: Hunt, names: Sequence[str], limit: float) -> None:
    name = names[0]
    if name in hunt.factors:
        _try_factors(hunt, names)
        return
    begun, before = hunt.seconds, set(hunt.knowledge.victims())
    if name == _TWICE:
        runs, red = 1, _try_twice(hunt)
    elif name == _FILES:
        runs, red = _try_files(hunt), 0
    else:
        runs, red = _try_orders(hunt, name, _orders_of(hunt, name), limit), 0
    red += len(set(hunt.knowledge.victims()) - before)
    hunt.arms.append(ArmDone(name=name, runs=runs, red=red, seconds=round(hunt.seconds - begun, 3)))


def _orders_of(hunt: Hunt, arm: str) -> list[tuple[str, ...]]:
    tests, seed = hunt.collected, hunt.request.seed
    match arm:
        case "reversed":
            return [tests[::-1]]
        case "reversed files":
            return [reversed_files(tests)]
        case "alone" if hunt.request.subject is not None:
            return [(hunt.request.subject,)]
        case "alone":
            return [(nodeid,) for nodeid in hunt.knowledge.tests if nodeid not in hunt.earlier.alone]
        case _:
            number = int(arm.partition(" ")[2])
            # in every second order no file is kept together: other tests are neighbours there
            make = mixed_order if number % 2 else square_order
            return [make(tests, number // 2, seed)]


def _try_orders(hunt: Hunt, arm: str, orders: Sequence[tuple[str, ...]], limit: float) -> int:
    """Run orders side by side, as long as there is time; the number that were run."""
    size = _BATCH * hunt.request.workers
    done = 0
    for start in range(0, len(orders), size):
        if start and hunt.seconds > limit:
            hunt.notes.append(f"{arm}: {done} of {len(orders)} were run in time")
            break
        batch = orders[start : start + size]
        hunt.warm.run_all(batch, lambda _number, seen: hunt.keep(SeenRun.of(arm, seen)))
        done += len(batch)
    return done


def _try_twice(hunt: Hunt) -> int:
    """Every test twice in one process; who is red the second time."""
    twice = Setup(nodeids=(), instruments={"twice": {"on": True}})
    seen = hunt.warm.run(hunt.collected, twice)
    hunt.twice_red = hunt.new_reds(SeenRun.of(_TWICE, seen))
    hunt.twice_done = len(hunt.knowledge.tests)
    return len(hunt.twice_red)


def _try_files(hunt: Hunt) -> int:
    """Each file in an interpreter that imports no other."""
    files = list(by_file(hunt.collected).values())
    looks = [
        Look(setup=Setup(nodeids=tuple(tests), seed=hunt.request.seed), why="this file alone")
        for tests in files
    ]
    for seen in hunt.lab.look(looks):
        hunt.keep(SeenRun.of(_FILES, seen))
    return len(files)


def _try_factors(hunt: Hunt, arms: Sequence[str]) -> None:
    """The whole suite with one factor each; who is red that is not so without it."""
    whole = Setup(nodeids=hunt.collected, seed=hunt.request.seed)
    changed = [hunt.factors[arm].arms(whole)[0] for arm in arms]
    runs: list[SeenRun] = []
    if arms[0].endswith(_FROM_THE_START):
        _try_fresh(hunt)
        looks = [
            Look(setup=setup, why=f"the suite with {arm}") for arm, setup in zip(arms, changed, strict=True)
        ]
        runs += [SeenRun.of(arm, seen) for arm, seen in zip(arms, hunt.lab.look(looks), strict=True)]
    else:
        hunt.warm.run_all(
            [hunt.collected] * len(arms),
            lambda number, seen: runs.append(SeenRun.of(arms[number], seen)),
            changed,
        )
    for run in runs:
        red = hunt.new_reds(run)
        if len(red) > max(_FEW, _TOO_MANY * len(hunt.knowledge.tests)):
            count = f"{len(red)} of {len(hunt.knowledge.tests)} tests"
            hunt.notes.append(f"{run.arm}: {count} are red: it breaks the suite as such")
            red = {}
        hunt.red_with[run.arm] = red
        hunt.arms.append(ArmDone(name=run.arm, runs=1, red=len(red), seconds=run.seconds))


def _try_fresh(hunt: Hunt) -> None:
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
