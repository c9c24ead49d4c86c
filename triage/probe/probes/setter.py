"""Find what a brittle test lacks: it fails alone and passes after another test, or beside its import."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from triage.lab.protocol import Answer, Experiment, Setup, Step
from triage.model.experiment import Factor, Patch, RootCause, Status
from triage.model.nodeid import file_of
from triage.model.outcome import Outcome
from triage.probe.api import Case, Finding, Steps, look, test
from triage.probe.edits.missing_setup import SetupEdits
from triage.probe.edits.statements import patch_of
from triage.probe.minimise import minimise

_MOST_TESTS = 3000
"""A larger suite takes too long to be run whole in search of a state-setter."""
_MOST_FIXTURES = 4
_Patches = Generator[tuple[Step, ...], tuple[Answer, ...], tuple[Patch, ...]]


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


class Setter:
    """Find the state-setter of a brittle test: it fails alone and passes after another test."""

    name = "setter"

    def investigate(self, case: Case) -> Steps:
        """Run it in company; where it passes there, search the smallest set that is enough."""
        for company in _companies(case):
            (run,) = yield from look(company, why="does it pass among others?")
            if run.passed(case.nodeid):
                return (yield from self._within(case, company))
        return Finding(excluded="it fails in the whole suite too: no other test sets what it needs")

    def _within(self, case: Case, company: Setup) -> Steps:
        others = [nodeid for nodeid in company.nodeids if nodeid != case.nodeid]

        def beside(part: Sequence[str]) -> Setup:
            wanted = {*part, case.nodeid}
            return company.plus(nodeids=tuple(nodeid for nodeid in company.nodeids if nodeid in wanted))

        setters = yield from minimise(
            others, beside, lambda seen: seen.passed(case.nodeid), "fewer tests before it"
        )
        named = " and ".join(setters)
        experiment = Experiment(
            probe=self.name,
            factor=Factor(kind="order", name="before", from_="alone", to=list(setters)),
            prediction=f"Alone it fails; after {named} it passes, because that test makes what it needs.",
            baseline=case.base,
            treated=beside(setters),
            watch=(case.nodeid,),
            arm_names=("alone", f"after {named}"),
        )
        (trial,) = yield from test(experiment)
        if trial.result.status is not Status.CONFIRMED:
            return Finding(excluded=f"{named} does not make it pass every time")
        patches = yield from setup_repairs(case, setters)
        cause = RootCause(
            kind="order-dependent",
            summary=f"the test fails alone and passes after {named}: it needs what is left behind there",
            factor=trial.result.factor,
            culprits=tuple(setters),
            confidence="proven",
        )
        return Finding(cause=cause, proof=experiment, patches=patches)


def _companies(case: Case) -> Iterator[Setup]:
    """The order in which a run saw it pass, then the order of the suite."""
    if case.nodeid in case.recorded and passed_in_the_suite(case):
        before = case.recorded[: case.recorded.index(case.nodeid) + 1]
        if len(before) > 1:
            yield case.base.plus(nodeids=before)
    yield case.base.plus(nodeids=case.suite)


def setup_repairs(case: Case, setters: Sequence[str]) -> _Patches:
    """The missing setup in the test itself: fixtures of the setter, else the fewest of its statements."""
    path = file_of(case.nodeid)
    source = case.source(path)
    if source is None or len(setters) != 1:
        return ()
    (setter,) = setters
    edits = SetupEdits.of(source, case.nodeid, case.source(file_of(setter)) or "", setter)
    if edits is None:
        return ()
    reason = f"alone the test lacks what {setter} leaves behind"
    for fixture in edits.fixtures[:_MOST_FIXTURES]:
        text = edits.with_fixture(fixture)
        (run,) = yield from look(case.base.plus(edits={path: text}), why=f"with the fixture {fixture}")
        if run.passed(case.nodeid):
            return (patch_of(path, source, text, f"the test uses the fixture {fixture}", reason),)
    everything = tuple(range(edits.count))
    whole = edits.with_statements(everything)
    if whole is None:
        return ()
    (run,) = yield from look(case.base.plus(edits={path: whole}), why="with the statements of its setter")
    if not run.passed(case.nodeid):
        return ()
    kept = yield from minimise(
        everything,
        lambda part: case.base.plus(edits={path: edits.with_statements(part) or source}),
        lambda seen: seen.passed(case.nodeid),
        "fewer statements of its setter",
    )
    fewest = edits.with_statements(kept) or whole
    title = f"the test makes what it needs, as {setter.rpartition('::')[2]} does"
    return (patch_of(path, source, fewest, title, reason),)
