"""Let SIGTERM and SIGHUP end every command as Ctrl-C does: cleanly, with one line and exit code 130.

CI systems cancel a job by SIGTERM, a closed terminal sends SIGHUP. Both become `KeyboardInterrupt`, so that
every `with` and `finally` on the way out removes what the command had made.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from triage.process.signals import ENDING_SIGNALS

_TIDYING_SECONDS = 5.0
"""So long further signals are ignored: a cancelled job gets several in a row, and one in the middle of
tidying up would leave things behind. Whoever asks again later means it."""


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Raise `KeyboardInterrupt` at one of the signals, and ignore those that follow at once.

    A signal that the caller ignores (`nohup`) stays ignored. Outside of the main thread, where Python sets no
    handlers, signals keep their meaning.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handled = [number for number in ENDING_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    heeded: float | None = None

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal heeded
        now = time.monotonic()
        if heeded is None or now - heeded > _TIDYING_SECONDS:
            heeded = now
            raise KeyboardInterrupt

    previous = {number: signal.signal(number, handle) for number in handled}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
