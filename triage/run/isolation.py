"""How chunks are kept apart: children of a fork server where the suite is fit for it, else new processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from triage.model.run import Attempt, Key
from triage.process.api import Executor, ForkServer, ProcessOutcome, ProcessRequest
from triage.run.attempt import judge
from triage.run.chunk import Course, Runner, Starter, Tried
from triage.run.collection import Collected, only_files
from triage.run.command import Launch
from triage.run.record_reader import Seen

PREFLIGHT = "preflight"
_HEAR_SECONDS = 10.0


@dataclass
class Isolation:
    """Starts the processes of one run: the collection, then the attempts of its chunks."""

    launch: Launch
    executor: Executor
    runner: Runner
    wanted: bool
    notes: list[str] = field(default_factory=list)
    parent: ForkServer | None = None

    def collect(self, ignore: list[str], number: int) -> Tried:
        """One collection that leaves `ignore` out; with a fork server the process stays."""
        course = Course(PREFLIGHT, [("", -1)], number=number - 1)
        if self.wanted and self.executor.has_fork_server:
            return self._collect_in_fork_server(course, ignore)

        def start(folder: Path, key: bytes, _keys: Sequence[Key], /) -> ProcessRequest:
            request = self.launch.request(folder, key, mode="collect", ignore=ignore, json_report=None)
            return replace(request, total_seconds=None)  # the limit of a chunk is none of the collection

        tried, _ = self.runner.attempt(course, start)
        return tried

    def _collect_in_fork_server(self, course: Course, ignore: list[str]) -> Tried:
        course.number += 1
        folder = self.runner.scratch / f"{PREFLIGHT}.{course.number}"
        key = self.runner.key(folder.name)
        seen = Seen(key, lambda payload, event: self.runner.tell(course, course.number, payload, event))
        request = self.launch.request(folder, key, mode="serve", ignore=ignore)
        request = replace(request, total_seconds=None)
        parent = self.executor.start_fork_server(request, seen.feed, self.runner.stop)
        if parent.wait_ready() and _heard_all(seen):
            self._keep(parent)
            return Tried(
                _attempt(course, ProcessOutcome("finished"), None), seen, ProcessOutcome("finished"), folder
            )
        process = parent.close() or ProcessOutcome("lost")
        return Tried(_attempt(course, process, judge(seen, process).note), seen, process, folder)

    def _keep(self, parent: ForkServer) -> None:
        if parent.unfit:
            self.notes.append(f"isolation fresh instead of warm: {'; '.join(parent.unfit)}")
            parent.close()
        else:
            self.parent = parent

    def starter(self, collected: Collected) -> Starter:
        """Makes the requests of a chunk's attempts."""

        def start(folder: Path, key: bytes, keys: Sequence[Key], /) -> ProcessRequest:
            settings: dict[str, Any] = {"exact": [list(pair) for pair in keys], "name": folder.name}
            parent = self.parent
            if parent is not None and parent.alive:
                return replace(_fork_request(self.launch, folder, key, settings), fork_server=parent)
            files = only_files(collected, keys) or None
            return self.launch.request(folder, key, **settings, only_files=files, ignore=collected.ignore)

        return start

    def close(self) -> None:
        """End the fork server."""
        if self.parent is not None:
            self.parent.close()


def _fork_request(launch: Launch, folder: Path, key: bytes, settings: dict[str, Any]) -> ProcessRequest:
    request = launch.request(folder, key, **settings)
    return replace(request, argv=())


def _attempt(course: Course, process: ProcessOutcome, note: str | None) -> Attempt:
    return Attempt(
        chunk=PREFLIGHT,
        number=course.number,
        command="",
        exit_code=process.exit_code,
        signal=process.signal,
        ended=process.ended,
        seconds=process.seconds,
        note=note,
    )


def _heard_all(seen: Seen, clock: Callable[[], float] = time.monotonic) -> bool:
    """The process says that it is ready on another way than its record comes: wait for the record."""
    deadline = clock() + _HEAR_SECONDS
    while not seen.ready and clock() < deadline:
        time.sleep(0.002)
    return seen.ready
