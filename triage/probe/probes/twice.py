"""Find what a test leaves behind that breaks its own next run: it passes once and fails the second time."""

from __future__ import annotations

from triage.lab.protocol import Experiment, Setup
from triage.model.experiment import Factor, Patch, RootCause, Status
from triage.probe.api import Case, Finding, Steps, test
from triage.probe.leak_writers import find_writer
from triage.probe.leaked_state import find_leaked_state
from triage.probe.polluter_repairs import repairs_of
from triage.probe.product_repairs import product_repair
from triage.probe.treatment import repeats_of
from triage.text.capital import capitalised

TWICE = "twice"
"""The instrument, and the kind of the factor."""


def fails_the_second_time(case: Case) -> bool:
    """Whether the failure was seen where the test ran twice in one process, and nowhere else."""
    return case.context == "twice"


def run_twice(nodeid: str) -> Setup:
    """A test that runs twice in one process, each time with fixtures and an instance of its own."""
    return Setup(nodeids=(nodeid,), instruments={TWICE: {"on": True}})


class Twice:
    """Compare a second run with a first one, then find the state that the first one leaves behind."""

    name = "twice"

    def investigate(self, case: Case) -> Steps:
        """The test is its own polluter, and its own victim."""
        repeats, alpha = repeats_of(case)
        experiment = Experiment(
            probe=self.name,
            factor=Factor(kind=TWICE, name="runs in one process", from_=2, to=1),
            prediction="It fails the second time that it runs in one process, and passes where it runs once.",
            baseline=case.base,
            treated=case.base.plus(instruments={TWICE: {}}),
            watch=(case.nodeid,),
            repeats=repeats,
            alpha=alpha,
            arm_names=("run twice in one process", "run once"),
        )
        (trial,) = yield from test(experiment)
        if trial.result.status is not Status.CONFIRMED:
            return Finding(excluded="a second run in one process does not decide")
        itself = (case.nodeid,)
        cause = RootCause(
            kind="order-dependent",
            summary="the test passes once and fails the second time that it runs in one process: "
            "it leaves something behind that breaks its own next run",
            factor=trial.result.factor,
            culprits=itself,
            confidence="proven",
        )
        leaked = yield from find_leaked_state(self.name, case, experiment.baseline, experiment.treated)
        if leaked is None:
            return Finding(cause=cause, proof=experiment)
        summary = (
            f"{cause.summary}. What leaks is {' and '.join(leaked.shown)}: with that put back, it passes"
        )
        writer = yield from find_writer(case, itself, experiment.baseline, leaked)
        patches: tuple[Patch, ...] = ()
        if writer is not None:
            summary = f"{summary}. {capitalised(writer.sentence)}"
            cause = cause.model_copy(
                update={"culprits": (*itself, writer.place), "at_fault": writer.at_fault}
            )
            patches = yield from product_repair(case, writer, leaked, itself, experiment.baseline)
        patches += yield from repairs_of(case, [itself], leaked, lambda case, polluters: case.base)
        return Finding(cause=cause.model_copy(update={"summary": summary}), proof=experiment, patches=patches)
