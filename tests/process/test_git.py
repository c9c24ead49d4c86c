"""The hardened git module on real repositories, hostile ones included."""

from __future__ import annotations

import hashlib
import subprocess

import pytest

from triage.errors import UsageError, VoidError
from triage.process import git as git_module
from triage.process.git import Repository, apply_patch, scratch_copy
from triage.process.git_config import converts_nothing
from triage.run.environment import read_checkout


def git(folder, *arguments):
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path):
    top = tmp_path / "project"
    (top / "sub").mkdir(parents=True)
    git(top, "init", "-q")
    git(top, "config", "user.name", "t")
    git(top, "config", "user.email", "t@example.org")
    (top / "sub" / "a.txt").write_text("one\n")
    (top / "gone.txt").write_text("x\n")
    (top / ".gitignore").write_text("ignored\n")
    git(top, "add", "-A")
    git(top, "commit", "-qm", "first")
    return top


def test_scratch_is_the_tree_as_it_stands(repository):
    (repository / "sub" / "a.txt").write_text("two\n")
    (repository / "sub" / "neü w.txt").write_text("new\n")
    (repository / "ignored").write_text("no\n")
    (repository / "gone.txt").unlink()
    before = git(repository, "status", "--porcelain")
    with Repository.find(repository / "sub").scratch() as root:
        assert (root / "a.txt").read_text() == "two\n"
        assert (root / "neü w.txt").read_text() == "new\n"
        assert not (root.parent / "ignored").exists()
        assert not (root.parent / "gone.txt").exists()
        (root / "a.txt").write_text("three\n")
        place = root
    assert not place.exists()
    assert (repository / "sub" / "a.txt").read_text() == "two\n"
    assert git(repository, "status", "--porcelain") == before
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_scratch_of_a_commit_has_none_of_the_changes(repository):
    found = Repository.find(repository)
    first = found.head()
    (repository / "sub" / "a.txt").write_text("two\n")
    second = found.commit_all("second")
    assert found.commits(first, second) == (second,)
    assert found.subject(second) == "second"
    with found.scratch(first) as root:
        assert (root / "sub" / "a.txt").read_text() == "one\n"


def test_a_planted_fsmonitor_hook_or_diff_program_does_not_run(repository, tmp_path):
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(trap))
    git(repository, "config", "diff.external", str(trap))
    (repository / ".git" / "hooks").mkdir(exist_ok=True)
    for hook in ("post-checkout", "pre-commit", "post-commit"):
        (repository / ".git" / "hooks" / hook).write_text(trap.read_text())
        (repository / ".git" / "hooks" / hook).chmod(0o755)
    (repository / "sub" / "a.txt").write_text("two\n")
    found = Repository.find(repository)
    found.changes()
    found.diff()
    with found.scratch():
        pass
    found.commit_all("with hooks")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["--output=/tmp/x", "no-such", "", "HEAD; true", "-h"])
def test_a_name_that_is_no_commit_resolves_to_none(repository, name):
    assert Repository.find(repository).resolve(name) is None


def test_no_repository_and_no_commit(tmp_path):
    assert Repository.find(tmp_path) is None
    (tmp_path / "t.py").write_text("x = 1\n")
    with scratch_copy(tmp_path) as root:
        assert (root / "t.py").read_text() == "x = 1\n"
        assert root != tmp_path
    git(tmp_path, "init", "-q")
    found = Repository.find(tmp_path)
    assert found.head() is None
    with pytest.raises(UsageError, match="no commit"), found.scratch():
        pass


def test_a_patch_applies_whole_or_not_at_all(repository):
    good = "--- a/sub/a.txt\n+++ b/sub/a.txt\n@@ -1 +1 @@\n-one\n+two\n"
    bad = good + "--- a/gone.txt\n+++ b/gone.txt\n@@ -1 +1 @@\n-nothing like it\n+y\n"
    with pytest.raises(UsageError, match="patch-fails"):
        apply_patch(repository, bad)
    assert (repository / "sub" / "a.txt").read_text() == "one\n"
    apply_patch(repository, good)
    assert (repository / "sub" / "a.txt").read_text() == "two\n"


@pytest.fixture
def trap(tmp_path):
    """A program that passes its input on and leaves a mark."""
    program = tmp_path / "trap.sh"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\ncat\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("place", ["local", "included", "dotted", "user"])
