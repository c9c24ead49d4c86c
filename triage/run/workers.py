"""Workers: each takes the longest chunk that is left, until none is left or the run is stopped."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType
from typing import TypeVar

_Work = TypeVar("_Work")


def work_through(
    jobs: Sequence[_Work],
    workers: int,
    do: Callable[[_Work], None],
    *,
    tick: Callable[[], None],
    fail: Callable[[], None],
) -> None:
    """Do every job, `workers` at a time, in order of the sequence; `tick` is called meanwhile.

    A job (or tick) that raises stops the taking of further jobs, and `fail` lets the running ones end;
    the first error is raised when all have ended.
    """
    queue: SimpleQueue[_Work] = SimpleQueue()
    for job in jobs:
        queue.put(job)
    errors: list[BaseException] = []

    def worker() -> None:
        while not errors:
            try:
                job = queue.get_nowait()
            except Empty:
                return
            try:
                do(job)
            except BaseException as error:
                errors.append(error)
                fail()

    threads = [threading.Thread(target=worker, daemon=True) for _ in range(max(1, min(workers, len(jobs))))]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.05)
            try:
                tick()
            except OSError as error:
                errors.append(error)
                fail()
    if errors:
        raise errors[0]


class Stop:
    """Whether the run should end early, and why."""

    def __init__(self, deadline: Callable[[], bool] = lambda: False) -> None:
        """`deadline` says that the run's whole time is up."""
        self._deadline = deadline
        self.signal: str | None = None
        self.out_of_time = False
        self.failed = False

    def fail(self) -> None:
        """Something went wrong in the harness: let what runs end."""
        self.failed = True

    def __call__(self) -> bool:
        """Asked several times a second by whatever runs."""
        if not self.out_of_time and self._deadline():
            self.out_of_time = True
        return self.signal is not None or self.out_of_time or self.failed


@contextmanager
def obeying_signals(stop: Stop) -> Iterator[None]:
    """SIGINT and SIGTERM end the run in an orderly way; a second one of them at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def heard(number: int, _frame: FrameType | None) -> None:
        if stop.signal is not None:
            raise KeyboardInterrupt
        stop.signal = signal.Signals(number).name

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
