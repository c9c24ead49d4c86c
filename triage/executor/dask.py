"""Processes on the workers of a `dask.distributed` cluster; needs the `dask` extra.

A request travels as it is, runs on the worker with the local executor, and its artifacts travel back
as bytes. The suite must lie at the same path on every worker. A worker that dies takes its process
tree along (the keeper sees its socket close), and the scheduler runs the request again elsewhere: the
attempt's folder is new each time, so a half-written record is never mixed with a whole one.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from triage.errors import UsageError, VoidError
from triage.executor.api import LOG, RECORD, REPORT, STACKS, ProcessOutcome, ProcessRequest, Sink, WarmProcess
from triage.executor.local import LocalExecutor

_ARTIFACTS = (LOG, RECORD, STACKS, REPORT)
_CONNECT_SECONDS = 30.0
_POLL_SECONDS = 0.05
_ASK_SECONDS = 0.5
_CLOSE_SECONDS = 5.0
_LOST_SECONDS = 20.0
"""A scheduler that does not answer for so long is lost."""


class DaskExecutor:
    """Runs requests on a cluster: at an address, or a LocalCluster with a process for each worker."""

    name = "dask"
    warm = False

    def __init__(self, address: str | None = None, *, workers: int = 1) -> None:
        """Nothing is connected before the first request."""
        self._address, self._workers = address, workers
        self._client: Any = None
        self._cluster: Any = None
        self._mutex = threading.Lock()

    def run(self, request: ProcessRequest, sink: Sink, stop: Callable[[], bool]) -> ProcessOutcome:
        """One process on some worker; its record arrives when it has ended."""
        client = self._connected()
        request.folder.mkdir(parents=True, exist_ok=True)
        try:
            return _bring_back(self._wait(client, request, stop), request.folder, sink)
        except _Lost as lost:
            return ProcessOutcome("interrupted" if stop() else "lost", note=str(lost))

    def _wait(
        self, client: Any, request: ProcessRequest, stop: Callable[[], bool]
    ) -> tuple[ProcessOutcome, dict[str, bytes]]:
        from distributed import Event

        name = f"triage-{uuid.uuid4().hex}"
        try:
            future = client.submit(_on_worker, request, name, key=name, pure=False, retries=0)
            heard, told = time.monotonic(), False
            while not future.done():
                time.sleep(_POLL_SECONDS)
                if not told and stop():
                    Event(name, client=client).set()
                    told = True
                if client.status == "running":
                    heard = time.monotonic()
                elif time.monotonic() - heard > _LOST_SECONDS:
                    raise _Lost("the scheduler is lost")
            found: tuple[ProcessOutcome, dict[str, bytes]] = future.result(timeout=_LOST_SECONDS)
            return found
        except _Lost:
            raise
        except Exception as error:
            raise _Lost(f"{type(error).__name__}: {error}".partition("\n")[0][:300]) from error

    def _connected(self) -> Any:
        with self._mutex:
            if self._client is None:
                self._connect()
            return self._client

    def _connect(self) -> None:
        try:
            from distributed import Client, LocalCluster
        except ImportError as error:
            raise UsageError(
                "no-dask", "--executor dask needs dask.distributed", "pip install 'triage-lab[dask]'"
            ) from error
        try:
            if self._address is None:
                self._cluster = LocalCluster(
                    n_workers=self._workers, threads_per_worker=1, processes=True, dashboard_address=None
                )
            self._client = Client(
                self._cluster or self._address, timeout=_CONNECT_SECONDS, set_as_default=False
            )
        except (OSError, ValueError) as error:
            raise VoidError(
                "no-scheduler",
                f"no dask scheduler at {self._address or 'this machine'}: {error}",
                "start one",
            ) from error

    def warm_parent(self, request: ProcessRequest, sink: Sink, stop: Callable[[], bool]) -> WarmProcess:
        """Forks do not travel: there is no warm parent here."""
        raise NotImplementedError

    def close(self) -> None:
        """Leave the cluster; end it where it is ours."""
        with self._mutex:
            for part in (self._client, self._cluster):
                if part is not None:
                    with contextlib.suppress(
                        Exception
                    ):  # what is lost already need not be left in good order
                        part.close(timeout=_CLOSE_SECONDS)
            self._client = self._cluster = None


class _Lost(Exception):
    """Nobody can say how the process ended."""


def _bring_back(answer: tuple[ProcessOutcome, dict[str, bytes]], folder: Path, sink: Sink) -> ProcessOutcome:
    outcome, artifacts = answer
    for name, data in artifacts.items():
        (folder / name).write_bytes(data)
    sink(artifacts.get(RECORD, b""))
    return outcome


def _on_worker(request: ProcessRequest, name: str) -> tuple[ProcessOutcome, dict[str, bytes]]:
    """Runs on a worker: in a folder of its own, until it ends or the harness wants it to."""
    folder = Path(tempfile.mkdtemp(prefix="triage-dask-"))
    try:
        outcome = LocalExecutor().run(replace(request, folder=folder), lambda _block: None, _Asking(name))
        found = {path.name: path.read_bytes() for path in folder.iterdir() if path.name in _ARTIFACTS}
        return outcome, found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Asking:
    """Whether the harness has set this task's event; asks the scheduler now and then."""

    def __init__(self, name: str) -> None:
        self._name, self._next, self._answer = name, 0.0, False

    def __call__(self) -> bool:
        if self._answer or time.monotonic() < self._next:
            return self._answer
        from distributed import Event, worker_client

        self._next = time.monotonic() + _ASK_SECONDS
        with worker_client(separate_thread=False) as client:
            self._answer = bool(Event(self._name, client=client).is_set())
        return self._answer
