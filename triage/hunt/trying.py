"""Run the arms of a hunt that fit into its budget: orders, tests alone and twice, factors."""

from __future__ import annotations

from collections.abc import Sequence

from triage.hunt.document import ArmDone
from triage.hunt.factors import IMPORTED_BACKWARDS, every_factor, imported_backwards, worth_trying
from triage.hunt.import_looks import can_tell, differs_backwards, look_at_files, tell_nothing
from triage.hunt.machine import describe_machine, libraries_of
from triage.hunt.orders import (
    by_file,
    mixed_order,
    reversed_files,
    square_order,
)
from triage.hunt.plan import SQUARES, SQUARES_BESIDE_WRITERS, Arm, chosen
from triage.hunt.purposes import ALONE_AND_TWICE, BEHIND_WRITERS, FACTORS, ORDERS, OWN_FILES
from triage.hunt.seen import ALONE, FILES_TWICE, OWN_FILE, TWICE, SeenRun
from triage.hunt.state import ORDER, SQUARE, Hunt
from triage.hunt.trying_apart import BEHIND, MOST_PREFIXES, try_alone_and_twice, try_behind_writers
from triage.hunt.trying_factors import arms_of_factors, from_start, starts_early, take, try_alone, try_groups
from triage.lab.budget import BudgetSpent
from triage.lab.protocol import Look, Setup
from triage.model.failure import Failure
from triage.text.plural import counted_noun

_REVERSED, _REVERSED_FILES = "reversed", "reversed files"
_LARGE_FILE = 3
"""Tests of a file from which a look at what its imports make of the state may cost less than to run them."""
_BATCH = 4
"""Orders of one worker between two looks at the clock."""


def try_arms(hunt: Hunt, limit: float, *, with_late: bool) -> None:
    """Run what fits until so many seconds of the hunt, best value first; then what an earlier call left.

    `with_late`: those too that wait until what was red by then is proven.
    """
    arms = hunt.not_tried if hunt.arms else _every_arm(hunt)
    taken, hunt.not_tried = chosen(arms, max(0.0, limit - hunt.seconds), with_late=with_late)
    if not taken:
        return
    progress = hunt.services.progress
    progress.start(len(taken), f"hunting in {counted_noun(len(hunt.collected), 'test')}")
    batches = _batches(hunt, taken)
    for number, batch in enumerate(batches):
        is_late = hunt.seconds > limit and number > 0
        if is_late or _is_answered(hunt) or not _is_tried(hunt, batch, limit):
            hunt.not_tried += [arm for left in batches[number:] for arm in left]
            break
        for arm in batch:
            progress.step(arm.name)
    progress.finish()


def _is_tried(hunt: Hunt, batch: Sequence[Arm], limit: float) -> bool:
    """Try some arms at once; whether the budget was enough for it."""
    begun = hunt.seconds
    try:
        _try(hunt, batch, limit)
    except BudgetSpent:
        return False
    hunt.pace.add(planned=sum(arm.seconds for arm in batch), taken=hunt.seconds - begun)
    return True


def _is_answered(hunt: Hunt) -> bool:
    """Whether the one test that was asked about has been red."""
    subject = hunt.request.subject
    red = (hunt.twice_red, hunt.files_twice_red, *hunt.red_with.values(), hunt.knowledge.victims())
    return subject is not None and any(subject in each for each in red)


def _every_arm(hunt: Hunt) -> list[Arm]:
    """What was asked for and has not been tried on this very suite before."""
    only = hunt.request.only
    arms = _arms_of_orders(hunt) if not only or ORDER in only else []
    factors = every_factor(describe_machine(hunt.services))
    factors = worth_trying(factors, libraries_of(hunt.services.root))
    files = list(by_file(hunt.collected))
    if len(files) > 1:
        factors.append(imported_backwards(files))
    arms += arms_of_factors(hunt, [factor for factor in factors if not only or factor.group in only])
    return [arm for arm in arms if arm.name not in hunt.earlier.arms]


def _arms_of_orders(hunt: Hunt) -> list[Arm]:
    costs, first = hunt.costs, hunt.earlier.next_square
    arms = [Arm(_REVERSED, costs.orders(), 12.0)]
    squares = SQUARES
    if _runs_apart(hunt):
        arms.append(Arm(ALONE, costs.apart(2), 9.0))
        if hunt.changes.of_tests:
            arms.append(Arm(BEHIND, costs.apart(MOST_PREFIXES + 1), 8.0))
        if hunt.changes.of_tests or hunt.changes.are_known:
            squares = SQUARES_BESIDE_WRITERS
        if FILES_TWICE not in hunt.earlier.arms:
            # for state that no tracer sees: rows of a database, what a library in C keeps
            arms.append(Arm(FILES_TWICE, costs.orders(2), 9.0))
            squares, first = squares - 1, first + 1
    else:
        arms += [
            Arm(_REVERSED_FILES, costs.orders(), 6.0),
            Arm(TWICE, costs.orders(2), 4.0),
            Arm(FILES_TWICE, costs.orders(2), 1.0),
            Arm(ALONE, costs.alone, 5.0),
        ]
    for number in range(squares):
        # the first shuffle shows half of what five show
        arms.append(Arm(f"{SQUARE} {first + number}", costs.orders(), 8.0 / (number + 1)))
    files = len(by_file(hunt.collected))
    if files > 1:
        arms.append(Arm(OWN_FILE, files * costs.fresh(1.0 / files), 1.0))
    return arms


def _runs_apart(hunt: Hunt) -> bool:
    """Whether tests can run in children of one process; of one test that was asked about nobody else does."""
    return hunt.warm.forks and hunt.request.subject is None


