"""The summary of a run: its first line tells its worth, its counts add up, its text is harmless."""

from __future__ import annotations

import json
import re

import pytest
from markdown_it import MarkdownIt

from triage.documents.claims import check_document
from triage.documents.run_summary import summary_of, write_run_summary
from triage.evidence.folder import EvidenceFolder
from triage.model.cluster import RunState
from triage.model.failure import Failure, Frame, Raised
from triage.model.outcome import Outcome, Phase
from triage.model.run import FailedTests, TestResult


def _written(root, record, clusters, rows):
    folder = EvidenceFolder.create(root, "x", "a", record.stamp)
    folder.write_json("results.json", record)
    folder.write_json("clusters.json", {"stamp": record.stamp, "clusters": clusters})
    folder.write_json("failures.json", {"failures": rows})
    return folder, write_run_summary(root, folder)


def test_figures_come_from_the_record(tmp_path, record, clusters, failure_rows):
    folder, summary = _written(tmp_path, record, clusters, failure_rows)
    counts = summary["counts"]
    assert counts["collected"] == 4 == sum(counts[outcome.value] for outcome in Outcome)
    assert counts["collect_errors"] == 1
    assert summary["verdict"] == "red"
    assert [row["nodeid"] for row in summary["red"]] == ["bad.py", record.results[1].nodeid, "t.py::boom"]
    assert summary["red"][1]["clusters"] == ["C19"]
    assert summary["red"][1]["place"] == {"path": "tests/t.py", "line": 7}
    assert summary["chunks"][1]["outcomes"] == {"crashed": 1, "skipped": 1}
    assert [attempt["ended"] for attempt in summary["chunks"][1]["attempts"]] == ["crashed", "finished"]
    assert [cluster["id"] for cluster in summary["clusters"]] == ["C3", "C19", "C20"]
    assert json.loads((folder.path / "summary.json").read_text()) == summary == summary_of(folder.path)


def test_the_document_holds_and_shows_every_cluster_with_its_evidence(
    tmp_path, record, clusters, failure_rows
):
    folder, _ = _written(tmp_path, record, clusters, failure_rows)
    problems, claims = check_document(tmp_path, folder.path / "summary.md")
    assert problems == []
    assert claims > 40
    text = (folder.path / "summary.md").read_text()
    for word in (
        "### New",
        "### Regressed",
        "### Fixed",
        "**C19**",
        "**C20**",
        "kim",
        "proposed because the failures say alike: ",
        "1 file could not be collected",
    ):
        assert word in text


def test_nothing_in_it_acts_as_markup(tmp_path, record, clusters, failure_rows):
    folder, _ = _written(tmp_path, record, clusters, failure_rows)
    text = (folder.path / "summary.md").read_text()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert not any(line.startswith("::") for line in text.split("\n"))
    kinds = {
        inline.type
        for token in MarkdownIt("commonmark").enable("table").parse(text)
        for inline in [token, *(token.children or [])]
    }
    assert not {"html_inline", "html_block", "image"} & kinds
    links = re.findall(r"\]\(([^)]*)\)", text)
    assert all(link.startswith("../../../../") for link in links), "the only links are to lines of the suite"


@pytest.fixture
def written(tmp_path, record, clusters, failure_rows):
    """Writes the sample run with some fields changed."""
    return lambda **changes: _written(tmp_path, record.model_copy(update=changes), clusters, failure_rows)


@pytest.mark.parametrize(
    ("changes", "verdict", "first"),
    [
        ({}, "red", "is complete: the gate fails"),
        ({"void": "the disk was full"}, "void", "is VOID: 4 of 4 tests have an outcome"),
        ({"complete": False}, "void", "is VOID"),
    ],
)
def test_the_first_line_says_what_the_run_is_worth(written, changes, verdict, first):
    folder, summary = written(**changes)
    assert summary["verdict"] == verdict
    assert first in (folder.path / "summary.md").read_text().partition("\n")[0]


def test_an_incomplete_run_counts_what_never_ran(tmp_path, record, clusters, failure_rows):
    results = list(record.results)
    results[3] = results[3].model_copy(update={"outcome": Outcome.NOT_RUN})
    cut = record.model_copy(update={"results": tuple(results), "complete": False})
    folder, summary = _written(tmp_path, cut, clusters, failure_rows)
    text = (folder.path / "summary.md").read_text()
    assert "VOID: 3 of 4 tests" in text.partition("\n")[0]
    assert summary["not_run"] == ["t.py::skip"]
    assert "## Not run" in text


def test_known_and_green_are_told_apart(tmp_path, record, clusters, failure_rows):
    known = [cluster.model_copy(update={"state_in_run": RunState.KNOWN}) for cluster in clusters]
    assert _written(tmp_path / "a", record, known, failure_rows)[1]["verdict"] == "known"
    green = record.model_copy(update={"results": record.results[:1], "collect_errors": ()})
    assert _written(tmp_path / "b", green, (), [])[1]["verdict"] == "green"


