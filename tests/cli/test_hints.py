"""Where a suite may behave differently than under triage: the result says so, and a setting shows it."""

from __future__ import annotations

import pytest

from tests.fixtures.projects import NO_FOREIGN_PLUGINS

pytestmark = pytest.mark.slow
WITH_PLUGINS = dict.fromkeys(NO_FOREIGN_PLUGINS, "")


@pytest.fixture
def flat(project):
    """A product beside its tests: green under `python -m pytest`, red under `pytest`."""
    project.file("shop.py", "PRICE = 1\n")
    return project.file(
        "tests/test_shop.py",
        "import subprocess, sys\nimport shop\n\ndef test_price():\n    assert shop.PRICE == 1\n\n"
        "def test_children_import_as_ever():\n"
        "    subprocess.run([sys.executable, '-c', 'import shop'], check=True)\n",
    )


def test_what_pytest_alone_would_not_find_is_said_everywhere(flat):
    said = flat.triage("run", "--json")
    (hint,) = said.json["hints"]
    assert hint.startswith("shop: found only because `python -m pytest` puts the root on the import path")
    assert 'pytest-command = "pytest"' in hint
    assert flat.triage("results", "--json").json["hints"] == [hint]
    assert "## Where this suite may behave differently" in flat.triage("report").out


def test_a_suite_can_be_run_as_pytest_does(flat):
    said = flat.triage("run", "--json", TRIAGE_PYTEST_COMMAND="pytest")
    assert said.json["collect_errors"] == 1
    assert said.json["hints"] == []
    flat.file("pytest.ini", "[pytest]\npythonpath = .\n")
    said = flat.triage("run", "--json", TRIAGE_PYTEST_COMMAND="pytest")
    assert (said.code, said.json["counts"]["passed"]) == (0, 2), "children of tests are started as ever"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("conftest.py", ""),
        ("pytest.ini", "[pytest]\npythonpath = .\n"),
        ("tests/__init__.py", ""),
    ],
)
def test_where_pytest_puts_the_root_on_the_path_itself_there_is_no_hint(flat, name, text):
    flat.file(name, text)
    assert flat.triage("run", "--json").json["hints"] == []


def test_xdist_in_the_options_is_a_hint_of_the_result(project):
    pytest.importorskip("xdist")
    project.file("pytest.ini", "[pytest]\naddopts = -n 2\n").file("test_a.py", "def test_a():\n    pass\n")
    said = project.triage("run", "--json", **WITH_PLUGINS)
    (hint,) = said.json["hints"]
    assert hint.startswith("the suite's options start pytest-xdist")
    assert hint in project.triage("report").out.replace("\\", "")
