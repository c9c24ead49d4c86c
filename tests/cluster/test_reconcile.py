"""Two branches that allotted ids apart: git merges their journals, `reconcile` mends them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from triage.cluster.assign import assign
from triage.cluster.mending import mended, reconcile
from triage.cluster.registry import ClusterRegistry, as_decided
from triage.evidence.journal import Journal
from triage.model.cluster import ClusterStatus, RunState
from triage.model.journal import OwnerSet, StatusChanged
from triage.model.run import RunRecord, TestResult
from triage.signature.api import signatures_of

Failing = Callable[..., TestResult]
Run = Callable[..., RunRecord]


class Repository:
    """A real repository whose journal merges by union."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = Journal(path / "plans" / "journal.jsonl")
        path.mkdir()
        self.git("init", "-q", "-b", "main")
        (path / ".gitattributes").write_text("plans/journal.jsonl merge=union\n")
        self.commit("start")

    def git(self, *words: str) -> str:
        settings = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", *settings, *words], cwd=self.path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def registry(self) -> ClusterRegistry:
        return ClusterRegistry.of(self.journal.read())

    def record(self, record: RunRecord, at: str) -> dict[tuple[str, int], str]:
        registry = self.registry()
        found = assign(
            record, registry, signer=signatures_of, factory=registry.event_factory(at, "triage run")
        )
        self.journal.append(found.events)
        self.commit(f"run at {at}")
        return dict(found.cluster_of)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def test_one_number_for_two_failures(repository: Repository, failing: Failing, run: Run) -> None:
    repository.record(run(failing("a.py::a", "OSError: shared by both")), "2026-11-24T06:00:00Z")
    repository.git("branch", "other")
    mine = repository.record(run(failing("b.py::b", "ValueError: seen on main")), "2026-11-24T07:00:00Z")
    repository.git("checkout", "-q", "other")
    theirs = repository.record(run(failing("c.py::c", "KeyError: 'on the branch'")), "2026-11-24T08:00:00Z")
    registry = repository.registry()
    owner = registry.event_factory("2026-11-24T08:30:00Z", "bob").make(OwnerSet, cluster="C2", owner="bob")
    repository.journal.append([owner])
    repository.commit("own it")
    assert set(mine.values()) == set(theirs.values()) == {"C2"}, "both branches took the next free number"
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "--no-edit", "other")

    clashing = repository.registry()
    assert [(clash.cluster, clash.at[:13]) for clash in clashing.clashes] == [("C2", "2026-11-24T08")]
    assert clashing.cluster("C2").title == "ValueError: seen on main", "the older keeps the number"
    assert clashing.next_number == 3
    repository.journal.append(reconcile(clashing))
    settled = repository.registry()
    assert settled.clashes == ()
    assert settled.cluster("C2").members == ("b.py::b",)
    assert settled.cluster("C2").owner is None
    assert settled.cluster("C3").members == ("c.py::c",)
    assert settled.cluster("C3").owner == "bob", "what the branch said of its C2 went along"
    assert reconcile(settled) == []
    again = repository.record(
        run(failing("b.py::b", "ValueError: seen on main"), failing("c.py::c", "KeyError: 'on the branch'")),
        "2026-11-24T09:00:00Z",
    )
    assert again == {("b.py::b", 0): "C2", ("c.py::c", 0): "C3"}


def test_two_numbers_for_one_failure(repository: Repository, failing: Failing, run: Run) -> None:
    repository.git("branch", "other")
    first = failing("a.py::a", "OSError: only on main")
    both = failing("b.py::b", "ValueError: seen on both")
    repository.record(run(first, both), "2026-11-24T07:00:00Z")
    repository.git("checkout", "-q", "other")
    repository.record(run(failing("c.py::c", "KeyError: 'x'")), "2026-11-24T08:00:00Z")
    repository.record(run(failing("d.py::d", "KeyError: 'y'"), both), "2026-11-24T08:10:00Z")
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "--no-edit", "other")
    for _ in range(3):
        events = reconcile(repository.registry())
        repository.journal.append(events)
    registry = repository.registry()
    assert registry.clashes == ()
    assert dict(registry.doubles) == {}
    seen = {c.title: c.members for c in registry.live}
    assert seen["ValueError: seen on both"] == ("b.py::b",)
    assert len({c.id for c in registry.live}) == 4


def test_whoever_reconciles_writes_the_same_lines(repository: Repository, failing: Failing, run: Run) -> None:
    """Two people reconcile the same merge apart, and their branches merge without a trace of it."""
    repository.git("branch", "other")
    repository.record(run(failing("a.py::a", "OSError: main")), "2026-11-24T07:00:00Z")
    repository.git("checkout", "-q", "other")
    repository.record(run(failing("b.py::b", "OSError: other")), "2026-11-24T08:00:00Z")
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "--no-edit", "other")
    repository.git("branch", "ada")
    repository.journal.append(reconcile(repository.registry()))
    repository.commit("mended by bob")
    repository.git("checkout", "-q", "ada")
    repository.journal.append(reconcile(repository.registry()))
    repository.commit("mended by ada")
    repository.git("merge", "-q", "--no-edit", "main")
    registry = repository.registry()
    assert [c.id for c in registry.live] == ["C1", "C2"]
    assert reconcile(registry) == []


def test_branches_without_a_clash_merge_without_a_conflict(
    repository: Repository, failing: Failing, run: Run
) -> None:
    repository.record(run(failing("a.py::a", "OSError: shared")), "2026-11-24T06:00:00Z")
    repository.git("branch", "other")
    registry = repository.registry()
    resolved = registry.event_factory("2026-11-24T07:00:00Z", "triage verify").make(
        StatusChanged, cluster="C1", status=ClusterStatus.RESOLVED, reason="criteria met"
    )
    repository.journal.append([resolved])
    repository.commit("resolved")
    repository.git("checkout", "-q", "other")
    repository.record(run(failing("b.py::b", "OSError: shared", "s.py:f")), "2026-11-24T08:00:00Z")
    repository.git("merge", "-q", "--no-edit", "main")
    merged = repository.registry()
    assert merged.clashes == ()
    assert merged.cluster("C1").status is ClusterStatus.RESOLVED


def test_a_run_of_either_branch_is_shown_under_the_numbers_of_today(
    repository: Repository, failing: Failing, run: Run
) -> None:
    repository.git("branch", "other")
    repository.record(run(failing("a.py::a", "OSError: main")), "2026-11-24T07:00:00Z")
    repository.git("checkout", "-q", "other")
    registry = repository.registry()
    factory = registry.event_factory("2026-11-24T08:00:00Z", "triage run")
    record = run(failing("b.py::b", "KeyError: 'other'"))
    found = assign(record, registry, signer=signatures_of, factory=factory)
    repository.journal.append(found.events)
    repository.commit("run")
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "--no-edit", "other")
    assert [cluster.id for cluster in found.clusters] == ["C1"], "as the folder of the run has it"
    shown = {cluster.id: cluster for cluster in as_decided(mended(repository.journal.read()), found.clusters)}
    assert shown["C1"].members == ("a.py::a",)
    assert shown["C1"].state_in_run is None
    assert shown["C2"].members == ("b.py::b",)
    assert shown["C2"].state_in_run is RunState.NEW
