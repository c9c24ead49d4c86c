"""Patches of every make: applied to a scratch copy, the user's tree untouched, refused with a reason."""

from __future__ import annotations

import subprocess

import pytest

from triage.errors import UsageError
from triage.model.experiment import ProbeReport, RootCause
from triage.process.git import Repository
from triage.repair.options import (
    Applied,
    Proposal,
    apply,
    files_of,
    gather,
    kind_of,
    lines_changed,
    read_patch,
)


@pytest.fixture
def repository(tmp_path):
    """A repository whose suite lies in a folder of it."""
    root = tmp_path / "top" / "suite"
    root.mkdir(parents=True)
    (root / "a.py").write_text("one\ntwo\n")
    (root / "crlf.py").write_bytes(b"one\r\ntwo\r\n")
    (root / "ü b.py").write_text("one\n")
    (root / "gone.py").write_text("one\n")
    (root.parent / "outside.py").write_text("one\n")
    made = Repository.create(root.parent, name="t", email="t@example.org")
    made.commit_all("start")
    return root


def _diff(root, *changes):
    """What `git diff` says after changes, which are taken back."""
    for change in changes:
        change()
    subprocess.run(["git", "add", "-A", "."], cwd=root.parent, check=True)
    made = subprocess.run(["git", "diff", "--cached", "HEAD"], cwd=root, capture_output=True, check=True)
    subprocess.run(["git", "reset", "-q", "--hard"], cwd=root, check=True)
    return made.stdout.decode()


def _applied(root, patch):
    before = {path.name: path.read_bytes() for path in root.iterdir() if path.is_file()}
    applied = apply(root, Proposal(letter="A", title="", source="", patch=patch))
    assert {path.name: path.read_bytes() for path in root.iterdir() if path.is_file()} == before
    assert Repository.find(root).changes() == ()
    return applied


def test_a_patch_of_git_counts_from_the_top(repository):
    applied = _applied(
        repository, _diff(repository, lambda: (repository / "a.py").write_text("one\nTWO\nthree\n"))
    )
    assert applied.why_not is None
    assert applied.edits == {"a.py": "one\nTWO\nthree\n"}
    assert [(f.path, f.added, f.removed) for f in applied.files] == [("a.py", 2, 1)]


def test_a_patch_of_plain_diff_counts_from_the_root(repository):
    applied = _applied(
        repository, "--- a.py.orig\t2026-01-01\n+++ a.py\t2026-01-02\n@@ -1,2 +1,2 @@\n one\n-two\n+TWO\n"
    )
    assert applied.edits.get("a.py") == "one\nTWO\n" or applied.why_not is not None
    applied = _applied(repository, "--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n one\n-two\n+TWO\n")
    assert applied.edits == {"a.py": "one\nTWO\n"}


def test_names_line_ends_new_files_and_renames(repository):
    def change():
        (repository / "crlf.py").write_bytes(b"one\r\nTWO\r\n")
        (repository / "ü b.py").write_text("two\n")
        (repository / "new.dat").write_text("1 2 3\n")
        (repository / "gone.py").rename(repository / "here.py")

    applied = _applied(repository, _diff(repository, change))
    assert applied.why_not is None
    assert applied.edits == {
        "crlf.py": "one\r\nTWO\r\n", "ü b.py": "two\n", "new.dat": "1 2 3\n",
        "gone.py": None, "here.py": "one\n",
    }  # fmt: skip
    assert {f.path: f.kind for f in applied.files}["new.dat"] == "data"


def test_a_file_outside_of_the_suite_is_refused(repository):
    applied = _applied(
        repository, _diff(repository, lambda: (repository.parent / "outside.py").write_text("x\n"))
    )
    assert "outside of the suite's root" in applied.why_not


@pytest.mark.parametrize("name", ["../outside.py", "/etc/passwd", ".git/config"])
def test_a_patch_cannot_leave_the_copy(repository, name):
    applied = _applied(repository, f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-one\n+x\n")
    assert applied.why_not is not None
    assert (repository.parent / "outside.py").read_text() == "one\n"


def test_what_does_not_fit_is_said_without_temporary_places(repository):
    applied = _applied(repository, "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-other\n+x\n")
    assert "does not apply" in applied.why_not
    assert "/tmp" not in applied.why_not
    same = _applied(repository, "--- a/new\n+++ b/new\n")
    assert same.why_not is not None


def test_without_git_a_copy_is_enough(tmp_path):
    root = tmp_path / "plain"
    root.mkdir()
    (root / "a.py").write_text("one\n")
    applied = apply(
        root,
        Proposal(letter="A", title="", source="", patch="--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-one\n+two\n"),
    )
    assert applied.edits == {"a.py": "two\n"}
    assert (root / "a.py").read_text() == "one\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"\xff\xfe",
        b"diff --git a/x b/x\nGIT binary patch\n",
        b"Binary files a/x and b/x differ\n",
    ],
)
def test_what_is_no_patch_is_refused(tmp_path, data):
    path = tmp_path / "x.patch"
    path.write_bytes(data)
    with pytest.raises(UsageError) as refusal:
        read_patch(path)
    assert refusal.value.slug == "bad-patch"


def test_quoted_names_and_counts():
    patch = '--- "a/t\\303\\251 \\"x\\".py"\n+++ "b/t\\303\\251 \\"x\\".py"\n'
    assert files_of(patch, "") == ('té "x".py',)
    assert files_of("rename from a/b/x.py\nrename to c.py\n", "") == ("a/b/x.py", "c.py")
    assert lines_changed("a\nb\n", "a\nc\nd\n") == (2, 1)
    assert lines_changed(None, "a\n") == (1, 0)
    assert lines_changed("x", "x") == (0, 0)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("tests/test_x.py", "test"),
        ("x_test.py", "test"),
        ("conftest.py", "test"),
        ("tests/util.py", "test"),
        ("src/x.py", "product"),
        ("tests/data/a.hkl", "data"),
        ("README.md", "data"),
        ("contest.py", "product"),
    ],
)
def test_files_are_told_apart(path, kind):
    assert kind_of(path) == kind


def test_keywords_are_what_added_lines_set():
    added = "+    default_F=100.0,\n+f(hkl_path=str(p))\n+assert a == b\n"
    patch = f"--- a/t.py\n+++ b/t.py\n@@ -1 +1,3 @@\n-x = 1\n{added}"
    applied = Applied(proposal=Proposal(letter="A", title="", source="", patch=patch))
    assert applied.keywords == ("default_F", "hkl_path")


def test_more_options_than_letters_are_refused(tmp_path):
    path = tmp_path / "x.patch"
    path.write_text("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
    cause = RootCause(kind="unknown", summary="", confidence="unknown")
    report = ProbeReport(subject=("t.py::x",), cluster=None, reproduced=True, root_cause=cause)
    assert [proposal.letter for proposal in gather([path] * 3, report)] == ["A", "B", "C"]
    with pytest.raises(UsageError):
        gather([path] * 27, report)
