"""A suite on a real scheduler with real worker processes, one of which is killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
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


@pytest.fixture
def scheduler() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A scheduler and two workers, each a process of its own, as somebody would start them by hand."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    module = [sys.executable, "-m"]
    host, port = address.removeprefix("tcp://").split(":")
    head = subprocess.Popen(
        [*module, "distributed.cli.dask_scheduler", "--host", host, "--port", port, "--no-dashboard"], **quiet
    )
    worker = [*module, "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
    hands = [subprocess.Popen([*worker, "--death-timeout", "10"], **quiet) for _ in range(2)]
    yield address, head
    for process in (*hands, head):
        process.terminate()
    for process in (*hands, head):
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_a_lost_scheduler_is_void_and_what_was_recorded_is_kept(
    tmp_path: Path,
    run_here: Callable[..., RunRecord],
    scheduler: tuple[str, subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from triage.executor import dask

    monkeypatch.setattr(dask, "_LOST_SECONDS", 2.0)
    address, head = scheduler
    ran = tmp_path / "ran"
    slow_suite(tmp_path / "suite", ran)

    def lose() -> None:
        while not ran.exists() or len(ran.read_text().split()) < 25:
            time.sleep(0.02)
        head.kill()

    loser = threading.Thread(target=lose)
    loser.start()
    record = run_here(executor=dask.DaskExecutor(address, workers=2), workers=2, chunks=4)
    loser.join()
    assert not record.complete
    assert record.void is not None
    assert 0 < record.counts.passed < 40
    assert record.counts.not_run == 40 - record.counts.passed
