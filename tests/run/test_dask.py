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
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.planted.hostile import api
from tests.planted.lab import PATIENCE, known_in
from triage.errors import UsageError, VoidError
from triage.model.run import RunRecord

pytestmark = [
    pytest.mark.slow,
    # found and not imported: all processes collect these tests, and one runs them
    pytest.mark.skipif(find_spec("distributed") is None, reason="needs the dask extra"),
]


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


def test_hostile_suite_has_the_same_outcomes_there(survive: Callable[..., RunRecord]) -> None:
    from distributed import LocalCluster

    from triage.process.dask import DaskExecutor

    # the tests that die are processes of their own: their workers may be threads, which start at once
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp://", dashboard_address=None
    ) as cluster:
        executor = DaskExecutor(cluster.scheduler_address, workers=2)
        # deaths by signals and by exit codes, in tests and in fixtures: what each death looks like is local
        survive(api.death_in_fixtures(), executor=executor, workers=2)


@pytest.mark.serial
def test_a_killed_worker_costs_nothing(
    tmp_path: Path, run_here: Callable[..., RunRecord], cluster: Any
) -> None:
    from triage.process.dask import DaskExecutor

    ran = tmp_path / "ran"
    slow_suite(tmp_path / "suite", ran)

    def kill_one() -> None:
        while not ran.exists() or len(ran.read_text().split()) < 6:
            time.sleep(0.02)
        os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    record = run_here(executor=DaskExecutor(cluster.scheduler_address, workers=2), workers=2, chunks=4)
    killer.join()
    assert record.complete
    assert record.counts.passed == record.counts.collected == 40
    assert any("worker died" in (attempt.note or "") for attempt in record.attempts)
    words = ran.read_text().split()
    again = [word for word in words if words.count(word) > 1]
    assert len(set(again)) <= 2, "the test that ran, and one whose outcome was on its way to the scheduler"


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def start_cluster(address: str) -> list[subprocess.Popen[bytes]]:
    """A scheduler and a worker, each a process of its own, as somebody would start them by hand."""
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    module = [sys.executable, "-m"]
    host, port = address.removeprefix("tcp://").split(":")
    head = subprocess.Popen(
        [*module, "distributed.cli.dask_scheduler", "--host", host, "--port", port, "--no-dashboard"], **quiet
    )
    worker = [*module, "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
    worker += ["--no-nanny", "--death-timeout", str(PATIENCE)]
    return [head, subprocess.Popen(worker, **quiet)]


def end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in reversed(processes):
        process.terminate()
    for process in reversed(processes):
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def scheduler() -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    address = free_address()
    processes = start_cluster(address)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield address, processes
    end(processes)


def test_a_lost_scheduler_is_void_and_what_was_recorded_is_kept(
    tmp_path: Path,
    run_here: Callable[..., RunRecord],
    scheduler: tuple[str, list[subprocess.Popen[bytes]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from triage.process import dask

    monkeypatch.setattr(dask, "_LOST_SECONDS", 2.0)
    address, processes = scheduler
    ran = tmp_path / "ran"
    slow_suite(tmp_path / "suite", ran)

    def lose() -> None:
        while not ran.exists() or len(ran.read_text().split()) < 25:
            time.sleep(0.02)
        monkeypatch.setattr(dask, "_CONNECT_SECONDS", 1.0)
        processes[0].kill()

    loser = threading.Thread(target=lose, daemon=True)
    loser.start()
    record = run_here(executor=dask.DaskExecutor(address, workers=2), workers=2, chunks=4)
    loser.join()
    assert not record.complete
    assert record.void is not None
    assert 0 < record.counts.passed < 40
    assert record.counts.not_run == 40 - record.counts.passed


def test_a_scheduler_that_comes_back_goes_on_with_what_is_left(
    tmp_path: Path,
    run_here: Callable[..., RunRecord],
    scheduler: tuple[str, list[subprocess.Popen[bytes]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from triage.process import dask

    monkeypatch.setattr(dask, "_LOST_SECONDS", 2.0)
    monkeypatch.setattr(dask, "_CONNECT_SECONDS", PATIENCE)
    address, processes = scheduler
    ran = tmp_path / "ran"
    slow_suite(tmp_path / "suite", ran)

    def replace() -> None:
        while not ran.exists() or len(ran.read_text().split()) < 12:
            time.sleep(0.02)
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
        time.sleep(1.0)
        known.update(known_in(next((tmp_path / "suite" / "reports").rglob("events.jsonl")).parent))
        processes[:] = start_cluster(address)

    known: set[str] = set()
    other = threading.Thread(target=replace, daemon=True)
    other.start()
    record = run_here(executor=dask.DaskExecutor(address, workers=2), workers=2, chunks=4)
    other.join()
    assert record.complete, record.void
    assert record.counts.passed == 40
    assert known, "outcomes had arrived before the cluster died"
    words = ran.read_text().split()
    again = {f"test_{word[0]}.py::test_n[{word[2:]}]" for word in words if words.count(word) > 1}
    assert not again & known


def test_nobody_at_the_address_is_one_line(
    tmp_path: Path, run_here: Callable[..., RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    from triage.process import dask

    monkeypatch.setattr(dask, "_CONNECT_SECONDS", 1.0)
    slow_suite(tmp_path / "suite", tmp_path / "ran")
    address = free_address()
    with pytest.raises(VoidError, match="no-scheduler") as caught:
        run_here(executor=dask.DaskExecutor(address))
    assert address in str(caught.value)
    assert "\n" not in str(caught.value)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        odd = f"127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(VoidError, match="does not answer"):
            run_here(executor=dask.DaskExecutor(odd))
    with pytest.raises(UsageError, match="no-tls"):
        run_here(executor=dask.DaskExecutor("tls://127.0.0.1:8786"))
    for odd in ("nonsense://x", "host:port"):
        with pytest.raises(VoidError, match="no-scheduler"):
            run_here(executor=dask.DaskExecutor(odd))


def test_without_the_extra_it_is_one_line(
    tmp_path: Path, run_here: Callable[..., RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    from triage.process.dask import DaskExecutor

    monkeypatch.setitem(sys.modules, "distributed", None)
    slow_suite(tmp_path / "suite", tmp_path / "ran")
    with pytest.raises(UsageError, match=r"pip install 'triage-lab\[dask\]' \[no-dask\]"):
        run_here(executor=DaskExecutor())
