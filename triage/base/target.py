"""Decide which commit is the base of a change: a ref that somebody named, or what CI and git say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from triage.errors import UsageError
from triage.process.git import Repository
from triage.process.git_base import (
    default_branch,
    find_branch,
    history_length,
    is_ancestor,
    merge_base,
    modified_since,
    parents,
)
from triage.process.git_history import is_shallow

AUTO = "auto"
_BASE_COMMITS = ("CI_MERGE_REQUEST_DIFF_BASE_SHA",)
"""Variables of CI systems that hold the commit itself."""
_TARGET_BRANCHES = (
    "GITHUB_BASE_REF",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",  # GitLab
    "CHANGE_TARGET",  # Jenkins, multibranch
    "SYSTEM_PULLREQUEST_TARGETBRANCH",  # Azure: refs/heads/main
    "BITBUCKET_PR_DESTINATION_BRANCH",
    "BUILDKITE_PULL_REQUEST_BASE_BRANCH",
    "CI_COMMIT_TARGET_BRANCH",  # Woodpecker
    "DRONE_TARGET_BRANCH",
)
"""Variables that CI systems set to the target of a pull or merge request; empty outside of one."""
_OWN_FOLDERS = ("reports", "plans", ".triage")
"""Below the suite's root: evidence, ledgers and history of earlier runs."""
_NO_COMMIT = "0" * 40
"""What GitLab says where there was no commit before."""


@dataclass(frozen=True)
class Target:
    """The commit that a change is judged against."""

    ref: str
    commit: str | None
    """None where there is nothing to compare with; `chosen` says why."""
    chosen: str
    """How it was found, in words."""


def find_target(root: Path, ref: str, environ: Mapping[str, str]) -> Target:
    """Find the base of what is checked out at `root`.

    Raises `UsageError` (`no-git`, `no-base`, `shallow-clone`) where a base was asked for and cannot be had,
    `VoidError` where git cannot answer.
    """
    repository = Repository.open(root)
    if repository is None:
        raise UsageError("no-git", f"--base {ref}: {root} is in no git repository", "run with --base none")
    head = repository.head()
    if head is None:
        raise UsageError("no-commit", f"--base {ref}: {repository.top} has no commit yet", "commit first")
    if ref == AUTO:
        return _automatic(repository, head, environ)
    return _named(repository, head, ref)


def _named(repository: Repository, head: str, ref: str) -> Target:
    """The commit that a person named; where the branches have parted, the commit where they did."""
    commit = repository.resolve(ref)
    if commit is None:
        found = find_branch(repository, ref)
        commit = found[1] if found else None
    if commit is None:
        if is_shallow(repository):
            raise _shallow(repository, f"--base {ref} is not in it", ref)
        raise UsageError(
            "no-base", f"--base {ref}: {repository.top} has no such commit", "name a branch, tag or commit"
        )
    fork = merge_base(repository, commit, head)
    if fork is None or fork in (commit, head):
        return Target(ref, commit, f"{ref} as named")
    return Target(ref, fork, f"merge base with {ref}, which has gone on since")


def _automatic(repository: Repository, head: str, environ: Mapping[str, str]) -> Target:
    for name in _BASE_COMMITS:
        commit = repository.resolve(environ.get(name, "")) if environ.get(name) else None
        if commit is not None and is_ancestor(repository, commit, head):
            return Target(AUTO, commit, f"{name}")
    for name in _TARGET_BRANCHES:
        branch = environ.get(name, "").strip()
        if branch:
            return _against_target(repository, head, branch, name, environ)
    found = default_branch(repository)
    if found is None:
        return Target(AUTO, None, "no default branch is known here: name one with --base")
    branch, tip = found
    fork = merge_base(repository, tip, head)
    if fork is None:
        raise _unrelated(repository, branch)
    if fork != head:
        return Target(AUTO, fork, f"merge base with the default branch, {branch}")
    return _on_default_branch(repository, head, branch, environ)


def _against_target(
    repository: Repository, head: str, branch: str, variable: str, environ: Mapping[str, str]
) -> Target:
    """The merge base with the target branch that a CI system names."""
    found = find_branch(repository, branch)
    if found is None:
        # pull requests are often built as a merge of the target's tip (its first parent) and the change
        merged = parents(repository, head)
        if len(merged) > 1:
            return Target(AUTO, merged[0], f"first parent of the merge that was checked out ({variable})")
        if is_shallow(repository):
            raise _shallow(repository, f"{variable} names {branch}, which is not in it", branch)
        raise UsageError(
            "no-base",
            f"--base auto: {variable} names {branch}, and {repository.top} has no such branch",
            f"fetch it: git fetch origin {_short(branch)}",
        )
    ref, tip = found
    fork = merge_base(repository, tip, head)
    if fork is None:
        raise _unrelated(repository, branch)
    if fork == head:
        return _on_default_branch(repository, head, ref, environ)
    return Target(AUTO, fork, f"merge base with {ref} ({variable})")


def _on_default_branch(repository: Repository, head: str, branch: str, environ: Mapping[str, str]) -> Target:
    """The default branch has what is checked out: the change is what is not committed, else the last commit.

    In CI it is always the last commit: what a build step writes into the tree is no change of anybody's, and
    with the checked-out commit as the base every red test would be excused by itself.
    """
    if not environ.get("CI") and _is_modified(repository, head):
        return Target(AUTO, head, f"the commit under the uncommitted changes ({branch} has it)")
    # GitLab, for the push of several commits
    before = environ.get("CI_COMMIT_BEFORE_SHA", _NO_COMMIT)
    pushed_from = repository.resolve(before) if before != _NO_COMMIT else None
    if pushed_from is not None and pushed_from != head and is_ancestor(repository, pushed_from, head):
        return Target(AUTO, pushed_from, "the commit before the push (CI_COMMIT_BEFORE_SHA)")
    earlier = parents(repository, head)
    if earlier:
        return Target(AUTO, earlier[0], f"the commit before the last one: {branch} has what is checked out")
    if is_shallow(repository):
        raise _shallow(repository, "the commit before the last one is not in it", None)
    return Target(AUTO, None, "the first commit has nothing before it")


def _is_modified(repository: Repository, head: str) -> bool:
    """Whether tracked files differ from the commit, other than those that triage renders itself."""
    below = repository.root.relative_to(repository.top)
    own = tuple(f"{(below / name).as_posix()}/" for name in _OWN_FOLDERS)
    return any(not name.startswith(own) for name in modified_since(repository, head))


def _unrelated(repository: Repository, branch: str) -> UsageError:
    if is_shallow(repository):
        return _shallow(repository, f"where the change parted from {branch} is not in it", branch)
    return UsageError(
        "no-base", f"--base auto: {branch} and what is checked out have no common commit", "name a --base"
    )


def _shallow(repository: Repository, what: str, branch: str | None) -> UsageError:
    depth = history_length(repository)
    commits = "1 commit" if depth == 1 else f"{depth} commits"
    command = "git fetch --unshallow origin"
    if branch is not None:
        command += f" && git fetch origin {_short(branch)}:refs/remotes/origin/{_short(branch)}"
    return UsageError(
        "shallow-clone",
        f"this clone is shallow, {commits} deep: {what}",
        f"fetch more: {command} (GitHub: fetch-depth: 0, GitLab: GIT_DEPTH: 0)",
    )


def _short(branch: str) -> str:
    return branch.removeprefix("refs/heads/").removeprefix("origin/")
