"""`commit` on real repositories: renamed and younger tests, merges, broken commits, shallow clones."""

from __future__ import annotations

import subprocess

import pytest

from triage.probe.bisect import Search
from triage.probe.related_files import related
from triage.process.git import Repository
from triage.process.git_history import first_parents, is_shallow, merged_by, renames_of
from triage.testing.probes import case_of, seen

GOOD, BAD = "def add(a, b):\n    return a + b\n", "def add(a, b):\n    return a - b\n"
TEST = "import calc\ndef test_add():\n    assert calc.add(2, 3) == 5\n"
T = "tests/test_k.py::test_add"


class History:
    """A repository that grows commit by commit."""

    def __init__(self, root):
        self.root = root
        root.mkdir()
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.email", "t@example.org")
        self.git("config", "user.name", "T")
        settings = '[tool.pytest.ini_options]\npythonpath = ["."]\n[tool.triage]\ncampaign = "h"\n'
        self.commit({"pyproject.toml": settings, ".gitignore": "__pycache__\n"})

    def git(self, *words):
        done = subprocess.run(["git", *words], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, files=(), drop=()):
        for name, text in dict(files).items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for name in drop:
            (self.root / name).unlink()
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", f"{[*dict(files), *drop]}")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def history(tmp_path):
    return History(tmp_path / "project")


@pytest.fixture
def asked(history, suite):
    """`triage probe --probe commit` on the history: exit code and document."""

    def ask(subject=T, root=history.root):
        code, report, _ = suite.on(root).probe(subject, "--probe", "commit")
        return code, report

    return ask


def proven(report):
    cause = report["root_cause"]
    assert (cause["kind"], cause["confidence"]) == ("first-bad-commit", "proven"), report["excluded"]
    return cause["culprits"][0]


@pytest.mark.slow
def test_a_renamed_test_is_followed_to_its_old_name(history, asked):
    """Today's file could not run at the old commits: its helper has another name there."""
    old = "from tests.aid import five\nimport calc\ndef test_add():\n    assert calc.add(2, 3) == five()\n"
    history.commit({"calc.py": GOOD, "tests/aid.py": "def five():\n    return 5\n", "tests/test_old.py": old})
    bad = history.commit({"calc.py": BAD})
    moved = {"tests/help.py": "def five():\n    return 5\n", "tests/test_k.py": old.replace("aid", "help")}
    history.commit(moved, drop=["tests/aid.py", "tests/test_old.py"])
    history.commit({"README": "x"})
    assert proven(asked()[1]) == bad


@pytest.mark.slow
def test_a_younger_test_is_carried_back_and_commits_that_do_not_collect_are_stepped_over(history, asked):
    history.commit({"calc.py": GOOD})
    history.commit({"calc.py": "def add(a, b)\n"})
    history.commit({"calc.py": GOOD, "x": "1"})
    bad = history.commit({"calc.py": BAD})
    history.commit({"calc.py": BAD + "syntax error\n"})
    history.commit({"calc.py": BAD, "tests/test_k.py": TEST})
    assert proven(asked()[1]) == bad


@pytest.mark.slow
def test_behind_a_merge_the_commit_of_the_side_branch_is_named(history, asked):
    history.commit({"calc.py": GOOD, "tests/test_k.py": TEST})
    history.git("checkout", "-q", "-b", "side")
    history.commit({"a": "1"})
    bad = history.commit({"calc.py": BAD})
    history.commit({"b": "1", "calc.py": f"# a later note\n{BAD}"})
    history.git("checkout", "-q", "main")
    history.commit({"c": "1"})
    history.git("merge", "-q", "--no-ff", "-m", "Merge side", "side")
    history.commit({"d": "1"})
    report = asked()[1]
    assert proven(report) == bad
    (revert,) = report["patches"]
    assert revert["after"] == f"# a later note\n{GOOD}"
    assert report["next"] == "triage run"  # it belongs to no cluster yet


@pytest.mark.slow
def test_a_shallow_clone_is_named_as_the_end_of_the_search(history, asked, tmp_path):
    history.commit({"calc.py": GOOD, "tests/test_k.py": TEST})
    history.commit({"calc.py": BAD})
    history.commit({"x": "1"})
    clone = tmp_path / "clone"
    history.git("clone", "-q", "--depth", "2", f"file://{history.root}", str(clone))
    code, report = asked(root=clone)
    assert code == 1
    assert "git fetch --unshallow" in report["excluded"][0]
    assert is_shallow(Repository.find(clone))
    assert not is_shallow(Repository.find(history.root))


def test_what_the_history_says_of_paths_renames_and_merges(history):
    history.commit({"a.py": "1\n" * 9, "tests/test_a.py": TEST})
    (history.root / "tests/test_a.py").rename(history.root / "tests/test_b.py")
    renamer = history.commit()
    repository = Repository.find(history.root)
    assert renames_of(repository, "tests/test_b.py") == ((renamer, "tests/test_a.py"),)
    assert first_parents(repository)[1].paths == ("a.py", "tests/test_a.py")
    assert merged_by(repository, renamer) == []
    below = Repository.find(history.root / "tests")
    assert renames_of(below, "test_b.py") == ((renamer, "test_a.py"),)


def test_a_commit_that_touches_what_the_test_imports_is_looked_at_first():
    relevance = [1.0] * 64
    relevance[10] = 600.0
    search = Search(relevance)
    looks = 0
    while (place := search.best_position()) is not None:
        looks += 1
        if place <= 10:
            search.failed(place)
        else:
            search.passed(place, 0.0)
    assert search.span() == (10, 10)
    assert looks <= 3


def test_imports_are_followed_through_packages_and_relative_names():
    texts = {
        "tests/test_z.py": "from shop.cart import total\n",
        "src/shop/__init__.py": "",
        "src/shop/cart.py": "from .price import net\nfrom . import tax\n",
        "src/shop/price.py": "",
        "src/shop/tax.py": "",
        "src/other.py": "",
    }
    case = case_of(
        "tests/test_z.py::test_it",
        lambda setup: seen("tests/test_z.py::test_it", False),
        files=tuple(texts),
        source=texts.get,
    )
    assert related(case) == set(texts) - {"src/other.py"}
