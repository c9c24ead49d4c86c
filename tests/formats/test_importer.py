"""Each format tells the same run: the same tests, outcomes, failures, and the same signatures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from triage.model.outcome import Outcome
from triage.model.run import RunRecord
from triage.signature.api import signatures_of

Take = Callable[..., RunRecord]
Sample = Callable[[str], Path]

CART = "tests/test_cart.py"
FAILED = {
    f"{CART}::test_price[lamp]",
    f"{CART}::test_price[x::y]",
    f"{CART}::test_price[a b]",
    f"{CART}::test_price[\\xe9/[z]]",
    f"{CART}::TestTotal::test_wrapped",
    f"{CART}::TestTotal::test_close",
    f"{CART}::test_passes_too_soon",
    f"{CART}::test_parts",
}
WHOLE = ["reportlog.jsonl", "junit1.xml", "junit2.xml", "verbose.log", "report.json"]


def named(record: RunRecord, outcome: Outcome) -> set[str]:
    return {result.nodeid for result in record.results if result.outcome is outcome}


def signatures(record: RunRecord) -> dict[tuple[str, str], str]:
    return {(f.nodeid, f.phase.value): signatures_of(f)[0].id for f in record.failures}


@pytest.mark.parametrize("name", [*WHOLE, "quiet.log", "ctrf.json", "allure"])
def test_failed_tests_have_their_node_ids(take: Take, sample: Sample, name: str) -> None:
    record = take(sample(name))
    extra = {f"{CART}::test_needs_database"} if name in ("ctrf.json", "allure") else set()
    assert named(record, Outcome.FAILED) == FAILED | extra, "CTRF and Allure do not tell an error of set-up"
    assert record.complete
    assert record.void is None


@pytest.mark.parametrize("name", [*WHOLE, "quiet.log"])
def test_errors_and_collection(take: Take, sample: Sample, name: str) -> None:
    record = take(sample(name))
    assert named(record, Outcome.ERROR) == {f"{CART}::test_needs_database"}
    assert [result.nodeid for result in record.collect_errors] == ["tests/test_import.py"]
    assert record.collect_errors[0].failures[0].exception == "ModuleNotFoundError"


@pytest.mark.parametrize("name", WHOLE)
def test_counts(take: Take, sample: Sample, name: str) -> None:
    counts = take(sample(name)).counts
    assert counts.adds_up
    assert (counts.collected, counts.failed, counts.error, counts.skipped, counts.xfailed) == (13, 8, 1, 1, 1)
    assert counts.passed + counts.xpassed == 2, "JUnit XML cannot tell the two apart"


def test_a_quiet_log_counts_what_it_does_not_name(take: Take, sample: Sample) -> None:
    notes = " | ".join(take(sample("quiet.log")).notes)
    assert "tests that passed without being named" in notes
    assert "tests that skipped without being named" in notes


@pytest.mark.parametrize("name", [*WHOLE, "quiet.log", "ctrf.json", "allure"])
def test_one_failure_has_one_signature_in_every_format(take: Take, sample: Sample, name: str) -> None:
    """What a format leaves out may be missing; what it tells must not look like something else."""
    best = signatures(take(sample("reportlog.jsonl")))
    found = signatures(take(sample(name)))
    untold = {("report.json", "test_parts"), ("allure", "test_passes_too_soon")}
    for (nodeid, phase), signature in found.items():
        if (name, nodeid.rpartition("::")[2]) not in untold and (nodeid, phase) in best:
            assert signature == best[nodeid, phase], nodeid


@pytest.mark.parametrize("name", [*WHOLE, "quiet.log", "ctrf.json", "allure"])
def test_the_product_frame_and_the_cause_are_found(take: Take, sample: Sample, name: str) -> None:
    wrapped = next(f for f in take(sample(name)).failures if f.nodeid.endswith("test_wrapped"))
    assert [(raised.type, raised.relation) for raised in wrapped.chain] == [
        ("RuntimeError", "raised"),
        ("ValueError", "cause"),
    ]
    last = wrapped.chain[0].frames[-1]
    assert (last.path, last.function, last.origin) == ("shop/cart.py", "total", "product")
    assert wrapped.chain[1].frames[-1].code is not None
    assert "no price for" in wrapped.chain[1].message


@pytest.mark.parametrize("name", ["reportlog.jsonl", "report.json", "quiet.log", "verbose.log"])
def test_captured_output_comes_along_without_escapes(take: Take, sample: Sample, name: str) -> None:
    failure = next(f for f in take(sample(name)).failures if f.nodeid.endswith("test_close"))
    assert "hello red" in failure.captured.stdout
    assert "to stderr" in failure.captured.stderr
    assert "\x1b" not in failure.model_dump_json()


def test_two_failures_of_one_test_are_one_result(take: Take, sample: Sample) -> None:
    for name in WHOLE:
        result = next(r for r in take(sample(name)).results if r.nodeid.endswith("test_close"))
        assert [f.phase.value for f in result.failures] == ["call", "teardown"], name


def test_a_folder_of_formats_is_one_run(take: Take, sample: Sample) -> None:
    record = take(sample("reportlog.jsonl").parent)
    assert record.counts.adds_up
    assert named(record, Outcome.FAILED) == FAILED
    assert named(record, Outcome.ERROR) | named(record, Outcome.FAILED) == FAILED | {
        f"{CART}::test_needs_database"
    }


def test_the_name_of_a_file_means_nothing(take: Take, sample: Sample) -> None:
    data = sample("reportlog.jsonl").read_bytes()
    assert named(take(data), Outcome.FAILED) == FAILED


@pytest.mark.parametrize("name", ["junit2.xml", "report.json", "verbose.log", "reportlog.jsonl"])
def test_compressed_files_are_read(take: Take, sample: Sample, tmp_path: Path, name: str) -> None:
    import bz2
    import gzip
    import lzma

    for number, squeeze in enumerate((gzip.compress, bz2.compress, lzma.compress)):
        path = tmp_path / f"squeezed{number}"
        path.write_bytes(squeeze(sample(name).read_bytes()))
        assert named(take(path), Outcome.FAILED) == FAILED


SUREFIRE = """<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="com.acme.CartTest" time="1,234.5" tests="4">
  <testcase name="total" classname="com.acme.CartTest" time="1,000.25">
    <failure message="expected:&lt;1&gt; but was:&lt;2&gt;" type="java.lang.AssertionError">AssertionError
    at com.acme.CartTest.total(CartTest.java:7)</failure>
    <rerunFailure message="again" type="E"><stackTrace>again</stackTrace></rerunFailure>
  </testcase>
  <testcase name="flaky" classname="com.acme.CartTest"><flakyFailure message="once" type="E"/></testcase>
  <testcase name="off" classname="com.acme.CartTest"><skipped/></testcase>
  <testcase name="fine" classname="com.acme.CartTest"/>
