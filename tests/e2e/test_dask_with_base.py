"""Red tests are run again, and on the base, by the workers of a cluster as they are on this machine."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tests.fixtures.projects import Project

pytestmark = [
    pytest.mark.slow,
    # found and not imported: all processes collect this test, and one runs it
    pytest.mark.skipif(find_spec("distributed") is None, reason="needs the dask extra"),
]

TESTS = """\
import product

state = []


def test_pollutes():
    state.append("left behind")


def test_victim():
    assert not state


def test_broken():
    assert product.SIZE == 1
"""


def test_reruns_and_the_base_run_on_the_cluster(tmp_path):
    from distributed import LocalCluster

    project = Project(tmp_path / "project")
    project.root.mkdir()
    project.file("pyproject.toml", '[tool.pytest.ini_options]\npythonpath = ["."]\n')
    project.file(".gitignore", "/.triage/\n__pycache__/\n/reports/\n/plans/\n")
    project.file("product.py", "SIZE = 1\n").file("tests/test_a.py", TESTS).commit().git("tag", "base")
    project.file("product.py", "SIZE = 2\n").commit()
    # whether a worker is a process or a thread changes nothing here; run/test_dask.py has processes
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp://", dashboard_address=None
    ) as cluster:
        executor = f"dask:{cluster.scheduler_address}"
        said = project.triage(
            "run", "--executor", executor, "--chunks", "1", "--reruns", "2", "--base", "base", "--json"
        )  # fmt: skip
    assert said.code == 1, said.err
    results = {
        row["nodeid"].rpartition("_")[2]: row for row in project.triage("results", "--json").json["results"]
    }
    assert {name: row["outcome"] for name, row in results.items()} == {
        "pollutes": "passed", "victim": "failed", "broken": "failed",
    }  # fmt: skip
    assert results["victim"]["reruns"]["hint"] == "needs-others"
    assert {name: row["base"] and row["base"]["outcome"] for name, row in results.items()} == {
        "pollutes": None, "victim": "failed", "broken": "passed",
    }  # fmt: skip
    (held,) = said.json["held_against"]
    assert "broken by this change: tests/test_a.py::test_broken" in held
    assert project.triage("check", "--json").json["problems"] == []
