"""The climb: likeliest first, until proven; no probe's word is a proof; trouble is noted and passed by."""

from __future__ import annotations

import pytest

from triage.lab.budget import BudgetSpent
from triage.lab.protocol import Experiment, Look, Setup
from triage.lab.verdict import judge
from triage.model.experiment import Factor, RootCause
from triage.probe.api import Finding, look, test
from triage.probe.schedule import run_probes
from triage.testing.probes import case_of, failure, seen

T = "tests/test_a.py::test_it"


EXECUTED = {"event": "executed", "nodeid": T, "detail": "lines", "files": [], "lines": []}


def world(setup):
    measured = {"lines": (EXECUTED,)} if "lines" in setup.instruments else {}
    return seen(T, setup.env.get("FIX") == "1", measured=measured)


class FakeLab:
    """Answers from the world; spends its budget after so many runs."""

    def __init__(self, runs=10_000):
        self.left = runs

    def answer(self, steps):
        return tuple(self._look(s.setup) if isinstance(s, Look) else self._experiment(s) for s in steps)

    def _look(self, setup):
        if self.left == 0:
            raise BudgetSpent
        self.left -= 1
        return world(setup)

    def _experiment(self, experiment):
        before = [self._look(experiment.baseline) for _ in range(4)]
        after = [self._look(experiment.treated) for _ in range(4)]
        return judge(experiment, before, after, failure(T))


class Probe:
    def __init__(self, name, likelihood, env=None, claims=None, breaks=False):
        self.name, self._likelihood, self._env, self._claims, self._breaks = (
            name,
            likelihood,
            env,
            claims,
            breaks,
        )
        self.asked = False

    def likelihood(self, case):
        return self._likelihood

    def investigate(self, case):
        self.asked = True
        if self._breaks:
            raise RuntimeError("a bug of its own")
        confidence = self._claims
        if self._env is None:
            yield from look(case.base, why="-")
        else:
            experiment = Experiment(
                probe=self.name, factor=Factor(kind="env", name="FIX", to="1"), prediction="it passes",
                baseline=case.base, treated=case.base.plus(env=self._env), watch=(T,),
            )  # fmt: skip
            yield from test(experiment)
        if confidence is None:
            return Finding(excluded="nothing found")
        return Finding(cause=RootCause(kind="environment-variable", summary=self.name, confidence=confidence))


DOCUMENTED = {".env.example": "FIX=1\n"}
"""What says that the variable has to be set."""


def case(files=DOCUMENTED):
    return case_of(T, world, Setup(nodeids=(T,)), files=tuple(files), source=files.get)


def test_it_ends_with_the_first_proof():
    right = Probe("right", 0.9, env={"FIX": "1"}, claims="proven")
    never = Probe("never", 0.2)
    run = run_probes(FakeLab(), case(), [never, right])
    assert run.cause().confidence == "proven"
    assert right.asked
    assert not never.asked


@pytest.mark.parametrize("env", [None, {"FIX": "0"}])
def test_a_proof_without_a_confirmed_experiment_is_only_likely(env):
    run = run_probes(FakeLab(), case(), [Probe("boaster", 0.9, env=env, claims="proven")])
    assert run.cause().confidence == "likely"


def test_another_probes_experiment_proves_nothing_for_the_boaster():
    honest = Probe("honest", 0.9, env={"FIX": "1"})
    boaster = Probe("boaster", 0.5, claims="proven")
    assert run_probes(FakeLab(), case(), [honest, boaster]).cause().confidence == "likely"


def test_a_probe_that_breaks_is_noted_and_the_next_one_asked():
    run = run_probes(
        FakeLab(),
        case(),
        [Probe("bad", 0.9, breaks=True), Probe("right", 0.5, env={"FIX": "1"}, claims="proven")],
    )
    assert run.cause().confidence == "proven"
    assert "bad" in run.notes[0]


