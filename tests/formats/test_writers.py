"""CI formats against the rules of their readers, with text that tries to break out of each."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.campaign.recorded import RecordedRun, Stage
from triage.campaign.report import PageWriting, Report
from triage.documents.claims import check_document
from triage.documents.render import load_templates
from triage.documents.run_summary import summarize, write_run_summary
from triage.evidence.folder import EvidenceFolder
from triage.formats.ctrf import ctrf, render_ctrf
from triage.formats.github import step_summary, workflow_commands
from triage.formats.gitlab import code_quality, render_gitlab
from triage.formats.importer import read
from triage.formats.junit_writer import render_junit
from triage.formats.rows import rows
from triage.formats.sarif import render_sarif, sarif
from triage.model.cluster import RunState
from triage.model.outcome import Outcome
from triage.model.run import Reruns, RunRecord, TestResult
from triage.process.git import Repository

WRITING = PageWriting(made_at="2026-11-23T07:00:00Z", redact=str)
EVIL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]")


@pytest.fixture
def summary(record, clusters, failure_rows):
    return summarize(record, clusters, failure_rows)


@pytest.fixture
def report(tmp_path, record, clusters, failure_rows):
    """The sample run on disk."""
    folder = EvidenceFolder.create(tmp_path, "x", "a", record.stamp)
    folder.write_json("results.json", record)
    folder.write_json("clusters.json", {"stamp": record.stamp, "clusters": clusters})
    rows_ = [
        {
            **failure.model_dump(mode="json"),
            "exception": failure.exception,
            "message": failure.message,
            "cluster": row["cluster"],
        }
        for failure, row in zip(record.failures, failure_rows, strict=False)
    ]
    folder.write_json("failures.json", {"failures": rows_})
    write_run_summary(tmp_path, folder)
    return Report(tmp_path, tmp_path, RecordedRun(folder, record, Stage.CONCLUDED), load_templates())


def test_rows_are_ordered_and_keep_their_fingerprints(summary):
    found = rows(summary)
    assert [(row.cluster, row.level) for row in found] == [
        ("C20", "regressed"),
        ("C19", "new"),
        (None, "unknown"),
    ]
    assert found[1].path == "tests/t.py"
    assert found[1].line == 7
    moved = {**summary, "red": [{**red, "message": "other", "place": None} for red in summary["red"]]}
    assert {row.fingerprint for row in rows(moved)} == {row.fingerprint for row in found}


def test_github_commands_are_one_line_each_and_cannot_be_forged(summary):
    lines = workflow_commands(summary)
    assert len(lines) == 3
    for line in lines:
        assert re.fullmatch(r"::(error|warning|notice) file=[^:\n]*,line=\d+,title=[^:\n]*::[^\n\r]*", line)
        assert not EVIL.search(line)
        assert line.count("::error") <= 2
    assert any("%0A" in line or "\\n" in line for line in lines)


def test_github_annotations_say_what_they_leave_out(summary):
    red = [{**summary["red"][1], "nodeid": f"t.py::t{n}"} for n in range(30)]
    lines = workflow_commands({**summary, "red": red})
    assert len(lines) == 10
    assert "21 more" in lines[-1]


def test_paths_count_from_the_top_of_the_repository(report, summary, tmp_path):
    assert report.prefix == ""
    Repository.create(tmp_path.parent, name="t", email="t@example.org")
    try:
        inside = Report(report.root, report.output, report.recorded, report.templates)
        assert inside.prefix == tmp_path.name
        assert f"file={tmp_path.name}/tests/t.py" in "\n".join(inside.annotations())
        paths = {finding["location"]["path"] for finding in json.loads(render_gitlab(inside.run))}
        assert paths == {f"{tmp_path.name}/{row.path}" for row in rows(summary)}
        uris = {
            location["physicalLocation"]["artifactLocation"]["uri"]
            for result in json.loads(render_sarif(inside.run))["runs"][0]["results"]
            for location in result["locations"]
        }
        assert all(uri.startswith(tmp_path.name) for uri in uris)
    finally:
        shutil.rmtree(tmp_path.parent / ".git")


def test_no_format_shows_a_void_run_as_an_empty_or_green_one(tmp_path):
    void = RunRecord(stamp="20260101T000000Z", campaign="x", root="/r", complete=False, void="no conftest")
    folder = EvidenceFolder.create(tmp_path, "x", "a", void.stamp)
    run = Report(tmp_path, tmp_path, RecordedRun(folder, void, Stage.CUT_SHORT), load_templates()).run
    assert "void: no conftest" in render_junit(run)
    assert 'errors="1"' in render_junit(run)
    assert json.loads(render_ctrf(run))["results"]["summary"]["failed"] == 1
    (finding,) = json.loads(render_gitlab(run))
    assert (finding["severity"], "no conftest" in finding["description"]) == ("blocker", True)
    invocation = json.loads(render_sarif(run))["runs"][0]["invocations"][0]
    assert invocation["executionSuccessful"] is False


def test_github_says_void(summary):
    lines = workflow_commands({**summary, "verdict": "void", "void": "disk\nfull"})
    assert lines[0] == "::error title=triage: void::disk%0Afull"


@given(st.lists(st.sampled_from(["text", "", "```", "````", "~~~", "| a |", "x" * 50, "é"]), max_size=60))
def test_a_long_step_summary_is_cut_whole_and_says_so(lines):
    text = "\n".join(lines)
    cut = step_summary(text, limit=300)
    assert len(cut.encode()) <= 300
    if len(text.encode()) <= 300:
        assert cut == text
    else:
        assert cut.endswith("artifacts.**\n")
        assert text.startswith(cut.partition("\n\n**Cut")[0])


def test_gitlab_findings_keep_the_rules(summary):
    found = code_quality(summary)
    assert len({finding["fingerprint"] for finding in found}) == len(found) == 3
    for finding in found:
        assert set(finding) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert finding["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert not finding["location"]["path"].startswith(("./", "/"))
        assert finding["location"]["lines"]["begin"] >= 1
        assert not EVIL.search(finding["description"])
    assert [finding["severity"] for finding in found] == ["critical", "major", "major"]


def test_sarif_keeps_the_rules(summary):
    (run,) = sarif(summary, "1.0")["runs"]
    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert ids == ["C3", "C19", "C20", "unclustered"]
    assert (
        len({result["partialFingerprints"]["triageTestAndCluster/v1"] for result in run["results"][:3]}) == 3
    )
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["message"]["text"]
        assert result["baselineState"] in {"new", "unchanged", "updated", "absent"}
        for location in result["locations"]:
            uri = location["physicalLocation"]["artifactLocation"]["uri"]
            assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri)
            assert location["physicalLocation"]["region"]["startLine"] >= 1
    assert [result["baselineState"] for result in run["results"]] == ["new", "new", "new", "absent"]
    assert run["invocations"][0]["executionSuccessful"] is True


def test_sarif_counts_what_it_leaves_out(summary):
    red = [{**summary["red"][1], "nodeid": f"t.py::t{n}"} for n in range(5200)]
    (run,) = sarif({**summary, "red": red}, "1.0")["runs"]
    assert len(run["results"]) == 5000
    assert any(
        "200 results are left out" in n["message"]["text"]
        for n in run["invocations"][0]["toolExecutionNotifications"]
    )


CTRF_TEST = {"name", "status", "duration", "rawStatus", "filePath", "message", "trace", "extra"}


def test_ctrf_keeps_the_rules_and_counts(record):
    document = ctrf(record, {record.results[1].nodeid: ["C19"]}, "1.0")
    assert (document["reportFormat"], set(document)) == ("CTRF", {"reportFormat", "specVersion", "results"})
    results = document["results"]
    assert set(results) == {"tool", "summary", "tests"}
    assert results["tool"]["name"] == "triage"
    tally = Counter(test["status"] for test in results["tests"])
    for status in ("passed", "failed", "pending", "skipped", "other"):
        assert results["summary"][status] == tally[status]
    assert results["summary"]["tests"] == len(results["tests"]) == 5
    assert results["summary"]["stop"] - results["summary"]["start"] == 2500
    assert isinstance(results["summary"]["start"], int)
    for test in results["tests"]:
        assert {"name", "status", "duration"} <= set(test) <= CTRF_TEST
        assert isinstance(test["duration"], int)
        assert not EVIL.search(test["name"])
    assert results["tests"][2]["extra"]["clusters"] == ["C19"]


def test_flaky_tests_are_warnings_and_passes_that_say_so(summary, record):
    flaky = record.results[1].model_copy(
        update={"outcome": Outcome.FLAKY, "reruns": Reruns(runs=2, failed=0)}
    )
    whole = record.model_copy(update={"results": (flaky,), "collect_errors": ()})
    (test,) = ctrf(whole, {}, "1.0")["results"]["tests"]
    assert (test["status"], test["flaky"], test["retries"]) == ("passed", True, 2)
    assert "assert <b>1</b>" in test["message"]
    (red,) = [row for row in summary["red"] if row["nodeid"] == flaky.nodeid]
    clusters = [
        {**cluster, "state": "flaky"} if cluster["id"] == "C19" else cluster
        for cluster in summary["clusters"]
    ]
    told = {**summary, "clusters": clusters, "red": [{**red, "outcome": "flaky"}]}
    (command,) = workflow_commands(told)
    assert command.startswith("::warning ")
    assert "title=C19 is flaky%3A" in command
    (run,) = sarif(told, "1.0")["runs"]
    (found,) = [result for result in run["results"] if result.get("kind") != "pass"]
    assert (found["ruleId"], found["level"], found["properties"]["state"]) == ("C19", "warning", "flaky")
    (finding,) = code_quality(told)
    assert finding["severity"] == "info"


def test_a_ctrf_report_is_read_as_it_was_written(tmp_path, record):
    plain = tuple(
        TestResult(nodeid=f"t.py::test_{o.value}", outcome=o, duration=0.5, note="why") for o in Outcome
    )
    whole = record.model_copy(update={"results": plain, "collect_errors": ()})
    path = tmp_path / "ctrf.json"
    path.write_text(json.dumps(ctrf(whole, {}, "1")))
    again = read([path], root=tmp_path, stamp="20261124T000000Z")
    assert {result.nodeid: result.outcome for result in again.results} == {
        result.nodeid: result.outcome for result in plain
    }


class _Page(HTMLParser):
    """Collects what a browser would load or run, and checks that tags close."""

    VOID = frozenset({"meta", "br", "link", "img", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.scripts: list[dict[str, str | None]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        assert tag not in {"iframe", "object", "embed", "link", "base", "form", "img"}
        if tag == "script":
            self.scripts.append(dict(attrs))
        for name, value in attrs:
            assert not name.startswith("on")
            if name in {"src", "href", "action", "data"}:
                self.loads.append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_is_whole_loads_nothing_and_holds(report, tmp_path):
    path = tmp_path / "out" / "report.html"
    report.write_html(path, WRITING)
    text = path.read_text()
    page = _Page()
    page.feed(text)
    assert page.open == []
    assert page.scripts == [{"type": "application/json", "id": "triage-data"}, {}]
    assert all(target.startswith("#") for target in page.loads)
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text
    assert not EVIL.search(text)
    assert check_document(tmp_path, path)[0] == []
    shown = "".join(page.text)
    for word in ("C19", "C20", "regressed", "<script>alert(1)</script>", "assert <b>1</b>"):
        assert word in shown


def test_a_wrong_digit_in_the_page_is_found(report, tmp_path):
    path = tmp_path / "report.html"
    report.write_html(path, WRITING)
    path.write_text(path.read_text().replace("<title>passed: 1</title>", "<title>passed: 7</title>", 1))
    assert any("'7'" in problem.what for problem in check_document(tmp_path, path)[0])


class _Plugin:
    name = "ours & <theirs>"

    def __init__(self, text):
        self._text = text

    def render(self, document):
        if self._text is None:
            raise RuntimeError("broken")
        return self._text + document["stamp"]


@pytest.mark.parametrize(
    ("text", "expected"), [("</pre><script>7", "&lt;/pre&gt;&lt;script&gt;7"), (None, "could not be made")]
)
def test_a_plugins_section_is_text(report, tmp_path, text, expected):
    path = tmp_path / "report.html"
    report.write_html(path, replace(WRITING, sections=[_Plugin(text)]))
    assert expected in path.read_text()
    assert "ours &amp; &lt;theirs&gt;" in path.read_text()
    assert check_document(tmp_path, path)[0] == []


def test_a_deleted_summary_comes_back_to_the_byte(report):
    report.folder.seal()
    path = report.folder.path / "summary.md"
    before = path.read_bytes()
    assert report.restore_summary() == "kept"
    path.unlink()
    assert report.restore_summary() == "rendered again"
    assert path.read_bytes() == before


def test_a_team_may_replace_a_template(report, tmp_path):
    team = tmp_path / "team"
    team.mkdir()
    (team / "summary.md.j2").write_text("{% extends 'base.j2' %}")
    (team / "base.j2").write_text("# Ours: {{ run.counts.collected | num }}\n")
    ours = Report(report.root, report.output, report.recorded, load_templates(team))
    assert ours.markdown() == "# Ours: 4\n"


def test_known_failures_warn(summary):
    known = {**summary, "clusters": [{**c, "state": RunState.KNOWN.value} for c in summary["clusters"]]}
    assert [line.partition(" ")[0] for line in workflow_commands(known)] == [
        "::error",
        "::warning",
        "::warning",
    ]