</testsuite>"""

GTEST = """<testsuites tests="3"><testsuite name="Math">
<testcase name="Adds" status="run" result="completed" time="0" classname="Math">
<failure message="a.cc:3&#x0A;Expected" type=""/></testcase>
<testcase name="DISABLED_Subs" status="notrun" result="suppressed" time="0" classname="Math"/>
<testcase name="Muls" status="run" result="completed" time="0" classname="Math"/></testsuite></testsuites>"""

JEST = """<testsuites name="jest tests"><testsuite name="cart" errors="0">
<testcase classname="cart adds" name="cart adds" time="0.01" file="src/cart.test.js">
<failure>Error: expect(received).toBe(expected)
    at Object.&lt;anonymous&gt; (src/cart.test.js:4:21)</failure></testcase>
<testcase classname="cart subs" name="cart subs" time="0.01" file="src/cart.test.js"/>
</testsuite></testsuites>"""

GO = """<testsuites><testsuite tests="2" failures="1" name="example.com/shop"><properties/>
<testcase classname="shop" name="TestTotal/empty" time="0.000">
<failure message="Failed" type="">cart_test.go:9: want 0</failure></testcase>
<testcase classname="shop" name="TestPrice" time="0.000"></testcase></testsuite></testsuites>"""


@pytest.mark.parametrize(
    ("text", "failed", "others"),
    [
        (SUREFIRE, "com.acme.CartTest::total", ["flaky", "skipped", "passed"]),
        (GTEST, "Math::Adds", ["skipped", "passed"]),
        (JEST, "src/cart.test.js::cart adds::cart adds", ["passed"]),
        (GO, "shop::TestTotal/empty", ["passed"]),
    ],
)
def test_dialects_of_other_worlds(take: Take, text: str, failed: str, others: list[str]) -> None:
    record = take(text)
    assert named(record, Outcome.FAILED) == {failed}
    assert [r.outcome.value for r in record.results if r.outcome is not Outcome.FAILED] == others
    assert next(iter(record.failures)).message


def test_surefire_reruns_are_noted_and_thousands_are_read(take: Take) -> None:
    by_name = {result.nodeid.rpartition("::")[2]: result for result in take(SUREFIRE).results}
    assert by_name["total"].duration == 1000.25
    assert by_name["total"].note == "1 further attempts failed"
    assert by_name["flaky"].outcome is Outcome.FLAKY
    assert by_name["flaky"].failures[0].message == "once"
    assert by_name["flaky"].note == "1 further attempts failed"


TAP = """TAP version 14
1..5
ok 1 - tests/test_a.py::test_one
not ok 2 - tests/test_a.py::test_two
  ---
  message: 'expected 3, got 4'
  severity: fail
  ...
    # Subtest: inner
    ok 1 - a
    not ok 2 - b
    1..2
