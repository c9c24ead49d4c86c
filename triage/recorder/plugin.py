"""The plugin inside the process under test: `-p triage.recorder.plugin`.

Without settings in the environment it does nothing. With them it registers what writes the record, before
other plugins and the suite's own code have their say.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import Any

import pytest

from triage.recorder import other_plugins
from triage.recorder.conftests import follow_conftests
from triage.recorder.json_report import block_unless_wanted
from triage.recorder.left_out import LeftOut
from triage.recorder.session_recorder import Recorder
from triage.recorder.settings import Settings, take_settings

_NAME = "triage-recorder"
_SET_ASIDE = "triage.recorder.set_aside"
"""Imported in forks of a warm parent alone."""
_SETTINGS = take_settings()
"""Read at import, before a conftest or a test can see them; None where no harness started the process."""


class _Early:
    """Hooks that run while pytest still reads its options."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(self, early_config: Any) -> Generator[None, object, object]:
        """Before pytest-cov starts to measure."""
        with other_plugins.redirect_coverage(early_config, _SETTINGS.coverage if _SETTINGS else None):
            return (yield)


def pytest_addoption(parser: Any, pluginmanager: Any) -> None:
    """Called as soon as `-p` has loaded this module: the first moment to register hooks."""
    if _SET_ASIDE in sys.modules:
        sys.modules[_SET_ASIDE].come_first()
    if _SETTINGS is not None and not pluginmanager.has_plugin(_NAME):
        recorder = _recorder(_SETTINGS)
        pluginmanager.register(_Early(), _NAME + "-early")
        pluginmanager.register(LeftOut(_SETTINGS, recorder.redact), _NAME + "-left-out")
        pluginmanager.register(recorder, _NAME)
        follow_conftests(pluginmanager, recorder.writer, recorder.serializer, _SETTINGS)
        block_unless_wanted(pluginmanager, _SETTINGS)


def _recorder(settings: Settings) -> Recorder:
    if not settings.workers:
        return Recorder(settings)
    from triage.recorder.xdist_session import XdistRecorder

    return XdistRecorder(settings)


def pytest_cmdline_main(config: Any) -> None:
    """In a worker of pytest-xdist: select what its session selects, which the worker is told by that."""
    if hasattr(config, "workerinput"):
        from triage.recorder.xdist_session import follow_session

        follow_session(config)
