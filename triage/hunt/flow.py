"""`triage hunt` step by step: collect, run in file order twice, try the arms, prove what was red."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence

from triage.campaign.services import Services
from triage.errors import TriageError, UsageError, VoidError
from triage.evidence.folder import EvidenceFolder
from triage.hunt.earlier import Earlier, find_cut_short, read_cut_short, read_earlier
from triage.hunt.plan import FORK_SECONDS, TRYING_SHARES, SuiteCosts, default_budget, least_budget
from triage.hunt.proving import explain_all, prove_all
from triage.hunt.purposes import EXPLANATION, FILE_ORDER
from triage.hunt.readers import Readers
from triage.hunt.seen import ALONE, BISECTION, TWICE, Knowledge, SeenRun, green_in_all
from triage.hunt.state import WORKING, Hunt, Request
from triage.hunt.trying import try_arms
from triage.hunt.trying_apart import BEHIND
from triage.hunt.unproven import take_up
from triage.hunt.warm import WarmSuite
from triage.hunt.writers import Changes
from triage.instruments.attributes import OFTEN_PATCHED
from triage.lab.budget import Budget, BudgetSpent
from triage.lab.earlier import fingerprint
from triage.lab.environment import environment_of
from triage.lab.protocol import Observation, Setup
from triage.lab.session import open_lab, workspace
from triage.text.plural import counted_noun

_MOST_RUNS = 20_000
"""Processes of the laboratory in one hunt; its time ends it sooner."""
_LEAST_SECONDS = 30.0
CHANGES = "changes"
"""The meter that records what each test leaves behind."""
_WATCHING_SECONDS = 10.0
"""Of a processor, for looks at all state behind each test; later tests of a large suite are not looked at."""
REFERENCES = "references"
"""The meter that records to which names the code of each test refers."""
_FOLLOWING_SECONDS = 10.0
"""Of a processor, for tests that are followed; what later tests of a large suite read is not known."""
_FILE_ORDER = "file order"
_MOST_RED_ALONE = 50
"""Tests red in file order that are tried alone; a suite with more is broken, and no matter of a hunt."""
_LEAST_LIMIT, _TIMES_SLOWEST = 5.0, 10.0
"""Seconds that each test has in a hunt, where that is less than the suite's own limit: behind a test that
leaves the clock standing a dozen others hang."""


def hunt(services: Services, request: Request, make_folder: Callable[[], EvidenceFolder]) -> Hunt:
    """Look for latent flaky tests and prove each; what was found is written by `record.write_hunt`.

    Raises `UsageError` for a budget too small for anything, `VoidError` where the suite cannot be collected
    or nothing of it is green.
    """
    began = request.began
    started = services.world.monotonic() if began is None else began
    cut_short = find_cut_short(services.output) if request.resume else None
    environment = environment_of(services)
    with workspace(services.root) as place:
        pristine = place.scratch.prepare(None)
        of_files = fingerprint(pristine, environment.variables, environment.python)
        folder = make_folder()
        state = Hunt(
            services=services,
            request=request,
            folder=folder,
            place=place,
            warm=WarmSuite(
                place,
                environment,
                services.settings.limits,
                selectors=request.selectors or services.settings.selectors,
                seed=request.seed,
                workers=request.workers,
                is_warm=services.settings.isolation == "warm",
            ),
            lab=open_lab(
                services,
                folder,
                place,
                budget=Budget(seconds=float("inf"), runs=_MOST_RUNS),
                workers=request.workers,
            ),
            started=started,
            fingerprint=of_files,
        )
        try:
            with state.purposes.named(FILE_ORDER):
                _look_at_suite(state)
            state.earlier = _earlier(state, cut_short)
            for number, share in enumerate(TRYING_SHARES):
                try_arms(state, share * state.budget, with_late=number > 0)
                if number == 0:
                    take_up(state)
                prove_all(state)
            with state.purposes.named(EXPLANATION):
                explain_all(state)
        except TriageError:
            # it was refused before anything was tried: there is no evidence of it
            shutil.rmtree(folder.path, ignore_errors=True)
            raise
        finally:
            services.executor.close()
    return state


def _look_at_suite(state: Hunt) -> None:
    """Collect, run file order twice at once, and find out what is green as it stands."""
    clock = state.services.world.monotonic
    begun = clock()
    collected = state.warm.collect()
    start_seconds = clock() - begun
    state.collected = tuple(dict.fromkeys(nodeid for nodeid, _ in collected.keys))
    if len(collected.keys) != len(state.collected):
        state.notes.append("several tests have one id: orders name the first of them")
    state.notes += [f"{error.nodeid} cannot be collected: it is left out" for error in collected.errors]
    if not state.collected:
        why = f": {collected.errors[0].nodeid} cannot be collected" if collected.errors else ""
        raise VoidError("no-tests", f"no test was collected{why}", "try `pytest --collect-only`")
    runs: list[SeenRun] = []
    slowest = 0.0
    if state.request.budget is not None:
        # a little longer than a small budget, to say which one the suite needs
        state.warm.deadline = clock() + max(state.request.budget, _LEAST_SECONDS)

    def take(number: int, seen: Observation) -> None:
        runs.append(SeenRun.of(f"{_FILE_ORDER} {number + 1}", seen))
        state.notes.extend(seen.notes)
        nonlocal slowest
        slowest = max(slowest, *seen.durations.values(), 0.0)

    meters = {CHANGES: {"seconds": _WATCHING_SECONDS}, REFERENCES: {"seconds": _FOLLOWING_SECONDS}}
    watching = Setup(nodeids=(), instruments=meters)
    try:
        state.warm.run_all([state.collected] * 2, take, [None, watching if state.warm.forks else None])
    except BudgetSpent:
        raise UsageError(
            "hunt-budget",
            f"the suite as it stands takes longer than {clock() - begun:.0f} s",
            "leave --budget out: it follows from what the suite takes; or name a part of the suite",
        ) from None
    state.notes += state.warm.notes
    _take_stock(state, runs)
    state.changes = Changes.of(state.warm.recorded(CHANGES))
    state.readers = Readers.of(state.warm.recorded(REFERENCES), OFTEN_PATCHED)
    _say_what_was_not_watched(state)
    seconds = runs[0].seconds
    single = FORK_SECONDS if state.warm.forks else start_seconds
    state.costs = SuiteCosts(
        len(state.collected), seconds, start_seconds, state.request.workers, single_seconds=single
    )
    _limit_tests(state, slowest)
    _set_budget(state)


def _say_what_was_not_watched(state: Hunt) -> None:
    """Of a large suite with much state only the first tests are looked at."""
    unseen = state.changes.unseen_from
    if unseen is not None and unseen in state.collected:
        every = len(state.collected)
        count = every - state.collected.index(unseen)
        state.notes.append(
            f"what tests leave behind was not looked at from {unseen} on ({count} of {every} tests): "
            f"looks took {_WATCHING_SECONDS:.0f} s of a processor; each test runs alone and twice instead"
        )


def _limit_tests(state: Hunt, slowest: float) -> None:
    """A test that hangs in another order must not take the whole budget; the suite shows what tests take."""
    seconds = max(_LEAST_LIMIT, _TIMES_SLOWEST * slowest)
    limits = state.lab.limits
    if limits.test_timeout is None or limits.test_timeout > seconds:
        state.warm.limit(seconds)
        state.lab.limits = limits.model_copy(update={"test_timeout": seconds})


def _take_stock(state: Hunt, runs: list[SeenRun]) -> None:
    """What is red as it stands, red by chance, or green."""
    always = frozenset.intersection(*(run.red for run in runs))
    ever = frozenset[str]().union(*(run.red for run in runs))
    red = [nodeid for nodeid in state.collected if nodeid in always]
    alone = _run_alone(state, red[:_MOST_RED_ALONE])
    # red in its place and green alone: an order is what it hangs on, and file order is the red one
    state.red_in_place = frozenset(run.order[0] for run in alone if run.order and not run.not_passed)
    state.red_already = tuple(nodeid for nodeid in red if nodeid not in state.red_in_place)
    state.by_chance = tuple(nodeid for nodeid in state.collected if nodeid in ever - always)
    green = green_in_all(runs, state.collected)
    if not green:
        what = f"none of {len(state.collected)} tests passes as it stands"
        why = f" ({state.notes[-1]})" if state.notes and not ever else ""
        raise VoidError("nothing-green", f"{what}{why}", "run `triage run`")
    usable = state.red_in_place.union(green)
    state.knowledge = Knowledge(tuple(nodeid for nodeid in state.collected if nodeid in usable))
    for run in (*runs, *alone):
        state.keep(run)


def _run_alone(state: Hunt, nodeids: Sequence[str]) -> list[SeenRun]:
    """Each of these tests with nothing before it."""
    runs: list[SeenRun] = []
    orders = [(nodeid,) for nodeid in nodeids]
    state.warm.run_all(orders, lambda _number, seen: runs.append(SeenRun.of(ALONE, seen)))
    return runs


def _set_budget(state: Hunt) -> None:
    """As the user says, or by what the suite takes; refuses one that is spent before anything is tried."""
    costs, asked = state.costs, state.request.budget
    least = state.seconds + least_budget(costs)
    # on a busy machine the start alone may take what is enough elsewhere
    state.budget = max(default_budget(costs), 2 * least) if asked is None else asked
    state.warm.deadline = state.started + state.budget
    # the clock of the laboratory began later, and it gives what has begun a little longer
    before_lab = state.seconds - state.lab.spending.seconds
    state.lab.spending.budget = Budget(seconds=WORKING * state.budget - before_lab, runs=_MOST_RUNS)
    if state.budget < least:
        raise UsageError(
            "hunt-budget",
            f"a budget of {state.budget:g} s is spent before anything is tried: the suite takes "
            f"{costs.suite_seconds:.1f} s and {costs.start_seconds:.1f} s to start",
            f"give --budget {least + 1:.0f} or more",
        )


def _earlier(state: Hunt, cut_short: EvidenceFolder | None) -> Earlier:
    """What hunts before have covered; with --resume the runs of the one that was cut short, too."""
    output = state.services.output
    earlier = read_earlier(output, state.fingerprint, state.collected)
    if cut_short is not None:
        runs = read_cut_short(cut_short, state.collected)
        for run in runs:
            if run.arm == TWICE:
                state.keep_second(run)
            else:
                state.keep(run)
        state.notes.append(f"{counted_noun(len(runs), 'run')} taken over from {cut_short.relative(output)}")
        partial = (ALONE, TWICE, BEHIND, BISECTION, "each file")
        done = {run.arm for run in runs if not run.arm.startswith(partial)}
        alone = {run.order[0] for run in runs if run.arm == ALONE and run.order}
        earlier = earlier.with_done(done, alone)
    return earlier
