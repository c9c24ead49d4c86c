"""Run jobs in worker threads until all are done, one fails, or the run is to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType
from typing import TypeVar

_Job = TypeVar("_Job")

_TICK_SECONDS = 0.05
"""Between two calls of `tick`: what a kill of the harness may lose of the record."""


class StopCondition:
    """Whether the run should end early, and why; executors call it several times a second."""

    def __init__(self, is_time_up: Callable[[], bool] = lambda: False) -> None:
        """`is_time_up` tells whether the time of the whole run is used up."""
        self._is_time_up = is_time_up
        self.signal: str | None = None
        self.out_of_time = False
        self.failed = False

    def fail(self) -> None:
        """Let running processes end: something went wrong in the harness itself."""
        self.failed = True

    def __call__(self) -> bool:
        """Whether to stop now."""
        if not self.out_of_time and self._is_time_up():
            self.out_of_time = True
        return self.signal is not None or self.out_of_time or self.failed


def run_jobs(
    jobs: Sequence[_Job],
    workers: int,
    do: Callable[[_Job], None],
    *,
    tick: Callable[[], None],
    fail: Callable[[], None],
) -> None:
    """Do every job in order of the sequence, `workers` at a time; `tick` is called meanwhile.

    A job (or tick) that raises stops the taking of further jobs, and `fail` lets the running ones end;
    the first error is raised when all have ended.
    """
    queue: SimpleQueue[_Job] = SimpleQueue()
    for job in jobs:
        queue.put(job)
    errors: list[BaseException] = []

    def work() -> None:
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

    count = max(1, min(workers, len(jobs)))
    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(_TICK_SECONDS)
            try:
                tick()
            except OSError as error:
                errors.append(error)
                fail()
    if errors:
        raise errors[0]


@contextmanager
def stopping_on_signals(stop: StopCondition) -> Iterator[None]:
    """Let the first SIGINT, SIGTERM or SIGHUP end the run in an orderly way, and a second one at once.

    Outside of the main thread, where Python sets no handlers, signals keep their meaning.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        if stop.signal is not None:
            raise KeyboardInterrupt
        stop.signal = signal.Signals(number).name

    # `nohup` has made the process ignore SIGHUP, and that stays so
    hangup = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    handled = (signal.SIGINT, signal.SIGTERM, *hangup)
    previous = {number: signal.signal(number, handle) for number in handled}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
