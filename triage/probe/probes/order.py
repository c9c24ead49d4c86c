"""Find the tests on whose presence or absence before it the failure depends."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from triage.lab.protocol import Answer, Experiment, Setup, Step
from triage.model.experiment import CauseKind, Factor, Patch, RootCause, Status
from triage.model.outcome import Outcome
from triage.probe.api import Case, Finding, Steps, look, test
from triage.probe.edits.restore_state import restored
from triage.probe.edits.statements import patch_of
from triage.probe.leaked_state import LeakedState, find_leaked_state
from triage.probe.minimise import minimise
from triage.probe.treatment import repeats_of

_MOST_TESTS = 3000
"""A larger suite takes too long to be run whole in search of a state-setter."""
_Tests = Generator[tuple[Step, ...], tuple[Answer, ...], tuple[str, ...]]


def fails_in_company_only(case: Case) -> bool:
    """Whether the test passed alone and failed after others."""
    return case.context != "alone"


def passed_in_the_suite(case: Case) -> bool:
    """Whether the test fails alone, and passed when the suite was run last."""
    return _may_have_a_setter(case) and case.facts.get("in_suite") == Outcome.PASSED


def unknown_in_the_suite(case: Case) -> bool:
    """Whether the test fails alone, and the latest run does not tell how it fares in the suite."""
    return _may_have_a_setter(case) and not (passed_in_the_suite(case) or failed_in_the_suite(case))


def failed_in_the_suite(case: Case) -> bool:
    """Whether the test fails alone, and failed when the suite was run last too."""
    in_suite = case.facts.get("in_suite")
    return _may_have_a_setter(case) and in_suite is not None and Outcome(in_suite).is_red


def _may_have_a_setter(case: Case) -> bool:
    return case.context == "alone" and 2 <= len(case.suite) <= _MOST_TESTS and not case.flaky


class Order:
    """Find the polluters of a victim: it passes alone and fails after them."""

    name = "order"

    def investigate(self, case: Case) -> Steps:
        """Search the smallest set of polluters, test it, then find the state that they leak."""
        others = _others(case)
        if not others:
            return Finding(excluded="nothing runs before it")
        polluters = yield from self._search(case, others)
        if not polluters:
            return Finding(excluded="no set of other tests makes it fail again")
        experiment = self._experiment(case, polluters)
        (trial,) = yield from test(experiment)
        if trial.result.status is not Status.CONFIRMED:
            return Finding(excluded=f"it does not depend on {', '.join(polluters)}")
        leaked = yield from find_leaked_state(self.name, case, experiment.baseline, experiment.treated)
        patches: tuple[Patch, ...] = ()
        if leaked is not None:
            patches = yield from _repair(case, polluters, experiment.baseline, leaked)
        cause = _cause(polluters, leaked, trial.result.factor)
        return Finding(cause=cause, proof=experiment, patches=patches)

    def _search(self, case: Case, others: Sequence[str]) -> _Tests:
        """The tests before the victim first; those after it can still matter by being imported."""
        place = case.base.nodeids.index(case.nodeid) if case.nodeid in case.base.nodeids else len(others)
        before = [nodeid for nodeid in case.base.nodeids[:place] if nodeid != case.nodeid]
        for candidates in (before, others):
            if not candidates:
                continue
            (run,) = yield from look(_after(case, candidates), why="the tests before it")
            if run.red(case.nodeid):
                return (
                    yield from minimise(
                        candidates,
                        lambda part: _after(case, part),
                        lambda seen: seen.red(case.nodeid),
                        "fewer tests before it",
                    )
                )
        return ()

    def _experiment(self, case: Case, polluters: Sequence[str]) -> Experiment:
        repeats, alpha = repeats_of(case)
        return Experiment(
            probe=self.name,
            factor=Factor(kind="order", name="before", from_=list(polluters), to="alone"),
            prediction=f"After {' and '.join(polluters)} it fails; alone it passes.",
            baseline=_after(case, polluters),
            treated=case.base.plus(nodeids=(case.nodeid,)),
            watch=(case.nodeid,),
            repeats=repeats,
            alpha=alpha,
            arm_names=(f"after {' and '.join(polluters)}", "alone"),
        )


class Setter:
    """Find the state-setter of a brittle test: it fails alone and passes after another test."""

    name = "setter"

    def investigate(self, case: Case) -> Steps:
        """Run the whole suite; where the test passes there, search the smallest set that is enough."""
        (run,) = yield from look(case.base.plus(nodeids=case.suite), why="the whole suite around it")
        if not run.passed(case.nodeid):
            return Finding(excluded="it fails in the whole suite too: no other test sets what it needs")
        others = [nodeid for nodeid in case.suite if nodeid != case.nodeid]
        setters = yield from minimise(
            others,
            lambda part: _after(case, part),
            lambda seen: seen.passed(case.nodeid),
            "fewer tests before it",
        )
        named = " and ".join(setters)
        experiment = Experiment(
            probe=self.name,
            factor=Factor(kind="order", name="before", from_="alone", to=list(setters)),
            prediction=f"Alone it fails; after {named} it passes, because that test makes what it needs.",
            baseline=case.base,
            treated=_after(case, setters),
            watch=(case.nodeid,),
            arm_names=("alone", f"after {named}"),
        )
        (trial,) = yield from test(experiment)
        if trial.result.status is not Status.CONFIRMED:
            return Finding(excluded=f"{named} does not make it pass every time")
        cause = RootCause(
            kind="order-dependent",
            summary=f"it fails alone and passes after {named}: it needs what that test leaves behind",
            factor=trial.result.factor,
            culprits=tuple(setters),
            confidence="proven",
        )
        return Finding(cause=cause, proof=experiment)


def _others(case: Case) -> list[str]:
    return [nodeid for nodeid in case.base.nodeids if nodeid != case.nodeid]


def _after(case: Case, part: Sequence[str]) -> Setup:
    """These tests and the subject, in the order of the suite; the subject keeps its place."""
    wanted = {*part, case.nodeid}
    order = case.suite if set(case.base.nodeids) <= set(case.suite) else case.base.nodeids
    return case.base.plus(nodeids=tuple(nodeid for nodeid in order if nodeid in wanted))


def _repair(
    case: Case, polluters: Sequence[str], polluted: Setup, leaked: LeakedState
) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[Patch, ...]]:
    """The first edit of a polluter with which all of them pass, and the victim after them."""
    for polluter in polluters:
        path = polluter.partition("::")[0]
        source = case.source(path) or ""
        for title, after in restored(source, polluter, leaked.keys, leaked.clean, case.files):
            (run,) = yield from look(polluted.plus(edits={path: after}), why=title)
            if run.passed(case.nodeid) and not any(run.red(nodeid) for nodeid in polluters):
                return (patch_of(path, source, after, title, f"{polluter} leaks {leaked.shown[0]}"),)
    return ()


def _cause(polluters: Sequence[str], leaked: LeakedState | None, factor: Factor | None) -> RootCause:
    kind: CauseKind = "order-dependent"
    summary = f"it passes alone and fails after {' and '.join(polluters)}"
    if len(polluters) > 1:
        summary += ": it needs all of them"
    if leaked is not None:
        if leaked.keys == ("cwd",):
            kind = "working-directory"
        summary += f"; they leak {', '.join(leaked.shown)}: with that restored, the test passes"
    return RootCause(
        kind=kind,
        summary=summary,
        factor=leaked.factor if leaked else factor,
        culprits=tuple(polluters),
        confidence="proven",
    )
