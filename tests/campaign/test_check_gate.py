"""The gate's answer is judged again from the clusters, the base and the policy that it was given by."""

from __future__ import annotations

from datetime import date

import pytest

from triage.campaign.check.gate_report import check_gate_report
from triage.campaign.gate import Policy, judge
from triage.evidence.folder import EvidenceFolder
from triage.model.cluster import Cluster, RunState
from triage.model.journal import MembersAdded
from triage.model.quarantine import Quarantine
from triage.model.run import RunRecord

STAMP = "20260110T230000Z"
NEXT_DAY = date(2026, 1, 11)
"""The run ended after midnight."""
OLD, NEW = "t.py::old", "t.py::new"


def _quarantine(until: str) -> Quarantine:
    day = date.fromisoformat(until)
    return Quarantine(cluster="C3", until=day, owner="ada", reason="network", by="b", at="T")


CLUSTERS = (
    Cluster(id="C1", title="new", members=("t.py::a",), state_in_run=RunState.NEW),
    Cluster(id="C2", title="known", members=(OLD, NEW), state_in_run=RunState.KNOWN),
    Cluster(
        id="C3", title="vouched for", members=("t.py::c",), state_in_run=RunState.KNOWN,
        quarantine=_quarantine("2026-01-11"),
    ),
    Cluster(
        id="C4", title="no more", members=("t.py::d",), state_in_run=RunState.KNOWN,
        quarantine=_quarantine("2026-01-10"),
    ),
    Cluster(id="C5", title="flaky", members=("t.py::e",), state_in_run=RunState.FLAKY),
    Cluster(id="C6", title="mended", members=("t.py::f",), state_in_run=RunState.FIXED),
)  # fmt: skip
EVENT = MembersAdded(id="i", at="T", by="b", cluster="C2", members=(NEW,), stamp=STAMP)


@pytest.fixture
def problems(tmp_path):
    """Problems of a run's gate once its report was changed."""
    folder = EvidenceFolder.create(tmp_path, "c", "a", STAMP)
    record = RunRecord(stamp=STAMP, campaign="c", root="/r", complete=True)
    folder.write_json("results.json", record)
    folder.write_json("clusters.json", {"stamp": STAMP, "clusters": CLUSTERS})
    known = {cluster.id: [n for n in cluster.members if n != NEW] for cluster in CLUSTERS[1:]}
    policy = Policy(gate="reason-and-test", fail_on=("fixed-open",))
    report = judge(STAMP, CLUSTERS, policy, known_members=known, today=NEXT_DAY)

    def found(**changes):
        folder.write_json("gate.json", report.model_copy(update=changes))
        return list(check_gate_report(folder, [EVENT]))

    found.report, found.folder = report, folder
    return found


def test_what_follows_is_no_problem(problems):
    assert problems.report.held_against == (
        "C1 new: new",
        "C2 new member: t.py::new",
        "C4 out of quarantine since 2026-01-10: no more",
        "C6 fixed and still open: close it with `triage verify C6`",
    )
    assert problems.report.warnings == ("C3 in quarantine until 2026-01-11: vouched for", "C5 flaky: flaky")
    assert problems() == []


@pytest.mark.parametrize("number", range(4))
def test_each_line_that_is_left_out_is_found(problems, number):
    held = list(problems.report.held_against)
    left_out = held.pop(number)
    (problem,) = problems(held_against=tuple(held))
    assert problem.endswith(f"{left_out!r} is missing")


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"held_against": ("C9 new: never seen",)}, "is missing"),
        ({"warnings": ()}, "warnings is not what"),
        ({"quarantined": ("C3", "C1")}, "'C1' is no part of it"),
        ({"day": date(2026, 1, 9)}, "and the run began on 2026-01-10"),
        ({"policy": Policy()}, "is no part of it"),
        ({"new_members": {}}, "t.py::new was new in its cluster"),
        ({"stamp": "20260101T000000Z"}, "it is of 20260101T000000Z"),
    ],
)
def test_what_does_not_follow_is_found(problems, changes, found):
    assert any(found in problem for problem in problems(**changes))


def test_reports_of_older_versions_are_left_to_the_older_checks(problems):
    assert problems(day=None, held_against=()) == []
    problems.folder.write_json("summary.json", {"v": 7})
    assert problems(day=None) == ["it does not say on which day it was judged"]
