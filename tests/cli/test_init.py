"""`triage init`: what it writes, and why."""

from __future__ import annotations

import os
import re
import tomllib

import pytest

from triage.campaign.init.agents_page import SECTION
from triage.campaign.init.proposals import remarks
from triage.campaign.init.set_up import processors, proposed_settings, settings_text
from triage.campaign.init.suite_facts import suite_facts
from triage.cli.app import TABLE


def settings_of(project):
    return tomllib.loads((project.root / "pyproject.toml").read_text())["tool"]["triage"]


def proposed(root):
    return {each.name: each for each in proposed_settings(root, suite_facts(root))}


def test_outside_of_git_nothing_is_written_for_git_and_it_is_said(project):
    said = project.triage("init").out
    assert "pyproject.toml: [tool.triage] (triage reads its settings there" in said
    assert "this is in no git repository" in said
    assert not (project.root / ".gitattributes").exists()
    assert not (project.root / ".gitignore").exists()
    assert settings_of(project)["workers"] == min(8, processors())


def test_where_git_refuses_its_reason_is_said(project, monkeypatch):
    project.file("test_a.py", "def test_a():\n    pass\n").commit()
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    said = project.triage("init").out
    assert "nothing for git: git does not trust" in said
    assert "safe.directory" in said
    assert "in no git repository" not in said


def test_in_git_each_line_has_its_reason_and_comes_once(project):
    project.file("test_a.py", "def test_a():\n    pass\n").commit()
    said = project.triage("init").out
    assert ".gitattributes: plans/journal.jsonl merge=union (so that" in said
    assert ".gitignore: /.triage/ (locks" in said
    assert project.triage("init").out.startswith("everything is there already")


def test_workers_are_the_processors_that_may_be_used(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2}, raising=False)
    assert proposed(tmp_path)["workers"].value == 3
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(64)), raising=False)
    assert proposed(tmp_path)["workers"].value == 8


def test_a_dry_run_says_the_same_and_writes_nothing(project):
    project.file("test_a.py", "def test_a():\n    pass\n").commit()
    dry = project.triage("init", "--dry-run", "--ci", "github", "--json").json
    assert dry["dry_run"]
    assert project.git("status", "--short") == ""
    wet = project.triage("init", "--ci", "github", "--json").json
    assert dry["written"] == wet["written"]
    assert dry["files"] == wet["files"]


