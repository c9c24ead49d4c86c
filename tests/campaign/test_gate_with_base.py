"""What the gate makes of the base's verdicts: they go before everything that is stored."""

from __future__ import annotations

from datetime import date

import pytest

from triage.campaign.gate import Policy, judge
from triage.cluster.on_base import blamed, with_base
from triage.model.base_commit import BaseRun, BaseVerdict, OnBase
from triage.model.cluster import Cluster, RunState
from triage.model.outcome import Outcome
from triage.model.run import RunRecord, TestResult

BROKEN, ABSENT, UNDECIDED, RED = (
    BaseVerdict.BROKEN,
    BaseVerdict.ABSENT,
    BaseVerdict.UNDECIDED,
    BaseVerdict.RED,
)


def record(**verdicts):
    """A run whose red (or, by a name with `flaky`, flaky) tests have these verdicts."""
    results = []
    for name, verdict in verdicts.items():
        outcome = Outcome.FLAKY if "flaky" in name else Outcome.FAILED
        base = OnBase(ref="main", commit="a" * 40, verdict=verdict, reason="why")
        results.append(TestResult(nodeid=f"t.py::{name}", outcome=outcome, base=base))
    base = BaseRun(ref="main", commit="a" * 40, chosen="base as named")
    return RunRecord(stamp="s", campaign="t", root="/r", complete=True, results=tuple(results), base=base)


def cluster_of(run, state=RunState.FLAKY):
    members = tuple(result.nodeid for result in run.results)
    return Cluster(id="C1", title="it broke", state_in_run=state, members=members)


def held(run, state, policy=None):
    members = tuple(result.nodeid for result in run.results)
    (cluster,) = with_base([cluster_of(run, state)], run)
    report = judge(
        "s",
        [cluster],
        policy or Policy(),
        known_members={"C1": members},
        blamed={"C1": blamed(cluster, run)},
        today=date(2026, 1, 1),
    )
    assert bool(report.held_against) == cluster.is_unexplained or policy is not None
    return report.held_against


@pytest.mark.parametrize("state", [RunState.NEW, RunState.KNOWN, RunState.REGRESSED])
@pytest.mark.parametrize(("verdict", "fails"), [(BROKEN, True), (ABSENT, True), (RED, False)])
def test_an_answer_of_the_base_decides_whatever_is_stored(state, verdict, fails):
    assert bool(held(record(test=verdict), state)) is fails


@pytest.mark.parametrize(
    ("state", "fails"), [(RunState.NEW, True), (RunState.REGRESSED, True), (RunState.KNOWN, False)]
)
def test_where_the_base_is_undecided_what_is_stored_counts(state, fails):
    lines = held(record(test=UNDECIDED), state)
    assert bool(lines) is fails
    assert all("undecided on the base" in line for line in lines)


def test_each_test_that_the_change_broke_is_named_and_no_other():
    (line,) = held(record(broke=BROKEN, was_red=RED), RunState.KNOWN)
    assert "t.py::broke: why" in line
    assert "was_red" not in line


def test_red_on_the_base_counts_only_where_nothing_may_be_red():
    assert held(record(test=RED), RunState.NEW, Policy(gate="strict"))
    assert not held(record(test=RED), RunState.NEW, Policy(gate="reason-and-test"))


def test_a_flaky_test_stays_aside_unless_it_is_asked_for():
    introduced, known_there = record(flaky=BROKEN), record(flaky=RED)
    assert not held(introduced, RunState.FLAKY)
    assert blamed(cluster_of(introduced), introduced) == ["t.py::flaky: why"]
    assert held(introduced, RunState.FLAKY, Policy(flaky="fail"))
    assert not held(known_there, RunState.FLAKY, Policy(flaky="fail"))


def test_a_steady_member_speaks_for_a_cluster_before_a_flaky_one():
    run = record(flaky=BROKEN, steady=RED)
    members = tuple(result.nodeid for result in run.results)
    (cluster,) = with_base([Cluster(id="C1", title="t", state_in_run=RunState.NEW, members=members)], run)
    assert cluster.base is RED


def test_without_a_base_nothing_is_said_of_it():
    run = RunRecord(stamp="s", campaign="t", root="/r", complete=True)
    cluster = Cluster(id="C1", title="t", state_in_run=RunState.NEW, members=("t.py::test",))
    assert with_base([cluster], run) == (cluster,)
    assert cluster.is_unexplained
