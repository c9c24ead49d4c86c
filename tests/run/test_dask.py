"""A suite on a real scheduler with real worker processes, one of which is killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triage.model.run import RunRecord
from triage.testing import hostile

pytest.importorskip("distributed", reason="needs the dask extra")
pytestmark = pytest.mark.slow


@pytest.fixture
def cluster() -> Any:
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        yield cluster


def slow_suite(root: Path, ran: Path) -> None:
    root.mkdir()
    for number in range(4):
        (root / f"test_{number}.py").write_text(
            "import time, pytest\n@pytest.mark.parametrize('n', range(10))\n"
            f"def test_n(n):\n    open({str(ran)!r}, 'a').write(f'{number}-{{n}}\\n')\n    time.sleep(0.15)\n"
        )


def test_hostile_suite_has_the_same_outcomes_there(survive: Callable[..., RunRecord], cluster: Any) -> None:
    from triage.executor.dask import DaskExecutor

    executor = DaskExecutor(cluster.scheduler_address, workers=2)
    survive(hostile.every_death(), executor=executor, workers=2, chunks=2)


def test_a_killed_worker_costs_nothing(
    tmp_path: Path, run_here: Callable[..., RunRecord], cluster: Any
) -> None:
    from triage.executor.dask import DaskExecutor

    ran = tmp_path / "ran"
    slow_suite(tmp_path / "suite", ran)

    def kill_one() -> None:
        while not ran.exists() or len(ran.read_text().split()) < 6:
            time.sleep(0.02)
        os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    record = run_here(executor=DaskExecutor(cluster.scheduler_address, workers=2), workers=2, chunks=4)
    killer.join()
    assert record.complete
    assert record.counts.passed == record.counts.collected == 40
    assert len(ran.read_text().split()) > 40, "the killed worker's chunk ran again"


def test_a_lost_scheduler_is_void_and_what_was_recorded_is_kept(
    tmp_path: Path, run_here: Callable[..., RunRecord], cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from triage.executor import dask

    monkeypatch.setattr(dask, "_LOST_SECONDS", 2.0)
    ran = tmp_path / "ran"
    slow_suite(tmp_path / "suite", ran)

    def lose() -> None:
        while not ran.exists() or len(ran.read_text().split()) < 25:
            time.sleep(0.02)
        cluster.close(timeout=1)

    loser = threading.Thread(target=lose)
    loser.start()
    executor = dask.DaskExecutor(cluster.scheduler_address, workers=2)
    record = run_here(executor=executor, workers=2, chunks=4)
    loser.join()
    assert not record.complete
    assert record.void is not None
    assert 0 < record.counts.passed < 40
    assert record.counts.not_run == 40 - record.counts.passed
