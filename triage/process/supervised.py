"""One process under its supervisor, watched by one thread: log, record, limits, the end."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from triage.process.api import LOG, RECORD, ProcessOutcome, ProcessRequest, Sink
from triage.process.log import LogWriter
from triage.text.redact import Redactor

_TICK_MS = 20
"""Log and record are looked at so often: woken by each dot of pytest, the harness would eat a core."""
_BUSY_BYTES = 1 << 15
"""A process that prints so much in a tick is read without a pause: its pipe must not hold it up."""
_ABORT_SECONDS = 2.0
"""How long a hanging process may take to dump its stacks after SIGABRT."""
_SWEEP_SECONDS = 15.0
_WAKE_SECONDS = 0.5
_START_SECONDS = 30.0
"""An interpreter that starts and imports a conftest is no test: its limit is not below this."""
_BLOCK = 1 << 16


@dataclass
class Supervised:
    """The harness's ends: the supervisor's socket and the log pipe."""

    control: socket.socket
    log_fd: int
    pending: bytes = b""
    messages: dict[str, float] = field(default_factory=dict)
    gone: bool = False
    at_rest: bool = False
    """a fork server that waits for orders: silence is no hang."""

    def order(self, word: bytes) -> None:
        """Tell the supervisor `abort` or `kill`."""
        self.wake()
        with contextlib.suppress(OSError):
            self.control.sendall(word)

    def wake(self) -> None:
        """A test may have stopped the supervisor, which would not hear how the test ends."""
        if "supervisor" in self.messages and not self.gone:
            with contextlib.suppress(OSError):
                os.kill(int(self.messages["supervisor"]), signal.SIGCONT)

    def hear(self) -> None:
        """Take in what the supervisor says."""
        try:
            data = self.control.recv(_BLOCK)
        except OSError:
            data = b""
        if not data:
            self.gone = True
        *lines, self.pending = (self.pending + data).split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError):
                self.messages.update(json.loads(line))

    def close(self) -> None:
        """Let go; a supervisor that still lives takes its tree down."""
        self.control.close()
        fd, self.log_fd = self.log_fd, -1
        if fd >= 0:
            os.close(fd)


class _Tail:
    """Reads what is appended to the record, also when the file was removed and made anew."""

    def __init__(self, path: Path, sink: Sink) -> None:
        self._path, self._sink = path, sink
        self._fd = -1
        self.begun = False
        self.grew_at = time.monotonic()

    def poll(self) -> bool:
        if self._fd < 0:
            try:
                self._fd = os.open(self._path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
            except OSError:
                return False
        grew = self._read()
        if os.fstat(self._fd).st_nlink == 0:
            grew |= self._follow()
        if grew:
            self.begun, self.grew_at = True, time.monotonic()
        return grew

    def _read(self) -> bool:
        grew = False
        while block := os.read(self._fd, 1 << 18):
            self._sink(block)
            grew = True
        return grew

    def _follow(self) -> bool:
        """The file was removed: its writer goes on in a new one, or in this one where it can make none."""
        try:
            fd = os.open(self._path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except OSError:
            return False
        grew = self._read()
        os.close(self._fd)
        self._fd = fd
        return self._read() or grew

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.poll()
        if self._fd >= 0:
            os.close(self._fd)


def watch(
    supervised: Supervised, request: ProcessRequest, sink: Sink, stop: Callable[[], bool]
) -> ProcessOutcome:
    """See the process to its end; on return its tree is gone and its log is whole."""
    started = time.monotonic()
    log = LogWriter(request.folder / LOG, Redactor.of(request.env), request.log_bytes)
    tail = _Tail(request.folder / RECORD, sink)
    try:
        ended = _until_end(supervised, request, log, tail, stop)
        _drain(supervised, log)
    finally:
        tail.close()
        supervised.close()
        cut = log.close()
    return _outcome(supervised, ended, time.monotonic() - started, cut)


def _until_end(
    supervised: Supervised, request: ProcessRequest, log: LogWriter, tail: _Tail, stop: Callable[[], bool]
) -> str:
    started = time.monotonic()
    os.set_blocking(supervised.log_fd, False)
    poller = select.poll()
    poller.register(supervised.control, select.POLLIN)
    ended, deadline = "finished", None
    pause, woken = _TICK_MS, started
    while not supervised.gone and "ended" not in supervised.messages:
        if poller.poll(pause):
            supervised.hear()
        pause = 0 if _pump(supervised.log_fd, log) > _BUSY_BYTES else _TICK_MS
        tail.poll()
        now = time.monotonic()
        if now - woken > _WAKE_SECONDS:
            woken = now
            supervised.wake()
        if deadline is not None:
            if now > deadline:
                supervised.order(b"kill\n")
                deadline = now + _SWEEP_SECONDS
            continue
        reason = "interrupted" if stop() else None
        if reason is None and not supervised.at_rest:
            reason = _limit_hit(request, now - started, now - tail.grew_at, begun=tail.begun)
        if reason is not None:
            ended = reason
            supervised.order(b"kill\n" if reason == "interrupted" else b"abort\n")
            deadline = now + (_SWEEP_SECONDS if reason == "interrupted" else _ABORT_SECONDS)
    return ended


def _limit_hit(request: ProcessRequest, ran: float, silent: float, *, begun: bool) -> str | None:
    if request.test_timeout is not None and silent > max(
        request.test_timeout, 0.0 if begun else _START_SECONDS
    ):
        return "test-timeout"
    if request.total_seconds is not None and ran > request.total_seconds:
        return "chunk-timeout"
    return None


def _pump(fd: int, log: LogWriter) -> int:
    """Move what is there into the log, a bounded amount at a time; how many bytes that were."""
    moved = 0
    for _ in range(64):
        try:
            block = os.read(fd, _BLOCK)
        except OSError:
            break
        if not block:
            break
        moved += len(block)
        log.feed(block)
    return moved


def _drain(supervised: Supervised, log: LogWriter) -> None:
    """What the dead left in the pipe; nobody writes to it any more."""
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline and select.select([supervised.log_fd], [], [], 0)[0]:
        if not _pump(supervised.log_fd, log):
            break


def _outcome(supervised: Supervised, ended: str, seconds: float, cut: int) -> ProcessOutcome:
    raw = supervised.messages.get("ended")
    if raw is None:
        note = (
            "the supervisor of the process was killed"
            if "started" in supervised.messages
            else "the process did not start"
        )
        return ProcessOutcome(
            "lost" if ended == "finished" else ended, seconds=seconds, log_cut=cut, note=note
        )
    status = int(raw)
    signalled = os.WIFSIGNALED(status)
    return ProcessOutcome(
        ended=ended,
        exit_code=None if signalled else os.waitstatus_to_exitcode(status),
        signal=signal_name(os.WTERMSIG(status)) if signalled else None,
        seconds=supervised.messages.get("seconds", seconds),
        swept=int(supervised.messages.get("swept", 0)),
        log_cut=cut,
    )


def signal_name(number: int) -> str:
    """`SIGSEGV`, or `signal 42` where the number has no name here."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
