"""What ledgers state follows from the journal alone, merged clusters' history included."""

from __future__ import annotations

from triage.cluster.registry import ClusterRegistry
from triage.documents.ledger_values import ledger_values
from triage.documents.ledgers import LEDGERS, render_regions, update_ledgers
from triage.model.cluster import ClusterStatus
from triage.model.journal import (
    AttemptRecorded,
    ClusterOpened,
    ClustersMerged,
    CriterionMet,
    OwnerSet,
    StatusChanged,
)

STAMP = "20260101T000000Z"


def _events():
    serial = iter(range(1, 100))

    def make(kind, **fields):
        number = next(serial)
        return kind(id=str(number), at=f"2026-01-01T00:00:{number:02d}.000000Z", by="t", **fields)

    opened = {"stamp": STAMP, "signatures": (), "members": ("t.py::x",)}
    attempt = {"campaign": "x", "stamp": STAMP, "evidence": ("reports/e.json",)}
    return [
        make(ClusterOpened, cluster="C2", title="two | `x`", **opened),
        make(ClusterOpened, cluster="C10", title="ten", **opened),
        make(AttemptRecorded, cluster="C10", phase="b", summary="first", **attempt),
        make(AttemptRecorded, cluster="C2", phase="b", summary="second", **attempt),
        make(ClustersMerged, cluster="C10", into="C2"),
        make(OwnerSet, cluster="C2", owner="kim"),
        make(AttemptRecorded, cluster="C2", phase="c", summary="third", **attempt),
        make(CriterionMet, cluster="C2", criterion="targeted", scope="alone", runs=4, stamp=STAMP),
        make(StatusChanged, cluster="C2", status=ClusterStatus.RESOLVED, reason="met", stamp=STAMP),
    ]


def test_history_follows_a_merge_and_counts_attempts():
    registry = ClusterRegistry.of(_events())
    clusters = {c["id"]: c for c in ledger_values(registry, {})["clusters"]}
    assert list(clusters) == ["C2", "C10"]
    two = clusters["C2"]
    assert [(a["number"], a["summary"]) for a in two["attempts"]] == [
        (1, "first"),
        (2, "second"),
        (3, "third"),
    ]
    assert [change["what"] for change in two["changes"]] == ["merged into C2", "owned by kim", "resolved"]
    assert two["criteria"][0]["runs"] == 4
    assert (two["next"], two["owner"], two["status"]) == (None, "kim", "resolved")
    assert clusters["C10"]["status"] == "merged"


def test_rendering_is_a_function_of_the_journal(tmp_path):
    registry = ClusterRegistry.of(_events())
    assert len(update_ledgers(tmp_path, registry)) == 2
    assert update_ledgers(tmp_path, ClusterRegistry.of(reversed(_events()))) == []
    tracker = (tmp_path / "reports/remediation_tracker.md").read_text()
    assert "Open clusters: 0. Resolved: 1. Merged into others: 1." in tracker
    assert "[b 20260101T000000Z](e.json)" in tracker
    plan = render_regions(LEDGERS[0], registry)
    assert "Resolved:\n\n- C2: `` two | `x` ``" in plan["clusters"]
    assert "two \\| `x`" in render_regions(LEDGERS[1], registry)["tracker"]
    assert "](../reports/e.json)" in plan["attempts"]


def test_a_ledger_keeps_what_people_wrote(tmp_path):
    update_ledgers(tmp_path, ClusterRegistry.of(()))
    path = tmp_path / "plans/fix_plan.md"
    ours = b"\xef\xbb\xbfOurs\r\n" + path.read_bytes() + b"\r\nmore of ours, no newline"
    path.write_bytes(ours)
    update_ledgers(tmp_path, ClusterRegistry.of(_events()))
    after = path.read_bytes()
    assert after.startswith(b"\xef\xbb\xbfOurs\r\n# Fix plan\n")
    assert after.endswith(b"\r\nmore of ours, no newline")
    assert b"- C2: `` two | `x` ``" in after
