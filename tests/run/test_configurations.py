# ruff: noqa: E501 - suites are written as text
"""Where and how a suite may be configured: what plain pytest collects is what runs, and what is off is said."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.projects import NO_FOREIGN_PLUGINS, WITH_FOREIGN_PLUGINS
from tests.planted.hostile.api import HostileSuite
from triage.errors import TriageError
from triage.model.run import RunRecord

pytestmark = pytest.mark.slow

Run = Callable[..., RunRecord]
TWO = "def test_a(): assert 0\ndef test_b(): pass\n"
FAILS_FIRST = {"t/test_x.py::test_a": "failed", "t/test_x.py::test_b": "passed"}
CASES = {
    "setup.cfg": (
        {"setup.cfg": "[tool:pytest]\ntestpaths = t\naddopts = -x -p no:cacheprovider --import-mode=importlib --strict-markers\n"},
        FAILS_FIRST,
        "-x/--maxfail switched off",
    ),
    "tox.ini": (
        {"tox.ini": "[pytest]\ntestpaths = t\naddopts = --maxfail=1 -n 3 --dist=worksteal\n"},
        FAILS_FIRST,
        "pytest-xdist switched off",
    ),
    "pyproject": (
        {"pyproject.toml": "[tool.pytest.ini_options]\ntestpaths = ['t']\naddopts = ['--stepwise', '-p', 'no:terminal', '-q', '-q']\n"},
        FAILS_FIRST,
        "--stepwise switched off",
    ),
    "pytest.ini before others": (
        {"pytest.ini": "[pytest]\ntestpaths = t\naddopts = -k 'not b' --pdb\n", "tox.ini": "[pytest]\ntestpaths = other\n"},
        {"t/test_x.py::test_a": "failed"},
        "--pdb/--trace switched off",
    ),
    "odd names": (
        {"pytest.ini": "[pytest]\npython_files = check_*.py\npython_functions = spec_*\n", "check_it.py": "def spec_one(): pass\ndef test_no(): assert 0\n"},
        {"check_it.py::spec_one": "passed"},
        None,
    ),
    "deselected and ignored": (
        {"pytest.ini": "[pytest]\naddopts = --deselect t/test_x.py::test_a --ignore=other -W error\n"},
        {"t/test_x.py::test_b": "passed"},
        None,
    ),
    "a conftest that chooses": (
        {"conftest.py": "collect_ignore = ['other']\ndef pytest_collection_modifyitems(items): items.reverse(); del items[0]\n"},
        {"t/test_x.py::test_a": "failed"},
        None,
    ),
    "output by a plugin": (
        {"pytest.ini": "[pytest]\ntestpaths = t\naddopts = -s -v --tb=no -rA --color=yes --durations=3 --no-header\nlog_cli = true\n"},
        FAILS_FIRST,
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_configuration_means_what_it_means_to_pytest(tmp_path: Path, run_here: Run, case: str) -> None:
    files, expected, note = CASES[case]
    with_xdist = "-n 3" in str(files)
    if with_xdist:
        pytest.importorskip("xdist")
    HostileSuite({"t/test_x.py": TWO, "other/test_y.py": "def test_no(): pass\n"} | files, {}).write(
        tmp_path / "suite"
    )
    record = run_here(env=WITH_FOREIGN_PLUGINS if with_xdist else NO_FOREIGN_PLUGINS)
    assert {r.nodeid: r.outcome.value for r in record.results} == expected
    assert record.complete
    assert note is None or any(note in said for said in record.notes), record.notes


@pytest.mark.parametrize(
    ("isolation", "text", "says"),
    [
        ("warm", "required_plugins = pytest-not-there>=3", "Missing required plugins: pytest-not-there>=3"),
        ("fresh", "minversion = 99", "requires pytest-99"),
        ("warm", "addopts = --no-such-option", "unrecognized arguments: --no-such-option"),
        ("fresh", "addopts = --no-such-option", "unrecognized arguments: --no-such-option"),
        ("warm", "addopts = -p no_such_plugin", "no_such_plugin"),
    ],
)
def test_what_pytest_refuses_is_one_line_with_its_reason(
    tmp_path: Path, run_here: Run, isolation: str, text: str, says: str
) -> None:
    """pytest refuses while it is configured, the same in both isolations: one of the texts shows that."""
    HostileSuite({"pytest.ini": f"[pytest]\n{text}\n", "test_x.py": TWO}, {}).write(tmp_path / "suite")
    with pytest.raises(TriageError, match=r"\[(pytest-refuses|collection-failed)\]") as caught:
        run_here(isolation=isolation)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_suite_in_a_folder_of_a_repository(tmp_path: Path, run_here: Run) -> None:
    """Commit and dirtiness are those of the repository; other folders' configuration is none of ours."""
    top = tmp_path / "repository"
    HostileSuite(
        {
            "pytest.ini": "[pytest]\naddopts = --no-such-option\n",
            "py/pytest.ini": "[pytest]\n",
            "py/t/test_x.py": TWO,
        },
        {},
    ).write(top)
    assert run_here(top / "py", stamp="20260101T000000Z").commit is None, "no git: that is no error"
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "-A", ":!*reports*"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], cwd=top, check=True)
    record = run_here(top / "py", stamp="20260102T000000Z")
    assert {r.nodeid: r.outcome.value for r in record.results} == FAILS_FIRST
    assert record.commit is not None
    assert len(record.commit) == 40
