"""Watch one supervised process: forward its log and its record, enforce its limits, see it end."""

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

from triage.model.run import Ended
from triage.process.api import LOG, RECORD, ProcessOutcome, ProcessRequest, Sink
from triage.process.log import LogWriter
from triage.recorder.events import belongs_to_start
from triage.text.redact import Redactor

_TICK_MS = 20
"""How often log and record are read: woken by each dot that pytest prints, the harness would eat a core."""
_BUSY_BYTES = 1 << 15
"""A process that prints so much in a tick is read without a pause: its pipe must not hold it up."""
_ABORT_SECONDS = 2.0
"""How long a hanging process may take to dump its stacks after SIGABRT."""
_SWEEP_SECONDS = 15.0
"""How long the supervisor may take to end the tree: its own limit and some more."""
_WAKE_SECONDS = 0.5
_LATE_SECONDS = 1.0
"""A tick that came so late shows that the machine stood still, and with it the process under test."""
_START_SECONDS = 30.0
"""An interpreter that starts and imports a conftest is no test: its limit is not below this."""
_DRAIN_SECONDS = 1.0
_LOG_BLOCK = 1 << 16
_RECORD_BLOCK = 1 << 18
_LOG_BLOCKS_A_TICK = 64
"""A process that prints without end must not keep the thread from looking at the limits."""


@dataclass
class Supervised:
    """The harness's ends of a supervised process: the supervisor's socket and the pipe of the log."""

    control: socket.socket
    log_fd: int
    pending: bytes = b""
    """A message of the supervisor that has not come whole."""
    messages: dict[str, float] = field(default_factory=dict)
    """What the supervisor has said: `started`, `supervisor`, `ended`, `swept`, `seconds`."""
    gone: bool = False
    """Whether the supervisor has closed its end."""
    at_rest: bool = False
    """Whether it is a fork server that waits for orders: its silence is no hang."""

    @property
    def pid(self) -> int | None:
        """The process under test; None until its supervisor has said."""
        started = self.messages.get("started")
        return None if started is None else int(started)

    def order(self, word: bytes) -> None:
        """Tell the supervisor `abort` or `kill`."""
        self.wake()
        with contextlib.suppress(OSError):
            self.control.sendall(word)

    def wake(self) -> None:
        """Continue the supervisor, which a test may have stopped: it would not notice how the test ends."""
        if "supervisor" in self.messages and not self.gone:
            with contextlib.suppress(OSError):
                os.kill(int(self.messages["supervisor"]), signal.SIGCONT)

    def receive(self) -> None:
        """Take in what the supervisor says."""
        try:
            data = self.control.recv(_LOG_BLOCK)
        except OSError:
            data = b""
        if not data:
            self.gone = True
        *lines, self.pending = (self.pending + data).split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError):
                self.messages.update(json.loads(line))

    def close(self) -> None:
        """Close both ends; a supervisor that still lives kills its tree."""
        self.control.close()
        fd, self.log_fd = self.log_fd, -1
        if fd >= 0:
            os.close(fd)


