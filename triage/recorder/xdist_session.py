"""Run the tests of a session in workers of pytest-xdist, and record what they report.

The session's process selects nothing, because it collects nothing: each worker is told what to select.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any

import pytest

from triage.recorder import other_plugins
from triage.recorder.exceptions import exception_chain
from triage.recorder.remote_reports import CHAIN, RemoteReports
from triage.recorder.select import exactly, matching, public_id, public_ids
from triage.recorder.session_recorder import Recorder
from triage.recorder.settings import Settings
from triage.text.redact import Redactor

_EVERY_WORKER = "each"
"""The distribution with which each worker runs every test."""
_INPUT = "triage_selection"
"""Under this name a worker finds in its input what to select."""


class XdistRecorder(Recorder):
    """Records what workers report; the options of the suite that start workers are replaced."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is written before the session is configured."""
        super().__init__(settings)
        self.remote = RemoteReports(self.writer, self.serializer, self.redact)

    def set_options(self, config: Any) -> None:
        """Start the workers that the settings ask for, and none that the suite asks for."""
        super().set_options(config)
        if not hasattr(config.option, "numprocesses"):
            raise pytest.UsageError("pytest-xdist is not installed, or is switched off")
        config.option.numprocesses = self.settings.workers
        config.option.maxprocesses = None
        config.option.dist = self.settings.distribution

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker that starts what to select."""
        exact = self.settings.exact
        if exact is not None and self.settings.distribution == _EVERY_WORKER:
            exact = [pair for pair in exact if pair[1] == 0]  # named once for each worker that runs it
        node.workerinput[_INPUT] = {"exact": exact, "match": self.settings.match}

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Record the first worker's list: pytest-xdist requires the lists of all workers to be equal."""
        self._touch()
        if not self.remote.announced:
            copies = self.settings.workers if self.settings.distribution == _EVERY_WORKER else 1
            self.remote.announce(ids, copies)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Record that a worker has started a test."""
        self._touch()
        self.remote.begun(nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Keep a worker's report."""
        self._touch()
        self.remote.take(report)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Record that a worker has finished a test."""
        self.remote.over(nodeid)

    def _touch(self) -> None:
        if self.watchdog:
            self.watchdog.touch()


class _Worker:
    """In a worker: cuts the collected items down to what the session selects, and says what was raised."""

    def __init__(self, selection: dict[str, Any]) -> None:
        self._exact = selection["exact"]
        self._match = selection["match"]
        self._redact = Redactor.of(os.environ)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> Any:
        """Select after every other plugin has had its say."""
        result = yield
        ids = public_ids(items, self._redact)
        if self._exact is not None:
            items[:], _ = exactly(items, ids, self._exact)
        elif self._match is not None:
            items[:] = matching(items, ids, [public_id(name, self._redact) for name in self._match])
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, call: Any) -> Any:
        """Take the exception apart here: the session's process gets the report alone."""
        report = yield
        if report.failed and call.excinfo is not None:
            # what cannot be taken apart is still in the text of the report
            with contextlib.suppress(BaseException):
                setattr(report, CHAIN, exception_chain(call.excinfo.value))
        return report


def follow_session(config: Any) -> None:
    """Let a worker of pytest-xdist select what its session selects, under the same options."""
    selection = config.workerinput.get(_INPUT)
    if selection is None:
        return  # a session that triage does not run
    other_plugins.switch_off_options(config)
    config.pluginmanager.register(_Worker(selection), "triage-worker")
