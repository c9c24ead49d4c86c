"""What git says of a change: renamed files, files of a commit, submodules."""

from __future__ import annotations

import pytest

from tests.fixtures.git_repository import SmallRepository
from triage.process.git import Repository
from triage.process.git_base import changed_since, files_at, files_now, has_path
from triage.process.git_renames import renames_since
from triage.process.git_submodules import fill_submodules

TEXT = "".join(f"line {number}\n" for number in range(9))


@pytest.fixture
def made(tmp_path):
    repository = SmallRepository(tmp_path / "r")
    repository.write(app__old_DOT_py=TEXT, app__plain_DOT_py=f"{TEXT}plain\n", app__kept_DOT_py="kept\n")
    repository.base = repository.commit("base", elsewhere_DOT_py=f"{TEXT}elsewhere\n")
    return repository


def test_renames_are_followed_committed_staged_and_untold(made):
    made.git("mv", "app/old.py", "app/new.py")
    made.commit("rename")
    made.git("mv", "elsewhere.py", "app/came_in.py")
    (made.root / "app" / "plain.py").rename(made.root / "app" / "moved ü.py")
    app = Repository.find(made.root / "app")
    renames = {rename.new: rename.old for rename in renames_since(app, made.base)}
    assert renames == {"new.py": "old.py", "moved ü.py": "plain.py"}
    top = Repository.find(made.root)
    assert {rename.new: rename.old for rename in renames_since(top, made.base)}[
        "app/came_in.py"
    ] == "elsewhere.py"


def test_files_of_a_root_below_the_top(made):
    (made.root / "app" / "kept.py").unlink()
    made.write(app__fresh_DOT_py="new\n", _DOT_gitignore="ignored.py\n", app__ignored_DOT_py="x\n")
    app = Repository.find(made.root / "app")
    assert set(files_now(app)) == {"old.py", "plain.py", "fresh.py"}
    assert set(files_at(app, made.base)) == {"old.py", "plain.py", "kept.py"}
    assert set(changed_since(app, made.base)) == {"app/kept.py", "app/fresh.py", ".gitignore"}
    assert app.ignored() == ("app/ignored.py",)
    assert has_path(app, made.base, app.root)
    assert not has_path(app, made.base, app.root / "sub")


def test_submodules_are_filled_with_what_the_commit_records(made, tmp_path):
    library = SmallRepository(tmp_path / "library")
    first = library.commit("one", lib_DOT_py="VALUE = 1\n")
    library.commit("two", lib_DOT_py="VALUE = 2\n")
    made.git("submodule", "add", "-q", library.root.as_uri(), "vendor/library")
    inner = SmallRepository.at(made.root / "vendor" / "library")
    inner.git("checkout", "-q", first)
    commit = made.commit("take the library")
    inner.git("checkout", "-q", "main")
    inner.write(lib_DOT_py="VALUE = 3\n")
    repository = Repository.find(made.root)
    before = inner.git("status", "--porcelain")

    assert fill_submodules(repository, tmp_path / "copy", commit) == []
    assert (tmp_path / "copy" / "vendor" / "library" / "lib.py").read_text() == "VALUE = 1\n"
    assert fill_submodules(repository, tmp_path / "now", None) == []
    assert (tmp_path / "now" / "vendor" / "library" / "lib.py").read_text() == "VALUE = 3\n"
    assert inner.git("status", "--porcelain") == before

    made.git("update-index", "--cacheinfo", f"160000,{'1' * 40},vendor/library")
    made.git("commit", "-qm", "a commit that nobody has")
    (missing,) = fill_submodules(repository, tmp_path / "other", made.git("rev-parse", "HEAD"))
    assert "vendor/library is at 111111111111" in missing
