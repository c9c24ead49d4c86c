"""Which commit is the base, in repositories as CI systems and people have them."""

from __future__ import annotations

import copy
import shutil

import pytest

from tests.fixtures.git_repository import SmallRepository
from triage.base.target import find_target
from triage.errors import UsageError


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """main has two commits; `change` parted after the first and has one of its own, checked out."""
    made = SmallRepository(tmp_path_factory.mktemp("template") / "upstream")
    made.fork = made.commit("first", a_DOT_py="1\n")
    made.git("checkout", "-q", "-b", "change")
    made.head = made.commit("change", a_DOT_py="2\n")
    made.git("checkout", "-q", "main")
    made.tip = made.commit("second", b_DOT_py="1\n")
    made.git("checkout", "-q", "change")
    return made


@pytest.fixture
def upstream(template, tmp_path):
    """A copy of the template that a test may change."""
    made = copy.copy(template)
    made.root = tmp_path / "upstream"
    shutil.copytree(template.root, made.root)
    return made


@pytest.mark.parametrize(
    "environ",
    [
        {"GITHUB_BASE_REF": "main"},
        {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"},
        {"CHANGE_TARGET": "main"},
        {"SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main"},
        {"BITBUCKET_PR_DESTINATION_BRANCH": "main"},
        {"GITHUB_BASE_REF": "", "CHANGE_TARGET": "main"},  # set and empty outside of a pull request
        {},
    ],
)
def test_automatic_is_the_merge_base_with_the_target(upstream, tmp_path, environ):
    clone = upstream.clone(tmp_path / "clone")
    clone.git("remote", "set-head", "origin", "main")
    target = find_target(clone.root, "auto", {"CI": "true", **environ})
    assert target.commit == upstream.fork
    for name, value in environ.items():
        assert not value or name in target.chosen


def test_without_a_remote_a_branch_with_a_usual_name_is_the_default(upstream):
    assert find_target(upstream.root, "auto", {}).commit == upstream.fork
    upstream.git("branch", "-m", "main", "trunk")
    assert find_target(upstream.root, "auto", {}).commit == upstream.fork


def test_the_commit_that_gitlab_names_goes_before_the_branch(upstream):
    environ = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": upstream.fork, "GITHUB_BASE_REF": "nowhere"}
    assert find_target(upstream.root, "auto", environ).commit == upstream.fork
    unrelated = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": upstream.tip, "CHANGE_TARGET": "main"}
    assert find_target(upstream.root, "auto", unrelated).commit == upstream.fork


def test_a_remote_branch_goes_before_an_old_local_one(upstream, tmp_path):
    clone = upstream.clone(tmp_path / "clone")
    clone.git("branch", "main", upstream.fork)
    upstream.git("checkout", "-q", "main")
    upstream.git("merge", "-q", "--no-edit", "change")
    clone.git("fetch", "-q")
    clone.git("checkout", "-q", "-b", "next", "origin/main")
    clone.commit("next", c_DOT_py="1\n")
    merged = upstream.git("rev-parse", "main")
    assert find_target(clone.root, "auto", {"GITHUB_BASE_REF": "main"}).commit == merged


def test_a_detached_merge_of_a_pull_request_has_the_target_as_first_parent(upstream, tmp_path):
    upstream.git("checkout", "-q", "main")
    upstream.git("checkout", "-q", "--detach")
    upstream.git("merge", "-q", "--no-edit", "change")
    upstream.git("branch", "-D", "-q", "main")
    target = find_target(upstream.root, "auto", {"GITHUB_BASE_REF": "main"})
    assert target.commit == upstream.tip
    assert "first parent" in target.chosen


class TestOnTheDefaultBranch:
    def test_a_clean_tree_is_judged_against_the_commit_before(self, upstream):
        upstream.git("checkout", "-q", "main")
        (upstream.root / "stray.txt").write_text("not tracked\n")
        assert find_target(upstream.root, "auto", {}).commit == upstream.fork

    def test_uncommitted_changes_are_judged_against_the_commit_below_them(self, upstream):
        upstream.git("checkout", "-q", "main")
        upstream.write(a_DOT_py="changed\n")
        assert find_target(upstream.root, "auto", {}).commit == upstream.tip

    def test_in_ci_a_build_step_that_writes_into_the_tree_is_no_change(self, upstream):
        upstream.git("checkout", "-q", "main")
        upstream.write(a_DOT_py="written by a build step\n")
        assert find_target(upstream.root, "auto", {"CI": "true"}).commit == upstream.fork

    def test_ledgers_of_an_earlier_run_are_no_change(self, upstream):
        upstream.git("checkout", "-q", "main")
        upstream.commit("ledger", plans__fix_plan_DOT_md="old\n")
        upstream.write(plans__fix_plan_DOT_md="new\n")
        assert find_target(upstream.root, "auto", {}).commit == upstream.tip

    def test_a_push_of_several_commits_is_judged_as_one(self, upstream):
        upstream.git("checkout", "-q", "main")
        upstream.commit("third", c_DOT_py="1\n")
        environ = {"CI": "true", "CI_COMMIT_BEFORE_SHA": upstream.fork}
        assert find_target(upstream.root, "auto", environ).commit == upstream.fork

    def test_the_first_commit_has_none_and_says_so(self, tmp_path):
        repository = SmallRepository(tmp_path / "r")
        repository.commit("first", a_DOT_py="1\n")
        target = find_target(repository.root, "auto", {"CI": "true"})
        assert target.commit is None
        assert "nothing before it" in target.chosen


class TestNamed:
    def test_an_ancestor_is_the_base_itself(self, upstream):
        assert find_target(upstream.root, upstream.fork[:10], {}).commit == upstream.fork
        assert find_target(upstream.root, "HEAD", {}).commit == upstream.head

    def test_a_branch_that_has_gone_on_is_judged_from_where_they_parted(self, upstream):
        target = find_target(upstream.root, "main", {})
        assert target.commit == upstream.fork
        assert "gone on" in target.chosen

    def test_a_branch_that_only_the_remote_has(self, upstream, tmp_path):
        clone = upstream.clone(tmp_path / "clone")
        assert find_target(clone.root, "main", {}).commit == upstream.fork

    @pytest.mark.parametrize("name", ["nowhere", "--output=x", "", "HEAD~99"])
    def test_a_name_of_nothing_is_refused(self, upstream, name):
        with pytest.raises(UsageError, match=r"\[no-base\]"):
            find_target(upstream.root, name, {})


@pytest.mark.parametrize("environ", [{"GITHUB_BASE_REF": "main"}, {}])
def test_a_shallow_clone_says_how_deep_it_is_and_what_to_fetch(upstream, tmp_path, environ):
    clone = upstream.clone(tmp_path / "clone", "--depth", "1")
    with pytest.raises(UsageError) as caught:
        find_target(clone.root, "auto", {"CI": "true", **environ})
    text = str(caught.value)
    assert "[shallow-clone]" in text
    assert "1 commit deep" in text
    assert "git fetch --unshallow" in text
    assert "\n" not in text


def test_outside_of_git_and_before_the_first_commit(tmp_path):
    with pytest.raises(UsageError, match=r"\[no-git\]"):
        find_target(tmp_path, "auto", {})
    SmallRepository(tmp_path / "empty")
    with pytest.raises(UsageError, match=r"\[no-commit\]"):
        find_target(tmp_path / "empty", "auto", {})


def test_a_linked_worktree_is_a_checkout_as_any(upstream, tmp_path):
    upstream.git("worktree", "add", "-q", str(tmp_path / "linked"), "-b", "other", "change")
    assert find_target(tmp_path / "linked", "auto", {}).commit == upstream.fork