not ok 3 - inner
ok 4 - later # SKIP no network
not ok 5 - hashed \\# name # TODO not yet
"""


def test_tap(take: Take) -> None:
    record = take(TAP)
    outcomes = {result.nodeid: result.outcome.value for result in record.results}
    assert outcomes == {
        "tests/test_a.py::test_one": "passed",
        "tests/test_a.py::test_two": "failed",
        "inner": "failed",
        "later": "skipped",
        "hashed # name": "xfailed",
    }
    assert record.failures[0].message == "expected 3, got 4"
    assert "not ok 2 - b" in record.failures[1].longrepr
    assert record.complete


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("TAP version 13\nok 1 - a\n", "no plan"),
        ("TAP version 13\n1..3\nok 1 - a\n", "3 tests were planned and 1 are in it"),
        ("TAP version 13\n1..1\nok 1 - a\nBail out! the disk is gone\n", "the disk is gone"),
    ],
)
def test_tap_that_is_cut_short_is_incomplete(take: Take, text: str, why: str) -> None:
    record = take(text)
    assert not record.complete
    assert why in " ".join(record.notes)


def test_allure_retries_are_one_test_whose_latest_start_decides(take: Take, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    for name, start, status in (("a", 3000, "passed"), ("b", 1000, "FAILED"), ("c", 2000, "broken")):
        (folder / f"{name}-result.json").write_text(
            f'{{"uuid": "{name}", "historyId": "h", "name": "test_x", "fullName": "tests.test_a#test_x",'
            f' "status": "{status}", "start": {start}, "stop": {start + 500},'
            ' "parameters": [{"name": "token", "value": "hunter2", "mode": "hidden"}]}'
        )
    record = take(folder)
    assert [result.outcome for result in record.results] == [Outcome.FLAKY]
    assert "hunter2" not in record.model_dump_json()


def subtest(message: str, context: str, key: str) -> str:
    return (
        '{"nodeid": "t.py::a", "when": "call", "outcome": "failed",'
        f' "longrepr": "E   ValueError: {message}",'
        f' "context": {context}, "{key}": "SubTestReport"}}'
    )


def test_both_subtest_keys_of_reportlog(take: Take) -> None:
    lines = [
        '{"pytest_version": "9.0", "$report_type": "SessionStart"}',
        '{"nodeid": "t.py::a", "when": "setup", "outcome": "passed", "$report_type": "TestReport"}',
        subtest("one", '{"msg": "m", "kwargs": {"i": 1}}', "_report_type"),
        subtest("two", '{"msg": null, "kwargs": {}}', "$report_type"),
        '{"nodeid": "t.py::a", "when": "call", "outcome": "passed", "$report_type": "TestReport"}',
        '{"nodeid": "t.py::a", "when": "teardown", "outcome": "passed", "$report_type": "TestReport"}',
        '{"exitstatus": 1, "$report_type": "SessionFinish"}',
        '{"something": "new", "$report_type": "FromTheFuture"}',
    ]
    record = take("\n".join(lines))
    assert [(f.message, f.subtest) for f in record.failures] == [("one", "m (i=1)"), ("two", None)]
    assert record.results[0].outcome is Outcome.FAILED


def test_a_reportlog_that_a_crash_cut_names_who_was_running(take: Take, sample: Sample) -> None:
    lines = sample("reportlog.jsonl").read_text().splitlines()
    cut = next(n for n, line in enumerate(lines) if "test_price_of_pen" in line and '"setup"' in line)
    record = take("\n".join(lines[: cut + 1]) + '\n{"nodeid": "tests/te')
    assert not record.complete
    assert record.results[-1].outcome is Outcome.CRASHED
    assert record.results[-1].note == "it was running when the log ends"
    assert any("cut" in note for note in record.notes)


def test_a_log_whose_process_died_names_who_was_running(take: Take) -> None:
    log = (
        "============ test session starts ============\ncollected 2 items\n\n"
        "tests/test_a.py::test_one PASSED   [ 50%]\ntests/test_a.py::test_two \n"
        "Fatal Python error: Segmentation fault\n\nCurrent thread 0x00007f (most recent call first):\n"
    )
    record = take(log)
    assert {r.nodeid: r.outcome.value for r in record.results} == {
        "tests/test_a.py::test_one": "passed",
        "tests/test_a.py::test_two": "crashed",
    }
    assert not record.complete


def test_names_are_resolved_against_a_collection(take: Take) -> None:
    xml = (
        '<testsuite><testcase classname="pkg.checks.Thing" name="test_a"/>'
        '<testcase classname="pkg.checks.Thing" name="test_z"/></testsuite>'
    )
    record = take(xml, collected=("pkg/checks.py::Thing::test_a",))
    assert record.results[0].nodeid == "pkg/checks.py::Thing::test_a"
    assert any("collection does not have" in note for note in record.notes)


def test_output_under_headings_inside_of_a_text_is_taken_apart(take: Take) -> None:
    case = "<testsuite><testcase classname='tests.test_a' name='a'><failure>{}</testcase></testsuite>"
    body = (
        "&gt;   main()\nE   SystemExit: 1\n\ntests/test_a.py:3: SystemExit\n"
        "----------------------------- Captured stdout call -----------------------------\n"
        "Error: no input\n----------------------------- Captured stderr call ---------------------\nwarning\n"
    )
    failure = take(case.format(f"{body}</failure>")).failures[0]
    assert failure.captured.stdout == "Error: no input\n"
    assert failure.captured.stderr == "warning\n"
    assert "Captured" not in failure.longrepr
    assert signatures_of(failure)[0].fields["message"] == "Error: no input"
    heading = "--------------------------------- Captured Out ---------------------------------"
    streams = f"E   SystemExit: 1</failure><system-out>{heading}\nError: no input\n</system-out>"
    assert take(case.format(streams)).failures[0].captured.stdout == "Error: no input\n"
