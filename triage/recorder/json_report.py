"""pytest-json-report inside a chunk: its own document, redacted and capped before it is written.

The plugin comes with triage and not by the suite's wish, so a process that needs no document blocks it, as
`-p no:pytest_jsonreport` would, unless the suite asks for it in its options or configuration.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shlex
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from triage.recorder.reports import ReportSerializer
from triage.recorder.settings import Settings

_PLUGIN = "pytest_jsonreport"
"""The name of its entry point, and so of the registered plugin."""


def block_unless_wanted(pluginmanager: Any, settings: Settings) -> None:
    """Block the plugin where neither the harness nor the suite asks for its report.

    Called before pytest loads installed plugins. A `-p pytest_jsonreport` that comes later on the command
    line lifts the block, which is pytest's own rule; one that came earlier has registered the plugin.
    """
    config = pluginmanager.get_plugin("pytestconfig")
    if _harness_wants(settings) or pluginmanager.has_plugin(_PLUGIN) or _suite_wants(config):
        return
    pluginmanager.set_blocked(_PLUGIN)


def stand_in(pluginmanager: Any) -> None:
    """Keep suites that use the plugin's hooks or its fixture working where it is blocked.

    Without `--json-report` the plugin itself would do no more for them. Called once the suite's conftest
    files are loaded: they may have loaded the plugin by another name, and then nothing is missing.
    """
    if not pluginmanager.is_blocked(_PLUGIN) or importlib.util.find_spec(_PLUGIN) is None:
        return
    known = getattr(pluginmanager.hook, "pytest_json_modifyreport", None)
    if known is not None and known.has_spec():
        return
    pluginmanager.add_hookspecs(_Hooks)
    pluginmanager.register(_Fixtures(), "triage-json-report-stand-in")


def _harness_wants(settings: Settings) -> bool:
    planned = len(settings.exact or ())
    return settings.json_report is not None and planned <= settings.json_report_limit


def _suite_wants(config: Any) -> bool:
    """Whether options say `--json-report...`, or name files of options that only pytest reads."""
    words = [*config.invocation_params.args, *config.getini("addopts")]
    with contextlib.suppress(ValueError):  # unbalanced quotes: pytest itself refuses them
        words += shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    if any(str(word).startswith(("--json-report", "@")) for word in words):
        return True
    return _PLUGIN in os.environ.get("PYTEST_PLUGINS", "").split(",")


class _Hooks:
    """The plugin's hooks as suites implement them; nothing calls them while it is blocked."""

    def pytest_json_modifyreport(self, json_report: Any) -> None:
        """Change the document before it is written."""

    @pytest.hookspec(firstresult=True)
    def pytest_json_runtest_stage(self, report: Any) -> None:
        """Say what stands in the document for one stage of a test."""

    def pytest_json_runtest_metadata(self, item: Any, call: Any) -> None:
        """Add values to a test's entry in the document."""


class _Fixtures:
    @pytest.fixture
    def json_metadata(self) -> dict[str, Any]:
        """Values that go nowhere, as with the plugin's fixture where no report is made."""
        return {}


class JsonReport:
    """Switches the plugin on where it is installed, and writes what it made."""

    def __init__(self, path: str | None, serializer: ReportSerializer) -> None:
        """`path` None: the document is made from the events instead."""
        self.path, self.serializer = path, serializer

    def enable(self, config: Any, settings: Settings) -> None:
        """Before the session is configured; the plugin itself must not save anything."""
        option = config.option
        # without pytest's own terminal plugin nobody tells it what a report's status is called
        plugins = ("pytest_jsonreport", "terminal")
        present = all(map(config.pluginmanager.hasplugin, plugins)) and hasattr(option, "json_report")
        planned = len(settings.exact or ())
        if not present or planned > settings.json_report_limit:
            self.path = None
        if not hasattr(option, "json_report"):
            return
        option.json_report = self.path is not None
        option.json_report_file = None
        # a fork server does not know yet which items a report is about: its children add the collectors
        option.json_report_omit = ["collectors"] if settings.mode == "serve" else []
        option.json_report_summary = False
        option.json_report_verbosity = -1

    def begin_chunk(self, session: Any, settings: Settings) -> None:
        """In a child of a fork server: the plugin reports on its chunk alone, or not at all."""
        plugin = getattr(session.config, "_json_report", None)
        self.path = settings.json_report
        if plugin is None or self.path is None:
            self.path = None
            return
        if len(settings.exact or ()) > settings.json_report_limit:
            self.path = None
            session.config.pluginmanager.unregister(plugin)
            del session.config._json_report
            return
        plugin._json_tests.clear()
        plugin._config.option.json_report_omit = []
        plugin._json_collectors[:] = _collectors(session.items)

    def write(self, document: dict[str, Any]) -> None:
        """The document as it may be written, whole or not at all; never raises."""
        if self.path is None:
            return
        with contextlib.suppress(Exception):
            text = json.dumps(self.serializer.deep(document), ensure_ascii=True, allow_nan=False)
            with open(self.path + ".part", "w", encoding="ascii") as file:
                file.write(text)
            os.replace(self.path + ".part", self.path)


def _collectors(items: Sequence[Any]) -> list[dict[str, Any]]:
    """What pytest-json-report says of collection, for these items and what leads to them."""
    from pytest_jsonreport.serialize import make_collectitem

    found: dict[str, dict[str, Any]] = {}
    listed: set[int] = set()
    for item in items:
        chain = item.listchain()
        for parent, child in pairwise(chain):
            place = found.setdefault(
                parent.nodeid, {"nodeid": parent.nodeid, "outcome": "passed", "result": []}
            )
            if id(child) not in listed:
                listed.add(id(child))
                place["result"].append(make_collectitem(child))
    return list(found.values())
