"""The collection's record is waited for as long as somebody reads it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from triage.run.isolation import _Feeding, _wait_for_record


class SlowReader:
    """Reads one block for as long as the test wants, then knows that the collection is over."""

    def __init__(self) -> None:
        self.ready = False
        self.may_go_on = threading.Event()

    def feed(self, _block: bytes) -> None:
        self.may_go_on.wait()
        self.ready = True


def clock_of(then: Callable[[], None] | None = None) -> Callable[[], float]:
    """A minute passes between any two looks at it; `then` happens at the fifth."""
    looks = 0

    def now() -> float:
        nonlocal looks
        looks += 1
        if looks == 5 and then is not None:
            then()
        return looks * 60.0

    return now


def test_a_record_that_takes_minutes_to_read_is_waited_for():
    reader = SlowReader()
    feeding = _Feeding(reader)
    thread = threading.Thread(target=feeding, args=(b"a line of a large suite",), daemon=True)
    thread.start()
    while not feeding.is_busy:
        time.sleep(0.001)
    assert _wait_for_record(reader, feeding, clock_of(reader.may_go_on.set))
    thread.join()
    assert not feeding.is_busy


def test_a_record_that_never_comes_is_given_up():
    reader = SlowReader()
    assert not _wait_for_record(reader, _Feeding(reader), clock_of())
