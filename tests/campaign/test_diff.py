"""What changed for a test from one run to the other."""

from pathlib import Path

import pytest

from triage.campaign.diff import compare
from triage.campaign.moved import moved_tests
from triage.cluster.event_factory import EventFactory
from triage.evidence.folder import EvidenceFolder
from triage.model.journal import FilesMoved, Relocation
from triage.model.outcome import Outcome
from triage.model.run import RunRecord, TestResult
from triage.process.git import Repository


@pytest.mark.parametrize(
    ("was", "now", "change"),
    [
        ("passed", "failed", "broken"),
        ("passed", "flaky", "flaky now"),
        ("failed", "flaky", "flaky now"),
        ("flaky", "flaky", None),
        ("flaky", "passed", None),  # a pass says little of a flaky test
        ("flaky", "failed", "broken"),
        ("failed", "passed", "mended"),
    ],
)
def test_change_of_one_test(was, now, change):
    old, new = (
        RunRecord(
            stamp=stamp, campaign="c", root="/", complete=True,
            results=(TestResult(nodeid="t::a", outcome=Outcome(outcome)),),
        )
        for stamp, outcome in (("1", was), ("2", now))
    )  # fmt: skip
    found = {name.value: nodeids for name, nodeids in compare(old, new, {}, {}).items() if nodeids}
    assert found == ({change: ["t::a"]} if change else {})


def _run(stamp: str, **outcomes: str) -> RunRecord:
    results = tuple(
        TestResult(nodeid=f"tests/{name}.py::test_x[1]", outcome=Outcome(outcome))
        for name, outcome in outcomes.items()
    )
    return RunRecord(stamp=stamp, campaign="c", root="/", complete=True, results=results)


def test_a_test_in_a_renamed_file_is_the_same_test(tmp_path: Path) -> None:
    """Its file was renamed twice, once before the newer run and once after it."""
    repository = Repository.create(tmp_path, name="joe", email="joe@x.example")
    (tmp_path / "tests").mkdir()
    for name in ("a", "b"):
        body = "".join(f"    assert {name!r} + '{number}'\n" for number in range(9))
        (tmp_path / f"tests/test_{name}.py").write_text(f"def test_x():\n{body}")
    folder = EvidenceFolder.create(tmp_path, "c", "a", "20260101T000000Z")
    folder.write_json("preflight.json", {"git": {"commit": repository.commit_all("first")}})
    for old, new in (("test_a", "test_c"), ("test_c", "test_d")):
        (tmp_path / f"tests/{old}.py").rename(tmp_path / f"tests/{new}.py")
        repository.commit_all(f"rename {old}")
    before = _run("1", test_a="passed", test_b="passed")
    for name in ("test_c", "test_d"):
        after = _run("2", **{name: "failed", "test_b": "passed"})
        moved = moved_tests(tmp_path, (), before, after, folder)
        assert moved == {"tests/test_a.py::test_x[1]": f"tests/{name}.py::test_x[1]"}
        found = {change.value: ids for change, ids in compare(before, after, {}, {}, moved).items() if ids}
        assert found == {"broken": [f"tests/{name}.py::test_x[1]"]}


def test_a_rename_that_the_journal_records_needs_no_git(tmp_path: Path) -> None:
    folder = EvidenceFolder.create(tmp_path, "c", "a", "20260101T000000Z")
    move = Relocation(old="tests/test_a.py", new="tests/test_c.py", how="by hand")
    event = EventFactory("2026-01-01T00:00:00Z", "t").make(FilesMoved, moves=(move,), stamp="2")
    before, after = _run("1", test_a="passed"), _run("2", test_c="passed")
    moved = moved_tests(tmp_path, (event,), before, after, folder)
    assert not any(compare(before, after, {}, {}, moved).values())
