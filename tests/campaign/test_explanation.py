"""What `triage explain` reads: stored signatures, the evidence that decided, the cause of phase B."""

from __future__ import annotations

from triage.campaign.explanation import deciding, known_cause
from triage.campaign.stored_signatures import Placed, read_signatures, write_signatures
from triage.cluster.assign import Assignment
from triage.cluster.registry import ClusterRegistry
from triage.evidence.folder import EvidenceFolder
from triage.lab.probe_folder import events_of, write_report
from triage.model.cluster import Cluster, Why
from triage.model.experiment import Factor, ProbeReport, RootCause
from triage.model.journal import ClusterOpened

FRAME = Why(kind="frame", detail="shop/price.py:net")
LINE = Why(kind="line", detail="assert total() == 3")
JOIN = Why(kind="experiment", detail="all pass with env:X=1")


def test_of_a_single_test_nothing_joined_anything():
    one = Cluster(id="C1", title="x", members=("t.py::a",), why=(FRAME, LINE))
    assert deciding(one) == ()
    assert deciding(one.model_copy(update={"members": ("t.py::a", "t.py::b")})) == (FRAME, LINE)
    assert deciding(one.model_copy(update={"why": (FRAME, JOIN)})) == (JOIN,)


def test_signatures_are_read_as_they_were_written(tmp_path):
    folder = EvidenceFolder.create(tmp_path, "camp", "a", "20260101T000000Z")
    first, second = "reason/1:" + "1" * 16, "reason/1:" + "2" * 16
    places = {("t.py::a", 0): "C1", ("t.py::a", 1): "C2", ("t.py::b", 0): "C1"}
    signatures = {("t.py::a", 0): (first,), ("t.py::a", 1): (second,), ("t.py::b", 0): (first,)}
    fields = {first: {"exception": "KeyError"}, second: {"exception": "OSError"}}
    write_signatures(folder, Assignment((), (), places, signatures, fields))
    stored = read_signatures(folder)
    assert stored.failures[0] == Placed("t.py::a", first, "C1")
    assert stored.clusters_of("t.py::a") == ["C1", "C2"]
    members = stored.members(["C1"])
    assert list(members) == ["t.py::a", "t.py::b"]
    assert members["t.py::a"][0].fields == {"exception": "KeyError"}


def test_the_newest_cause_that_a_probe_found_is_told(tmp_path):
    factory = ClusterRegistry.of(()).event_factory("2026-01-01T00:00:00Z", "me")
    opened = factory.make(
        ClusterOpened,
        cluster="C1",
        title="x",
        stamp="20260101T000000Z",
        signatures=("reason/1:" + "1" * 16,),
        members=("t.py::a",),
    )
    events = [opened]
    found = RootCause(
        kind="environment-variable",
        summary="X has to be 1",
        factor=Factor(kind="env", name="X", to="1"),
        culprits=("X",),
        confidence="likely",
    )
    nothing = RootCause(kind="unknown", summary="no cause was found")
    for number, cause in enumerate((found, nothing), start=1):
        folder = EvidenceFolder.create(tmp_path, "camp", "b", f"2026010{number}T000000Z")
        report = ProbeReport(subject=("t.py::a",), cluster="C1", reproduced=True, root_cause=cause)
        write_report(folder, report)
        events += events_of(report, folder, folder.relative(tmp_path), factory)
    registry = ClusterRegistry.of(events)
    told = known_cause(tmp_path, registry, "C1")
    assert told is not None
    assert (told.verdict, told.kind, told.factor) == ("likely", "environment-variable", "env:X=1")
    assert told.culprits == ("X",)
    assert told.evidence == "reports/camp/phase_b/20260101T000000Z/probe.json"