def test_settings_are_proposed_for_the_suite_with_reasons(project):
    (project.root / "pytest.ini").write_text("[pytest]\naddopts = -q -n auto\ntimeout = 7\n")
    project.file("checks/unit/test_a.py", "def test_a():\n    pass\n")
    project.file(".venv/bin/python", "").file(".venv/lib/python3.12/site-packages/pytest/__init__.py", "")
    found = proposed(project.root)
    assert "pytest-xdist" in found["workers"].reason
    assert found["test-timeout"].value == 14
    assert "pytest-timeout" in found["test-timeout"].reason
    assert found["selectors"].value == ["checks"]
    assert found["python"].value == ".venv/bin/python"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"pytest.ini": "[pytest]\ntestpaths = a b\n"}, ("pytest.ini", ("a", "b"))),
        ({"tox.ini": "[pytest]\ntestpaths = a\n"}, ("tox.ini [pytest]", ("a",))),
        ({"setup.cfg": "[tool:pytest]\ntestpaths = a\n"}, ("setup.cfg [tool:pytest]", ("a",))),
        (
            {"pyproject.toml": "[tool.pytest.ini_options]\ntestpaths = ['a']\n", "tox.ini": "[tox]\n"},
            ("pyproject.toml [tool.pytest.ini_options]", ("a",)),
        ),
        ({"pyproject.toml": "[tool.pytest]\ntestpaths = ['a']\n"}, ("pyproject.toml [tool.pytest]", ("a",))),
        ({"pytest.ini": "[pytest]\n", "pyproject.toml": "not TOML ="}, ("pytest.ini", ())),
        ({"setup.cfg": "no ini file"}, (None, ())),
    ],
)
def test_pytest_is_read_where_pytest_reads_it(tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    facts = suite_facts(tmp_path)
    assert (facts.pytest_config, facts.testpaths) == expected


PACKAGE = '[project]\nname = "p"\n[build-system]\nrequires = ["hatchling"]\n'


@pytest.mark.parametrize(
    ("files", "installs"),
    [
        ({"pyproject.toml": PACKAGE}, ["python -m pip install -e ."]),
        (
            {"pyproject.toml": PACKAGE + "[project.optional-dependencies]\ntest = ['pytest']\n"},
            ["python -m pip install -e '.[test]'"],
        ),
        (
            {"pyproject.toml": PACKAGE + "[dependency-groups]\ndev = ['pytest']\n"},
            ["python -m pip install -e .", "python -m pip install --group dev"],
        ),
        (
            {"setup.py": "", "requirements.txt": "", "requirements-dev.txt": ""},
            ["python -m pip install -e .", "python -m pip install -r requirements.txt",
             "python -m pip install -r requirements-dev.txt"],
        ),
        ({"setup.cfg": "[metadata]\nname = p\n", "setup.py": ""}, ["python -m pip install -e ."]),
        ({"setup.cfg": "[flake8]\n", "requirements.txt": ""}, ["python -m pip install -r requirements.txt"]),
        ({"requirements.txt": ""}, ["python -m pip install -r requirements.txt"]),
        ({"pyproject.toml": "[tool.pytest.ini_options]\n"}, []),
    ],
)  # fmt: skip
def test_what_installs_the_project(tmp_path, files, installs):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert list(suite_facts(tmp_path).installs) == installs


@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        ("", "3.12"),
        (">=3.10", "3.12"),
        (">=3.13", "3.13"),
        (">=3.9,<3.12", "3.11"),
        ("~=3.14", "3.14"),
        ("==3.11.*", "3.11"),
    ],
)
def test_the_python_of_a_pipeline(tmp_path, wanted, version):
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "p"\nrequires-python = "{wanted}"\n')
    assert suite_facts(tmp_path).python == version


@pytest.mark.parametrize(
    ("pipelines", "remarked"),
    [
        ({".github/workflows/tests.yml": "steps: [{run: pytest}]"}, True),
        ({".gitlab-ci.yml": "script: [pytest]"}, True),
        ({".github/workflows/a.yml": "", ".github/workflows/b.yml": "run: triage run --base auto"}, False),
        ({"Jenkinsfile": "sh 'triage run --shard 1/2'"}, False),
        ({}, False),
    ],
)  # fmt: skip
def test_a_pipeline_is_offered_where_none_runs_triage(tmp_path, pipelines, remarked):
    for name, text in pipelines.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    said = [remark for remark in remarks(suite_facts(tmp_path)) if "there is a pipeline" in remark]
    assert bool(said) is remarked


def test_written_settings_are_read_back(project):
    project.file("pyproject.toml", '[tool.pytest.ini_options]\naddopts = "-q"').file(
        "unit/test_a.py", "def test_a(): pass\n"
    )
    assert project.triage("init").code == 0
    written = settings_of(project)
    assert written["selectors"] == ["unit"]
    rows = {row["name"]: row for row in project.triage("config", "--json").json["settings"]}
    assert rows["selectors"] == {"name": "selectors", "value": ["unit"], "origin": "pyproject.toml"}
    assert settings_text(()).startswith("[tool.triage]\n")


def test_the_section_for_agents_is_a_region_with_own_text_around_it(project):
    project.file("AGENTS.md", "# Ours\n\nRun make.\n")
    assert "AGENTS.md: a section" in project.triage("init", "--agents").out
    page = (project.root / "AGENTS.md").read_text()
    assert page.startswith("# Ours\n\nRun make.\n")
    assert "triage verify" in page
    assert "AGENTS.md" not in project.triage("init", "--agents").out
    assert (project.root / "AGENTS.md").read_text() == page
    (project.root / "AGENTS.md").write_text(page.replace("Do not loosen", "Feel free to loosen"))
    refused = project.triage("init", "--agents", "--json")
    assert (refused.code, refused.json["error"]["slug"]) == (2, "region-edited")


def test_every_command_of_the_section_is_one():
    named = set(re.findall(r"`triage ([a-z]+)", SECTION))
    assert named - set(TABLE) == set()
    assert {"next", "run", "probe", "design", "verify", "check"} <= named
