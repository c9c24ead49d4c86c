"""Leave out of a collection what killed an earlier one, or everything but the one thing that is tried alone.

`pytest_ignore_collect` is not asked about files and folders that stand on the command line, nor about
classes: those are collected as if they were empty.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from triage.recorder.select import public_id
from triage.recorder.settings import Settings
from triage.text.redact import Redactor


def is_left_out(path: str, settings: Settings) -> bool:
    """Tell whether a file or folder is not to be collected."""
    if path in settings.ignore:
        return True
    only = settings.only_path
    if only is None:
        return False
    is_only_or_beneath = path == only or path.startswith(only + os.sep)
    leads_there = only.startswith(path.rstrip(os.sep) + os.sep)
    return not (is_only_or_beneath or leads_there)


class LeftOut:
    """A plugin that answers for collectors which are left out, before pytest collects them."""

    def __init__(self, settings: Settings, redact: Redactor) -> None:
        """`redact` makes public ids."""
        self._settings, self._redact = settings, redact

    @pytest.hookimpl(tryfirst=True)
    def pytest_make_collect_report(self, collector: Any) -> Any:
        """Return the report of an empty collector; None leaves the collector to pytest."""
        if isinstance(collector, pytest.Session) or not self._is_left_out(collector):
            return None
        return pytest.CollectReport(collector.nodeid, "passed", None, [])

    def _is_left_out(self, collector: Any) -> bool:
        if isinstance(collector, (pytest.File, pytest.Directory)):
            return is_left_out(str(collector.path), self._settings)
        ignore = self._settings.ignore
        return bool(ignore) and public_id(collector.nodeid, self._redact) in ignore
