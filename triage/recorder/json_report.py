"""pytest-json-report inside a chunk: its own document, redacted and capped before it is written."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from triage.recorder.reports import Scribe
from triage.recorder.settings import Settings


class JsonReport:
    """Switches the plugin on where it is installed, and writes what it made."""

    def __init__(self, path: str | None, scribe: Scribe) -> None:
        """`path` None: the document is made from the events instead."""
        self.path, self.scribe = path, scribe

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
        # a warm parent does not know yet which items a report is about: its children add the collectors
        option.json_report_omit = ["collectors"] if settings.mode == "serve" else []
        option.json_report_summary = False
        option.json_report_verbosity = -1

    def begin_chunk(self, session: Any, settings: Settings) -> None:
        """In a child of a warm parent: the plugin reports on its chunk alone, or not at all."""
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
            text = json.dumps(self.scribe.deep(document), ensure_ascii=True, allow_nan=False)
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
