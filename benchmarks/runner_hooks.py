"""Time the recorder's hooks of one passing test, in a loop: started by `benchmarks.runner`.

Arguments: TEST_FILE RECORD_FILE. Prints microseconds a test, the best of several rounds, on standard error.
"""

from __future__ import annotations

import contextlib
import sys
import time

import pytest
from _pytest.runner import runtestprotocol

from triage.recorder.session_recorder import Recorder
from triage.recorder.settings import Settings

_ROUNDS, _LAPS = 9, 2000
"""The best of the rounds counts: what else the machine does only ever adds."""


class Loop:
    """A pytest plugin: runs the one test once, then feeds its reports to a recorder again and again."""

    def __init__(self, record: str) -> None:
        """`record` is the file that the recorder writes."""
        self._record = record

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Measure in place of running the suite."""
        (item,) = session.items
        reports = runtestprotocol(item, log=False, nextitem=None)
        recorder = Recorder(Settings(record=self._record, key="00" * 32, field_chars=65536))
        recorder.announce([item])
        best = float("inf")
        for _ in range(_ROUNDS):
            started = time.process_time()
            for _ in range(_LAPS):
                _record_once(recorder, item, reports)
            best = min(best, (time.process_time() - started) / _LAPS)
        print(f"{best * 1e6:.1f}", file=sys.stderr)
        return True


def _record_once(recorder: Recorder, item: pytest.Item, reports: list[pytest.TestReport]) -> None:
    """Two sealed lines, each written at once: the test begins, the test ends."""
    recorder.position = 0
    around_the_test = recorder.pytest_runtest_protocol(item)
    next(around_the_test)
    for report in reports:
        recorder.pytest_runtest_logreport(report)
    with contextlib.suppress(StopIteration):
        around_the_test.send(True)


if __name__ == "__main__":
    test_file, record_file = sys.argv[1:]
    arguments = ["-q", "-p", "no:cacheprovider", test_file]
    sys.exit(pytest.main(arguments, plugins=[Loop(record_file)]))
