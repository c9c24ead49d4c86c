"""What recorded and imported runs know of a failure is handed to `triage probe` and `triage verify`."""

from __future__ import annotations

import pytest

from tests.fixtures.projects import Project
from tests.probe.conftest import Suite
from triage.cluster.registry import ClusterRegistry
from triage.errors import UsageError
from triage.lab.collect import Collected
from triage.model.failure import present_name, surroundings_of
from triage.model.journal import ClusterOpened
from triage.probe.subject import find_subject

PLACE = "test_a.py::test_x"


@pytest.mark.slow
def test_a_test_that_its_run_found_to_need_others_is_asked_for_its_polluters_first(suite):
    project: Suite = suite(
        {
            "state.py": "MODE = 'clean'\n",
            "test_a.py": """
                import state
                def test_pollutes():
                    state.MODE = "dirty"
                def test_harmless():
                    pass
            """,
            "test_b.py": """
                import state
                def test_victim():
                    assert state.MODE == "clean"
            """,
        }
    )
    assert project.call("run", "--chunks", "1") == 1
    code, report, _ = project.probe("C1")
    assert (code, report["root_cause"]["culprits"][0]) == (0, "test_a.py::test_pollutes")
    assert {each["probe"] for each in report["experiments"]} == {"order"}, "no other probe had to run"
    first_in_company = (project.folder / "experiments.jsonl").read_text().split('"event": "look"')[3]
    assert (
        '"test_a.py::test_pollutes", "test_a.py::test_harmless", "test_b.py::test_victim"' in first_in_company
    )


@pytest.mark.slow
def test_a_probe_runs_under_the_conditions_of_the_run_that_was_red(tmp_path):
    """What `--env` and arguments behind `--` gave to that run, and no setting of the project."""
    project = Project(tmp_path)
    option = "def pytest_addoption(parser):\n    parser.addoption('--runslow', action='store_true')\n"
    test = (
        "import os\n\n\ndef test_mode(pytestconfig):\n"
        "    assert not (os.environ.get('APP_MODE') == 'ci' and pytestconfig.getoption('--runslow'))\n"
    )
    project.file("conftest.py", option).file("test_a.py", test).commit()
    assert project.triage("run", "--env", "APP_MODE=ci", "--", "--runslow").code == 1
    report = project.triage("probe", "C1", "--probe", "repeat", "--json").json
    assert report["reproduced"], report["claim"]
    assert "Under the conditions of the run that failed: APP_MODE=ci, pytest --runslow." in report["notes"]


@pytest.mark.parametrize(
    ("nodeid", "name", "place"),
    [
        ("t.py::a @ py310", "t.py::a", "py310"),
        ("t.py::a[1 @ 2]", "t.py::a[1 @ 2]", None),
        ("t.py::a[1 @ 2] @ linux / py310", "t.py::a[1 @ 2]", "linux / py310"),
        ("my @ files/t.py::a", "my @ files/t.py::a", None),
        ("my @ files/t.py::a @ #2", "my @ files/t.py::a", "#2"),
        ("t.py @ py310", "t.py", "py310"),
        ("t.py::a", "t.py::a", None),
    ],
)
def test_the_mark_of_surroundings_is_behind_file_and_parameters(nodeid, name, place):
    assert (present_name(nodeid), surroundings_of(nodeid)) == (name, place)


def _registry(*members: str) -> ClusterRegistry:
    opened = ClusterOpened(
        id="e", at="T", by="b", cluster="C1", title="t", stamp="S", signatures=("s",), members=members
    )
    return ClusterRegistry.of([opened])


@pytest.mark.parametrize("text", ["C1", f"{PLACE} @ py310"])
def test_a_test_of_another_python_is_probed_here_and_said_to_be(text):
    registry = _registry(f"{PLACE} @ py310", f"{PLACE} @ py312")
    found = find_subject(text, registry, Collected((PLACE,), {}), None)
    assert (found.nodeids, found.cluster) == ((PLACE,), "C1")
    assert found.note is not None
    assert "reported from py310" in found.note
    assert "run in the present surroundings" in found.note


@pytest.mark.parametrize("member", ["tests", "tests/test_a.py"])
def test_of_what_is_collected_again_nothing_is_left_to_probe(member):
    suite = Collected(("tests/test_a.py::test_x",), {})
    with pytest.raises(UsageError, match="is collected again") as refusal:
        find_subject("C1", _registry(member), suite, None)
    assert refusal.value.next_step == "`triage verify C1` closes it"


def test_a_test_with_such_a_name_is_itself():
    odd = "test_a.py::test_x[a @ b]"
    found = find_subject(odd, _registry(odd), Collected((odd,), {}), None)
    assert (found.nodeids, found.note) == ((odd,), None)
    with pytest.raises(UsageError, match="no test"):
        find_subject("test_a.py::gone @ py310", _registry(odd), Collected((odd,), {}), None)


@pytest.mark.slow
def test_a_failure_of_a_matrix_is_closed_here_and_said_to_be_red_elsewhere(suite):
    project: Suite = suite({"test_a.py": "def test_x():\n    assert True\n"})
    row = '<testcase classname="test_a" name="test_x" time="0.1">{}</testcase>'
    failure = '<failure message="boom">ValueError: boom</failure>'
    for name, child in (("py310", failure), ("py312", "")):
        folder = project.root / "artifacts" / name
        folder.mkdir(parents=True)
        (folder / "junit.xml").write_text(f"<testsuite>{row.format(child)}</testsuite>")
    assert project.call("import", str(project.root / "artifacts")) == 1
    assert project.call("verify", "C1") == 0
    (document,) = (project.root / "reports").glob("*/phase_d/*/verify.md")
    text = document.read_text()
    assert "recorded in py310 and run in the present surroundings" in text
    assert "unknown whether the tree is that of" in text
    assert project.call("check") == 0
