"""Whole searches through longer histories: flaky tests, states that cannot be run, merges."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attribute.simulated_runs import searched
from tests.fixtures.git_repository import SmallRepository
from triage.attribute.joint import JointSearch
from triage.base.subjects import Subject

STEADY = Subject("a", (None, None), signatures=("one",))
LOOKS_STEADY = Subject("lucky", (None, None), runs=3, failed=3, signatures=("one",))
"""Red in its run and in both reruns, by chance."""
FLAKY = Subject("lucky", (None, None), is_flaky=True, runs=3, failed=2, signatures=("one",))


def files(**texts: str) -> dict[str, str]:
    return {f"{name}.py": f"{text}\n" for name, text in texts.items()}


def begun(folder: Path) -> SmallRepository:
    made = SmallRepository(folder / "r")
    made.commit("base", **files(a="good", b="good", lucky="good", package="good"))
    made.git("tag", "base")
    return made


@pytest.fixture(scope="module")
def with_luck(tmp_path_factory):
    """One commit breaks `a`, the next makes `lucky` flaky, and neither is near an end."""
    made = begun(tmp_path_factory.mktemp("luck"))
    for number in range(3):
        made.commit(f"notes {number}", notes=str(number))
    made.commit("breaks a", **files(a="bad"))
    made.commit("draws lots", **files(lucky="half"))
    for number in range(3, 7):
        made.commit(f"notes {number}", notes=str(number))
    return made


def told(search: JointSearch) -> dict[str, set[str]]:
    """Tests to the commits, or the files, that are blamed."""
    blamed: dict[str, set[str]] = {}
    for cause in search.causes:
        for test in cause.tests:
            blamed.setdefault(test, set()).update(entry.subject for entry in cause.since.entries)
    return blamed


@pytest.mark.parametrize("flaky", [LOOKS_STEADY, FLAKY])
@pytest.mark.parametrize("seed", range(12))
def test_a_flaky_test_blames_nothing_but_what_made_it_flaky(with_luck, flaky, seed):
    search = searched(with_luck, [STEADY, flaky], seed)
    blamed = told(search)
    assert blamed.pop("a") == {"breaks a"}
    assert all(cause.is_proven for cause in search.causes if "a" in cause.tests)
    assert blamed in ({}, {"lucky": {"draws lots"}})
    if not blamed:
        assert search.unexplained["lucky"]
        assert "notes" not in search.unexplained["lucky"]


def test_commits_that_cannot_be_imported_and_a_merge_between(tmp_path):
    repository = begun(tmp_path)
    repository.commit("breaks imports", **files(package="broken"))
    repository.commit("hidden, breaks b", **files(b="bad"))
    repository.commit("mends imports", **files(package="good"))
    repository.git("switch", "-q", "-c", "side")
    repository.commit("side notes", side="1")
    repository.commit("side, breaks a", **files(a="bad"))
    repository.git("switch", "-q", "main")
    repository.commit("notes", notes="1")
    repository.git("merge", "-q", "--no-ff", "-m", "Merge side", "side")
    repository.commit("more notes", notes="2")
    other = Subject("b", (None, None), signatures=("one",))
    assert told(searched(repository, [STEADY, other])) == {"a": {"side, breaks a"}, "b": {"hidden, breaks b"}}


def test_states_that_cannot_be_run_at_all_are_said_to_be_that(tmp_path):
    repository = begun(tmp_path)
    repository.commit("breaks imports", **files(package="broken"))
    repository.git("tag", "-f", "base")
    repository.commit("breaks a", **files(a="bad"))
    repository.commit("mends imports", **files(package="good"))
    search = searched(repository, [STEADY])
    assert search.causes == []
    assert "could not be run with every hunk" in search.unexplained["a"]