class _RecordReader:
    """Reads what is appended to the record, also when the file was removed and made anew."""

    def __init__(self, path: Path, sink: Sink) -> None:
        self._path, self._sink = path, sink
        self._fd = -1
        self.has_begun = False
        self.grew_at = time.monotonic()

    def poll(self) -> bool:
        """Forward what is new; return whether anything was."""
        if self._fd < 0:
            fd = self._open()
            if fd is None:
                return False
            self._fd = fd
        grew = self._read()
        if os.fstat(self._fd).st_nlink == 0:
            grew |= self._follow_replacement()
        if grew:
            self.grew_at = time.monotonic()
        return grew

    def _open(self) -> int | None:
        try:
            return os.open(self._path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except OSError:
            return None

    def _read(self) -> bool:
        grew = False
        while block := os.read(self._fd, _RECORD_BLOCK):
            self.has_begun = self.has_begun or not belongs_to_start(block)
            self._sink(block)
            grew = True
        return grew

    def _follow_replacement(self) -> bool:
        """The file was removed: its writer goes on in a new one, or in this one where it can make none."""
        fd = self._open()
        if fd is None:
            return False
        # what the writer appended before it noticed comes first
        grew = self._read()
        os.close(self._fd)
        self._fd = fd
        return self._read() or grew

    def close(self) -> None:
        """Forward the rest."""
        with contextlib.suppress(OSError):
            self.poll()
        if self._fd >= 0:
            os.close(self._fd)


def watch(
    supervised: Supervised, request: ProcessRequest, sink: Sink, stop: Callable[[], bool]
) -> ProcessOutcome:
    """Watch a process to its end; on return its tree is gone and its log is whole."""
    started = time.monotonic()
    log = LogWriter(request.folder / LOG, Redactor.of(request.env), request.log_bytes)
    record = _RecordReader(request.folder / RECORD, sink)
    try:
        ended = _until_end(supervised, request, log, record, stop)
        _drain(supervised, log)
    finally:
        record.close()
        supervised.close()
        cut = log.close()
    return _outcome(supervised, ended, time.monotonic() - started, cut)


def _until_end(
    supervised: Supervised,
    request: ProcessRequest,
    log: LogWriter,
    record: _RecordReader,
    stop: Callable[[], bool],
) -> Ended:
    """Forward log and record until the supervisor reports the end; return why it ended.

    A process that must end gets an order, and a deadline for it; past each deadline the next order is `kill`.
    """
    started = woken_at = ticked_at = time.monotonic()
    os.set_blocking(supervised.log_fd, False)
    poller = select.poll()
    poller.register(supervised.control, select.POLLIN)
    ended: Ended = "finished"
    deadline: float | None = None
    delay = 0.0
    pause = _TICK_MS
    while not supervised.gone and "ended" not in supervised.messages:
        if poller.poll(pause):
            supervised.receive()
        pause = 0 if _forward_log(supervised.log_fd, log) > _BUSY_BYTES else _TICK_MS
        if record.poll():
            delay = waited_for_processor(supervised.pid)
        now = time.monotonic()
        if now - ticked_at > _LATE_SECONDS:
            # neither this process nor, most likely, the other one was running: that is nobody's hang
            started += now - ticked_at
            record.grew_at += now - ticked_at
        ticked_at = now
        if now - woken_at > _WAKE_SECONDS:
            woken_at = now
            supervised.wake()
        if deadline is not None:
            if now > deadline:
                supervised.order(b"kill\n")
                deadline = now + _SWEEP_SECONDS
            continue
        if stop():
            ended = "interrupted"
            supervised.order(b"kill\n")
            deadline = now + _SWEEP_SECONDS
            continue
        if supervised.at_rest:
            continue
        reached = _limit_reached(request, now - started, now - record.grew_at, has_begun=record.has_begun)
        if reached == "test-timeout":
            # looked up only now: time in which the machine gave it no processor is not its own
            stood = waited_for_processor(supervised.pid) - delay
            silent = now - record.grew_at - max(0.0, stood)
            reached = _limit_reached(request, now - started, silent, has_begun=record.has_begun)
        if reached is not None:
            ended = reached
            supervised.order(b"abort\n")
            deadline = now + _ABORT_SECONDS
    return ended


def waited_for_processor(pid: int | None) -> float:
    """Seconds in which a process could have run and got no processor; 0 where the kernel does not say."""
    try:
        with open(f"/proc/{pid}/schedstat", "rb") as file:
            # nanoseconds on a processor, nanoseconds in the queue for one, number of turns
            return int(file.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def _limit_reached(request: ProcessRequest, ran: float, silent: float, *, has_begun: bool) -> Ended | None:
    """Which limit a process has reached that ran and was silent for so many seconds; None where none."""
    if request.test_timeout is not None:
        allowed = request.test_timeout if has_begun else max(request.test_timeout, _START_SECONDS)
        if silent > allowed:
            return "test-timeout"
    if request.total_seconds is not None and ran > request.total_seconds:
        return "chunk-timeout"
    return None


def _forward_log(fd: int, log: LogWriter) -> int:
    """Move what the pipe holds into the log, a bounded amount at a time; return how many bytes that were."""
    moved = 0
    for _ in range(_LOG_BLOCKS_A_TICK):
        try:
            block = os.read(fd, _LOG_BLOCK)
        except OSError:
            # the pipe is empty
            break
        if not block:
            break
        moved += len(block)
        log.feed(block)
    return moved


def _drain(supervised: Supervised, log: LogWriter) -> None:
    """Read what the dead left in the pipe; nobody writes to it any more."""
    deadline = time.monotonic() + _DRAIN_SECONDS
    while time.monotonic() < deadline and select.select([supervised.log_fd], [], [], 0)[0]:
        if not _forward_log(supervised.log_fd, log):
            break


def _outcome(supervised: Supervised, ended: Ended, seconds: float, cut: int) -> ProcessOutcome:
    raw = supervised.messages.get("ended")
    if raw is None:
        if "started" in supervised.messages:
            note = "the supervisor of the process was killed"
        else:
            note = "the process did not start"
        if ended == "finished":
            ended = "lost"
        return ProcessOutcome(ended, seconds=seconds, log_cut=cut, note=note, reported=False)
    status = int(raw)
    was_killed = os.WIFSIGNALED(status)
    return ProcessOutcome(
        ended=ended,
        exit_code=None if was_killed else os.waitstatus_to_exitcode(status),
        signal=signal_name(os.WTERMSIG(status)) if was_killed else None,
        seconds=supervised.messages.get("seconds", seconds),
        swept=int(supervised.messages.get("swept", 0)),
        log_cut=cut,
    )


def signal_name(number: int) -> str:
    """Return `SIGSEGV`, or `signal 42` where the number has no name here."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
