"""Start a run's processes: children of a fork server where the suite is fit for it, else new interpreters."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from triage.model.run import Attempt, Key
from triage.process.api import Executor, ForkServer, ProcessOutcome, ProcessRequest
from triage.run.attempt import AttemptEnd, judge_end, notes_on
from triage.run.chunk import ChunkProgress, ChunkRunner, FinishedAttempt, RequestMaker
from triage.run.collection import PREFLIGHT, Collected, Scope, only_files
from triage.run.command import Launch
from triage.run.record_reader import RecordReader

_READY_SECONDS = 10.0
"""The readiness of a fork server comes by another way than its record, which arrives within a tick."""
_MOST_RESTARTS = 5
"""Fork servers that die in one run before each process is a new interpreter."""
_FIND_PYTEST = "import importlib.util, sys; sys.exit(importlib.util.find_spec('pytest') is None)"


@dataclass
class Isolation:
    """Starts the processes of one run: the collection, then the attempts of its chunks."""

    launch: Launch
    executor: Executor
    runner: ChunkRunner
    wanted: bool
    """Whether a fork server is to be used: the settings allow it, and the suite is fit for it."""
    notes: list[str] = field(default_factory=list)
    server: ForkServer | None = None
    _restarts: int = 0
    _collections: int = 0
    _mutex: threading.Lock = field(default_factory=threading.Lock)
    """Of several workers that find the fork server dead one starts it again."""

    def collect(self, scope: Scope, number: int) -> FinishedAttempt:
        """Run one collection of `scope`; after one of everything a fork server stays alive."""
        self._collections = number
        chunk = ChunkProgress(PREFLIGHT, [], number=number - 1)
        if self.wanted and self.executor.has_fork_server and scope.only is None:
            return self._collect_in_fork_server(chunk, scope.ignore)

        def make_request(folder: Path, key: bytes, _keys: Sequence[Key], /) -> ProcessRequest:
            request = self.launch.patient(scope.patience).request(
                folder, key, mode="collect", ignore=scope.ignore, only_path=scope.only, json_report=None
            )
            return _without_chunk_limit(request)

        finished, _ = self.runner.attempt(chunk, make_request, [])
        return finished

    def _collect_in_fork_server(self, chunk: ChunkProgress, ignore: Sequence[str]) -> FinishedAttempt:
        chunk.number += 1
        folder = self.runner.scratch / f"{PREFLIGHT}.{chunk.number}"
        key = self.runner.key(folder.name)
        reader = RecordReader(
            key, lambda payload, event: self.runner.on_event(chunk, chunk.number, payload, event)
        )
        request = self.launch.request(folder, key, mode="serve", ignore=ignore)
        feeding = _Feeding(reader)
        server = self.executor.start_fork_server(_without_chunk_limit(request), feeding, self.runner.stop)
        if server.wait_ready() and _wait_for_record(reader, feeding):
            self._keep_if_fit(server)
            process = ProcessOutcome("finished")
            end = AttemptEnd("finished")
        else:
            process = server.close() or ProcessOutcome("lost")
            if process.ended == "interrupted" and not self.runner.stop():
                # it was ended here, and nobody asked for that
                process = replace(process, ended="lost", note="its record did not arrive")
            end = judge_end(reader, process)
        attempt = Attempt(
            chunk=PREFLIGHT,
            number=chunk.number,
            command="",
            exit_code=process.exit_code,
            signal=process.signal,
            ended=process.ended,
            seconds=process.seconds,
            notes=notes_on(end, process),
        )
        return FinishedAttempt(attempt, reader, process, folder)

    def _keep_if_fit(self, server: ForkServer) -> None:
        if server.unfit:
            self.notes.append(f"isolation fresh instead of warm: {'; '.join(server.unfit)}")
            self.wanted = False
            server.close()
        else:
            self.server = server

    def request_maker(self, collected: Collected, **recorder: Any) -> RequestMaker:
        """Makes the requests of the attempts of chunks; `recorder` are further settings of the recorder."""

        def make_request(folder: Path, key: bytes, keys: Sequence[Key], /) -> ProcessRequest:
            exact = [list(pair) for pair in keys]
            settings: dict[str, Any] = {**recorder, "exact": exact, "name": folder.name}
            server = self._living_server(collected.ignore)
            if server is not None:
                request = self.launch.request(folder, key, **settings)
                return replace(request, argv=(), fork_server=server)
            files = only_files(collected, keys) or None
            return self.launch.request(folder, key, **settings, only_files=files, ignore=collected.ignore)

        return make_request

    def _living_server(self, ignore: Sequence[str]) -> ForkServer | None:
        """The fork server, started again where it died; None where new interpreters are to be used."""
        with self._mutex:
            if self.server is None or self.server.alive:
                return self.server
            self.server.close()
            self.server = None
            while self.wanted and self.server is None and not self.runner.stop():
                if self._restarts == _MOST_RESTARTS:
                    self.wanted = False
                    self.notes.append(
                        f"isolation fresh instead of warm: the fork server died {_MOST_RESTARTS} times"
                    )
                    break
                self._restarts += 1
                self._collections += 1
                chunk = ChunkProgress(PREFLIGHT, [], number=self._collections - 1)
                self._collect_in_fork_server(chunk, ignore)
            if self.server is not None:
                self.notes.append("the fork server died and was started again")
            return self.server

    def has_pytest(self) -> bool:
        """Whether the suite's interpreter can import pytest; true where that cannot be told."""
        request = ProcessRequest(
            argv=(self.launch.python, "-c", _FIND_PYTEST),
            cwd=self.launch.root,
            env=self.launch.environment(),
            folder=self.runner.scratch / "has-pytest",
            total_seconds=self.launch.limits.test_timeout,
        )
        outcome = self.executor.run(request, lambda _block: None, self.runner.stop)
        return outcome.ended != "finished" or outcome.exit_code == 0


def _without_chunk_limit(request: ProcessRequest) -> ProcessRequest:
    """A collection takes as long as it takes; each of its files has the limit of a test."""
    return replace(request, total_seconds=None)


class _Feeding:
    """Gives a record to its reader, and tells whether the reader is at work."""

    def __init__(self, reader: RecordReader) -> None:
        self._reader = reader
        self.is_busy = False

    def __call__(self, block: bytes, /) -> None:
        """Let the reader read: of a large suite one line takes seconds, on a busy machine many."""
        self.is_busy = True
        try:
            self._reader.feed(block)
        finally:
            self.is_busy = False


def _wait_for_record(
    reader: RecordReader, feeding: _Feeding, clock: Callable[[], float] = time.monotonic
) -> bool:
    """Wait until the record tells what the fork server has told already: that collection is over.

    Time in which the record is read does not count.
    """
    deadline = clock() + _READY_SECONDS
    while not reader.ready:
        if feeding.is_busy:
            deadline = clock() + _READY_SECONDS
        elif clock() > deadline:
            break
        time.sleep(0.002)
    return reader.ready