def test_no_filter_is_started_whoever_configured_it(repository, tmp_path, trap, monkeypatch, place):
    name = "my.own" if place == "dotted" else "mine"
    filters = f'[filter "{name}"]\n clean = {trap}\n smudge = {trap}\n process = {trap}\n required = true\n'
    (repository / ".gitattributes").write_text(f"*.bin filter={name}\n")
    (repository / "a.bin").write_text("as committed\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "with an attribute")
    if place == "included":
        (tmp_path / "more.cfg").write_text(filters)
        git(repository, "config", "include.path", str(tmp_path / "more.cfg"))
    elif place == "user":
        (tmp_path / "user.cfg").write_text(f"[user]\n name = t\n email = t@example.org\n{filters}")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "user.cfg"))
    else:
        with (repository / ".git" / "config").open("a") as config:
            config.write(filters)
    (repository / "a.bin").write_text("as smudged by its owner\n")
    found = Repository.find(repository)
    assert found.changes() == ("a.bin",)
    assert found.filtered_files() == {"a.bin"}
    found.diff()
    with found.scratch() as root:
        assert (root / "a.bin").read_text() == "as smudged by its owner\n"
    with found.scratch(found.head()) as root:
        assert (root / "a.bin").read_text() == "as committed\n"
    found.apply("--- a/a.bin\n+++ b/a.bin\n@@ -1 +1 @@\n-as smudged by its owner\n+patched\n")
    found.commit_all("through the filter")
    assert not (tmp_path / "sprung").exists()


