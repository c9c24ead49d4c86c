"""What the HTML report shows of a run: from the evidence, the same again, and checked."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from triage.campaign.check.project import check_paths
from triage.campaign.html_report.document import ABSENT, LETTERS, PageDocument
from triage.campaign.html_report.failures import shortened
from triage.campaign.recorded import recorded_run
from triage.campaign.report import PageWriting, Report
from triage.campaign.source_links import forge_of
from triage.documents.html_app.embed import find_data_element, read_data
from triage.documents.render import load_templates
from triage.documents.run_summary import write_run_summary
from triage.evidence.folder import EvidenceFolder
from triage.model.cluster import Cluster, RunState
from triage.model.failure import Captured, Failure, Frame, Raised
from triage.model.outcome import Outcome, Phase
from triage.model.run import Attempt, RunRecord, TestResult

STAMPS = ("20261121T060000Z", "20261122T060000Z", "20261123T060000Z")
WRITING = PageWriting(made_at="2026-11-23T07:00:00Z", redact=str)
TEMPLATES = load_templates()


def failure(nodeid: str, text: str = "E   KeyError: 'market'") -> Failure:
    frames = (
        Frame(path="tests/test_quote.py", lineno=3, function="test_it", code="quote()", origin="test"),
        Frame(path="parcel/quote.py", lineno=2, function="quote", code="return RATES[0]", origin="product"),
    )
    raised = Raised(type="KeyError", message="'market'", frames=frames)
    captured = Captured(stdout="\x1b[31mred\x1b[0m")
    return Failure(nodeid=nodeid, phase=Phase.CALL, chain=(raised,), longrepr=text, captured=captured)


def write_run(root: Path, stamp: str, outcomes: dict[str, Outcome], text: str = "E   boom") -> EvidenceFolder:
    """A sealed run, its red tests in cluster C1."""
    results = tuple(
        TestResult(
            nodeid=nodeid,
            outcome=outcome,
            duration=0.25,
            chunk="chunk_01",
            failures=(failure(nodeid, text),) if outcome.has_failures else (),
        )
        for nodeid, outcome in outcomes.items()
    )
    attempt = Attempt(chunk="chunk_01", number=1, command="pytest", seconds=1.5, began=0.25)
    record = RunRecord(
        stamp=stamp, campaign="x", root=str(root), complete=True, results=results, attempts=(attempt,)
    )
    folder = EvidenceFolder.create(root, "x", "a", stamp)
    folder.write_json("results.json", record)
    red = tuple(nodeid for nodeid, outcome in outcomes.items() if outcome.has_failures)
    clusters = (
        [Cluster(id="C1", title="KeyError: 'market'", members=red, state_in_run=RunState.NEW)] if red else []
    )
    folder.write_json("clusters.json", {"stamp": stamp, "clusters": clusters})
    rows = [
        {**each.model_dump(mode="json"), "exception": "KeyError", "message": "'market'", "cluster": "C1"}
        for each in record.failures
    ]
    folder.write_json("failures.json", {"stamp": stamp, "failures": rows})
    write_run_summary(root, folder)
    folder.seal()
    return folder


@pytest.fixture
def root(tmp_path):
    """Three runs: green, red with one test gone, red with a new one."""
    write_run(tmp_path, STAMPS[0], {"t.py::a": Outcome.PASSED, "t.py::b": Outcome.PASSED})
    write_run(tmp_path, STAMPS[1], {"t.py::a": Outcome.FAILED, "t.py::gone": Outcome.PASSED})
    write_run(
        tmp_path,
        STAMPS[2],
        {"t.py::a": Outcome.FAILED, "t.py::b": Outcome.PASSED, "u.py::new[<b>]": Outcome.SKIPPED},
    )
    return tmp_path


def report_of(root: Path, stamp: str = STAMPS[2]) -> Report:
    folder = EvidenceFolder.find(root, stamp, phase="a")
    return Report(root, root, recorded_run(folder, root), TEMPLATES)


def written(root: Path, writing: PageWriting = WRITING) -> tuple[Path, PageDocument]:
    """The page of the newest run beneath the project, and the data in it."""
    path = root / "out" / "report.html"
    report_of(root).write_html(path, writing)
    element = find_data_element(path.read_text())
    assert element is not None
    return path, PageDocument.model_validate(read_data(element))


def test_each_outcome_has_a_letter_of_its_own():
    assert len(LETTERS) == len(Outcome)
    assert ABSENT not in LETTERS


def test_every_test_is_there_with_its_history(root):
    _, document = written(root)
    evidence = document.evidence
    tests = evidence.tests
    ids = [tests.files[file] + name for file, name in zip(tests.file_of, tests.names, strict=True)]
    assert ids == ["t.py::a", "t.py::b", "u.py::new[<b>]"]
    assert tests.outcomes == "F.s"
    assert [run.outcomes for run in evidence.history] == [".." + ABSENT, "F" + 2 * ABSENT, "F.s"]
    assert [run.clusters for run in evidence.history] == [{}, {"C1": 1}, {"C1": 1}]
    assert evidence.gone == ("t.py::gone",)
    assert tests.clusters == {0: ("C1",)}


def test_a_failure_names_the_lines_of_product_and_test(root):
    _, document = written(root)
    (entry,) = document.evidence.failures
    assert entry.product is not None
    assert entry.own is not None
    assert (entry.product.path, entry.product.line) == ("parcel/quote.py", 2)
    assert (entry.own.path, entry.own.line) == ("tests/test_quote.py", 3)
    assert entry.stdout == "\x1b[31mred\x1b[0m"


def test_owners_come_from_codeowners_for_tests_and_for_what_fails(root):
    (root / "CODEOWNERS").write_text("*.py @acme/core\nparcel/ @acme/billing @ann\n/u.py\n")
    _, document = written(root)
    assert document.surroundings.owners == {"t.py": "@acme/core", "parcel/quote.py": "@acme/billing @ann",
                                            "tests/test_quote.py": "@acme/core"}  # fmt: skip


def test_a_cluster_has_the_command_that_runs_its_tests_again(root):
    _, document = written(root)
    (cluster,) = document.evidence.clusters
    assert (cluster.rerun, cluster.rerun_left_out) == ("python -m pytest t.py::a", 0)


def test_source_lines_are_shown_redacted_and_never_from_outside(root):
    (root / "parcel").mkdir()
    (root / "parcel/quote.py").write_text("RATES = {}  # hunter2\nreturn RATES[0]\n")
    _, document = written(root, replace(WRITING, redact=lambda text: text.replace("hunter2", "***")))
    (excerpt,) = document.surroundings.excerpts
    assert excerpt.lines == ("RATES = {}  # ***", "return RATES[0]")


def test_a_page_holds_until_evidence_or_page_changes(root):
    path, _ = written(root)
    assert check_paths(root, [path], TEMPLATES).problems == []


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"outcomes":"F.s"', '"outcomes":"..s"', "tests"),
        ('"verdict":"red"', '"verdict":"green"', "run"),
        ("boom", "bang", "failures"),
        ('\'market\'","status"', '\'basket\'","status"', "clusters"),
        ('"title":"KeyError', '"title":"ValueError', "clusters"),
    ],
)
def test_data_that_was_changed_is_found(root, old, new, what):
    path, _ = written(root)
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new))
    problems = check_paths(root, [path], TEMPLATES).problems
    assert problems
    # the page's digest shows every change; with it forged, the data is still not what the evidence gives
    sidecar = path.with_name("report.html.claims.json")
    claims = json.loads(sidecar.read_text())
    claims["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    sidecar.write_text(json.dumps(claims))
    assert any(what in problem.what for problem in check_paths(root, [path], TEMPLATES).problems)


def test_runs_that_were_pruned_are_a_note(root):
    path, _ = written(root)
    shutil.rmtree(root / f"reports/x/phase_a/{STAMPS[0]}")
    checked = check_paths(root, [path], TEMPLATES)
    assert checked.problems == []
    assert STAMPS[0] in checked.notes[0]


def test_long_texts_lose_their_middle_until_the_page_is_small_enough(tmp_path, monkeypatch):
    noise = random.Random(7)
    text = "".join(chr(noise.randrange(33, 126)) for _ in range(60_000)) + "THE END"
    write_run(tmp_path, STAMPS[0], {f"t.py::{n}": Outcome.FAILED for n in range(5)}, text)
    monkeypatch.setattr("triage.campaign.html_report.page.MOST_BYTES", 30_000)
    path = tmp_path / "report.html"
    report_of(tmp_path, STAMPS[0]).write_html(path, WRITING)
    element = find_data_element(path.read_text())
    assert element is not None
    assert len(element) < 30_000
    document = PageDocument.model_validate(read_data(element))
    for entry in document.evidence.failures:
        assert entry.text.endswith("THE END")
        assert "characters are left out" in entry.text
    assert check_paths(tmp_path, [path], TEMPLATES).problems == []


@pytest.mark.parametrize(
    ("remote", "environ", "address"),
    [
        ("git@github.com:o/r.git", {}, "https://github.com/o/r/blob/abc/p/{path}#L{line}"),
        ("https://user:token@github.com/o/r", {}, "https://github.com/o/r/blob/abc/p/{path}#L{line}"),
        ("https://gitlab.example.org/g/s/r.git", {}, "https://gitlab.example.org/g/s/r/-/blob/abc/p/{path}#L{line}"),
        ("ssh://git@codeberg.org/o/r.git", {}, "https://codeberg.org/o/r/src/commit/abc/p/{path}#L{line}"),
        ("git@bitbucket.org:o/r.git", {}, "https://bitbucket.org/o/r/src/abc/p/{path}#lines-{line}"),
        (None, {"GITHUB_SERVER_URL": "https://git.corp", "GITHUB_REPOSITORY": "o/r"}, "https://git.corp/o/r/blob/abc/p/{path}#L{line}"),
        (None, {"CI_PROJECT_URL": "https://code.corp/g/r"}, "https://code.corp/g/r/-/blob/abc/p/{path}#L{line}"),
        ("git@unknown.example.org:o/r.git", {}, None),
        ("/srv/git/github/r.git", {}, None),
        ("javascript:alert(1)//github.com/o/r", {}, None),
        (None, {"CI_PROJECT_URL": "javascript:alert(1)"}, None),
        (None, {}, None),
    ],
)  # fmt: skip
def test_where_source_is_shown_on_the_web(remote, environ, address):
    forge = forge_of(remote, environ)
    assert (forge.source_url("abc", "p") if forge else None) == address


def test_the_same_data_makes_the_same_page(root):
    path, document = written(root)
    first = path.read_bytes()
    assert written(root)[0].read_bytes() == first
    assert shortened(document.evidence, document.text_chars) == document.evidence
