"""Laboratories of one process share their parents, and what forks have shown."""

from __future__ import annotations

import pytest

from triage.cli import wiring
from triage.cli.context import App
from triage.evidence.folder import EvidenceFolder
from triage.lab.protocol import Look, Setup
from triage.lab.session import laboratory
from triage.lab.shared_forks import shared_forks, sharing_forks
from triage.process.local import LocalExecutor

T = "test_it.py::test_it"


@pytest.fixture
def project(tmp_path):
    """A suite of one test, whose libraries are worth a parent."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "test_it.py").write_text("import decimal\n\n\ndef test_it():\n    assert decimal.Decimal(1)\n")
    return root


def forked(root, stamp: str, runs: int) -> list[bool]:
    """Whether each run of a laboratory was a fork, one after another."""
    services = wiring.services(App(str(root)))
    folder = EvidenceFolder.create(root, "t", "b", stamp)
    with laboratory(services, folder) as lab:
        looks = [lab.look([Look(setup=Setup(nodeids=(T,)))]) for _ in range(runs)]
    services.executor.close()
    assert all(seen.passed(T) for (seen,) in looks)
    return [seen.forked for (seen,) in looks]


@pytest.mark.cold_starts
def test_the_parents_outlive_the_laboratory_that_started_them(project):
    with sharing_forks(project, LocalExecutor):
        assert forked(project, "20260101T000000Z", 2) == [False, True]
        assert forked(project, "20260101T000001Z", 1) == [True]
        (project / "test_it.py").write_text("import decimal\n\n\ndef test_it():\n    assert decimal\n")
        assert forked(project, "20260101T000002Z", 2) == [False, True]
        shared = shared_forks()
        assert shared is not None
        assert shared.parents(None, None).started == 1
    assert shared_forks() is None


def test_sharing_inside_of_sharing_is_the_same(project):
    with sharing_forks(project, LocalExecutor):
        outer = shared_forks()
        with sharing_forks(project, LocalExecutor):
            assert shared_forks() is outer
        assert shared_forks() is outer
