"""The commit stage on real repositories; what a test does at a commit follows from its files there."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from tests.fixtures.git_repository import SmallRepository
from triage.attribute.answers import Answer
from triage.attribute.commit_stage import BrokenSince, CommitStage
from triage.attribute.history import history_between
from triage.attribute.joint import JointSearch
from triage.attribute.runs import Seen
from triage.base.subjects import Subject
from triage.lab.budget import BudgetSpent
from triage.lab.protocol import Setup
from triage.model.base import Silent
from triage.model.outcome import Outcome
from triage.process.git import Repository


class FilesDecide:
    """Runs nothing: test `x` is red where the file `x` of the commit says bad."""

    seconds = 1.0

    def __init__(self, repository: SmallRepository, *tests: str) -> None:
        self.repository = repository
        self.subjects = {test: Subject(test, (None, None), signatures=("one",)) for test in tests}
        self.asked: list[str] = []

    def answers(self, state: Setup, tests: Sequence[str], why: str) -> dict[str, Answer]:
        self.asked.append(state.commit or "now")
        return {test: self._answer(state.commit, test) for test in tests}

    def _answer(self, commit: str | None, test: str) -> Answer:
        if commit is None:
            text = (self.repository.root / test).read_text()
        else:
            text = self.repository.git("show", f"{commit}:{test}")
        if "broken build" in text:
            return Answer.UNTESTABLE
        return Answer.RED if "bad" in text else Answer.GREEN


@pytest.fixture
def repository(tmp_path):
    made = SmallRepository(tmp_path / "r")
    made.commit("base", a="good", b="good")
    made.git("tag", "base")
    return made


def search(repository: SmallRepository, *tests: str, is_dirty: bool = False) -> dict[str, BrokenSince]:
    real = Repository.find(repository.root)
    assert real is not None
    base = real.resolve("base")
    assert base is not None
    runs = FilesDecide(repository, *tests)
    stage = CommitStage(runs, real, lambda _text: None, head_tests=True)  # type: ignore[arg-type]
    stage.run(history_between(real, base, is_dirty=is_dirty), tests)
    return stage.found


def subjects_of(since: BrokenSince) -> list[str]:
    return [entry.subject for entry in since.entries]


def test_each_test_gets_its_commit_and_the_parent_that_is_good(repository):
    repository.commit("harmless", c="1")
    first = repository.commit("breaks a", a="bad")
    repository.commit("harmless too", c="2")
    repository.commit("breaks b", b="bad")
    repository.commit("last", c="3")

    found = search(repository, "a", "b")

    assert (subjects_of(found["a"]), subjects_of(found["b"])) == (["breaks a"], ["breaks b"])
    assert found["a"].bad == first
    assert found["a"].good == repository.git("rev-parse", f"{first}^")
    assert found["a"].is_confirmed
    assert found["b"].is_confirmed


def test_what_is_not_committed_is_the_last_state(repository):
    repository.commit("harmless", c="1")
    repository.write(a="bad")

    found = search(repository, "a", is_dirty=True)

    assert found["a"].bad is None
    assert found["a"].entries == ()
    assert found["a"].good == repository.git("rev-parse", "HEAD")


def test_the_last_commit_is_run_as_the_tree_that_stands(repository):
    repository.commit("harmless", c="1")
    repository.commit("breaks a", a="bad")

    found = search(repository, "a")

    assert found["a"].bad is None
    assert subjects_of(found["a"]) == ["breaks a"]


def test_commits_that_cannot_be_run_are_all_named(repository):
    repository.commit("harmless", c="1")
    repository.commit("half a change", a="broken build")
    repository.commit("the other half", a="bad")
    repository.commit("last", c="2")

    assert subjects_of(search(repository, "a")["a"]) == ["half a change", "the other half"]


def test_a_merge_is_entered(repository):
    repository.git("switch", "-q", "-c", "side")
    repository.commit("side, harmless", d="1")
    repository.commit("side, breaks a", a="bad")
    repository.commit("side, last", d="2")
    repository.git("switch", "-q", "main")
    repository.commit("main, breaks b", b="bad")
    repository.git("merge", "-q", "--no-ff", "-m", "Merge side", "side")
    repository.commit("last", c="9")

    found = search(repository, "a", "b")

    assert (subjects_of(found["a"]), subjects_of(found["b"])) == (["side, breaks a"], ["main, breaks b"])


def test_a_shallow_clone_says_how_deep_it_is(repository, tmp_path):
    for number in range(4):
        repository.commit(f"commit {number}", c=str(number))
    clone = repository.clone(tmp_path / "clone", "--depth", "3")
    real = Repository.find(clone.root)
    assert real is not None
    history = history_between(real, clone.git("rev-parse", "HEAD~2"), is_dirty=False)
    assert history.length == 2
    assert history.notes == ("this clone is shallow, 3 commits deep: older ones cannot be run",)


class FewAnswers(FilesDecide):
    """Has no budget left after some check-outs."""

    lab = SimpleNamespace(spending=SimpleNamespace(seconds_left=float("inf")))

    def __init__(self, repository: SmallRepository, most: int, *tests: str) -> None:
        super().__init__(repository, *tests)
        self.most = most

    def answers(self, state: Setup, tests: Sequence[str], why: str) -> dict[str, Answer]:
        if len(self.asked) == self.most:
            raise BudgetSpent
        return super().answers(state, tests, why)

    def run(self, state: Setup, tests: Sequence[str], why: str) -> dict[str, Seen]:
        return dict.fromkeys(tests, Seen(Outcome.FAILED))

    def repeat_control(self, state: Setup, tests: Sequence[str], times: int) -> None:
        """Nothing is flaky."""


def cut_search(repository: SmallRepository, most: int) -> JointSearch:
    for number in range(1, 9):
        repository.commit(f"change {number}", c=str(number), **({"a": "bad"} if number == 6 else {}))
    real = Repository.find(repository.root)
    runs = FewAnswers(repository, most, "a")
    joint = JointSearch(
        runs=runs,  # type: ignore[arg-type]
        states=None,  # type: ignore[arg-type]
        repository=real,
        is_test_file=lambda _path: False,
        progress=Silent(),
    )
    joint.run(real.resolve("base"), ["a"])
    return joint


def test_a_search_that_was_cut_says_which_commits_are_left(repository):
    joint = cut_search(repository, most=2)
    assert joint.is_cut
    assert subjects_of(joint.commits.found["a"]) == ["change 5", "change 6"]
    assert "red since one of 2 commits from " in joint.unexplained["a"]


def test_a_search_that_was_cut_before_it_knew_anything_says_that(repository):
    joint = cut_search(repository, most=0)
    assert joint.unexplained["a"] == "the budget was spent before"
