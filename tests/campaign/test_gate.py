"""What the gate holds against a run, and what it only warns about."""

from datetime import date

import pytest

from triage.campaign.gate import Policy, judge
from triage.model.cluster import Cluster, ClusterStatus, RunState
from triage.model.quarantine import Quarantine

TODAY = date(2026, 11, 30)


def judged(policy: Policy | None = None, known: tuple[str, ...] = ("t::a",), **fields):
    """(held against, warnings) of a run with one cluster."""
    cluster = Cluster(id="C1", title="broken", members=("t::a",), **fields)
    members = {"C1": known}
    report = judge("S", [cluster], policy or Policy(), known_members=members, today=TODAY)
    return report.held_against, report.warnings


def until(day: str, **fields) -> Quarantine:
    return Quarantine(
        cluster="C1", until=date.fromisoformat(day), owner="ada", reason="flaky net", by="b", at="T", **fields
    )


@pytest.mark.parametrize(
    ("state", "policy", "held", "warned"),
    [
        ("new", Policy(), "C1 new: broken", None),
        ("regressed", Policy(), "C1 regressed: broken", None),
        ("known", Policy(), None, None),
        ("known", Policy(gate="strict"), "C1 known: broken", None),
        ("flaky", Policy(), None, "C1 flaky: broken"),
        ("flaky", Policy(gate="strict"), None, "C1 flaky: broken"),
        ("flaky", Policy(flaky="fail"), "C1 flaky: broken", None),
        ("fixed", Policy(), None, None),
        ("fixed", Policy(fail_on=("fixed-open",)),
         "C1 fixed and still open: close it with `triage verify C1`", None),
        ("not_run", Policy(flaky="fail", gate="strict", fail_on=("fixed-open",)), None, None),
    ],
)  # fmt: skip
def test_each_state_under_each_policy(state, policy, held, warned):
    held_against, warnings = judged(policy, state_in_run=RunState(state))
    assert (held_against, warnings) == ((held,) if held else (), (warned,) if warned else ())


def test_a_pass_that_may_be_luck_is_no_failure():
    strict = Policy(flaky="fail", gate="strict", fail_on=("fixed-open",))
    assert judged(strict, state_in_run=RunState.FLAKY, may_be_lucky=True) == ((), ())


def test_resolved_clusters_are_not_asked_to_be_closed():
    policy = Policy(fail_on=("fixed-open",))
    fields = {"state_in_run": RunState.FIXED, "status": ClusterStatus.RESOLVED}
    assert judged(policy, **fields) == ((), ())


def test_new_members_of_a_known_cluster():
    policy = Policy(gate="reason-and-test")
    assert judged(policy, known=(), state_in_run=RunState.KNOWN)[0] == ("C1 new member: t::a",)
    assert judged(policy, state_in_run=RunState.KNOWN)[0] == ()


@pytest.mark.parametrize("state", [RunState.KNOWN, RunState.REGRESSED, RunState.FLAKY])
def test_a_quarantine_holds_through_its_last_day(state):
    policy = Policy(gate="strict", flaky="fail")
    held, warned = judged(policy, state_in_run=state, quarantine=until("2026-11-30"))
    assert (held, warned) == ((), ("C1 in quarantine until 2026-11-30: broken",))
    held, warned = judged(Policy(), state_in_run=state, quarantine=until("2026-11-29"))
    assert (held, warned) == (("C1 out of quarantine since 2026-11-29: broken",), ())


def test_an_ended_quarantine_of_what_passes_is_no_failure():
    assert judged(state_in_run=RunState.FIXED, quarantine=until("2026-11-29")) == ((), ())