@pytest.mark.slow
def test_thousands_of_failures_stay_readable(tmp_path, record, clusters, failure_rows):
    many = tuple(record.results[1].model_copy(update={"nodeid": f"t.py::t[{n}]"}) for n in range(5_000))
    big = record.model_copy(update={"results": many, "plan": None})
    swollen = clusters[0].model_copy(update={"members": tuple(result.nodeid for result in many)})
    folder, _ = _written(tmp_path, big, (swollen,), [])
    path = folder.path / "summary.md"
    assert path.stat().st_size < 200_000
    assert "and 4995 more" in path.read_text()
    assert check_document(tmp_path, path)[0] == []


@pytest.mark.parametrize(
    ("commit", "dirty", "said"),
    [
        (None, None, "The commit is unknown."),
        ("c" * 40, None, "with or without changes: unknown"),
        ("c" * 40, True, "with changes that were not committed"),
        ("c" * 40, False, "unchanged"),
    ],
)
def test_what_is_unknown_of_the_tree_is_called_so(tmp_path, record, commit, dirty, said):
    tree = record.model_copy(update={"commit": commit, "dirty": dirty})
    folder, _ = _written(tmp_path, tree, [], [])
    text = (folder.path / "summary.md").read_text()
    assert said in text
    assert check_document(tmp_path, folder.path / "summary.md")[0] == []


def test_a_run_in_which_nothing_passed_is_not_called_green(tmp_path, record):
    skipped = tuple(
        result.model_copy(update={"outcome": Outcome.SKIPPED, "failures": ()}) for result in record.results
    )
    empty = record.model_copy(
        update={"results": skipped, "collect_errors": (), "void": None, "complete": True}
    )
    folder, _ = _written(tmp_path, empty, [], [])
    first = (folder.path / "summary.md").read_text().splitlines()[0]
    assert first.endswith("is complete: no test failed, and none passed")


@pytest.mark.parametrize(("output", "up"), [(".", "../../../.."), ("build/own", "../../../../../..")])
def test_a_cluster_has_its_lines_and_its_cause(tmp_path, record, clusters, output, up):
    """Links lead to the suite's files, wherever beneath it the evidence lies, and to evidence within it."""
    suite, tmp_path = tmp_path, tmp_path / output
    product = Frame(path="src/a b.py", lineno=3, code="return 1 / x", origin="product")
    test = Frame(path="tests/t.py", lineno=9, code="assert net() == 1", origin="test")
    chain = (Raised(type="ZeroDivisionError", message="division by zero", frames=(test, product)),)
    failure = Failure(nodeid="tests/t.py::a", phase=Phase.CALL, chain=chain)
    red = TestResult(nodeid="tests/t.py::a", outcome=Outcome.FAILED, failures=(failure,))
    run = record.model_copy(update={"results": (red,), "collect_errors": (), "plan": None})
    cluster = clusters[0].model_copy(update={"members": ("tests/t.py::a",)})
    folder = EvidenceFolder.create(tmp_path, "x", "a", run.stamp)
    folder.write_json("results.json", run)
    folder.write_json("clusters.json", {"clusters": [cluster]})
    folder.write_json("failures.json", {"failures": [{"nodeid": "tests/t.py::a", "cluster": cluster.id}]})
    cause = {
        "cluster": cluster.id,
        "heading": "condition (proven)",
        "said": "fails with X=1, passes with X=0",
        "evidence": "reports/x/phase_b/20260101T000000Z/probe.json",
    }
    folder.write_json("causes.json", {"stamp": run.stamp, "causes": [cause]})
    write_run_summary(tmp_path, folder, suite=suite)
    lines = (folder.path / "summary.md").read_text().splitlines()
    statement = f"[src/a b.py:3]({up}/src/a%20b.py#L3): `return 1 / x`"
    assert f"  - at {statement}, from [tests/t.py:9]({up}/tests/t.py#L9)" in lines
    evidence = "../../phase_b/20260101T000000Z/probe.json"
    assert f"  - condition (proven): fails with X=1, passes with X=0 ([evidence]({evidence}))" in lines
    assert check_document(tmp_path, folder.path / "summary.md")[0] == []


def test_a_run_of_what_was_red_says_what_it_does_not_know(tmp_path, record):
    plan = record.plan.model_copy(
        update={"failed": FailedTests(stamp="20260101T000000Z", nodeids=("t.py::pass",), tests=60)}
    )
    green = record.model_copy(update={"results": record.results[:1], "collect_errors": (), "plan": plan})
    folder, _ = _written(tmp_path, green, (), [])
    text = (folder.path / "summary.md").read_text()
    assert text.splitlines()[0].endswith("is complete: what was red in 20260101T000000Z is green")
    assert "1 of its 60 tests" in text
