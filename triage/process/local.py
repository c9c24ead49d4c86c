"""Run processes on this machine, each in a session of its own under a supervisor."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from triage.model.base import World
from triage.process.api import FOLDER, ProcessOutcome, ProcessRequest, Sink
from triage.process.forkserver import LocalForkServer, with_control
from triage.process.orphans import MARKER, new_mark, sweep_marked
from triage.process.supervised import Supervised, watch


class LocalExecutor:
    """Runs processes here; each call blocks its thread until the tree is gone."""

    name = "local"
    has_fork_server = True

    def __init__(self, world: World | None = None) -> None:
        """The world is not needed here: requests carry their environment."""
        self._fork_servers: list[LocalForkServer] = []

    def run(self, request: ProcessRequest, sink: Sink, stop: Callable[[], bool]) -> ProcessOutcome:
        """Run one process from its start to the proof that its tree is gone."""
        if request.fork_server is not None:
            return self._run_fork(request, sink, stop)
        _prepare(request)
        mark = new_mark(request.cwd, request.folder.name)
        supervisor, supervised = start_supervisor(specification(request, mark), ())
        try:
            outcome = watch(supervised, request, sink, stop)
        finally:
            supervised.close()
            supervisor.wait()
        if not outcome.reported:
            # the supervisor may have been killed, and its tree with it or not
            outcome = replace(outcome, swept=sweep_marked(mark))
        return outcome

    def _run_fork(self, request: ProcessRequest, sink: Sink, stop: Callable[[], bool]) -> ProcessOutcome:
        """Run a child of the request's fork server; one that becomes a command has a mark of its own."""
        mark = new_mark(request.cwd, request.folder.name) if request.argv else None
        if mark is not None:
            files = {**request.files, "start.json": specification(request, mark)}
            request = replace(request, files=files)
        _prepare(request)
        try:
            supervised = request.fork_server.fork(request)
        except OSError as error:
            return ProcessOutcome("lost", note=str(error))
        outcome = watch(supervised, request, sink, stop)
        if mark is not None and not outcome.reported:
            outcome = replace(outcome, swept=sweep_marked(mark))
        return outcome

    def start_fork_server(
        self, request: ProcessRequest, sink: Sink, stop: Callable[[], bool]
    ) -> LocalForkServer:
        """Start a process that collects and then forks on order."""
        ours, theirs = socket.socketpair()
        try:
            request = with_control(request, theirs.fileno())
            _prepare(request)
            inherited = (theirs.fileno(),)
            mark = new_mark(request.cwd, request.folder.name)
            supervisor, supervised = start_supervisor(specification(request, mark, inherited), inherited)
        finally:
            theirs.close()
        server = LocalForkServer(
            supervisor, supervised, ours, watching=(request, sink, stop), sweep=lambda: sweep_marked(mark)
        )
        self._fork_servers.append(server)
        return server

    def close(self) -> None:
        """End the fork servers."""
        while self._fork_servers:
            self._fork_servers.pop().close()


def _prepare(request: ProcessRequest) -> None:
    """Write the request's files into its folder."""
    request.folder.mkdir(parents=True, exist_ok=True)
    for name, data in request.files.items():
        write_private(request.folder / name, filled(data.decode(), request.folder).encode())


def filled(text: str, folder: Path) -> str:
    """Return the text with the attempt's folder in place of `{folder}`."""
    return text.replace(FOLDER, str(folder))


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only this user can read."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)


def specification(request: ProcessRequest, mark: str, pass_fds: tuple[int, ...] = ()) -> bytes:
    """Return what the supervisor is told: one line of JSON."""
    env = {name: filled(value, request.folder) for name, value in request.env.items()}
    spec = {
        "argv": [filled(arg, request.folder) for arg in request.argv],
        "cwd": request.cwd,
        "env": {**env, MARKER: mark},
        "memory_bytes": request.memory_bytes,
        "pass_fds": list(pass_fds),
    }
    return json.dumps(spec).encode() + b"\n"


def start_supervisor(spec: bytes, pass_fds: tuple[int, ...]) -> tuple[subprocess.Popen[bytes], Supervised]:
    """Start a supervisor whose output is the pipe of the log, and tell it what to run."""
    ours, theirs = socket.socketpair()
    log_read, log_write = os.pipe()
    try:
        supervisor = subprocess.Popen(
            [sys.executable, "-I", "-S", _supervisor_script(), str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=log_write,
            stderr=log_write,
            pass_fds=(theirs.fileno(), *pass_fds),
            start_new_session=True,
            cwd="/",
        )
    finally:
        theirs.close()
        os.close(log_write)
    ours.sendall(spec)
    return supervisor, Supervised(ours, log_read)


def _supervisor_script() -> str:
    found = importlib.util.find_spec("triage.recorder.supervisor")
    assert found is not None
    assert found.origin is not None
    return found.origin