def test_a_spent_budget_keeps_what_was_found():
    likely = Probe("first", 0.9, claims="likely")
    run = run_probes(
        FakeLab(runs=3),
        case(),
        [likely, Probe("second", 0.5, env={"FIX": "1"}, claims="proven"), Probe("third", 0.4)],
    )
    assert run.cause().summary == "first"
    assert "second" in run.notes[0]
    assert "third" in run.notes[0]


def test_an_undocumented_variable_is_a_condition_and_only_a_version_that_worked_is_asked_for():
    right = Probe("right", 0.9, env={"FIX": "1"}, claims="proven")
    commit, other = Probe("commit", 0.2), Probe("other", 0.5)
    cause = run_probes(FakeLab(), case(files={}), [commit, other, right]).cause()
    assert (cause.claim, cause.confidence) == ("condition", "likely")
    assert cause.summary.startswith("proven: the test depends on FIX; whether the value or the code is wrong")
    assert commit.asked
    assert not other.asked


def test_a_guess_without_an_experiment_does_not_displace_what_was_confirmed():
    confirmed = Probe("confirmed", 0.9, env={"FIX": "1"}, claims="proven")
    later = Probe("commit", 0.5, claims="likely")
    cause = run_probes(FakeLab(), case(files={}), [confirmed, later]).cause()
    assert cause.summary.endswith("Confirmed")


def test_the_budget_that_ends_behind_a_confirmed_experiment_leaves_what_it_shows():
    """Eight runs are the experiment; none is left to examine it."""
    run = run_probes(FakeLab(runs=8), case(), [Probe("right", 0.9, env={"FIX": "1"}, claims="proven")])
    cause = run.cause()
    assert (cause.kind, cause.claim) == ("environment-variable", "condition")
    assert "no time was left" in cause.summary
    assert run.proof is not None


POLLUTER = "tests/test_a.py::test_polluter"


class Order:
    """Proves who pollutes and what leaks, and would go on to ask which line writes it."""

    name = "order"

    def likelihood(self, case):
        return 0.9

    def investigate(self, case):
        order = Factor(kind="order", name="before", from_=[POLLUTER], to="alone")
        restore = Factor(kind="restore", name="attr:quiet.LEVEL", from_="leaked", to="restored")
        for factor in (order, restore):
            experiment = Experiment(
                probe=self.name, factor=factor, prediction="it passes", baseline=case.base,
                treated=case.base.plus(env={"FIX": "1"}), watch=(T,),
            )  # fmt: skip
            yield from test(experiment)
        yield from look(case.base, why="which line writes what leaks")
        yield from look(case.base, why="whether a repair helps")


@pytest.mark.parametrize("runs", [8, 16, 17])
def test_the_budget_that_ends_behind_a_proven_order_keeps_the_polluter(runs):
    """It ends behind the order, behind what leaks, and in the runs that come after."""
    run = run_probes(FakeLab(runs=runs), case(), [Order()])
    cause = run.cause()
    assert (cause.kind, cause.confidence, cause.claim) == ("order-dependent", "proven", "cause")
    assert cause.culprits == (POLLUTER,)
    assert run.proof.factor.kind == "order"


def test_nothing_found_says_what_was_excluded():
    run = run_probes(FakeLab(), case(), [Probe("one", 0.9), Probe("hopeless", 0.0)])
    assert (run.cause().kind, run.cause().confidence) == ("unknown", "unknown")
    assert run.excluded == ("one: nothing found",)


class Survey:
    name = "survey"

    def likelihood(self, case):
        return 1.0

    def investigate(self, case):
        yield from look(case.base)
        use = {"event": "use", "what": "clock", "name": "time.time", "where": "app.py:3"}
        return Finding(facts={"usage": (use,)})


def test_what_the_traced_run_did_not_ask_for_is_said_and_not_excluded():
    run = run_probes(FakeLab(), case_of(T, world), [Survey(), Probe("network", 0.5)])
    summary = run.cause().summary
    assert "Not tried, because the traced run did not ask for it: files, random numbers" in summary
    assert "the clock" not in summary, "it was asked for"
    assert "the network" not in summary, "it was tried"
    assert run.excluded == ("network: nothing found",)
