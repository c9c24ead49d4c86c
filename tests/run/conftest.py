"""Fixtures that run real suites in real processes."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.projects import NO_FOREIGN_PLUGINS
from tests.planted.hostile.api import HostileSuite
from tests.planted.lab import Lab
from triage.evidence.folder import EvidenceFolder
from triage.model.base import Silent, World
from triage.model.run import Limits, RunRecord, Suite
from triage.process.local import LocalExecutor
from triage.run.suite import run_suite
from triage.text.redact import Redactor


def make_world(**extra: str) -> World:
    """This environment without what pytest set; an empty `PYTEST_DISABLE_PLUGIN_AUTOLOAD` loads plugins."""
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    environ = outside | NO_FOREIGN_PLUGINS | extra
    return World(now=lambda: datetime.now(UTC), monotonic=time.monotonic, environ=environ)


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a short name: the address of a socket in it may have some hundred characters."""
    with tempfile.TemporaryDirectory(prefix="t", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def run_here(tmp_path: Path, short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., RunRecord]:
    """Run the suite at `root` (default: tmp_path/"suite"); keywords are those of Suite, `limits` a dict."""

    private = short_folder
    monkeypatch.setattr("tempfile.tempdir", str(private))

    def run(root: Path | None = None, *, env: dict[str, str] | None = None, **options: Any) -> RunRecord:
        root = root or tmp_path / "suite"
        here = make_world(TMPDIR=str(private), **(env or {}))
        here = replace(here, monotonic=options.pop("monotonic", time.monotonic))
        limits = Limits(**{"test_timeout": 20.0, **options.pop("limits", {})})
        durations = options.pop("durations", {})
        executor = options.pop("executor", None) or LocalExecutor()
        resume = options.pop("resume", None)
        options["env"] = options.pop("env_settings", {})
        redact = Redactor.of(here.environ)
        if resume:
            folder = EvidenceFolder.open(resume, redact)
        else:
            folder = EvidenceFolder.create_free(root, "t", "a", options.pop("stamp", here.stamp()), redact)
        return run_suite(
            Suite(root=str(root), limits=limits, **options),
            folder=folder,
            executor=executor,
            world=here,
            durations=durations,
            progress=options.pop("progress", Silent()),
            resume=resume is not None,
        )

    return run


@pytest.fixture
def evidence(tmp_path: Path) -> Callable[[], Path]:
    """The folder of the latest run of tmp_path/"suite"."""

    def latest() -> Path:
        return sorted((tmp_path / "suite" / "reports" / "t" / "phase_a").iterdir())[-1]

    return latest


@pytest.fixture
def survive(tmp_path: Path, run_here: Callable[..., RunRecord]) -> Callable[..., RunRecord]:
    """Run a hostile suite and hold its outcomes against what it says of itself, exactly."""

    def check(suite: HostileSuite, **options: Any) -> RunRecord:
        suite.write(tmp_path / "suite")
        limits = {"test_timeout": suite.test_timeout, **options.pop("limits", {})}
        record = run_here(limits=limits, **options)
        assert {r.nodeid: r.outcome.value for r in record.results} == dict(suite.expected)
        assert len(record.results) == len(suite.expected)
        found = {r.nodeid: r.outcome.value for r in record.collect_errors}
        assert found == dict(suite.collect_errors)
        assert record.counts.adds_up
        assert record.complete
        assert record.void is None
        return record

    return check


@pytest.fixture(params=["warm", "fresh"])
def isolation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A suite of counted tests with a harness process to be killed, starved and misled."""
    return Lab(tmp_path, Path(__file__).with_name("harness.py"))
