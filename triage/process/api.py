"""Define what an executor gets and returns. A request is complete: it can travel to another machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from triage.model.run import Ended

FOLDER = "{folder}"
"""Stands for the attempt's own folder in arguments, environment and files, on whatever machine it runs."""
LOG, RECORD, STACKS, REPORT = "pytest.log", "record", "stacks.txt", "report.json"
"""Names of the artifacts in that folder."""


@dataclass(frozen=True)
class ProcessRequest:
    """One process under test."""

    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str] = field(repr=False)
    """Everything that the process sees; nothing is added but what the executor needs."""
    folder: Path
    """Where its artifacts end up on this machine: log, record, stacks, report."""
    files: dict[str, bytes] = field(default_factory=dict, repr=False)
    """Written into its folder before it starts."""
    test_timeout: float | None = None
    """Killed when its record has not grown for so long: the limit of a test and of each other stage."""
    total_seconds: float | None = None
    """Killed when it has run for so long."""
    log_bytes: int = 8 * 1024 * 1024
    """Of a longer log only its head and its tail are kept."""
    memory_bytes: int | None = None
    fork_server: Any = None
    """A fork server of the same executor to fork from; never travels. Without `argv` the fork goes on with
    what its server has collected, with it the fork becomes that command (see `recorder.warm_parent`)."""
    settings: dict[str, Any] = field(default_factory=dict, repr=False)
    """The settings that a fork server hands to its child."""


@dataclass(frozen=True)
class ProcessOutcome:
    """How a process ended: finished, test-timeout, chunk-timeout, interrupted or lost (nobody knows)."""

    ended: Ended
    exit_code: int | None = None
    signal: str | None = None
    seconds: float = 0.0
    swept: int = 0
    """Processes that it left behind, killed."""
    log_cut: int = 0
    """Bytes of its output that were not kept."""
    note: str | None = None
    reported: bool = True
    """Whether its supervisor said how it ended; where not, something of its tree may be left."""


class Sink(Protocol):
    """Takes the record while the process runs."""

    def __call__(self, block: bytes, /) -> None:
        """Take further bytes of the record, in order."""


class ForkServer(Protocol):
    """A process that has imported and collected the suite."""

    unfit: list[str]
    """Why its children would not be independent; it must not be forked from then."""
    said: dict[str, Any]
    """All that it said when it was ready."""

    @property
    def outcome(self) -> ProcessOutcome | None:
        """How it ended, when it has."""

    @property
    def alive(self) -> bool:
        """Whether it can still fork."""

    def wait_ready(self) -> bool:
        """Wait until it has collected; False where it ended instead."""

    def close(self) -> ProcessOutcome | None:
        """End it and everything below it."""


class Executor(Protocol):
    """Runs one process and waits for it; several threads may call it at once."""

    name: str
    has_fork_server: bool
    """Whether `start_fork_server` can be used."""

    def run(self, request: ProcessRequest, sink: Sink, stop: Callable[[], bool]) -> ProcessOutcome:
        """Run to the end. The whole process tree is gone on return, and nothing else was killed.

        `stop` is asked several times a second; True ends the process (`interrupted`).
        Raises nothing for what the process does; `ended="lost"` where the machine cannot say.
        """

    def start_fork_server(self, request: ProcessRequest, sink: Sink, stop: Callable[[], bool]) -> ForkServer:
        """Start a process that collects the suite, then forks for requests that name it as `fork_server`.

        Only where `has_fork_server`.
        """

    def close(self) -> None:
        """Let go of what is held: fork servers, connections."""