def _batches(hunt: Hunt, arms: Sequence[Arm]) -> list[list[Arm]]:
    """The arms in their order; those of one process as many at once as there are workers."""
    batches: list[list[Arm]] = []
    waiting: dict[bool, list[Arm]] = {}
    for arm in arms:
        if not arm.members:
            batches.append([arm])
            continue
        alike = waiting.setdefault(starts_early(arm), [])
        alike.append(arm)
        if len(alike) == hunt.request.workers:
            batches.append(list(alike))
            alike.clear()
    return [*batches, *(left for left in waiting.values() if left)]


def _try(hunt: Hunt, batch: Sequence[Arm], limit: float) -> None:
    with hunt.purposes.named(_purpose_of(hunt, batch[0])):
        _try_for_its_purpose(hunt, batch, limit)


def _purpose_of(hunt: Hunt, arm: Arm) -> str:
    if arm.members or arm.name in hunt.factors:
        return FACTORS
    named = {ALONE: ALONE_AND_TWICE, TWICE: ALONE_AND_TWICE, BEHIND: BEHIND_WRITERS, OWN_FILE: OWN_FILES}
    return named.get(arm.name, ORDERS)


def _try_for_its_purpose(hunt: Hunt, batch: Sequence[Arm], limit: float) -> None:
    first = batch[0]
    if first.members == (from_start(IMPORTED_BACKWARDS),) and _tells_nothing_backwards(hunt):
        take(hunt, first.members[0], {}, 0.0)
        batch = batch[1:]
    if not batch:
        return
    if first.members:
        try_groups(hunt, batch)
    elif first.name in hunt.factors:
        try_alone(hunt, first)
    else:
        _try_order(hunt, first.name, limit)


def _tells_nothing_backwards(hunt: Hunt) -> bool:
    """Whether no test may read anything of what is otherwise where files are imported backwards."""
    return can_tell(hunt) and tell_nothing(hunt, differs_backwards(hunt), hunt.knowledge.tests)


def _try_order(hunt: Hunt, name: str, limit: float) -> None:
    begun, before = hunt.seconds, set(hunt.knowledge.victims())
    if name == ALONE and _runs_apart(hunt):
        runs = try_alone_and_twice(hunt, limit)
        red = len(hunt.twice_red)
    elif name == BEHIND:
        runs, red = try_behind_writers(hunt, limit), 0
    elif name == TWICE:
        hunt.twice_red = _red_the_second_time(hunt, name, {"on": True})
        hunt.twice_done = len(hunt.knowledge.tests)
        runs, red = 1, len(hunt.twice_red)
    elif name == FILES_TWICE and _runs_apart(hunt):
        runs, red = _try_files_twice(hunt), len(hunt.files_twice_red)
    elif name == FILES_TWICE:
        hunt.files_twice_red = _red_the_second_time(hunt, name, {"files": True})
        runs, red = 1, len(hunt.files_twice_red)
    elif name == OWN_FILE:
        runs, red = _try_files(hunt), 0
    else:
        runs, red = _try_orders(hunt, name, _orders_of(hunt, name), limit), 0
    red += len(set(hunt.knowledge.victims()) - before)
    hunt.arms.append(ArmDone(name=name, runs=runs, red=red, seconds=round(hunt.seconds - begun, 3)))


def _orders_of(hunt: Hunt, arm: str) -> list[tuple[str, ...]]:
    tests, seed = hunt.collected, hunt.request.seed
    if arm == ALONE:
        subject = hunt.request.subject
        candidates = hunt.knowledge.tests if subject is None else (subject,)
        return [(nodeid,) for nodeid in candidates if nodeid not in hunt.earlier.alone]
    if arm == _REVERSED:
        return [tests[::-1]]
    if arm == _REVERSED_FILES:
        return [reversed_files(tests)]
    number = int(arm.removeprefix(SQUARE))
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


def _red_the_second_time(hunt: Hunt, name: str, settings: dict[str, bool]) -> dict[str, Failure]:
    """Who is red where every test, or every file, runs twice in one process."""
    twice = Setup(nodeids=(), instruments={"twice": settings})
    return hunt.new_reds(SeenRun.of(name, hunt.warm.run(hunt.collected, twice)))


def _try_files_twice(hunt: Hunt) -> int:
    """Each file twice, in the next row of a square: what ran for the first time is a run of that order."""
    name = f"{SQUARE} {hunt.earlier.next_square}"
    (order,) = _orders_of(hunt, name)
    observed = hunt.warm.run_files_twice(order)
    first = SeenRun.of(name, observed.first)
    hunt.keep(first)
    hunt.files_twice_red = hunt.new_reds(SeenRun.of(FILES_TWICE, observed.second))
    hunt.arms.append(ArmDone(name=name, runs=0, red=len(first.red), seconds=0.0))
    return 1


def _try_files(hunt: Hunt) -> int:
    """Each file in an interpreter that imports no other.

    Where that is known to make no difference to what its tests may read, the first of them has run there.
    """
    every_file = list(by_file(hunt.collected).values())
    large = [tests for tests in every_file if len(tests) >= _LARGE_FILE] if can_tell(hunt) else []
    files = [tests for tests in every_file if tests not in large]
    for tests, look in zip(large, look_at_files(hunt, large), strict=True):
        if tell_nothing(hunt, look.differing, tests):
            hunt.keep(look.run)
        else:
            files.append(tests)
    looks = [
        Look(setup=Setup(nodeids=tuple(tests), seed=hunt.request.seed), why="this file alone")
        for tests in files
    ]
    for seen in hunt.lab.look(looks):
        hunt.keep(SeenRun.of(OWN_FILE, seen))
    return len(large) + len(files)
