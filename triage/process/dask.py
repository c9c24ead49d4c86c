"""Run processes on the workers of a `dask.distributed` cluster; needs the `dask` extra.

A request travels as it is and runs on the worker with the local executor; its record comes back while it
grows, its artifacts at the end. The suite must lie at the same path on every worker. A worker that dies
takes its process tree along (the supervisor sees its socket close). The scheduler would then run the
request again on another worker; that one refuses, and the harness, which knows what has an outcome, asks
for the rest. A scheduler that is lost may come back at its address.
"""

from __future__ import annotations

import contextlib
import queue
import shutil
import socket
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from triage.errors import UsageError, VoidError
from triage.process.api import LOG, RECORD, REPORT, STACKS, ForkServer, ProcessOutcome, ProcessRequest, Sink
from triage.process.local import LocalExecutor
from triage.recorder.supervisor import EXIT_NOT_STARTED

_ARTIFACTS = (LOG, STACKS, REPORT)
_SCHEMES = ("tcp", "tls")
_DEFAULT_PORT = 8786
"""Where a scheduler listens that was told nothing else."""
_CONNECT_SECONDS = 10.0
_CONNECT_ROUNDS = 3
"""The whole hand-shake may take so many times as long: connection, identity, subscription."""
_POLL_SECONDS = 0.05
_STOP_POLL_SECONDS = 0.5
"""How often a worker asks the scheduler whether it is to stop: a round trip each."""
_KNOCK_PAUSE_SECONDS = 0.5
_CLOSE_SECONDS = 5.0
_LOST_SECONDS = 20.0
"""A scheduler that does not answer for so long is lost."""


class DaskExecutor:
    """Runs requests on a cluster: at an address, or a LocalCluster with a process for each worker."""

    name = "dask"
    has_fork_server = False

    def __init__(self, address: str | None = None, *, workers: int = 1) -> None:
        """Nothing is connected before the first request."""
        self._address, self._workers = address, workers
        self._client: Any = None
        self._cluster: Any = None
        self._mutex = threading.Lock()
        self._was_connected = False

    def run(self, request: ProcessRequest, sink: Sink, stop: Callable[[], bool]) -> ProcessOutcome:
        """Run one process on some worker."""
        request.folder.mkdir(parents=True, exist_ok=True)
        client: Any = None
        try:
            client = self._connected()
            outcome, artifacts = self._run_task(client, request, sink, stop)
        except _Lost as lost:
            if client is not None and client.status != "running":
                self._drop(client)
            return ProcessOutcome("interrupted" if stop() else "lost", note=str(lost))
        for name, data in artifacts.items():
            (request.folder / name).write_bytes(data)
        return outcome

    def _run_task(
        self, client: Any, request: ProcessRequest, sink: Sink, stop: Callable[[], bool]
    ) -> tuple[ProcessOutcome, dict[str, bytes]]:
        """Submit the request as a task and wait for its answer; its record goes to `sink` as it comes."""
        name = f"triage-{uuid.uuid4().hex}"
        record = _RecordStream(sink)
        client.subscribe_topic(name, record.receive)
        try:
            future = client.submit(_run_on_worker, request, name, key=name, pure=False, retries=0)
            self._wait(client, future, name, record, stop)
            answer = future.result(timeout=_LOST_SECONDS)
        except _Lost:
            raise
        except Exception as error:
            first_line = f"{type(error).__name__}: {error}".partition("\n")[0]
            raise _Lost(first_line[:300]) from error
        finally:
            record.forward()
            # a client that is lost need not be told
            with contextlib.suppress(Exception):
                client.unsubscribe_topic(name)
        if answer is None:
            raise _Lost("the worker died")
        outcome, artifacts = answer
        record.complete(artifacts.get(RECORD, b""))
        return outcome, artifacts

    def _wait(
        self, client: Any, future: Any, name: str, record: _RecordStream, stop: Callable[[], bool]
    ) -> None:
        from distributed import Event

        last_connected = time.monotonic()
        told_to_stop = False
        while not future.done():
            time.sleep(_POLL_SECONDS)
            record.forward()
            if not told_to_stop and stop():
                Event(name, client=client).set()
                told_to_stop = True
            if client.status == "running":
                last_connected = time.monotonic()
            elif time.monotonic() - last_connected > _LOST_SECONDS:
                raise _Lost("the scheduler is lost")

    def _drop(self, client: Any) -> None:
        """Let go of a connection that is lost, so that the next request connects anew."""
        with self._mutex:
            if client is self._client and self._cluster is None:
                self._client = None
                with contextlib.suppress(Exception):
                    client.close(timeout=_CLOSE_SECONDS)

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
            else:
                _require_certificates(self._address)
                _require_listener(self._address)
            scheduler = self._cluster or self._address
            self._client = _in_time(lambda: Client(scheduler, timeout=_CONNECT_SECONDS, set_as_default=False))
            self._was_connected = True
        except (OSError, ValueError) as error:
            if self._was_connected:
                raise _Lost("the scheduler is lost") from error
            raise VoidError(
                "no-scheduler",
                f"no dask scheduler at {self._address or 'this machine'}: {error}",
                "start one",
            ) from error

    def start_fork_server(self, request: ProcessRequest, sink: Sink, stop: Callable[[], bool]) -> ForkServer:
        """Raise NotImplementedError: forks do not travel."""
        raise NotImplementedError

    def close(self) -> None:
        """Leave the cluster; end it where it is ours."""
        with self._mutex:
            for connection in (self._client, self._cluster):
                if connection is not None:
                    # what is lost already need not be left in good order
                    with contextlib.suppress(Exception):
                        connection.close(timeout=_CLOSE_SECONDS)
            self._client = self._cluster = None