def test_what_reads_only_commits_and_trees_starts_nothing_and_asks_nothing(
    repository, tmp_path, trap, monkeypatch
):
    (repository / ".gitattributes").write_text("*.txt filter=mine diff=mine merge=mine\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "with attributes")
    with (repository / ".git" / "config").open("a") as config:
        config.write(f'[filter "mine"]\n clean = {trap}\n smudge = {trap}\n process = {trap}\n')
        config.write(
            f'[diff "mine"]\n textconv = {trap}\n command = {trap}\n[merge "mine"]\n driver = {trap}\n'
        )
        events = ("pre-commit", "post-checkout", "reference-transaction", "post-index-change")
        lines = "".join(f" event = {event}\n" for event in events)
        config.write(f'[hook "mine"]\n command = {trap}\n{lines}')
    (repository / "sub" / "a.txt").write_text("not committed\n")
    asked = []
    execute = git_module._execute

    def listening(folder, command, *arguments, **named):
        asked.append(command)
        return execute(folder, command, *arguments, **named)

    monkeypatch.setattr(git_module, "_execute", listening)
    for command, *arguments in (
        ["rev-parse", "--show-toplevel"],
        ["rev-parse", "HEAD:sub/a.txt"],
        ["rev-list", "--count", "HEAD", "--", "sub"],
        ["ls-tree", "-r", "HEAD"],
        ["merge-base", "HEAD", "HEAD"],
        ["symbolic-ref", "HEAD"],
        ["cat-file", "-p", "HEAD:sub/a.txt"],
        ["cat-file", "blob", "HEAD:sub/a.txt"],
    ):
        assert git_module._execute_safely(repository, command, *arguments)
    assert "config" not in asked
    git_module._execute_safely(repository, "cat-file", "--filters", "HEAD:sub/a.txt")
    assert asked.count("config") == 1
    assert not converts_nothing("cat-file", ["--textconv", "HEAD:sub/a.txt"])
    assert not (tmp_path / "sprung").exists()
    git(repository, "cat-file", "--textconv", "HEAD:sub/a.txt")
    assert (tmp_path / "sprung").exists()


def test_a_large_file_is_unchanged_where_its_pointer_says_so(repository, monkeypatch, trap):
    """As Git LFS has them: the repository holds a pointer, the tree what it stands for."""
    git(repository, "config", "filter.lfs.clean", str(trap))
    (repository / ".gitattributes").write_text("*.bin filter=lfs\n")
    content = b"large\n" * 100
    digest = hashlib.sha256(content).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n"
    (repository / "a.bin").write_text(pointer)
    git(repository, "-c", "filter.lfs.clean=", "add", "-A")
    git(repository, "-c", "filter.lfs.clean=", "commit", "-qm", "a pointer")
    (repository / "a.bin").write_bytes(content)
    found = Repository.find(repository)
    assert found.changes() == ()
    with found.scratch() as root:
        assert (root / "a.bin").read_bytes() == content
    (repository / "a.bin").write_bytes(content.replace(b"l", b"L"))
    assert found.changes() == ("a.bin",)


def test_a_filter_that_is_configured_while_the_repository_is_open_is_not_started(repository, tmp_path, trap):
    (repository / ".gitattributes").write_text("*.txt filter=late\n")
    found = Repository.find(repository)
    git(repository, "config", "filter.late.clean", str(trap))
    (repository / "sub" / "a.txt").write_text("two\n")
    found.changes()
    assert not (tmp_path / "sprung").exists()


def test_settings_that_the_job_gives_git_stay(repository, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "*")
    assert Repository.find(repository).changes() == ()


@pytest.mark.parametrize(
    ("variable", "slug", "mend"),
    [
        ("PATH", "git-missing", "install git"),
        ("GIT_TEST_ASSUME_DIFFERENT_OWNER", "git-distrusts", "safe.dir"),
    ],
)
def test_a_repository_for_which_git_cannot_answer(repository, monkeypatch, variable, slug, mend):
    monkeypatch.setenv(variable, "1")
    with pytest.raises(VoidError, match=slug) as raised:
        Repository.open(repository)
    assert mend in raised.value.next_step
    assert Repository.find(repository) is None
    with scratch_copy(repository) as root:
        assert (root / "gone.txt").read_text() == "x\n"
    state = read_checkout(str(repository), repository / "reports")
    assert (state.commit, state.dirty) == (None, None)
    assert slug in state.why


def test_a_damaged_configuration_is_no_bug_of_triage(repository):
    (repository / ".git" / "config").write_text("no section\n")
    with pytest.raises(VoidError, match="git-failed"):
        Repository.open(repository)
    assert Repository.find(repository) is None


def test_what_a_filter_would_say_is_unknown(repository, trap):
    git(repository, "config", "filter.mine.clean", str(trap))
    (repository / ".gitattributes").write_text("*.bin filter=mine\n")
    (repository / "a.bin").write_text("large\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "with an attribute")
    assert read_checkout(str(repository), repository / "reports").dirty is False
    (repository / "a.bin").write_text("other\n")
    assert read_checkout(str(repository), repository / "reports").dirty is None
    (repository / "gone.txt").write_text("y\n")
    assert read_checkout(str(repository), repository / "reports").dirty is True


def test_other_worktrees_of_the_user_stay(repository, tmp_path):
    git(repository, "worktree", "add", "-q", "--detach", str(tmp_path / "users"))
    (tmp_path / "users").rename(tmp_path / "away")  # a drive that is not mounted now
    with Repository.find(repository).scratch():
        pass
    assert str(tmp_path / "users") in git(repository, "worktree", "list")


def test_what_triage_wrote_is_no_change_of_the_tree(repository):
    for name in (
        "reports/x/phase_a/20260101T000000Z/results.json",
        "plans/journal.jsonl",
        ".triage/h.sqlite",
    ):
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    own = repository / "reports" / "x" / "phase_a" / "20260102T000000Z"
    assert read_checkout(str(repository), own).dirty is False
    (repository / "reports" / "input.csv").write_text("1")
    assert list(read_checkout(str(repository), own).changed) == ["reports/input.csv"]


def test_a_triage_that_a_hook_started_works_in_worktrees_all_the_same(repository, monkeypatch):
    for name, value in (("GIT_DIR", ".git"), ("GIT_INDEX_FILE", ".git/index"), ("GIT_WORK_TREE", ".")):
        monkeypatch.setenv(name, value)
    found = Repository.open(repository / "sub")
    assert found.top == repository
    (repository / "sub" / "a.txt").write_text("two\n")
    assert found.changes() == ("sub/a.txt",)
    with found.scratch() as root:
        assert (root / "a.txt").read_text() == "two\n"
        apply_patch(root.parent, "--- a/sub/a.txt\n+++ b/sub/a.txt\n@@ -1 +1 @@\n-two\n+three\n")
        assert (root / "a.txt").read_text() == "three\n"
    assert (repository / "sub" / "a.txt").read_text() == "two\n"
