"""JUnit XML: one writer for chunks and reports, valid against the schema, and read back as it was written."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.formats.junit_schema import violations
from triage.formats.importer import read
from triage.formats.junit_names import junit_names
from triage.formats.junit_writer import TEXT_CHARS, write_junit
from triage.formats.reported_run import reported_results
from triage.model.failure import Captured, Failure, Frame, Raised
from triage.model.outcome import Outcome, Phase
from triage.model.run import RunRecord, TestResult

EVIL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ufffe\uffff\ud800-\udfff]")
NODEID = "tests/test_a.py::TestB::test_c[x::y]"


def written(*results: TestResult, **more) -> str:
    """The document of these results; it must be valid, whatever they are."""
    text = write_junit(results, name="chunk_01", timestamp="2026-11-23T06:10:00+00:00", seconds=2.5, **more)
    assert violations(text) == []
    return text


def only_case(text: str) -> ET.Element:
    (case,) = ET.fromstring(text.encode()).iter("testcase")
    return case


def facts(text: str) -> dict[str, str]:
    return {one.get("name"): one.get("value") for one in ET.fromstring(text.encode()).iter("property")}


def failure(phase: Phase = Phase.CALL, **fields) -> Failure:
    frames = (
        Frame(path="tests/test_a.py", lineno=7, origin="test"),
        Frame(path="shop/cart.py", lineno=31, origin="product"),
        Frame(path="/usr/lib/x.py", lineno=3, origin="library"),
    )
    chain = (Raised(type="ValueError", message="bad", frames=frames),)
    return Failure(nodeid=NODEID, phase=phase, chain=chain, longrepr="E   ValueError: bad", **fields)


def result(outcome: Outcome = Outcome.FAILED, **fields) -> TestResult:
    return TestResult(nodeid=NODEID, outcome=outcome, **fields)


def again(text: str, tmp_path: Path) -> RunRecord:
    path = tmp_path / "junit.xml"
    path.write_text(text, encoding="utf-8")
    return read([path], root=tmp_path, stamp="S")


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("<testsuites><testcase name='a'/></testsuites>", "testcase in testsuites"),
        ("<testsuite name='a' tests='0' failures='0'/>", "testsuite without errors"),
        ("<testsuite name='' tests='' failures='' errors='' time='nan'/>", "testsuite with time 'nan'"),
        (
            "<testsuite name='' tests='' failures='' errors=''><testcase name='a' file='b'/></testsuite>",
            "testcase with file",
        ),
        ("<testsuites><testcase><properties/></testcase></testsuites>", "properties in testcase"),
    ],
)
def test_the_schema_finds_what_is_not_allowed(broken, said):
    assert said in violations(broken)


def test_clusters_place_and_file_stand_where_the_schema_allows_them(record):
    text = written(
        result(failures=(failure(),)),
        TestResult(nodeid="tests/test_z.py::test_z", outcome=Outcome.PASSED),
        clusters_of={NODEID: ["C19", "C20"]},
    )
    assert facts(text) == {
        f"triage.clusters {NODEID}": "C19 C20",
        f"triage.place {NODEID}": "shop/cart.py:31",
    }
    suites = ET.fromstring(text.encode()).findall("testsuite")
    assert [suite.get("file") for suite in suites] == ["tests/test_a.py", "tests/test_z.py"]


def test_counts_are_those_of_the_cases(record):
    text = written(*record.collect_errors, *record.results, clusters_of={record.results[1].nodeid: ["C19"]})
    for suite in ET.fromstring(text.encode()).findall("testsuite"):
        cases = suite.findall("testcase")
        assert int(suite.get("tests")) == len(cases)
        for counted, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(counted)) == sum(case.find(tag) is not None for case in cases)
    hostile = next(
        case for case in ET.fromstring(text.encode()).iter("testcase") if case.find("failure") is not None
    )
    assert hostile.find("failure").get("message").startswith("AssertionError: assert <b>1</b> | 2\n")


def test_forbidden_and_unseen_characters_are_spelled_as_pytest_does():
    text = written(
        result(failures=(failure(captured=Captured(stdout="\x1b[31m\x00\u202e\ufffe\ud800\r!\r\n")),))
    )
    assert only_case(text).findtext("system-out") == "#x1B[31m#x00#x202E#xFFFE#xD800#x0D!\n"


def test_a_cut_text_keeps_head_and_tail_and_says_so():
    long = failure().model_copy(update={"longrepr": "head" + "x" * TEXT_CHARS + "tail"})
    text = only_case(written(result(failures=(long,)))).findtext("failure")
    assert text.startswith("head")
    assert text.endswith("tail")
    assert "[... 8 characters cut ...]" in text


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"note": "killed after 5 s"}, "crashed: killed after 5 s"),
        ({"signal": "SIGSEGV"}, "crashed: SIGSEGV"),
        ({"exit_code": 3}, "crashed: exit code 3"),
        ({}, "crashed"),
    ],
)
def test_a_crash_without_a_failure_says_what_is_known(fields, message):
    text = written(result(Outcome.CRASHED, **fields))
    assert only_case(text).find("error").get("message") == message


def test_a_test_that_never_ran_is_an_error_and_no_gap():
    text = written(result(Outcome.NOT_RUN, note="the chunk ran out of time"))
    assert only_case(text).find("error").get("message") == "not_run: the chunk ran out of time"
    assert facts(text) == {f"triage.outcome {NODEID}": "not_run"}


@pytest.mark.parametrize(
    ("phase", "tag", "message"),
    [
        (Phase.CALL, "failure", "ValueError: bad"),
        (Phase.SETUP, "error", 'failed on setup with "ValueError: bad"'),
        (Phase.TEARDOWN, "error", 'failed on teardown with "ValueError: bad"'),
        (Phase.COLLECT, "error", "collection failure: ValueError: bad"),
    ],
)
def test_a_failure_says_in_which_phase_it_happened(phase, tag, message):
    case = only_case(written(result(failures=(failure(phase),))))
    assert [(child.tag, child.get("type"), child.get("message")) for child in case] == [
        (tag, "ValueError", message)
    ]


def test_output_is_apart_and_output_of_two_failures_is_written_once():
    captured = Captured(stdout="said", stderr="warned", log="logged")
    both = (failure(captured=captured), failure(Phase.TEARDOWN, captured=captured))
    case = only_case(written(result(failures=both)))
    assert case.findtext("system-out") == f"said\n{' Captured Log '.center(80, '-')}\nlogged"
    assert case.findtext("system-err") == "warned"
    assert case.findtext("failure") == "E   ValueError: bad"


@pytest.mark.parametrize("seconds", [None, float("nan"), float("inf"), -1.0, 1234567.8])
def test_a_duration_is_one_for_the_schema(seconds):
    written(result(Outcome.PASSED, duration=seconds))


@pytest.mark.parametrize(
    ("nodeid", "names"),
    [
        ("tests/a/test_x.py::test_y", ("tests.a.test_x", "test_y")),
        ("test_x.py::TestA::TestB::test_y", ("test_x.TestA.TestB", "test_y")),
        ("test_x.py::test_y[a::b/c.py]", ("test_x", "test_y[a::b/c.py]")),
        ("test_x.py", ("", "test_x.py")),
        ("docs/x.rst::x.rst", ("docs.x.rst", "x.rst")),
        ("tests/[a]/test_x.py::test_y", ("tests.[a].test_x", "test_y")),
        ("no path[a::b]", ("", "no path[a::b]")),
    ],
)
def test_names_are_those_of_pytest(nodeid, names):
    assert junit_names(nodeid) == names


@given(
    st.lists(
        st.tuples(st.text(min_size=1, max_size=30), st.sampled_from(list(Outcome))),
        max_size=8,
        unique_by=lambda pair: pair[0],
    )
)
def test_the_document_is_valid_whatever_the_names(pairs):
    results = [TestResult(nodeid=f"t.py::{name}", outcome=outcome, note=name) for name, outcome in pairs]
    text = written(*results)
    assert len(list(ET.fromstring(text.encode("utf-8")).iter("testcase"))) == len(pairs)
    assert not EVIL.search(text)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_each_outcome_is_read_back(tmp_path, outcome):
    note = "why" if outcome in (Outcome.SKIPPED, Outcome.XFAILED, Outcome.NOT_RUN) else None
    before = result(outcome, duration=0.5, note=note)
    (after,) = again(written(before), tmp_path).results
    assert (after.nodeid, after.outcome, after.duration, after.note) == (NODEID, outcome, 0.5, note)


@pytest.mark.parametrize("phase", [Phase.SETUP, Phase.CALL, Phase.TEARDOWN])
def test_a_failure_is_read_back_with_its_output(tmp_path, phase):
    captured = Captured(stdout="said\n", stderr="warned\n", log="logged\n")
    outcome = Outcome.FAILED if phase is Phase.CALL else Outcome.ERROR
    before = failure(phase, captured=captured)
    (after,) = again(written(result(outcome, failures=(before,))), tmp_path).failures
    assert (after.nodeid, after.phase, after.longrepr) == (NODEID, phase, before.longrepr)
    assert (after.exception, after.message) == ("ValueError", "bad")
    assert {name: text.strip() for name, text in after.captured.model_dump().items()} == {
        "stdout": "said",
        "stderr": "warned",
        "log": "logged",
    }


def test_a_flaky_test_passed_and_has_the_attempts_that_failed(tmp_path):
    """As Surefire writes it: readers that know nothing of it see a test that passed."""
    captured = Captured(stdout="said\n", stderr="warned\n")
    before = result(Outcome.FLAKY, failures=(failure(captured=captured),))
    text = written(before)
    (suite,) = ET.fromstring(text.encode("utf-8"))
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")
    (attempt,) = suite.iter("flakyFailure")
    assert (attempt.get("type"), attempt.get("message")) == ("ValueError", "ValueError: bad")
    record = again(text, tmp_path)
    (after,) = record.results
    (told,) = after.failures
    assert (after.outcome, told.exception, told.message) == (Outcome.FLAKY, "ValueError", "bad")
    assert told.longrepr == before.failures[0].longrepr
    assert (told.captured.stdout.strip(), told.captured.stderr.strip()) == ("said", "warned")
    assert record.complete


def test_a_void_run_is_read_back_as_void(tmp_path, record):
    void = record.model_copy(update={"void": "nothing was collected"})
    text = write_junit(reported_results(void), name="x", timestamp="2026-01-01T00:00:00+00:00", seconds=1.0)
    after = again(text, tmp_path)
    assert "void: nothing was collected" in (after.void or "")
    assert "triage run" not in {row.nodeid for row in (*after.results, *after.collect_errors)}


def test_a_collection_error_is_read_back(tmp_path):
    broken = Failure(
        nodeid="tests/test_a.py", phase=Phase.COLLECT, chain=(Raised(type="SyntaxError", message="bad"),)
    )
    before = TestResult(nodeid="tests/test_a.py", outcome=Outcome.ERROR, failures=(broken,))
    record = again(written(before), tmp_path)
    assert [error.nodeid for error in record.collect_errors] == ["tests/test_a.py"]
    (after,) = record.failures
    assert (after.phase, after.exception, after.message) == (Phase.COLLECT, "SyntaxError", "bad")


def test_a_crash_with_a_failure_is_read_back_as_a_crash(tmp_path):
    (after,) = again(written(result(Outcome.CRASHED, failures=(failure(),))), tmp_path).results
    assert after.outcome is Outcome.CRASHED


def test_a_property_cannot_turn_a_failure_into_a_pass(tmp_path):
    text = written(result(failures=(failure(),)))
    claim = f'<properties><property name="triage.outcome {NODEID}" value="xpassed"/></properties><testcase'
    (after,) = again(text.replace("<testcase", claim, 1), tmp_path).results
    assert after.outcome is Outcome.FAILED
