"""Working copies: as the user's tree stands, put back whatever a test did to them."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.planted.faults.api import Plant, grow
from triage.errors import UsageError
from triage.process.scratch import Scratch

FILES = {"a.py": "A = 1\n", "pkg/__init__.py": "", "pkg/deep/b.txt": "b", ".gitignore": "*.so\n_version.py\n"}


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    grow(Plant(name="p", subject="", kinds=(), files=FILES), root)
    (root / "a.py").write_text("A = 2  # not committed\n")
    (root / "new.txt").write_text("untracked")
    (root / "_version.py").write_text("V = '1'\n")
    (root / "fast.so").write_bytes(b"\x7fELF")
    (root / "pkg" / "__init__.py").unlink()
    (root / "reports" / "x" / "phase_b" / "20260101T000000Z").mkdir(parents=True)
    (root / "reports" / "x" / "phase_b" / "20260101T000000Z" / "probe.json").write_text("{}")
    return root


def listing(root):
    found = {}
    for base, _, names in os.walk(root):
        for name in names:
            path = os.path.join(base, name)
            if ".git" not in path.split(os.sep):
                with open(path, "rb") as stream:
                    found[os.path.relpath(path, root)] = stream.read()
    return found


def test_the_copy_is_the_tree_as_it_stands_without_old_evidence(project, tmp_path):
    with Scratch(project, tmp_path / "room") as scratch:
        scratch.prepare(None)
        here = listing(scratch.tree(0, None, {}))
    assert here["a.py"] == b"A = 2  # not committed\n"
    assert here["new.txt"] == b"untracked"
    assert {"_version.py", "fast.so"} <= set(here), "ignored files may be needed"
    assert "pkg/__init__.py" not in here
    assert not any(path.startswith("reports") for path in here)


def test_another_commit_is_another_copy(project, tmp_path):
    with Scratch(project, tmp_path / "room") as scratch:
        from triage.process.git import Repository

        head = Repository.find(project).head()
        scratch.prepare(head)
        assert (scratch.tree(0, head, {}) / "a.py").read_text() == "A = 1\n"


DAMAGE = {
    "write": lambda root: (root / "a.py").write_text("broken"),
    "delete": lambda root: (root / "pkg" / "deep" / "b.txt").unlink(),
    "remove folder": lambda root: shutil.rmtree(root / "pkg"),
    "add": lambda root: (root / "left.txt").write_text("x"),
    "add folder": lambda root: (root / "out" / "deep").mkdir(parents=True),
    "forbid": lambda root: (root / "pkg").chmod(0o000),
    "forbid file": lambda root: (root / "a.py").chmod(0o000),
    "link": lambda root: ((root / "new.txt").unlink(), (root / "new.txt").symlink_to("a.py")),
    "file for folder": lambda root: (shutil.rmtree(root / "pkg"), (root / "pkg").write_text("now a file")),
    "folder for file": lambda root: ((root / "a.py").unlink(), (root / "a.py").mkdir()),
    "append": lambda root: (root / "pkg" / "deep" / "b.txt").write_text("bb"),
}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=st.lists(st.sampled_from(sorted(DAMAGE)), min_size=1, max_size=3))
def test_whatever_a_test_does_the_next_run_finds_the_copy_as_before(project, tmp_path, kinds):
    room = tmp_path / f"room{abs(hash(tuple(kinds)))}"
    with Scratch(project, room) as scratch:
        scratch.prepare(None)
        tree = scratch.tree(0, None, {})
        before, modes = listing(tree), {p: p.stat().st_mode for p in tree.rglob("*") if ".git" not in p.parts}
        for kind in kinds:
            try:
                DAMAGE[kind](tree)
            except OSError:
                continue  # an earlier damage was in the way
        again = scratch.tree(0, None, {})
        assert listing(again) == before
        assert {p: p.stat().st_mode for p in again.rglob("*") if ".git" not in p.parts} == modes
    shutil.rmtree(room, ignore_errors=True)


def test_edits_hold_for_one_run_and_bytecode_does_not_outlive_them(project, tmp_path):
    with Scratch(project, tmp_path / "room") as scratch:
        scratch.prepare(None)
        tree = scratch.tree(0, None, {"a.py": "A = 3\n", "brand/new.txt": "x", "new.txt": None})
        assert (tree / "a.py").read_text() == "A = 3\n"
        assert (tree / "brand" / "new.txt").exists()
        assert not (tree / "new.txt").exists()
        (tree / "__pycache__").mkdir()
        (tree / "__pycache__" / "a.cpython-311.pyc").write_bytes(b"old")
        tree = scratch.tree(0, None, {})
        assert (tree / "a.py").read_text() == "A = 2  # not committed\n"
        assert not (tree / "brand" / "new.txt").exists()
        assert (tree / "new.txt").exists()
        assert not (tree / "__pycache__" / "a.cpython-311.pyc").exists()


def test_an_edit_cannot_leave_the_copy(project, tmp_path):
    with Scratch(project, tmp_path / "room") as scratch:
        scratch.prepare(None)
        with pytest.raises(UsageError, match="leaves"):
            scratch.tree(0, None, {"../outside.txt": "x"})


def test_the_users_tree_is_not_touched(project, tmp_path):
    before = listing(project)
    with Scratch(project, tmp_path / "room") as scratch:
        scratch.prepare(None)
        DAMAGE["write"](scratch.tree(0, None, {}))
        DAMAGE["remove folder"](scratch.tree(1, None, {}))
    assert listing(project) == before


def test_a_repository_that_takes_no_worktree_gives_the_files_alone(project, tmp_path):
    from triage.process.git import Repository

    head = Repository.find(project).head()
    (project / ".git" / "worktrees").write_text("a file in the way")
    with Scratch(project, tmp_path / "room", carry_only_ignored=True) as scratch:
        copy = scratch.prepare(head)
        assert (copy / "a.py").read_text() == "A = 1\n"
        assert not (copy / ".git").exists()
        assert not (copy / "new.txt").exists()
    assert not copy.exists()


def test_a_filtered_file_has_its_contents_where_it_did_not_change(tmp_path):
    from tests.fixtures.git_repository import SmallRepository

    made = SmallRepository(tmp_path / "r")
    made.git("config", "filter.large.smudge", "tr a-z A-Z")
    made.git("config", "filter.large.clean", "tr A-Z a-z")
    made.write(_DOT_gitattributes="*.big filter=large\n", kept_DOT_big="KEPT\n")
    base = made.commit("base", changed_DOT_big="OLD\n")
    made.commit("head", changed_DOT_big="NEW\n")
    with Scratch(made.root, tmp_path / "room", carry_only_ignored=True) as scratch:
        copy = scratch.prepare(base)
        assert (copy / "kept.big").read_text() == "KEPT\n"
        (missing,) = scratch.missing
        assert missing.startswith(f"changed.big is at {base[:12]} as the repository stores it")


@pytest.mark.parametrize("later", [None, "plain text\n"], ids=["removed since", "no longer filtered"])
def test_a_large_file_that_only_the_older_commit_has_is_named(tmp_path, later):
    from tests.fixtures.git_repository import SmallRepository

    made = SmallRepository(tmp_path / "r")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 7\n"
    made.write(_DOT_gitattributes="*.bin filter=lfs\n", data__a_DOT_bin=pointer)
    base = made.commit("base", data__b_DOT_txt="a text\n")
    (made.root / "data/a.bin").unlink()
    if later is None:
        made.commit("head", data__b_DOT_txt="another text\n")
    else:
        made.commit("head", _DOT_gitattributes="", data__a_DOT_bin=later)
    with Scratch(made.root, tmp_path / "room", carry_only_ignored=True) as scratch:
        scratch.prepare(base)
        (missing,) = scratch.missing
    assert missing.startswith(f"data/a.bin is at {base[:12]} a pointer of Git LFS: it was removed since")
