"""Files that have another name than at an earlier commit, in real repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from triage.process.git import Repository
from triage.process.git_history import text_at
from triage.process.git_renames import Rename, every_rename_since, renames_since

TEXT = "".join(f"def part_{number}():\n    return {number}\n\n\n" for number in range(12))


def git(root: Path, *words: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    done = subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(root: Path) -> str:
    git(root, "add", "-A")
    git(root, "commit", "-qm", "state")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "price.py").write_text(TEXT)
    (tmp_path / "shop" / "other.py").write_text(TEXT.replace("part", "piece").replace("return", "yield"))
    git(tmp_path, "init", "-q", "-b", "main")
    return tmp_path


def found(root: Path, since: str | None) -> dict[str, str]:
    repository = Repository.find(root)
    assert repository is not None
    return {rename.old: rename.new for rename in every_rename_since(repository, since)}


def test_a_file_that_is_moved_and_rewritten_again_and_again(root: Path) -> None:
    first = commit(root)
    price = root / "shop" / "price.py"
    for step in range(4):
        target = price.with_name(f"cost_{step}.py")
        git(root, "mv", str(price), str(target))
        price = target
        lines = price.read_text().splitlines(keepends=True)
        price.write_text("".join(lines[12:]) + "".join(f"# {step} {line}\n" for line in range(12)))
        commit(root)
    names = ("shop/price.py", "shop/cost_0.py", "shop/cost_1.py", "shop/cost_2.py")
    assert found(root, first) == dict.fromkeys(names, "shop/cost_3.py")
    assert found(root, None) == found(root, first)
    repository = Repository.find(root)
    assert repository is not None
    (rename,) = renames_since(repository, first)
    assert (rename.old, rename.new) == ("shop/price.py", "shop/cost_3.py"), "at the ends alone"
    assert found(root, "0" * 40) == found(root, first), "a commit that is gone: rebased away"
    assert found(root, git(root, "rev-parse", "HEAD")) == {}
    assert text_at(repository, first, "shop/price.py") == TEXT


def test_a_folder_is_renamed_on_a_branch_that_is_merged(root: Path) -> None:
    first = commit(root)
    git(root, "checkout", "-q", "-b", "side")
    git(root, "mv", "shop", "store")
    commit(root)
    git(root, "checkout", "-q", "main")
    (root / "note.txt").write_text("x\n")
    commit(root)
    git(root, "merge", "-q", "--no-edit", "side")
    assert found(root, first) == {"shop/price.py": "store/price.py", "shop/other.py": "store/other.py"}


def test_taken_away_in_one_commit_and_put_back_in_another(root: Path) -> None:
    first = commit(root)
    text = (root / "shop" / "price.py").read_text()
    (root / "shop" / "price.py").unlink()
    commit(root)
    (root / "cost.py").write_text(text)
    commit(root)
    assert found(root, first) == {"shop/price.py": "cost.py"}


@pytest.mark.parametrize("told", [True, False])
def test_what_nobody_has_committed_yet(root: Path, told: bool) -> None:
    first = commit(root)
    if told:
        git(root, "mv", "shop/price.py", "cost.py")
    else:
        (root / "shop" / "price.py").rename(root / "cost.py")
    with (root / "cost.py").open("a") as file:
        file.write("# edited\n")
    (root / "new.py").write_text("import this\n")
    repository = Repository.find(root)
    assert repository is not None
    assert renames_since(repository, first) == (
        Rename("shop/price.py", "cost.py", "renamed, not committed yet"),
    )


def test_a_suite_below_the_top_hears_of_its_own_files(root: Path) -> None:
    first = commit(root)
    git(root, "mv", "shop/price.py", "shop/cost.py")
    git(root, "mv", "shop/other.py", "elsewhere.py")
    commit(root)
    assert found(root / "shop", first) == {"price.py": "cost.py"}
