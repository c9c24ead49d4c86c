"""Shards of one run, each judged against the base on its own machine, joined to one verdict."""

from __future__ import annotations

import shutil

import pytest

from tests.fixtures.projects import Project

pytestmark = pytest.mark.slow

RED_BEFORE = "import product\n\n\ndef test_red_before():\n    assert product.LATE == 1\n"
BROKEN = (
    "import product\n\n\ndef test_broken():\n    assert product.SIZE == 1\n\n\ndef test_fine():\n    pass\n"
)


@pytest.fixture
def project(tmp_path):
    """A branch whose base has one red test, and whose change breaks another one."""
    made = Project(tmp_path / "project")
    made.root.mkdir()
    made.file("pyproject.toml", '[tool.pytest.ini_options]\npythonpath = ["."]\n[tool.triage]\nreruns = 1\n')
    made.file(".gitignore", "/.triage/\n__pycache__/\n/reports/\n/plans/\n")
    made.file("product.py", "SIZE, LATE = 1, 2\n").commit()
    made.file("tests/test_a.py", RED_BEFORE).file("tests/test_b.py", BROKEN).commit()
    made.git("tag", "base")
    made.file("product.py", "SIZE, LATE = 2, 2\n").commit()
    return made


def test_the_joined_run_blames_the_change_for_what_it_broke_alone(project, tmp_path):
    artifacts = tmp_path / "artifacts"
    for number in (1, 2):
        machine = Project(tmp_path / f"machine_{number}")
        project.git("clone", "-q", str(project.root), str(machine.root))
        said = machine.triage(
            "run", "--shard", f"{number}/2", "--chunks", "2", "--base", "base", "--no-ledgers", "--json",
            "--stamp", f"2026010{number}T000000Z",
        )  # fmt: skip
        assert said.code in (0, 1), said.err
        shutil.copytree(machine.root / "reports", artifacts / f"shard_{number}" / "reports")

    joined = project.triage("collect", "--shards", str(artifacts), "--json")
    assert joined.code == 1, joined.err
    verdicts = {cluster["members"][0]: cluster["base"] for cluster in joined.json["clusters"]}
    assert verdicts == {
        "tests/test_a.py::test_red_before": "red-on-base",
        "tests/test_b.py::test_broken": "broken-by-change",
    }
    (held,) = joined.json["held_against"]
    assert "broken by this change: tests/test_b.py::test_broken" in held
    rows = {row["nodeid"]: row for row in project.triage("results", "--json").json["results"]}
    assert rows["tests/test_a.py::test_red_before"]["base"]["outcome"] == "failed"
    assert rows["tests/test_b.py::test_broken"]["base"]["outcome"] == "passed"
    assert rows["tests/test_b.py::test_fine"]["base"] is None
    assert project.triage("check", "--json").json["problems"] == []
