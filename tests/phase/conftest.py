"""A small project with a probed cluster, for phases C and D run for real."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from triage.cli.main import run
from triage.cluster.book import Book
from triage.evidence.folder import EvidenceFolder
from triage.evidence.journal import Journal
from triage.executor.git import Repository
from triage.model.cluster import ClusterStatus
from triage.model.experiment import ExperimentResult, Factor, ProbeReport, RootCause, Status, Tally
from triage.model.journal import AttemptRecorded, StatusChanged

PRODUCT = '''\
"""Sums."""


def total(values, scale=0.0):
    return sum(values) * scale


def count(values):
    return len(values)
'''
TESTS = '''\
from calc import count, total


def test_total():
    """The total of two numbers."""
    assert total([1, 2]) == 3


def test_count():
    assert count([1, 2]) == 2


def test_default():
    assert total([5]) == 0


def test_red_for_another_reason():
    assert count([]) == 1
'''
SUBJECT = "tests/test_calc.py::test_total"
FACTOR = Factor(kind="config", name="calc.total.scale", from_=0.0, to=1.0)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A git repository whose run is recorded and whose cluster C1 (the subject's) is probed."""
    root = tmp_path / "project"
    (root / "tests").mkdir(parents=True)
    (root / "calc.py").write_text(PRODUCT)
    (root / "tests/test_calc.py").write_text(TESTS)
    (root / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\npythonpath = ["."]\n'
        '[tool.triage]\ncampaign = "sums"\nenv = { LANG = "C.UTF-8" }\n'
    )
    (root / ".gitignore").write_text("/.triage/\n__pycache__/\n")
    repository = Repository.create(root, name="t", email="t@example.org")
    repository.commit_all("The project")
    assert run(["run", "--root", str(root), "--stamp", "20260101T000000Z"]) == 1
    probed(root, cluster_of(root, SUBJECT))
    return root


def cluster_of(root: Path, nodeid: str) -> str:
    """The cluster that the run opened for a test."""
    book = Book.of(Journal(root / "plans/journal.jsonl").read())
    return next(cluster.id for cluster in book.live if nodeid in cluster.members)


def probed(root: Path, cluster: str) -> None:
    """Phase B as `triage probe` leaves it: evidence, attempt, status."""
    folder = EvidenceFolder.create(root, "sums", "b", "20260101T000100Z")
    result = ExperimentResult(
        probe="signal", factor=FACTOR, prediction="it passes", status=Status.CONFIRMED,
        baseline=Tally(runs=4, failed=4), treated=Tally(runs=4, failed=0), p_value=1 / 70,
        sentence="4 of 4, 0 of 4",
    )  # fmt: skip
    cause = RootCause(kind="zero-signal", summary="the scale is zero", factor=FACTOR, confidence="proven")
    report = ProbeReport(
        subject=(SUBJECT,), cluster=cluster, reproduced=True, experiments=(result,), root_cause=cause,
        stamp=folder.stamp, folder=folder.relative(root), runs=8,
    )  # fmt: skip
    path = folder.write_json("probe.json", report.model_dump(mode="json", by_alias=True))
    folder.seal()
    book = Book.of(Journal(root / "plans/journal.jsonl").read())
    mint = book.mint("2026-01-01T00:01:00.000000Z", "triage probe")
    common = {"cluster": cluster, "stamp": folder.stamp, "evidence": (path.relative_to(root).as_posix(),)}
    Journal(root / "plans/journal.jsonl").append(
        [
            mint.make(AttemptRecorded, phase="b", campaign="sums", summary="zero-signal", **common),
            mint.make(StatusChanged, status=ClusterStatus.PROBED, reason="zero-signal", **common),
        ]
    )


@pytest.fixture
def patch(tmp_path: Path) -> Callable[..., Path]:
    """Writes a patch that replaces text in a file: `patch(root, name, path, old, new, ...)`."""

    def write(root: Path, name: str, path: str, *changes: str) -> Path:
        before = after = (root / path).read_text()
        for old, new in zip(changes[::2], changes[1::2], strict=True):
            assert old in after
            after = after.replace(old, new, 1)
        lines = difflib.unified_diff(
            before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{path}", f"b/{path}"
        )
        target = tmp_path / f"{name}.patch"
        target.write_text("".join(lines))
        return target

    return write


@pytest.fixture
def triage(project: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict]]:
    """Runs a command on the project with --json: exit code and document."""

    def call(*words: str) -> tuple[int, dict]:
        capsys.readouterr()
        code = run([*words, "--root", str(project), "--json"])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if printed.out.strip() else {"error": printed.err}

    return call


@pytest.fixture
def options(project: Path, patch: Callable[..., Path]) -> dict[str, Path]:
    """Repairs of every kind: two good ones and each way to be bad."""
    test, product = "tests/test_calc.py", "calc.py"
    assertion = "assert total([1, 2]) == 3"
    good = "assert total([1, 2], scale=1.0) == 3"
    noted = '"""The total of two numbers.\n\n    Note: the scale must not be zero.\n    """'
    docstring = '"""The total of two numbers."""'
    return {
        "fixture": patch(project, "A-fixture", test, docstring, noted, assertion, good),
        "silent": patch(project, "silent", test, assertion, good),
        "product": patch(project, "product", product, "scale=0.0", "scale=1.0"),
        "skip": patch(
            project, "skip", test, "def test_total", "import pytest\n\n\n@pytest.mark.skip\ndef test_total"
        ),
        "xfail": patch(
            project, "xfail", test, "def test_total", "import pytest\n\n\n@pytest.mark.xfail\ndef test_total"
        ),
        "gutted": patch(project, "gutted", test, assertion, "total([1, 2])"),
        "useless": patch(project, "useless", test, assertion, "assert total([1, 2]) == 3.0"),
        "sabotage": patch(project, "zeroed", product, "return sum(values) * scale", "return 0"),
    }
