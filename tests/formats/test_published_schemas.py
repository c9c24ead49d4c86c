"""What the report formats write is valid against the schemas that their readers publish."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from tests.fixtures.report_values import EVIL
from tests.formats.junit_schema import violations
from triage.documents.run_summary import summarize
from triage.formats.badge import render_badge
from triage.formats.ctrf import render_ctrf
from triage.formats.gitlab import render_gitlab
from triage.formats.junit_writer import render_junit
from triage.formats.otlp import otlp
from triage.formats.reported_run import ReportedCause, ReportedRun, RetriedAttempt, RunSource
from triage.formats.sarif import render_sarif
from triage.model.outcome import Outcome
from triage.model.run import Reruns
from triage.text.markup import visible

SCHEMAS = Path(__file__).parent / "schemas"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
# as https://docs.gitlab.com/ci/testing/code_quality/ describes it; GitLab publishes no schema of it
GITLAB = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "fingerprint": {"type": "string", "minLength": 1},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": r"^(?!\./|/)"},
                    "lines": {"type": "object", "required": ["begin"]},
                },
            },
        },
    },
}


@pytest.fixture
def run(record, clusters, failure_rows) -> ReportedRun:
    """A run with everything that a format can show: hostile ids, reruns, a cause, commit, branch, job."""
    flaky = record.results[0].model_copy(
        update={"nodeid": "t.py::chance", "outcome": Outcome.FLAKY, "reruns": Reruns(runs=2, failed=1)}
    )
    whole = record.model_copy(update={"results": (*record.results, flaky), "commit": COMMIT, "dirty": False})
    source = RunSource(
        repository="https://git.corp/g/r",
        line_url=f"https://git.corp/g/r/-/blob/{COMMIT}/{{path}}#L{{line}}",
        branch="topic",
        build="https://git.corp/g/r/-/jobs/1",
        system="Linux",
    )
    cause = ReportedCause(
        verdict="proven cause", kind="first-bad-commit", summary=EVIL, culprits=(COMMIT, "src/p q.py:3-4")
    )
    again = (
        RetriedAttempt(outcome=Outcome.FAILED, seconds=0.5),
        RetriedAttempt(outcome=Outcome.PASSED, seconds=1),
    )
    summary = summarize(whole, clusters, failure_rows)
    return ReportedRun(
        whole, summary, "sub", "1.0", causes={"C19": cause}, source=source, attempts={"t.py::chance": again}
    )


def errors(schema: Any, document: Any) -> list[str]:
    """What the document has that the schema does not allow."""
    kind = validator_for(schema, default=Draft202012Validator)
    kind.check_schema(schema)
    return [f"{error.json_path}: {error.message[:200]}" for error in kind(schema).iter_errors(document)]


def published(name: str) -> Any:
    return json.loads((SCHEMAS / name).read_text(encoding="utf-8"))


def void_of(run: ReportedRun) -> ReportedRun:
    record = run.record.model_copy(update={"void": "disk\nfull \x00", "complete": False, "commit": None})
    return ReportedRun(record, summarize(record, (), ()), "", "1.0")


@pytest.mark.parametrize("kind", ["whole", "void"])
def test_every_document_is_valid(run, kind):
    shown = run if kind == "whole" else void_of(run)
    assert errors(published("sarif-2.1.0-rtm.5.json"), json.loads(render_sarif(shown))) == []
    assert errors(published("ctrf-0.0.json"), json.loads(render_ctrf(shown))) == []
    assert errors(GITLAB, json.loads(render_gitlab(shown))) == []
    assert violations(render_junit(shown)) == []
    assert ET.fromstring(render_badge(shown)).tag == "{http://www.w3.org/2000/svg}svg"


def test_the_schemas_can_fail(run):
    document = json.loads(render_sarif(run))
    document["runs"][0]["results"][0]["level"] = "bad"
    assert errors(published("sarif-2.1.0-rtm.5.json"), document) != []
    tests = json.loads(render_ctrf(run))
    tests["results"]["tests"][0]["colour"] = "red"
    assert errors(published("ctrf-0.0.json"), tests) != []
    assert errors(GITLAB, [{"description": "x"}]) != []


def test_sarif_names_commit_guilty_lines_and_the_test(run):
    (log,) = json.loads(render_sarif(run))["runs"]
    (provenance,) = log["versionControlProvenance"]
    assert provenance["repositoryUri"] == "https://git.corp/g/r"
    assert (provenance["revisionId"], provenance["branch"]) == (COMMIT, "topic")
    (found,) = [result for result in log["results"] if result["ruleId"] == "C19"]
    place = found["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("sub/src/p%20q.py", 3)
    assert found["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"].startswith("sub/t.py")
    prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in log["results"][:3]]
    assert len(set(prints)) == 3


def test_sarif_without_a_repository_has_the_commit_all_the_same(run):
    (log,) = json.loads(render_sarif(ReportedRun(run.record, run.summary, "", "1.0")))["runs"]
    assert "versionControlProvenance" not in log
    assert log["properties"]["commit"] == COMMIT


def test_ctrf_has_environment_and_every_retry(run):
    results = json.loads(render_ctrf(run))["results"]
    assert results["environment"] == {
        "repositoryUrl": "https://git.corp/g/r",
        "commit": COMMIT,
        "branchName": "topic",
        "buildUrl": "https://git.corp/g/r/-/jobs/1",
        "osPlatform": "Linux",
    }
    (flaky,) = [test for test in results["tests"] if test["name"] == "t.py::chance"]
    assert (flaky["flaky"], flaky["retries"]) == (True, 2)
    assert [attempt["status"] for attempt in flaky["retryAttempts"]] == ["failed", "failed"]
    assert [attempt["attempt"] for attempt in flaky["retryAttempts"]] == [1, 2]


def test_spans_are_what_the_protocol_has(run):
    """Read by the classes that OpenTelemetry generates from its protocol; unknown fields are errors."""
    service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    from google.protobuf.json_format import ParseDict

    for shown in (run, void_of(run)):
        document = otlp(shown)
        (scoped,) = document["resourceSpans"][0]["scopeSpans"]
        ids = {span["spanId"] for span in scoped["spans"]}
        assert (
            len(ids)
            == len(scoped["spans"])
            == len(shown.results) + len(shown.record.attempts) + 1 - (shown.record.void is not None)
        )
        # OTLP writes ids in hexadecimal, other JSON of protocol buffers in Base64
        for span in scoped["spans"]:
            assert span.get("parentSpanId") in (ids | {None})
            for name in ("traceId", "spanId", "parentSpanId"):
                if name in span:
                    span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
        request = ParseDict(document, service.ExportTraceServiceRequest())
        spans = request.resource_spans[0].scope_spans[0].spans
        assert {len(span.trace_id) for span in spans} == {16}
        assert {len(span.span_id) for span in spans} == {8}
        assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in spans)
        assert spans[0].status.code == 2


def test_spans_say_what_happened_to_each_test(run):
    (scoped,) = otlp(run)["resourceSpans"][0]["scopeSpans"]
    spans = {span["name"]: span for span in scoped["spans"]}
    red = next(result for result in run.record.results if result.failures and not result.outcome.is_flaky)
    span = spans[visible(red.nodeid)]
    told = {each["key"]: each["value"] for each in span["attributes"]}
    assert told["test.case.result.status"] == {"stringValue": "fail"}
    assert told["triage.outcome"] == {"stringValue": red.outcome.value}
    (event, *_) = span["events"]
    assert {"key": "exception.type", "value": {"stringValue": red.failures[0].exception}} in event[
        "attributes"
    ]
    assert otlp(run) == otlp(run), "sent twice it is one trace"
