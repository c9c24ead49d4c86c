"""`triage report` and `triage check` as a shell calls them."""

from __future__ import annotations

import json

import pytest

from triage.cli.app import run
from triage.documents.render import write_document
from triage.documents.run_summary import write_run_summary
from triage.evidence.atomic import write_json
from triage.evidence.folder import EvidenceFolder
from triage.model.cluster import Cluster, RunState
from triage.model.failure import Failure, Raised
from triage.model.outcome import Outcome, Phase
from triage.model.run import RunRecord, TestResult

STAMP, DESIGN = "20261123T061000Z", "20261123T062000Z"


@pytest.fixture
def project(tmp_path):
    """One run with one failure, and a document of another phase."""
    failure = Failure(nodeid="t.py::x", phase=Phase.CALL, chain=(Raised(type="E", message="::error::m"),))
    results = (
        TestResult(nodeid="t.py::x", outcome=Outcome.FAILED, failures=(failure,)),
        TestResult(nodeid="t.py::y", outcome=Outcome.PASSED),
    )
    record = RunRecord(stamp=STAMP, campaign="x", root=str(tmp_path), complete=True, results=results)
    folder = EvidenceFolder.create(tmp_path, "x", "a", STAMP)
    cluster = Cluster(id="C1", title="m", members=("t.py::x",), state_in_run=RunState.NEW)
    folder.write_json("results.json", record)
    folder.write_json("clusters.json", {"stamp": STAMP, "clusters": [cluster]})
    row = {**failure.model_dump(mode="json"), "exception": "E", "message": "::error::m", "cluster": "C1"}
    folder.write_json("failures.json", {"failures": [row]})
    write_run_summary(tmp_path, folder)
    folder.seal()
    other = EvidenceFolder.create(tmp_path, "x", "c", DESIGN)
    write_json(other.path / "e.json", {"n": 7})
    write_document(
        tmp_path,
        other.path / "design.md",
        "d.j2",
        {"e": other.path / "e.json"},
        {"d.j2": "# {{ e.n | num }}\n"},
    )
    other.seal()
    (tmp_path / "pyproject.toml").write_text('[tool.triage]\ntemplates = "ours"\n')
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours/d.j2").write_text("# {{ e.n | num }}\n")
    return tmp_path


def _run(project, capsys, *words):
    capsys.readouterr()
    code = run([*words, "--root", str(project)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_without_a_format_it_prints_the_summary(project, capsys):
    code, out, _ = _run(project, capsys, "report")
    assert code == 0
    assert out.startswith(f"# Run {STAMP} is complete: the gate fails")


def test_every_format_is_written_where_asked(project, capsys):
    names = {"html": "a/r.html", "sarif": "s.json", "ctrf": "c.json", "junit": "j.xml"}
    words = [word for name, file in names.items() for word in (f"--{name}", str(project / file))]
    code, _, err = _run(project, capsys, "report", STAMP, *words)
    assert code == 0
    assert all((project / file).stat().st_size > 100 for file in names.values())
    assert err.count("wrote") == 4
    assert _run(project, capsys, "check", str(project / "a/r.html"))[0] == 0


def test_github_gets_commands_and_its_summary_file(project, capsys, monkeypatch):
    target = project / "step.md"
    target.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(target))
    code, out, _ = _run(project, capsys, "report", "--github")
    assert code == 0
    assert out == "::error file=t.py,line=1,title=C1 is new%3A m::t.py::x: E: ::error::m\n"
    assert target.read_text().startswith(f"before\n# Run {STAMP}")


def test_gitlab_is_one_json_array(project, capsys):
    code, out, _ = _run(project, capsys, "report", "--gitlab")
    assert code == 0
    assert [finding["check_name"] for finding in json.loads(out)] == ["C1"]


def test_deleted_documents_come_back(project, capsys):
    summary = project / f"reports/x/phase_a/{STAMP}/summary.md"
    design = project / f"reports/x/phase_c/{DESIGN}/design.md"
    for path, stamp in ((summary, STAMP), (design, DESIGN)):
        before = path.read_bytes()
        path.unlink()
        assert _run(project, capsys, "check")[0] == 1
        assert _run(project, capsys, "report", stamp)[0] == 0
        assert path.read_bytes() == before
    assert _run(project, capsys, "check")[0] == 0


def test_other_templates_restore_nothing(project, capsys):
    (project / "ours/d.j2").write_text("## {{ e.n | num }}\n")
    path = project / f"reports/x/phase_c/{DESIGN}/design.md"
    path.unlink()
    code, _, err = _run(project, capsys, "report", DESIGN)
    assert code == 1
    assert "[other-templates]" in err
    assert not path.exists()


@pytest.mark.parametrize(
    ("words", "slug"),
    [
        (("report", "20200101T000000Z"), "no-such-stamp"),
        (("report", "yesterday"), "bad-stamp"),
        (("report", DESIGN, "--junit", "j.xml"), "no-runs"),
        (("report", "--html", "."), "usage"),
        (("check", "nowhere"), "nothing-to-check"),
    ],
)
def test_what_makes_no_sense_is_one_line(project, capsys, monkeypatch, words, slug):
    monkeypatch.chdir(project)
    code, _, err = _run(project, capsys, *words)
    assert code == 2
    assert f"[{slug}]" in err
    assert err.strip().count("\n") == 0


def test_check_says_where_and_fails(project, capsys):
    path = project / f"reports/x/phase_a/{STAMP}/summary.md"
    path.write_text(path.read_text().replace("| passed | 1 |", "| passed | 2 |"))
    code, out, _ = _run(project, capsys, "check")
    assert code == 1
    assert "summary.md:7: says '2' where the evidence says '1'" in out
    code, out, _ = _run(project, capsys, "check", "--json")
    document = json.loads(out)
    assert code == 1
    assert document["ok"] is False
    assert {problem["line"] for problem in document["problems"]} == {0, 7}
