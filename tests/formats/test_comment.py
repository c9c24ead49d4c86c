"""The comment for a pull request, and the badge: what they say of a run, and that nothing breaks out."""

from __future__ import annotations

import re

import pytest

from triage.documents.run_summary import summarize
from triage.formats.badge import render_badge
from triage.formats.comment import MOST_CHARS, marker, render_comment
from triage.formats.github import workflow_commands
from triage.formats.reported_run import ReportedCause, ReportedRun, RunSource
from triage.model.base_commit import BaseRun, BaseVerdict, OnBase
from triage.model.cluster import Cluster, RunState
from triage.model.failure import Failure, Frame, Raised
from triage.model.outcome import Outcome, Phase
from triage.model.run import RunRecord, TestResult

COMMIT = "04c1b33aa1b2c3d4e5f60718293a4b5c6d7e8f90"
BASE = "a59a40ba1b2c3d4e5f60718293a4b5c6d7e8f901"
EVIL = "x | y `z` <script>alert(1)</script> @me #1 --> ![i](http://e.x)"


def result(nodeid: str, verdict: BaseVerdict | None = None, outcome: Outcome = Outcome.FAILED) -> TestResult:
    frames = (Frame(path="src/parcel/quote.py", lineno=27, origin="product"),)
    failure = Failure(
        nodeid=nodeid, phase=Phase.CALL, chain=(Raised(type="KeyError", message=EVIL, frames=frames),)
    )
    base = OnBase(ref="main", commit=BASE, verdict=verdict, reason="seen") if verdict else None
    return TestResult(nodeid=nodeid, outcome=outcome, failures=(failure,), base=base)


def reported(
    homes: dict[str, str], verdicts: dict[str, BaseVerdict], title: str = "KeyError: 'market'"
) -> ReportedRun:
    """A run whose red tests are in these clusters, and were judged so by the base."""
    results = [result(nodeid, verdicts.get(nodeid)) for nodeid in homes]
    record = RunRecord(
        stamp="20261130T003720Z", campaign="parcel", root="/r", complete=True, commit=COMMIT,
        results=(*results, TestResult(nodeid="t.py::ok", outcome=Outcome.PASSED)),
        base=BaseRun(ref="main", commit=BASE, chosen="named") if verdicts else None,
    )  # fmt: skip
    names = sorted(set(homes.values()), key=lambda name: int(name[1:]))
    clusters = [
        Cluster(
            id=name,
            title=title,
            members=tuple(test for test, home in homes.items() if home == name),
            state_in_run=RunState.NEW,
            base=next(
                (verdicts[test] for test, home in homes.items() if home == name and test in verdicts), None
            ),
        )
        for name in names
    ]
    rows = [{"nodeid": test, "cluster": home} for test, home in homes.items()]
    culprits = (COMMIT, "src/parcel/rates.py:20-27")
    cause = ReportedCause(
        verdict="proven cause", kind="first-bad-commit", summary="it broke", culprits=culprits
    )
    causes = {"C8": cause}
    source = RunSource(line_url="https://git.corp/g/r/-/blob/c/{path}#L{line}")
    return ReportedRun(record, summarize(record, clusters, rows), "", "1.0", causes=causes, source=source)


MIXED = {"t.py::a": "C8", "t.py::b": "C8", "t.py::c": "C1"}
JUDGED = {"t.py::a": BaseVerdict.BROKEN, "t.py::b": BaseVerdict.BROKEN, "t.py::c": BaseVerdict.RED}


def test_it_says_what_the_change_broke_and_folds_the_rest():
    text = render_comment(reported(MIXED, JUDGED))
    lines = text.splitlines()
    assert lines[0] == marker("parcel") == "<!-- triage-comment: parcel -->"
    assert "### triage: 2 of 3 failures were broken by this change" in lines
    shown, folded = text.split("<details>")
    assert "**C8** | commit `04c1b33aa1b2`, proven cause | 2 |" in shown
    assert "[`rates.py:20`](https://git.corp/g/r/-/blob/c/src/parcel/rates.py#L20)" in shown
    assert "**C1**" in folded
    assert "<summary>red on the base too (1)</summary>" in folded
    assert "Run it: `pytest t.py::a t.py::b`" in text


def test_without_a_base_it_says_what_was_not_known():
    assert "### triage: 3 of 3 failures were not known before" in render_comment(reported(MIXED, {}))


def test_green_and_void_are_said():
    green = reported({}, {})
    assert "### triage: green, 1 test passed" in render_comment(green)
    void = green.record.model_copy(update={"void": "no | disk"})
    text = render_comment(ReportedRun(void, summarize(void, (), ()), "", "1.0"))
    assert "### triage: **VOID**: no \\| disk" in text


def test_nothing_breaks_out_of_a_cell():
    text = render_comment(reported({f"t.py::a[{EVIL}]": "C8"}, {}, title=EVIL))
    for line in text.splitlines():
        if line.startswith("| ▲"):
            unescaped = re.sub(r"\\\|", "", line)
            assert unescaped.count("|") == 7
    outside_code = re.sub(r"(`+).*?\1", "", text)
    assert "<script>" not in outside_code
    assert "@me" not in outside_code


@pytest.mark.parametrize("clusters", [25, 400])
def test_it_stays_within_the_limit(clusters):
    homes = {f"t.py::test_{number}[{'long' * 400}]": f"C{number + 1}" for number in range(clusters)}
    text = render_comment(reported(homes, {}, title="long " * 500))
    assert len(text) <= MOST_CHARS
    assert f"and {clusters - 20} clusters more" in text


def test_a_long_comment_is_cut_at_a_row():
    from triage.formats.comment import _within_limit

    rows = "\n".join(f"| {number} | {'x' * 500} |" for number in range(300))
    text = _within_limit(["<details><summary>s</summary>", rows, "</details>"])
    assert len(text) <= MOST_CHARS
    assert text.count("<details>") == text.count("</details>") == 1
    assert text.endswith("Cut here: the whole is in the report.\n")
    assert all(line.endswith("x |") for line in text.splitlines() if line.startswith("| "))


def test_annotations_stand_at_the_guilty_lines():
    run = reported(MIXED, JUDGED)
    lines = workflow_commands(run.summary, "", run.causes)
    title = "C8 is broken by this change%3A KeyError%3A 'market'"
    assert lines[0].startswith(f"::error file=src/parcel/rates.py,line=20,title={title}::")
    assert "proven cause: it broke" in lines[0]
    assert lines[-1].startswith(
        "::warning file=src/parcel/quote.py,line=27,title=C1 is red on the base too%3A "
    )


@pytest.mark.parametrize(
    ("homes", "verdicts", "words"),
    [(MIXED, JUDGED, "1 broken"), (MIXED, {}, "2 new"), ({}, {}, "1 passed")],
)
def test_the_badge_says_the_verdict(homes, verdicts, words):
    badge = render_badge(reported(homes, verdicts))
    assert f"<title>triage: {words}</title>" in badge