def _require_certificates(address: str) -> None:
    """Raise UsageError where a `tls://` address is asked for and dask's configuration names no certificate.

    A client without one fails deep inside of dask, and complains again when the interpreter ends.
    """
    from distributed.security import Security

    if not address.startswith("tls://"):
        return
    try:
        has_certificate = Security().get_connection_args("client").get("ssl_context") is not None
        why = "dask's configuration names no certificate"
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        has_certificate, why = False, f"its certificate cannot be read: {error}"
    if not has_certificate:
        raise UsageError("no-tls", f"{address}: {why}", "set distributed.comm.tls, see docs/dask.md")


def _require_listener(address: str) -> None:
    """Raise OSError where nobody listens: a client that never connected complains until the very exit."""
    from distributed.comm.addressing import parse_address, parse_host_port

    scheme, location = parse_address(address)
    if scheme not in _SCHEMES:
        raise ValueError(f"{scheme}:// is none of {', '.join(_SCHEMES)}")
    endpoint = parse_host_port(location, _DEFAULT_PORT)
    deadline = time.monotonic() + _CONNECT_SECONDS
    while True:
        try:
            socket.create_connection(endpoint, timeout=_CONNECT_SECONDS).close()
        except ConnectionRefusedError:
            # a scheduler that was started just now may not listen yet
            if time.monotonic() > deadline:
                raise
            time.sleep(_KNOCK_PAUSE_SECONDS)
        else:
            return


def _in_time(connect: Callable[[], Any]) -> Any:
    """Return what `connect` returns, or raise TimeoutError.

    The client's own timeout does not cover a listener that accepts and never says a word.
    """
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def call() -> None:
        try:
            answers.put(connect())
        except Exception as error:
            answers.put(error)

    threading.Thread(target=call, daemon=True).start()
    try:
        answer = answers.get(timeout=_CONNECT_ROUNDS * _CONNECT_SECONDS)
    except queue.Empty:
        raise TimeoutError("who listens there does not answer as a scheduler does") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


class _Lost(Exception):
    """Nobody can say how the process ended."""


class _RecordStream:
    """The record as the worker sends it, each block with its position: a gap is filled at the end."""

    def __init__(self, sink: Sink) -> None:
        self._sink, self._length = sink, 0
        self._received: queue.SimpleQueue[tuple[int, bytes]] = queue.SimpleQueue()

    def receive(self, event: Any) -> None:
        """Buffer a block; called by the client's own thread."""
        start, block = event[1]
        self._received.put((start, block))

    def forward(self) -> None:
        """Forward buffered record blocks to the sink; called in the waiting thread."""
        with contextlib.suppress(queue.Empty):
            while True:
                start, block = self._received.get_nowait()
                # after a gap nothing is forwarded until the whole record is there
                if start == self._length:
                    self._sink(block)
                    self._length += len(block)

    def complete(self, record: bytes) -> None:
        """Forward what is missing, once the whole record has arrived with the answer."""
        self._sink(record[self._length :])
        self._length = len(record)


def _run_on_worker(request: ProcessRequest, name: str) -> tuple[ProcessOutcome, dict[str, bytes]] | None:
    """Run a request on a worker, in a folder of its own, until it ends or the harness wants it to.

    Returns None where another worker had begun with it and died.
    """
    from distributed import Event, get_worker, worker_client

    worker = get_worker()
    with worker_client(separate_thread=False) as client:
        begun = Event(f"{name}-begun", client=client)
        if begun.is_set():
            return None
        begun.set()
    record = bytearray()

    def send(block: bytes) -> None:
        worker.log_event(name, [len(record), block])
        record.extend(block)

    if not Path(request.cwd).is_dir():
        return _without_folder(request.cwd, worker.address)
    folder = Path(tempfile.mkdtemp(prefix="triage-dask-"))
    try:
        stop = _StopRequested(name)
        outcome = LocalExecutor().run(replace(request, folder=folder), send, stop)
        artifacts = {path.name: path.read_bytes() for path in folder.iterdir() if path.name in _ARTIFACTS}
        artifacts[RECORD] = bytes(record)
        return outcome, artifacts
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _without_folder(cwd: str, worker: str) -> tuple[ProcessOutcome, dict[str, bytes]]:
    """Nothing can run where the worker does not see the folder; the log, which is quoted, says why."""
    said = (
        f"the dask worker {worker} has no folder {cwd}: it must see the suite and, for the base and for "
        "experiments, the temporary folder (TMPDIR) of this machine\n"
    )
    outcome = ProcessOutcome("finished", exit_code=EXIT_NOT_STARTED)
    return outcome, {LOG: said.encode(), RECORD: b""}


class _StopRequested:
    """Whether the harness has set this task's event; asks the scheduler now and then."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._next_question = 0.0
        self._answer = False

    def __call__(self) -> bool:
        if self._answer or time.monotonic() < self._next_question:
            return self._answer
        from distributed import Event, worker_client

        self._next_question = time.monotonic() + _STOP_POLL_SECONDS
        with worker_client(separate_thread=False) as client:
            self._answer = bool(Event(self._name, client=client).is_set())
        return self._answer
