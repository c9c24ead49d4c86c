"""A report of a red or unfinished run never becomes a whole green one, whatever is missing of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triage.errors import UsageError
from triage.model.outcome import Outcome
from triage.model.run import RunRecord

Take = Callable[..., RunRecord]
Sample = Callable[[str], Path]


def is_whole_and_green(record: RunRecord) -> bool:
    return record.complete and record.void is None and not record.failures and not record.collect_errors


def case(name: str, child: str = "") -> str:
    return f'<testcase classname="tests.test_a" name="{name}" time="0.1">{child}</testcase>'


def suite(cases: str, **counts: int) -> str:
    attributes = " ".join(f'{name}="{number}"' for name, number in counts.items())
    return f'<testsuites><testsuite name="unit" {attributes}>{cases}</testsuite></testsuites>'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (suite(case("a"), tests=9, errors=2), "8 tests are missing: it counts 9 and shows 1"),
        (suite(case("a"), tests=1, errors=2), "2 failures are missing: it counts 2 and shows 0"),
        (suite(case("a") + '<testcase time="0.0"/>', tests=1), "a test case without a name"),
        (suite(case("a", "</oops>"), tests=1), "damage in the XML"),
        (suite(case("a"), tests=1)[:-30], "its root element does not end"),
        ("<testsuites tests='3'>" + suite(case("a"), tests=1) + "</testsuites>", "2 tests are missing"),
        (suite('<testcase classname="x" name="x" status="aborted"/>'), "1 test did not run"),
        (
            suite('<testcase name="x" status="notrun"><skipped message="Not found"/></testcase>'),
            "1 test did not run",
        ),
        ('{"exitcode": 3, "summary": {}, "tests": [{"nodeid": "a::b", "outcome": "passed"}]}', "exit code 3"),
        (
            '{"exitcode": 1, "summary": {}, "tests": [{"nodeid": "a::b", "outcome": "passed"}]}',
            "exit code 1, and no failure is shown",
        ),
        (
            ('{"exitcode": 0, "summary": {"total": 2, "collected": 4, "passed": 2}, "tests":'
            ' [{"nodeid": "a::b", "outcome": "passed"}, {"nodeid": "a::c", "outcome": "passed"}]}'),
            "2 tests are missing: it counts 4 and shows 2",
        ),
        (
            ('{"exitcode": 0, "summary": {}, "tests": [{"nodeid": "a::b", "outcome": "passed",'
            ' "setup": {"outcome": "passed"}}]}'),
            "1 test did not run",
        ),
        (
            '{"exitcode": 0, "summary": {}, "tests": [{"nodeid": "a::b", "outcome": "not_run"}]}',
            "1 test did not run",
        ),
        (
            ('{"reportFormat": "CTRF", "results": {"tool": {}, "summary": {"tests": 3, "failed": 1},'
            ' "tests": [{"name": "a", "status": "passed"}]}}'),
            "2 tests are missing: it counts 3 and shows 1; 1 failure is missing",
        ),
        (
            ('{"reportFormat": "CTRF", "results": {"tool": {}, "summary": {"tests": 1},'
            ' "tests": [{"name": "a", "status": "pending"}]}}'),
            "1 test did not run",
        ),
        (
            '{"uuid": "1", "name": "test_a", "fullName": "tests.test_a#test_a", "stage": "interrupted"}',
            "1 test did not run",
        ),
    ],
)  # fmt: skip
def test_what_a_report_says_itself_decides(take: Take, text: str, said: str) -> None:
    record = take(text)
    assert not record.complete
    assert said in (record.void or "")


def test_a_skip_that_was_asked_for_is_no_missing_test(take: Take) -> None:
    record = take(
        suite(
            '<testcase name="DISABLED_x" status="notrun" result="suppressed"/>'
            '<testcase name="off" status="disabled"/>'
            '<testcase name="s" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>',
            tests=3,
        )
    )
    assert record.complete
    assert {result.outcome for result in record.results} == {Outcome.SKIPPED}


PLACE = "('/srv/tests/test_a.py', 1, 'Skipped: no network')"
SKIPPED = f'<skipped message="collection skipped">{PLACE}</skipped>'


@pytest.mark.parametrize(
    "text",
    [
        suite(f'<testcase classname="" name="tests.test_a">{SKIPPED}</testcase>'),
        json.dumps(
            {"exitcode": 0, "summary": {}, "tests": [],
             "collectors": [{"nodeid": "tests/test_a.py", "outcome": "skipped", "longrepr": PLACE}]}
        ),
        ('{"nodeid": "tests/test_a.py", "outcome": "skipped", "longrepr": ["/srv/tests/test_a.py", 1,'
        ' "Skipped: no network"], "$report_type": "CollectReport"}\n'
        '{"exitstatus": 0, "$report_type": "SessionFinish"}'),
    ],
    ids=["junit", "json", "reportlog"],
)  # fmt: skip
def test_a_file_that_was_skipped_as_a_whole_is_a_skipped_test(take: Take, text: str) -> None:
    (result,) = take(text).results
    assert (result.nodeid, result.outcome, result.note) == (
        "tests/test_a.py",
        Outcome.SKIPPED,
        "no network",
    )


@pytest.mark.parametrize("status", [2, 3, 4, 5])
def test_the_exit_status_of_the_session_counts(take: Take, sample: Sample, status: int) -> None:
    text = sample("reportlog.jsonl").read_text()
    assert take(text).complete
    assert '"exitstatus": 1' in text
    record = take(text.replace('"exitstatus": 1', f'"exitstatus": {status}'))
    assert f"exit status {status}" in (record.void or "")


def test_an_internal_error_of_pytest_is_no_test(take: Take) -> None:
    error = '<error message="internal error">INTERNALERROR&gt; ValueError: plugin</error>'
    record = take(suite(f'<testcase classname="pytest" name="internal">{error}</testcase>{case("a")}'))
    assert [result.nodeid for result in record.results] == ["tests/test_a.py::a"]
    assert "pytest ended with an internal error" in (record.void or "")
    assert record.collect_errors[0].failures[0].message


def test_a_suite_that_failed_outside_of_its_tests_is_red(take: Take) -> None:
    record = take(f'<testsuite name="db"><error message="no database" type="SetUp"/>{case("a")}</testsuite>')
    assert [(error.nodeid, error.failures[0].message) for error in record.collect_errors] == [
        ("db", "no database")
    ]


def test_passed_subtests_are_counted_by_pytest_and_shown_nowhere(take: Take) -> None:
    """Whether a test is missing is known where the suite was collected."""
    (row, _, _) = case("test_parts").partition("</testcase>")
    text = f'<testsuite name="pytest" tests="3">{row}</testcase></testsuite>'
    assert not take(text).complete
    assert take(text, collected=("tests/test_a.py::test_parts",)).complete
    assert not take(text, collected=("tests/test_a.py::test_parts", "tests/test_a.py::test_b")).complete


@pytest.mark.parametrize(
    "reference", ["&#8;", "&#x1b;[31m", "&#0;", "&#xD800;", "&#xFFFF;", "&nbsp;", "&", "&unknown;"]
)
@pytest.mark.parametrize("padding", [0, 256 * 1024 - 40])
def test_a_reference_that_xml_forbids_costs_a_character(take: Take, reference: str, padding: int) -> None:
    """Wherever it lies, across the end of a piece that is read too."""
    text = (" " * padding) + suite(
        case("b", f"<failure message='boom {reference} bang'/>"), tests=1, failures=1
    )
    record = take(text)
    assert record.complete
    (failure,) = record.failures
    assert failure.message.startswith("boom ")
    assert failure.message.endswith(" bang")
    assert "\x1b" not in failure.message


def test_a_cdata_section_is_left_as_it_is(take: Take) -> None:
    text = suite(case("b", "<failure><![CDATA[Error: a && b &#8; &amp; c]]></failure>"), tests=1, failures=1)
    assert take(text).failures[0].message == "a && b &#8; &amp; c"


def test_a_failure_without_a_reason_says_so_and_joins_nothing(take: Take) -> None:
    from triage.signature.api import signatures_of

    tests = [{"nodeid": f"tests/test_{n}.py::test_x", "outcome": "failed"} for n in "ab"]
    record = take(json.dumps({"exitcode": 1, "summary": {}, "tests": tests}))
    assert [failure.message for failure in record.failures] == [
        "the report gives no reason for this failure"
    ] * 2
    assert len({signatures_of(failure)[0].id for failure in record.failures}) == 2


@pytest.mark.parametrize(
    "torn", ["<testsuites name=", "", "{", '{"uuid": "2", "na', "<?xml version='1.0'?>\n<tests"]
)
def test_a_report_that_was_cut_before_it_says_what_it_is(take: Take, tmp_path: Path, torn: str) -> None:
    folder = tmp_path / "allure"
    folder.mkdir()
    (folder / "1-result.json").write_text(
        '{"uuid": "1", "name": "test_a", "fullName": "tests.test_a#test_a", "status": "passed"}'
    )
    assert take(folder).complete
    (folder / "2-result.json").write_text(torn)
    assert not take(folder).complete


def test_files_beside_a_report_that_are_none_do_no_harm(take: Take, tmp_path: Path) -> None:
    folder = tmp_path / "artifacts"
    folder.mkdir()
    (folder / "junit.xml").write_text(suite(case("a"), tests=1))
    others = {
        "index.html": "<!DOCTYPE html><p>hello<br>",
        "package.json": '{"name": "x"}',
        "empty.txt": "",
        "coverage.xml": "<coverage/>",
        "lines.jsonl": '{"a": 1}\n{"a": 2}\n',
        "notes.txt": "{braces} are text",
        "build.log": "[12:00:01] done",
        "warnings.txt": "<stdin>:1: warning: unused",
    }
    for name, text in others.items():
        (folder / name).write_text(text)
    assert take(folder).complete


def test_numbers_that_are_none(take: Take) -> None:
    digits = "9" * 5000
    call = f'"call": {{"outcome": "passed", "duration": {digits}}}'
    test = f'{{"nodeid": "a::b", "outcome": "passed", {call}}}'
    record = take(f'{{"exitcode": 0, "summary": {{"total": {digits}}}, "tests": [{test}]}}')
    assert record.complete
    assert record.results[0].outcome is Outcome.PASSED


NAMES = [
    "junit1.xml",
    "junit2.xml",
    "report.json",
    "reportlog.jsonl",
    "ctrf.json",
    "verbose.log",
    "quiet.log",
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_red_report_cut_anywhere_is_never_green(take: Take, sample: Sample, data: st.DataObject) -> None:
    whole = sample(data.draw(st.sampled_from(NAMES))).read_bytes()
    try:
        record = take(whole[: data.draw(st.integers(0, len(whole) - 2))])
    except UsageError:
        return  # refused: exit 2
    assert not is_whole_and_green(record)


def rows_dropped(path: Path) -> Iterator[str]:
    """The report without one of its tests, for each of them."""
    if path.suffix == ".xml":
        tree = ElementTree.parse(path)
        (holder,) = tree.getroot()
        for row in list(holder):
            holder.remove(row)
            yield ElementTree.tostring(tree.getroot(), encoding="unicode")
            holder.append(row)
        return
    if path.suffix == ".jsonl":
        lines = path.read_text().splitlines(keepends=True)
        for number in range(len(lines)):
            yield "".join([*lines[:number], *lines[number + 1 :]])
        return
    document = json.loads(path.read_text())
    rows = document["results"]["tests"] if "results" in document else document["tests"]
    for number in range(len(rows)):
        row = rows.pop(number)
        yield json.dumps(document)
        rows.insert(number, row)


@pytest.mark.parametrize("name", NAMES[:5])
def test_a_red_report_without_one_row_is_never_green(take: Take, sample: Sample, name: str) -> None:
    for text in rows_dropped(sample(name)):
        assert not is_whole_and_green(take(text))


@pytest.mark.parametrize("name", ["report.json", "ctrf.json"])
def test_a_dropped_row_is_counted(take: Take, sample: Sample, name: str) -> None:
    assert take(sample(name)).complete
    for text in rows_dropped(sample(name)):
        assert "1 test is missing" in (take(text).void or "")
