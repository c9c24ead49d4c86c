"""The base in repositories that are not simple: a root below the top, submodules, changes not committed."""

from __future__ import annotations

import pytest

from tests.fixtures.git_repository import SmallRepository
from tests.fixtures.projects import Project

pytestmark = pytest.mark.slow
IGNORED = "__pycache__/\nreports/\n.triage/\nplans/\n"


def verdicts(project):
    rows = project.triage("results", "--json").json["results"]
    return {row["nodeid"].partition("::")[2]: row["base"] for row in rows if row["base"]}


def test_a_root_below_the_top_with_a_submodule_a_source_folder_and_uncommitted_changes(tmp_path):
    library = SmallRepository(tmp_path / "library")
    old = library.commit("one", lib_DOT_py="VALUE = 1\n", _DOT_gitignore=IGNORED)
    library.commit("two", lib_DOT_py="VALUE = 2\n")
    top = SmallRepository(tmp_path / "top")
    top.git("submodule", "add", "-q", library.root.as_uri(), "vendor/library")
    inner = top.root / "vendor" / "library"
    SmallRepository.at(inner).git("checkout", "-q", old)
    app = Project(top.root / "app")
    app.file(
        "pyproject.toml",
        f"""
[tool.pytest.ini_options]
[tool.triage.env]
PYTHONPATH = "{app.root}/src:{inner}"
""",
    )
    app.file("src/product/__init__.py", "ANSWER = 42\n")
    app.file(
        "tests/test_app.py",
        """
import lib
import product

def test_library():
    assert lib.VALUE == 1

def test_product():
    assert product.ANSWER == 42

def test_old():
    assert product.ANSWER == 41
""",
    )
    (top.root / ".gitignore").write_text(IGNORED)
    top.commit("base")
    SmallRepository.at(inner).git("checkout", "-q", "main")
    top.commit("take the next version of the library")
    top.git("checkout", "-q", "--detach")
    app.file("src/product/__init__.py", "ANSWER = 43\n")
    before = top.git("status", "--porcelain")

    said = app.triage("run", "--base", "HEAD~1", "--json")
    assert said.code == 1, said.err
    found = {name: base["verdict"] for name, base in verdicts(app).items()}
    assert found == {
        "test_library": "broken-by-change",
        "test_product": "broken-by-change",
        "test_old": "red-on-base",
    }
    assert top.git("status", "--porcelain") == before
    assert SmallRepository.at(inner).git("worktree", "list").count("\n") == 0


def test_code_of_the_head_that_is_imported_all_the_same_decides_nothing(project):
    project.file("src/product.py", "ANSWER = 42\n")
    project.file("conftest.py", f"import sys\nsys.path.insert(0, {str(project.root / 'src')!r})\n")
    project.file("tests/test_a.py", "import product\n\ndef test_it():\n    assert product.ANSWER == 42\n")
    project.file(".gitignore", IGNORED).commit()
    project.file("src/product.py", "ANSWER = 43\n")
    said = project.triage("run", "--base", "HEAD", "--json")
    assert said.code == 1, "undecided and new"
    base = verdicts(project)["test_it"]
    assert (base["verdict"], base["outcome"]) == ("undecided", None)
    assert "src/product.py was imported from the checked-out tree" in base["reason"]


def test_a_flaky_test_that_the_change_made_flaky_warns_with_figures(project, tmp_path):
    project.file("product.py", "def works():\n    return True\n")
    project.file(
        "tests/test_a.py",
        """
import sys
sys.path.insert(0, ".")
import product

def test_it():
    assert product.works()
"""
        + "".join(f"\ndef test_fine_{n}():\n    pass\n" for n in range(12)),
    )
    project.file(".gitignore", IGNORED).commit()
    counter = tmp_path / "counter"
    project.file(
        "product.py",
        f"""
from pathlib import Path

def works():
    counter = Path({str(counter)!r})
    counter.write_text(counter.read_text() + "x" if counter.exists() else "x")
    return len(counter.read_text()) > 1
""",
    )
    said = project.triage("run", "--base", "HEAD", "--json")
    assert said.code == 0, said.json["held_against"]
    base = verdicts(project)["test_it"]
    assert (base["verdict"], base["failed"]) == ("broken-by-change", 0)
    assert base["runs"] >= 3
    assert "times here and 0 of" in base["reason"]
    assert any("flaky since this change" in line for line in said.json["warnings"])


def test_a_folder_that_the_base_does_not_have_is_absent_there_and_green_suites_ask_nothing(tmp_path):
    top = SmallRepository(tmp_path / "top")
    top.commit("base", _DOT_gitignore=IGNORED)
    app = Project(top.root / "app")
    app.file("pytest.ini", "[pytest]\n").file("test_a.py", "def test_it():\n    assert 0\n")
    top.commit("a new project")
    assert app.triage("run", "--base", "auto", "--json").code == 1
    assert verdicts(app)["test_it"]["verdict"] == "absent-on-base"
    app.file("test_a.py", "def test_it():\n    pass\n")
    said = app.triage("run", "--base", "auto", "--json")
    assert said.code == 0
    assert "nothing failed" in said.json["base"]["notes"]


def test_the_only_failing_test_runs_alone_whatever_the_run_is_called(project, tmp_path):
    """Red in the first run on the base and green in all others, it is flaky there: nothing ran before it."""
    counter = tmp_path / "counter"
    project.file(
        "product.py",
        f"""
from pathlib import Path

def works():
    counter = Path({str(counter)!r})
    is_first = not counter.exists()
    counter.touch()
    return not is_first
""",
    )
    project.file(
        "test_a.py",
        """
import sys
sys.path.insert(0, ".")
import product

def test_it():
    assert product.works()
""",
    )
    project.file(".gitignore", IGNORED).commit()
    project.file("product.py", "def works():\n    return False\n")
    for _ in range(2):
        said = project.triage("run", "--base", "HEAD", "--json")
        base = verdicts(project)["test_it"]
        assert (base["verdict"], base["failed"] > 0) == ("undecided", True), said.err
