"""From a red job that ran `pytest -n 2` to the probe's answer, on suites that are green in one process."""

from __future__ import annotations

import subprocess
import sys

import pytest

SHOP = {
    "shop.py": """
import os, pathlib, time

LOCK = pathlib.Path("shop.lock")

def restock():
    with LOCK.open("x"):
        time.sleep(1.0)
    LOCK.unlink()

def sell():
    time.sleep(0.3)
    if LOCK.exists():
        raise RuntimeError("the shop is closed")

def table():
    return "items" + os.environ.get("PYTEST_XDIST_WORKER", "")
""",
    "tests/test_shop.py": """
import shop

def test_restocks():
    shop.restock()

def test_sells():
    shop.sell()

def test_table():
    assert shop.table() == "items"
""",
    "pytest.ini": """
[pytest]
pythonpath = .
addopts = -p xdist
""",
}
FEWEST = ("--repeats", "3")
"""The fewest runs of each arm that prove anything: each starts two workers."""
SELLS, RESTOCKS = "tests/test_shop.py::test_sells", "tests/test_shop.py::test_restocks"


@pytest.fixture
def shop(project):
    pytest.importorskip("xdist")
    for name, text in SHOP.items():
        project.file(name, text)
    return project.commit()


def junit_of_xdist(project):
    """What a CI job leaves whose own pytest ran two workers."""
    words = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--junitxml", "job.xml"]
    done = subprocess.run(words, cwd=project.root, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout


@pytest.mark.slow
def test_two_tests_that_share_a_file_are_both_named(shop):
    junit_of_xdist(shop)
    assert shop.triage("import", "job.xml").code == 1
    clusters = shop.triage("clusters", "--json").json["clusters"]
    cluster = next(each["id"] for each in clusters if SELLS in each["members"])
    probed = shop.triage("probe", cluster, "--probe", "workers", *FEWEST, "--json")
    assert probed.code == 0, probed.err
    cause = probed.json["root_cause"]
    assert (cause["kind"], cause["confidence"], cause["claim"]) == ("resource", "proven", "cause")
    assert cause["culprits"][0] == RESTOCKS
    confirmed = [each for each in probed.json["experiments"] if each["probe"] == "workers"][-1]
    assert "-n 2 --dist load" in confirmed["baseline_command"]
    assert "-n 0" in confirmed["command"]


@pytest.mark.slow
def test_a_variable_that_workers_have_is_named_and_designed_for(shop):
    """Green in `triage run`, whose processes are no workers; the options of the suite start them."""
    shop.file("pytest.ini", SHOP["pytest.ini"].replace("-p xdist", "-p xdist -n 2")).commit()
    ran = shop.triage("run", "tests/test_shop.py::test_table")
    assert ran.code == 0, "one process is green"
    table = "tests/test_shop.py::test_table"
    probed = shop.triage("probe", table, "--probe", "workers", *FEWEST, "--json")
    cause = probed.json["root_cause"]
    assert (cause["kind"], cause["culprits"][0]) == ("environment-variable", "PYTEST_XDIST_WORKER")
    assert any(culprit.startswith("tests/test_shop.py:") for culprit in cause["culprits"])
