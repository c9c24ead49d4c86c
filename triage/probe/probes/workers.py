"""Find what makes a test fail in processes of pytest-xdist that passes in one process.

Asked in this order: a variable that pytest-xdist sets in its workers; being in a worker at all; another copy
of the test at the same time; another test at the same time; anything else that one process does not do.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal

from triage.lab.protocol import Answer, Experiment, Observation, Setup, Step
from triage.model.experiment import Factor, RootCause, Status
from triage.probe.api import Case, Finding, Steps, look, test
from triage.probe.minimise import minimise
from triage.probe.symptoms import own_places
from triage.probe.treatment import repeats_of

FACTOR = "workers"
"""Kind of the factors that change in how many processes tests run."""
_WORKER, _COUNT = "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"
_FIRST_WORKER = "gw0"
_TRIES = 2
"""Runs of two tests at once until they disturb each other: it is a matter of moments."""
_MOST_PARTNERS = 12
"""Tests that are tried beside the subject one by one; of more, halves are tried."""
_SHOWN_THINGS = 3
_Asking = Generator[tuple[Step, ...], tuple[Answer, ...], Finding | None]


def fails_in_workers_only(case: Case) -> bool:
    """Whether it was seen to fail only where pytest-xdist ran it."""
    return case.context == "workers"


class Workers:
    """Ask what of several processes the test does not stand."""

    name = "workers"

    def investigate(self, case: Case) -> Steps:
        """From the narrowest condition to the widest; the first one that decides is the answer."""
        others = [nodeid for nodeid in case.base.nodeids if nodeid != case.nodeid]
        for ask in (_by_variable, _by_being_in_a_worker, _by_its_copy):
            found = yield from ask(self.name, case)
            if found is not None:
                return found
        if others:
            found = yield from _by_another_test(self.name, case, others)
            if found is not None:
                return found
        return (yield from _by_all_of_them(self.name, case))


def _by_variable(name: str, case: Case) -> _Asking:
    """In one process, with what pytest-xdist sets in a worker: does a variable alone decide?"""
    worker = case.observed.worker_of.get(case.nodeid) or _FIRST_WORKER
    values = {_WORKER: worker, _COUNT: str(case.base.workers or 1)}
    alone = Setup(nodeids=(case.nodeid,), workers=0)
    setups = [alone.plus(env={variable: value}) for variable, value in values.items()]
    runs = yield from look(*setups, why="does a variable of pytest-xdist decide?")
    for (variable, value), setup, run in zip(values.items(), setups, runs, strict=False):
        if not run.red(case.nodeid):
            continue
        experiment = _experiment(
            name, case, Factor(kind="env", name=variable, from_=value, to=None), setup, alone,
            prediction=f"In one process it fails with {variable}={value}, and passes without it.",
            arm_names=(f"in one process with {variable}={value}", "without it"),
        )  # fmt: skip
        (trial,) = yield from test(experiment)
        if trial.result.status is not Status.CONFIRMED:
            continue
        summary = (
            f"it fails where {variable} is set, as pytest-xdist does in each worker ({value}), also in one "
            "process and with nothing beside it"
        )
        cause = RootCause(
            kind="environment-variable",
            summary=summary,
            factor=trial.result.factor,
            culprits=(variable, *own_places(case, 2)),
            confidence="proven",
        )
        return Finding(cause=cause, proof=experiment)
    return None


def _by_being_in_a_worker(name: str, case: Case) -> _Asking:
    """One worker and nothing else: its stdin, its main thread, its `workerinput` are others."""
    single = Setup(nodeids=(case.nodeid,), workers=1)
    (run,) = yield from look(single, why="does it fail in one worker, with nothing beside it?")
    if not run.red(case.nodeid):
        return None
    experiment = _experiment(
        name, case, Factor(kind=FACTOR, name="worker", from_=1, to=0), single, single.plus(workers=0),
        prediction="It fails in a worker of pytest-xdist, and passes in pytest's own process.",
        arm_names=("in one worker of pytest-xdist", "in pytest's own process"),
    )  # fmt: skip
    (trial,) = yield from test(experiment)
    if trial.result.status is not Status.CONFIRMED:
        return None
    summary = (
        "it fails in a worker of pytest-xdist, though nothing runs beside it: standard input, the main "
        "thread, `worker_id` or another part of the worker is not what it expects"
    )
    return Finding(cause=_condition(case, summary, trial.result.factor), proof=experiment)


def _by_its_copy(name: str, case: Case) -> _Asking:
    """The test itself in two processes at once: whatever it holds is one for both."""
    copies = Setup(nodeids=(case.nodeid,), workers=max(2, case.base.workers or 0), distribution="each")
    if not (yield from _red_in_some_run(case, copies, "does it disturb itself in another process?")):
        return None
    one = copies.plus(workers=0, distribution="load")
    experiment = _experiment(
        name, case, Factor(kind=FACTOR, name="copies at once", from_=copies.workers, to=0), copies, one,
        prediction="It fails while another process runs it too, and passes with nothing beside it.",
        arm_names=("with a copy of it in another process", "with nothing beside it"),
    )  # fmt: skip
    (trial,) = yield from test(experiment)
    if trial.result.status is not Status.CONFIRMED:
        return None
    things = yield from _held_by_each(case, (case.nodeid,))
    summary = f"it fails where two processes run it at once{_shared(things, 'both hold')}"
    cause = RootCause(
        kind="resource",
        summary=summary,
        factor=trial.result.factor,
        culprits=(*_named(things), case.nodeid),
        confidence=_confidence(things),
    )
    return Finding(cause=cause, proof=experiment)


def _by_another_test(name: str, case: Case, others: Sequence[str]) -> _Asking:
    """The tests with which it fails where they run at the same time in another process."""
    partners = yield from _partners(case, others)
    if not partners:
        return None
    both = case.base.plus(nodeids=_in_order(case, partners))
    one = both.plus(workers=0)
    named = " and ".join(partners)
    experiment = _experiment(
        name, case, Factor(kind=FACTOR, name="tests at once", from_=both.workers, to=0), both, one,
        prediction=f"At the same time as {named} it fails; one after the other, in one process, it passes.",
        arm_names=(f"at the same time as {named}", "one after the other in one process"),
    )  # fmt: skip
    (trial,) = yield from test(experiment)
    if trial.result.status is not Status.CONFIRMED:
        return None
    things = yield from _held_by_each(case, (*partners, case.nodeid))
    summary = f"it fails while {named} runs in another process{_shared(things, 'both use')}"
    cause = RootCause(
        kind="resource",
        summary=f"{summary}; it passes where one process runs both, one after the other",
        factor=trial.result.factor,
        culprits=(*partners, *_named(things)),
        confidence=_confidence(things),
    )
    return Finding(cause=cause, proof=experiment)


def _by_all_of_them(name: str, case: Case) -> Steps:
    """The tests as they were reproduced, in several processes or in one."""
    experiment = _experiment(
        name, case, Factor(kind=FACTOR, name="processes", from_=case.base.workers, to=0),
        case.base, case.base.plus(workers=0, distribution="load"),
        prediction="In one process the same tests pass: that others run at the same time makes it fail.",
        arm_names=(f"in {case.base.workers} processes", "in one process"),
    )  # fmt: skip
    (trial,) = yield from test(experiment)
    if trial.result.status is not Status.CONFIRMED:
        return Finding(excluded="it does not depend on the number of processes")
    summary = (
        f"it fails where pytest-xdist runs its tests in {case.base.workers} processes, and passes in one; "
        "no single test beside it is enough"
    )
    return Finding(cause=_condition(case, summary, trial.result.factor), proof=experiment)


def _confidence(things: Sequence[_Thing]) -> Literal["proven", "likely"]:
    """Proven where both hold one thing: else the time that the other takes may be all that it does."""
    return "proven" if things else "likely"


# -- searching --------------------------------------------------------------------------------------


def _partners(
    case: Case, others: Sequence[str]
) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[str, ...]]:
    """The fewest tests beside which it fails: those first that were seen beside it."""
    beside = [nodeid for nodeid in case.observed.at_once.get(case.nodeid, ()) if nodeid in others]
    rest = [nodeid for nodeid in others if nodeid not in beside]
    for other in [*beside, *rest][:_MOST_PARTNERS]:
        setup = case.base.plus(nodeids=_in_order(case, (other,)))
        if (yield from _red_in_some_run(case, setup, f"does it fail beside {other}?")):
            return (other,)
    if len(others) <= _MOST_PARTNERS and case.flaky:
        return ()  # each was tried, and chance would lead a search in halves astray
    return (
        yield from minimise(
            others,
            lambda part: case.base.plus(nodeids=_in_order(case, part)),
            lambda seen: seen.red(case.nodeid),
            "fewer tests beside it",
        )
    )


def _red_in_some_run(
    case: Case, setup: Setup, why: str
) -> Generator[tuple[Step, ...], tuple[Answer, ...], bool]:
    for _ in range(_TRIES):
        (run,) = yield from look(setup, why=why)
        if run.red(case.nodeid):
            return True
    return False


def _in_order(case: Case, part: Sequence[str]) -> tuple[str, ...]:
    wanted = {*part, case.nodeid}
    return tuple(nodeid for nodeid in case.base.nodeids if nodeid in wanted)


def _experiment(
    name: str,
    case: Case,
    factor: Factor,
    baseline: Setup,
    treated: Setup,
    *,
    prediction: str,
    arm_names: tuple[str, str],
) -> Experiment:
    repeats, alpha = repeats_of(case)
    return Experiment(
        probe=name,
        factor=factor,
        prediction=prediction,
        baseline=baseline,
        treated=treated,
        watch=(case.nodeid,),
        repeats=repeats,
        alpha=alpha,
        arm_names=arm_names,
        # a test that is disturbed fails wherever it stands at that moment
        any_reason=True,
    )


# -- what they share --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Thing:
    """A file or an address that several processes would hold."""

    name: str
    where: str | None
    """`path:line` of the code that takes hold of it."""


def _held_by_each(
    case: Case, nodeids: Sequence[str]
) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[_Thing, ...]]:
    """What one of the tests takes hold of, and every other holds or reads; with nothing beside it.

    The same in every run: of a test that runs twice what is left is what does not change.
    """
    setups = [Setup(nodeids=(nodeid,), workers=0).measuring("holds") for nodeid in nodeids]
    if len(setups) == 1:
        setups *= 2  # what changes from run to run is not what two copies share
    runs: list[Observation] = yield from look(*setups, why="what does it hold?")
    held = [{line["name"]: line.get("where") for line in run.lines("holds", "hold")} for run in runs]
    read = [{line["name"] for line in run.lines("holds", "read")} for run in runs]
    places = {name: where for each in held for name, where in each.items()}
    common = [
        name
        for name in places
        if all(name in holds or name in reads for holds, reads in zip(held, read, strict=True))
    ]
    return tuple(_Thing(name, places[name]) for name in common)


def _shared(things: Sequence[_Thing], words: str) -> str:
    """What both hold, as a clause; empty where it is not known."""
    if not things:
        return ""
    shown = [f"{thing.name} ({thing.where})" if thing.where else thing.name for thing in things]
    more = f" and {len(things) - _SHOWN_THINGS} more" if len(things) > _SHOWN_THINGS else ""
    return f": {words} {', '.join(shown[:_SHOWN_THINGS])}{more}"


def _named(things: Sequence[_Thing]) -> list[str]:
    """Culprits: what is held, and where."""
    names = [thing.name.removeprefix("the file ").removeprefix("the address ") for thing in things]
    places = [thing.where for thing in things if thing.where]
    return list(dict.fromkeys([*names[:_SHOWN_THINGS], *places[:_SHOWN_THINGS]]))


def _condition(case: Case, summary: str, factor: Factor | None) -> RootCause:
    return RootCause(
        kind="resource",
        summary=f"proven: the test depends on the processes of pytest-xdist. {summary}",
        factor=factor,
        culprits=own_places(case, 2),
        confidence="likely",
        claim="condition",
    )
