"""Treatment: another process runs the same tests at the same time. Settings: {"on": true}.

It has the same folders, and both go through the tests in step: the other process sets a test up first,
runs it while it runs here, and tears it down when it is over here. What only one process can have (a port, a
lock, a file of one name) the other one has. Only what happens here counts.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import pytest

from triage.instruments.base import settings

_ON = bool(settings("beside").get("on"))
_PIPES = "TRIAGE_BESIDE"
"""Descriptors of the other process: from which it is told, and to which it answers."""
_START_SECONDS, _STEP_SECONDS = 30.0, 2.0
"""How long the other process may take to start, and to set one test up; then the test runs without it."""
_HEAD_START = 0.02
"""Seconds that the test runs there before it begins here: what it takes by then is taken."""
_TELL = b"x"


class _Step:
    """One byte in each direction for each stage of a test; a process that is gone is waited for no more."""

    def __init__(self, hears: int, says: int) -> None:
        self._hears, self._says = hears, says
        self._is_over = False

    def say(self) -> None:
        """Let the other process go on."""
        try:
            os.write(self._says, _TELL)
        except OSError:
            self._is_over = True

    def wait(self, seconds: float) -> None:
        """Wait until the other process says so."""
        if self._is_over:
            return
        ready, _, _ = select.select([self._hears], [], [], seconds)
        if not ready or not os.read(self._hears, 1):
            self._is_over = True


def _own_variables() -> dict[str, str]:
    """Those of the tests: the other process records nothing and has no instruments of its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")}


class _Here:
    """The process whose outcomes count."""

    def __init__(self, items: list[Any]) -> None:
        hears, their_mouth = os.pipe()
        their_ear, says = os.pipe()
        # ids would be too long for a command, and a file has a name that tests may find
        listed = "\0".join(item.nodeid for item in items).encode()
        with tempfile.TemporaryFile() as tests:
            tests.write(listed)
            tests.flush()
            tests.seek(0)
            passed = (their_ear, their_mouth, tests.fileno())
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pytest", "-q", "-p", __name__, "-p", "no:cacheprovider"],
                env={**_own_variables(), _PIPES: " ".join(map(str, passed))},
                pass_fds=passed,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        os.close(their_ear)
        os.close(their_mouth)
        self._step = _Step(hears, says)
        self._step.wait(_START_SECONDS)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        """The other process sets the test up first, and tears it down last."""
        self._step.say()
        self._step.wait(_STEP_SECONDS)
        time.sleep(_HEAD_START)
        try:
            return (yield)
        finally:
            self._step.say()
            self._step.wait(_STEP_SECONDS)

    def pytest_unconfigure(self) -> None:
        """End the other process."""
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STEP_SECONDS)


class _There:
    """The other process."""

    def __init__(self, hears: int, says: int, tests: int) -> None:
        self._step = _Step(hears, says)
        with os.fdopen(tests, "rb") as listed:
            self._wanted = listed.read().decode().split("\0")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """The same tests in the same order; the first is begun when the process here is ready."""
        known = {item.nodeid: item for item in items}
        items[:] = [known[nodeid] for nodeid in self._wanted if nodeid in known]
        self._step.say()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Iterator[None]:
        """Wait for one's turn; once the test is set up, or could not be, it may run here, too."""
        self._step.wait(_START_SECONDS)
        try:
            return (yield)
        finally:
            self._step.say()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Iterator[None]:
        """Not before it is over here."""
        self._step.wait(_START_SECONDS)
        try:
            return (yield)
        finally:
            self._step.say()


def pytest_configure(config: Any) -> None:
    """In the other process: follow."""
    pipes = os.environ.pop(_PIPES, None)
    if pipes is not None:
        config.pluginmanager.register(_There(*map(int, pipes.split())))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: Any) -> None:
    """In the process whose outcomes count: start the other one, once it is known what runs."""
    if _ON and session.items:
        session.config.pluginmanager.register(_Here(session.items))
