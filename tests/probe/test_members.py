"""A cluster is one cause: the proven treatment is tried on its other members."""

from __future__ import annotations

from triage.cluster.event_factory import EventFactory
from triage.evidence.folder import EvidenceFolder
from triage.lab.probe_folder import events_of
from triage.lab.protocol import Experiment, Setup
from triage.lab.verdict import judge
from triage.model.cluster import ClusterStatus
from triage.model.experiment import Factor, ProbeReport, RootCause
from triage.model.journal import AttemptRecorded, StatusChanged
from triage.probe.members import divide
from triage.testing.probes import seen

MEMBERS = tuple(f"tests/test_a.py::test_{name}" for name in ("one", "two", "three", "four"))
MOVED = {MEMBERS[0], MEMBERS[1], MEMBERS[3]}
PROOF = Experiment(
    probe="environment",
    factor=Factor(kind="env", name="X", to=None),
    prediction="it passes",
    baseline=Setup(nodeids=(MEMBERS[0],)),
    treated=Setup(nodeids=(MEMBERS[0],), env={"X": None}),
    watch=(MEMBERS[0],),
)
CAUSE = RootCause(kind="environment-variable", summary="X", confidence="proven")


class FakeLab:
    reason = None

    def experiment(self, experiment):
        def run(setup):
            (nodeid,) = setup.nodeids
            return seen(nodeid, "X" in setup.env and nodeid in MOVED)

        before = [run(experiment.baseline) for _ in range(4)]
        return judge(experiment, before, [run(experiment.treated) for _ in range(4)])


def divided():
    return divide(FakeLab(), PROOF, MEMBERS)


def test_the_treatment_is_tried_on_every_member():
    division = divided()
    assert set(division.moved) == MOVED
    assert division.unmoved == (MEMBERS[2],)
    assert len(division.results) == 3
    assert division.results[0].sentence == (
        f"With {MEMBERS[1]} in its place, unchanged, the test failed 4 of 4 times; "
        "with X unset it passed 4 of 4 times (p = 0.014)."
    )


def test_what_the_treated_arm_watches_is_the_members_own_test():
    # as the proof of a first bad commit: it names the test that each arm runs
    proof = PROOF.model_copy(update={"treated_watch": PROOF.watch})
    division = divide(FakeLab(), proof, MEMBERS)
    assert set(division.moved) == MOVED
    assert division.notes == (f"It flips 3 members, and does not flip {MEMBERS[2]}.",)


def test_a_proof_by_another_test_says_nothing_of_members():
    proof = PROOF.model_copy(update={"treated_watch": ("tests/test_a.py::test_old_name",)})
    assert divide(FakeLab(), proof, MEMBERS).results == ()


def test_without_a_proof_nothing_is_divided():
    assert divide(FakeLab(), None, MEMBERS).results == ()


def told(tmp_path, cluster, confidence):
    cause = CAUSE.model_copy(update={"confidence": confidence})
    report = ProbeReport(subject=MEMBERS, cluster=cluster, reproduced=True, root_cause=cause)
    folder = EvidenceFolder.create(tmp_path, "camp", "b", "20260101T000000Z")
    return events_of(
        report, folder, "reports/camp/phase_b/20260101T000000Z", EventFactory("2026-01-01T00:00:00Z", "t")
    )


def test_the_journal_gets_attempt_and_status(tmp_path):
    attempt, status = told(tmp_path, "C19", "proven")
    assert isinstance(attempt, AttemptRecorded)
    assert (attempt.phase, attempt.campaign, attempt.stamp) == ("b", "camp", "20260101T000000Z")
    assert isinstance(status, StatusChanged)
    assert status.status is ClusterStatus.PROBED


def test_an_unknown_cause_is_an_attempt_and_no_change_of_status(tmp_path):
    (attempt,) = told(tmp_path, "C19", "unknown")
    assert isinstance(attempt, AttemptRecorded)


def test_a_test_of_no_cluster_leaves_no_event(tmp_path):
    assert told(tmp_path, None, "proven") == []
