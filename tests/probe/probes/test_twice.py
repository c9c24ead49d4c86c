"""A test that leaves something behind which breaks its own next run is found, with what that is."""

from __future__ import annotations

import pytest

from tests.fixtures.projects import Project

pytestmark = pytest.mark.slow

PRODUCT = '''\
ACCOUNTS = {}


def open_account(name):
    """A new account; a name that is taken is refused."""
    if name in ACCOUNTS:
        raise ValueError(f"{name} is taken")
    ACCOUNTS[name] = 0
    return ACCOUNTS[name]
'''
TEST = "import bank\n\n\ndef test_opens():\n    assert bank.open_account('ann') == 0\n"
NODEID = "tests/test_bank.py::test_opens"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project").mkdir()
    return Project(tmp_path / "project")


def test_it_is_found_hunted_repaired_and_verified(project):
    project.file("pytest.ini", "[pytest]\npythonpath = .\n").file(".gitignore", "/.triage/\n__pycache__/\n")
    project.file("bank.py", PRODUCT).file("tests/test_bank.py", TEST).commit()
    assert project.triage("hunt", NODEID, "--budget", "120").code in (0, 1)
    (cluster,) = project.triage("clusters", "--all", "--json").json["clusters"]
    said = project.triage("probe", cluster["id"], "--json")
    assert said.code == 0, said.err
    cause = said.json["root_cause"]
    assert (cause["kind"], cause["confidence"], cause["culprits"][0]) == ("order-dependent", "proven", NODEID)
    assert "second time" in cause["summary"]
    assert "bank.ACCOUNTS" in cause["summary"]
    designed = project.triage("design", cluster["id"], "--json")
    assert designed.code == 0, designed.err
    names = [criterion["name"] for criterion in designed.json["criteria"]]
    assert "twice" in names
    assert "targeted" not in names, "that it passes once held before"

    unrepaired = project.triage("verify", cluster["id"], "--json")
    assert (unrepaired.code, unrepaired.json["unmet"]) == (1, ["twice"])
    letter = designed.json["recommended"]
    project.git("apply", f"{designed.json['folder']}/options/{letter}.patch")
    assert project.triage("verify", cluster["id"]).code == 0
