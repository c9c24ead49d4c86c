"""Runs of one name in other surroundings are other tests; only what a report calls a rerun is one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from triage.formats.importer import read
from triage.model.outcome import Outcome
from triage.model.run import RunRecord
from triage.signature.api import signatures_of

Take = Callable[..., RunRecord]


def outcomes(record: RunRecord) -> dict[str, str]:
    found = {result.nodeid: result.outcome.value for result in record.results}
    assert len(found) == len(record.results), "no two results look alike"
    return found


def junit(*rows: tuple[str, str], attributes: str = "", properties: str = "") -> str:
    cases = "".join(
        f'<testcase classname="tests.test_a" name="{name}" time="0.1">{child}</testcase>'
        for name, child in rows
    )
    return f"<testsuite {attributes}>{properties}{cases}</testsuite>"


BAD = '<failure message="boom">ValueError: boom</failure>'


@pytest.mark.parametrize(
    "names", [("py310/junit.xml", "py312/junit.xml"), ("py312/junit.xml", "py310/junit.xml")]
)
@pytest.mark.parametrize("one_by_one", [True, False])
def test_jobs_of_a_matrix_are_no_reruns(tmp_path: Path, names: tuple[str, str], one_by_one: bool) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir()
    (tmp_path / names[0]).write_text(junit(("test_x", BAD), ("test_y", ""), attributes='name="pytest"'))
    (tmp_path / names[1]).write_text(junit(("test_x", ""), ("test_y", ""), attributes='name="pytest"'))
    paths = [tmp_path / name for name in names] if one_by_one else [tmp_path]
    record = read(paths, root=tmp_path / "nowhere", stamp="S")
    bad, good = (Path(name).parent.name for name in names)
    assert outcomes(record) == {
        f"tests/test_a.py::test_x @ {bad}": "failed",
        f"tests/test_a.py::test_x @ {good}": "passed",
        f"tests/test_a.py::test_y @ {bad}": "passed",
        f"tests/test_a.py::test_y @ {good}": "passed",
    }


def test_one_failure_in_two_places_has_one_signature(tmp_path: Path) -> None:
    strict = '<failure message="[XPASS(strict)] "/>'
    for name in ("py310", "py312"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "junit.xml").write_text(junit(("test_x", strict), ("test_y", "<failure/>")))
    record = read([tmp_path], root=tmp_path / "nowhere", stamp="S")
    ids = {failure.nodeid: signatures_of(failure)[0].id for failure in record.failures}
    assert ids["tests/test_a.py::test_x @ py310"] == ids["tests/test_a.py::test_x @ py312"]
    assert ids["tests/test_a.py::test_y @ py310"] == ids["tests/test_a.py::test_y @ py312"]
    assert len(set(ids.values())) == 2


def test_two_files_that_nothing_tells_apart_are_as_bad_as_the_worse(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(junit(("test_x", BAD)))
    (tmp_path / "b.xml").write_text(junit(("test_x", "")))
    record = read([tmp_path], root=tmp_path / "nowhere", stamp="S")
    assert outcomes(record) == {"tests/test_a.py::test_x": "failed"}
    assert record.results[0].note == (
        "several reports disagree, and the worst counts: failed in a.xml, passed in b.xml"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('hostname="chromium"', 'hostname="firefox"'),
        ('name="chromium"', 'name="firefox"'),
        ('name="e2e" hostname="chromium"', 'name="e2e" hostname="firefox"'),
    ],
)
def test_two_browsers_in_one_report(take: Take, one: str, other: str) -> None:
    names = [f"test_{n}" for n in range(5)]
    first = junit(*((name, BAD if name == "test_0" else "") for name in names), attributes=one)
    second = junit(*((name, BAD if name in ("test_1", "test_2") else "") for name in names), attributes=other)
    record = take(f"<testsuites>{first}{second}</testsuites>")
    assert (record.counts.collected, record.counts.failed) == (10, 3)
    found = outcomes(record)
    assert found["tests/test_a.py::test_0 @ chromium"] == "failed"
    assert found["tests/test_a.py::test_0 @ firefox"] == "passed"


def test_properties_and_files_keep_rows_apart(take: Take) -> None:
    suites = [
        junit(
            ("t", child),
            attributes='name="s"',
            properties=f'<properties><property name="browser" value="{browser}"/></properties>',
        )
        for child, browser in (("", "edge"), (BAD, "safari"))
    ]
    assert outcomes(take(f"<testsuites>{''.join(suites)}</testsuites>")) == {
        "tests/test_a.py::t @ edge": "passed",
        "tests/test_a.py::t @ safari": "failed",
    }
    rows = [
        f'<testcase classname="Cart" name="adds" file="{file}">{child}</testcase>'
        for file, child in (("a/cart.js", BAD), ("b/cart.js", ""))
    ]
    assert outcomes(take(f"<testsuite>{''.join(rows)}</testsuite>")) == {
        "a/cart.js::Cart::adds": "failed",
        "b/cart.js::Cart::adds": "passed",
    }
    own = [
        f'<testcase classname="c" name="t"><properties><property name="project" value="{name}"/></properties>'
        f"{child}</testcase>"
        for name, child in (("web", BAD), ("app", ""))
    ]
    assert outcomes(take(f"<testsuite>{''.join(own)}</testsuite>")) == {
        "c::t @ web": "failed",
        "c::t @ app": "passed",
    }


@pytest.mark.parametrize("order", [1, -1])
def test_equal_rows_are_as_bad_as_the_worst(take: Take, order: int) -> None:
    rows = [("test_x", BAD), ("test_x", ""), ("test_x", "<skipped/>")][::order]
    record = take(junit(*rows))
    assert outcomes(record) == {"tests/test_a.py::test_x": "failed"}
    assert any("nothing tells apart" in note for note in record.notes)


def test_json_reports_of_two_interpreters_are_apart(take: Take) -> None:
    def report(python: str, outcome: str) -> str:
        test = {"nodeid": "tests/test_a.py::test_x", "outcome": outcome}
        return json.dumps(
            {"exitcode": None, "summary": {}, "environment": {"Python": python}, "tests": [test]}
        )

    record = take(report("3.10.1", "failed"), report("3.12.1", "passed"))
    assert Counter(outcomes(record).values()) == {"failed": 1, "passed": 1}


def ctrf(*tests: dict[str, object]) -> str:
    return json.dumps(
        {"reportFormat": "CTRF", "results": {"tool": {"name": "x"}, "summary": {}, "tests": tests}}
    )


def test_ctrf_says_what_is_flaky_and_what_ran_in_which_browser(take: Take) -> None:
    attempt = {"attempt": 1, "status": "failed", "message": "ValueError: once", "trace": ""}
    record = take(
        ctrf(
            {"name": "a", "status": "passed", "flaky": True, "retries": 1, "retryAttempts": [attempt]},
            {"name": "b", "status": "passed", "flaky": False, "retries": 0},
            {"name": "c", "status": "passed", "retries": 2},
            {"name": "d", "status": "failed", "retries": 2, "retryAttempts": [attempt], "message": "at last"},
            {"name": "e", "status": "passed", "browser": "chromium"},
            {"name": "e", "status": "failed", "browser": "firefox", "message": "boom"},
        )
    )
    assert outcomes(record) == {
        "a": "flaky", "b": "passed", "c": "flaky", "d": "failed", "e @ chromium": "passed",
        "e @ firefox": "failed",
    }  # fmt: skip
    assert [failure.message for failure in record.failures if failure.nodeid in "ad"] == ["once", "at last"]


EPOCH = 1_764_000_000_000
"""Milliseconds: real writers give the time of day, and not a small number."""


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        (("failed", "broken", "passed"), Outcome.FLAKY),
        (("passed", "failed"), Outcome.FAILED),
        (("failed", "failed"), Outcome.FAILED),
        (("skipped", "passed"), Outcome.PASSED),
    ],
)
@pytest.mark.parametrize("reverse", [True, False])
def test_retries_of_allure_go_by_their_start(
    tmp_path: Path, statuses: tuple[str, ...], outcome: Outcome, reverse: bool
) -> None:
    names = sorted((f"{n}-result.json" for n in range(len(statuses))), reverse=reverse)
    for number, (name, status) in enumerate(zip(names, statuses, strict=True)):
        document = {
            "uuid": name, "historyId": "h", "name": "test_x", "fullName": "tests.test_a#test_x",
            "status": status, "start": EPOCH + 1000 * number, "stop": EPOCH + 1000 * number + 250,
            "statusDetails": {"message": f"attempt {number}"},
        }  # fmt: skip
        (tmp_path / name).write_text(json.dumps(document))
    record = read([tmp_path], root=tmp_path / "nowhere", stamp="S")
    assert outcomes(record) == {"tests/test_a.py::test_x": outcome.value}
    assert record.results[0].duration == 0.25


def reportlog(*reports: tuple[str, str], worker: str = "") -> str:
    lines = ['{"pytest_version": "9.2", "$report_type": "SessionStart"}']
    for when, outcome in reports:
        row = {"nodeid": "t.py::a", "when": when, "outcome": outcome, "$report_type": "TestReport"}
        longrepr = "E   ValueError: once" if outcome in ("failed", "rerun") else None
        lines.append(json.dumps(row | {"longrepr": longrepr}))
    return "\n".join([*lines, '{"exitstatus": null, "$report_type": "SessionFinish"}'])


SETUP, PASSED, FAILED, RERUN, TEARDOWN = (
    ("setup", "passed"), ("call", "passed"), ("call", "failed"), ("call", "rerun"), ("teardown", "passed"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("reports", "outcome"),
    [
        ((SETUP, RERUN, TEARDOWN, SETUP, PASSED, TEARDOWN), Outcome.FLAKY),
        ((SETUP, RERUN, TEARDOWN, SETUP, FAILED, TEARDOWN), Outcome.FAILED),
        ((SETUP, FAILED, TEARDOWN, SETUP, PASSED, TEARDOWN), Outcome.FAILED),
        ((SETUP, PASSED, TEARDOWN, SETUP, FAILED, TEARDOWN), Outcome.FAILED),
        ((SETUP, PASSED), Outcome.NOT_RUN),
        ((SETUP, TEARDOWN), Outcome.NOT_RUN),
    ],
)
def test_only_marked_reruns_of_a_report_log_are_reruns(
    take: Take, reports: tuple[tuple[str, str], ...], outcome: Outcome
) -> None:
    record = take(reportlog(*reports))
    assert outcomes(record) == {"t.py::a": outcome.value}
    assert {failure.message for failure in record.failures} <= {"once"}


def test_json_report_of_rerunfailures(take: Take) -> None:
    """The plugin keeps the stages of the last run only, and the word for the test of the first."""
    stages = {phase: {"outcome": "passed"} for phase in ("setup", "call", "teardown")}
    tests = [
        {"nodeid": "t.py::a", "outcome": "rerun", **stages},
        {"nodeid": "t.py::b", "outcome": "subtests passed", **stages},
        {
            "nodeid": "t.py::c",
            "outcome": "rerun",
            **stages,
            "call": {"outcome": "failed", "longrepr": "E   x"},
        },
    ]
    record = take(json.dumps({"exitcode": 1, "summary": {}, "tests": tests}))
    assert outcomes(record) == {"t.py::a": "flaky", "t.py::b": "passed", "t.py::c": "failed"}


CRASH = "worker 'gw0' crashed while running 'tests/test_a.py::test_b'"


@pytest.mark.parametrize(
    "text",
    [
        ('<testsuite><testcase classname="tests.test_a" name="test_b">'
        f'<error message="failed on setup with &quot;{CRASH}&quot;">{CRASH}</error></testcase></testsuite>'),
        json.dumps(
            {"exitcode": 1, "summary": {}, "tests": [
                {"nodeid": "tests/test_a.py::test_b", "outcome": "failed", "setup": {"outcome": "passed"},
                 "???": {"outcome": "failed", "longrepr": f"[gw0] linux -- Python 3.11 /python\n{CRASH}"}}
            ]}
        ),
    ],
    ids=["junit", "json"],
)  # fmt: skip
def test_a_worker_that_died_is_a_crash_in_every_format(take: Take, text: str) -> None:
    record = take(text)
    assert outcomes(record) == {"tests/test_a.py::test_b": "crashed"}
    assert record.complete
