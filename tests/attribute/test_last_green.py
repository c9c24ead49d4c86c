"""The commit on which a recorded run last saw a test green, as far as what is checked out has it."""

from __future__ import annotations

import pytest

from tests.fixtures.git_repository import SmallRepository
from triage.attribute.last_green import last_green
from triage.cli.context import App
from triage.cli.wiring import services
from triage.model.outcome import Outcome
from triage.model.run import RunRecord, TestResult
from triage.process.git import Repository

A, B = "tests/test_a.py::test_a", "tests/test_b.py::test_b"


@pytest.fixture
def repository(tmp_path):
    return SmallRepository(tmp_path / "r")


def recorded(root, stamp, commit, **outcomes):
    """A run of the history: `a=PASSED` on a commit."""
    results = tuple(
        TestResult(nodeid={"a": A, "b": B}[name], outcome=outcome) for name, outcome in outcomes.items()
    )
    store = services(App(str(root))).open_store()
    record = RunRecord(stamp=stamp, campaign="c", root=str(root), complete=True, results=results)
    store.record(record, commit=commit, signatures={})
    store.close()


def found(repository):
    real = Repository.find(repository.root)
    assert real is not None
    return last_green(services(App(str(repository.root))), real, [A, B])


def test_each_test_has_the_newest_commit_on_which_it_was_green(repository):
    first, second, third = (repository.commit(text, file=text) for text in ("one", "two", "three"))
    passed, failed = Outcome.PASSED, Outcome.FAILED
    recorded(repository.root, "20261101T000000Z", first, a=passed, b=passed)
    recorded(repository.root, "20261102T000000Z", second, a=passed, b=failed)
    recorded(repository.root, "20261103T000000Z", third, a=failed, b=failed)
    assert found(repository) == {second: [A], first: [B]}


def test_commits_of_other_branches_and_unknown_ones_do_not_count(repository):
    first = repository.commit("one", file="one")
    repository.git("switch", "-q", "-c", "other")
    elsewhere = repository.commit("elsewhere", file="else")
    repository.git("switch", "-q", "main")
    repository.commit("two", file="two")
    recorded(repository.root, "20261101T000000Z", first, a=Outcome.PASSED)
    recorded(repository.root, "20261102T000000Z", elsewhere, a=Outcome.PASSED)
    recorded(repository.root, "20261103T000000Z", "f" * 40, a=Outcome.PASSED, b=Outcome.PASSED)
    assert found(repository) == {first: [A]}
