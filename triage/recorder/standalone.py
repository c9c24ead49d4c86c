"""Record a plain pytest session: the same events in `DIR/events.jsonl`; the session is not changed.

No harness holds a key, so lines are not sealed. Under pytest-xdist the tests run in workers: the controller
gets their reports alone, and records what these say.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from triage.recorder.record_file import Writer
from triage.recorder.remote_reports import RemoteReports
from triage.recorder.session_recorder import Recorder
from triage.recorder.settings import Settings

NAME = "events.jsonl"


class StandaloneWriter(Writer):
    """Appends lines as a run's `events.jsonl` has them."""

    def write_payload(self, payload: bytes) -> None:
        """Append one event."""
        if os.getpid() == self.pid:
            self._append(b'{"chunk":"pytest","attempt":1,' + payload[1:] + b"\n")


class StandaloneRecorder(Recorder):
    """Records, and changes nothing: switches no option off, selects no test."""

    survives_exit = False

    def __init__(self, settings: Settings) -> None:
        """Nothing is written before the session is configured."""
        super().__init__(settings)
        self.writer = StandaloneWriter(settings.record, b"")
        self.notes = []
        self.remote = RemoteReports(self.writer, self.serializer, self.redact)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_cmdline_main(self, config: Any) -> Any:
        """Leave every option as it is."""
        return (yield)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Record the first worker's list: pytest-xdist requires the lists of all workers to be equal."""
        if not self.remote.announced:
            self.remote.announce(ids)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Record under pytest-xdist that a worker has started a test."""
        self.remote.begun(nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Keep a report of this process, or of a worker."""
        if self.remote.announced:
            self.remote.take(report)
        else:
            super().pytest_runtest_logreport(report)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Record under pytest-xdist that a worker has finished a test."""
        self.remote.over(nodeid)


def record_to(config: Any, folder: str) -> None:
    """Record this session to `folder`. Raises pytest's usage error where it cannot be written."""
    path = os.path.join(os.path.abspath(folder), NAME)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
    except OSError as error:
        raise pytest.UsageError(f"--triage-record: {path} cannot be made: {error.strerror}") from error
    recorder = StandaloneRecorder(Settings(record=path))
    config.pluginmanager.register(recorder, "triage-plain-record")
