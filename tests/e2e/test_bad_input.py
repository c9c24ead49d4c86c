"""Bad input: one clear line on standard error, the documented exit code, and nothing lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

GREEN = "def test_a():\n    pass\n"


def complaint(said):
    """The one line that triage says; anything beside progress is a failure of this test."""
    assert "Traceback" not in said.err, said.err
    lines = [line for line in said.err.splitlines() if line.startswith("triage: ")]
    assert len(lines) == 1, said.err
    return lines[0]


@pytest.mark.parametrize(
    ("words", "slug"),
    [
        (("nope",), "usage"),
        (("run", "--workers", "many"), "usage"),
        (("run", "--workers", "0"), "bad-setting"),
        (("run", "--env", "NOVALUE"), "bad-pair"),
        (("run", "--shard", "4/3"), "bad-shard"),
        (("run", "--stamp", "yesterday"), "bad-stamp"),
        (("run", "--campaign", "../../etc"), "bad-setting"),
        (("run", "--resume", "20200101T000000Z"), "no-such-stamp"),
        (("results",), "no-runs"),
        (("results", "20200101T000000Z"), "no-such-stamp"),
        (("show", "C99"), "unknown-cluster"),
        (("show", "D9"), "unknown-cluster"),
        (("probe", "C99"), "unknown-cluster"),
        (("history", "t.py::nothing"), "unknown-nodeid"),
        (("help", "nonsense"), "unknown-slug"),
        (("init", "--next-cluster", "0"), "usage"),
        (("--root", "/no/such/folder", "status"), "no-root"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_one_line_and_exit_2(project, words, slug):
    project.file("test_a.py", GREEN)
    said = project.triage(*words)
    assert said.code == 2
    assert complaint(said).endswith(f"[{slug}]")
    assert said.out == ""
    assert not (project.root / "reports").exists()


def test_a_root_whose_name_no_document_can_spell(project):
    folder = project.root / os.fsdecode(b"b\xff")
    folder.mkdir()
    said = project.triage("--root", str(folder), "run")
    assert (said.code, complaint(said).endswith("[bad-root]")) == (2, True)
    assert list(folder.iterdir()) == []


def test_a_working_directory_that_is_gone(project):
    command = f"mkdir gone; cd gone; rmdir ../gone; {sys.executable} -m triage status"
    environ = {**os.environ, "PYTHONSAFEPATH": "1"}
    said = subprocess.run(
        command, shell=True, cwd=project.root, env=environ, capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stderr.count("[no-root]")) == (2, 1), said.stderr


def test_a_setting_that_does_not_exist(project):
    project.file("pyproject.toml", "[tool.triage]\nworker = 2\n")
    said = project.triage("status")
    assert said.code == 2
    assert "'worker'" in complaint(said)


def test_no_tests_is_void(project):
    said = project.triage("run")
    assert said.code == 3
    assert "no tests" in (said.out + said.err)


def test_an_unknown_selector_is_named(project):
    project.file("test_a.py", GREEN)
    said = project.triage("run", "test_a.py::test_nothing")
    assert said.code in {2, 3}
    assert "test_nothing" in said.out + said.err


def test_a_syntax_error_in_conftest_is_void_and_named(project):
    project.file("test_a.py", GREEN).file("conftest.py", "def broken(:\n")
    said = project.triage("run")
    assert said.code == 3
    assert "conftest" in said.out + said.err


def test_an_unknown_cluster_is_named_before_the_suite_is_collected(project):
    project.file("test_a.py", GREEN).file("conftest.py", "def broken(:\n")
    said = project.triage("probe", "C99")
    assert said.code == 2
    assert complaint(said).endswith("[unknown-cluster]"), "the suite cannot even be collected"


def test_a_target_without_pytest_is_named(project, tmp_path):
    import venv

    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    project.file("test_a.py", GREEN)
    said = project.triage("run", TRIAGE_PYTHON=str(tmp_path / "bare/bin/python"))
    assert said.code in {2, 3}
    assert "pytest" in complaint(said)


def test_a_corrupt_journal_line_is_named_and_kept(project):
    project.file("test_a.py", GREEN).file("plans/journal.jsonl", '{"event": "no such event"}\n')
    said = project.triage("run")
    assert said.code == 2
    assert "journal.jsonl line 1" in complaint(said)
    assert (project.root / "plans/journal.jsonl").read_text() == '{"event": "no such event"}\n'
    assert not (project.root / "plans/fix_plan.md").exists()
    assert not (project.root / "reports").exists()


def test_a_region_that_somebody_edited_is_an_error_that_says_where(project):
    project.file("test_a.py", "def test_a():\n    assert 0\n")
    project.triage("init")
    path = project.root / "plans/fix_plan.md"
    edited = path.read_text().replace(
        "<!-- triage:end clusters -->", "my words\n<!-- triage:end clusters -->"
    )
    path.write_text(edited)
    said = project.triage("run")
    assert said.code == 2
    assert "fix_plan.md" in complaint(said)
    assert path.read_text() == edited
    assert not list(project.root.glob("reports/*/phase_a/*")), "refused before anything was made"


def test_a_bad_rule_file_is_refused_before_anything_runs(project):
    project.file("test_a.py", GREEN).file("plans/cluster_rules.toml", "nonsense = [\n")
    said = project.triage("run")
    assert said.code == 2
    assert complaint(said).endswith("[bad-rules]")
    assert not (project.root / "reports").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(project):
    project.file("test_a.py", GREEN)
    (project.root / "reports").mkdir()
    (project.root / "reports").chmod(0o500)
    said = project.triage("run")
    (project.root / "reports").chmod(0o700)
    assert said.code in {2, 3}
    complaint(said)


def test_a_file_where_the_reports_folder_should_be(project):
    project.file("test_a.py", GREEN).file("reports", "a file\n")
    said = project.triage("run")
    assert said.code in {2, 3}
    complaint(said)
    assert (project.root / "reports").read_text() == "a file\n"


def test_outside_of_git_a_run_still_answers(project):
    project.file("test_a.py", GREEN)
    said = project.triage("run", "--json")
    assert said.code == 0, said.err
    assert said.json["counts"]["passed"] == 1


def test_numbering_never_goes_back(project):
    assert project.triage("init", "--next-cluster", "19").code == 0
    said = project.triage("init", "--next-cluster", "7")
    assert said.code == 2
    assert complaint(said).endswith("[numbering-back]")


def test_a_stamp_that_exists_is_not_overwritten(project):
    project.file("test_a.py", GREEN)
    assert project.triage("run", "--stamp", "20260101T000000Z").code == 0
    said = project.triage("run", "--stamp", "20260101T000000Z")
    assert said.code == 2
    assert complaint(said).endswith("[stamp-taken]")


def files_beneath(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_checkout_that_cannot_be_written_answers_with_its_output_elsewhere(project, tmp_path):
    project.file("test_a.py", "def test_a():\n    assert 0\n").commit()
    assert project.triage("run", "--stamp", "20260101T000000Z").code == 1
    before = files_beneath(project.root)
    output = str(tmp_path / "out")
    words = ("--output", output)
    assert project.triage("run", *words).code == 0, "what the checkout's journal knows is known"
    assert project.triage(*words, "results", "--json").json["counts"]["failed"] == 1
    assert "1 failed" in project.triage("status", TRIAGE_OUTPUT=output).out
    assert project.triage("probe", "C1", "--probe", "alone", "--repeats", "1", *words).code in {0, 1}
    assert project.triage("run", *words).code == 0
    written = {name for name in files_beneath(project.root) - before if "__pycache__" not in name}
    assert written == set()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"reports", "plans", ".triage"}


@pytest.mark.parametrize("name", ["reports", "plans", ".triage"])
def test_a_link_out_of_the_checkout_is_refused_by_every_command(project, tmp_path, name):
    project.file("test_a.py", GREEN)
    (tmp_path / "elsewhere").mkdir()
    (project.root / name).symlink_to(tmp_path / "elsewhere")
    for words in (("run",), ("status",), ("import", "x.xml"), ("init",), ("doctor",), ("check",)):
        said = project.triage(*words)
        assert (said.code, complaint(said).endswith("[outside-output]")) == (2, True), words
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_history_out_of_the_checkout_is_refused(project):
    project.file("test_a.py", GREEN)
    said = project.triage("run", TRIAGE_STORE="../../history.sqlite")
    assert (said.code, complaint(said).endswith("[outside-output]")) == (2, True)
    assert not (project.root / "reports").exists()


@pytest.mark.slow
def test_a_repository_without_a_git_program_is_of_unknown_state(project, tmp_path):
    project.file("test_a.py", GREEN).commit()
    (tmp_path / "bin").mkdir()
    said = project.triage("run", "--json", PATH=str(tmp_path / "bin"))
    assert said.code == 0, said.err
    folder = project.root / said.json["folder"]
    known = json.loads((folder / "preflight.json").read_text())["git"]
    assert (known["commit"], known["dirty"], "git-missing" in known["why"]) == (None, None, True)
    said = project.triage("doctor", PATH=str(tmp_path / "bin"))
    assert (said.code, "install git" in said.out) == (1, True)
