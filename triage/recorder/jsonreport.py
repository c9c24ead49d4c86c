"""pytest-json-report inside a chunk: its own document, redacted and capped before it is written."""

from __future__ import annotations

import contextlib
import json
import os
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
        present = config.pluginmanager.hasplugin("pytest_jsonreport") and hasattr(option, "json_report")
        planned = len(settings.exact or ())
        if not present or planned > settings.json_report_limit:
            self.path = None
        if not hasattr(option, "json_report"):
            return
        option.json_report = self.path is not None
        option.json_report_file = None
        option.json_report_omit = []
        option.json_report_summary = False
        option.json_report_verbosity = -1

    def begin_chunk(self, config: Any, settings: Settings) -> None:
        """In a child of a warm parent: the plugin reports on its chunk alone, or not at all."""
        plugin = getattr(config, "_json_report", None)
        self.path = settings.json_report
        if plugin is None or self.path is None:
            self.path = None
            return
        if len(settings.exact or ()) > settings.json_report_limit:
            self.path = None
            config.pluginmanager.unregister(plugin)
            del config._json_report
            return
        plugin._json_tests.clear()
        wanted = {nodeid.split("::", 1)[0] for nodeid, _ in settings.exact or ()}
        plugin._json_collectors[:] = [c for c in plugin._json_collectors if _concerns(c["nodeid"], wanted)]

    def write(self, document: dict[str, Any]) -> None:
        """The document as it may be written, whole or not at all; never raises."""
        if self.path is None:
            return
        with contextlib.suppress(Exception):
            text = json.dumps(self.scribe.deep(document), ensure_ascii=True, allow_nan=False)
            with open(self.path + ".part", "w", encoding="ascii") as file:
                file.write(text)
            os.replace(self.path + ".part", self.path)


def _concerns(collector: str, files: set[str]) -> bool:
    """Whether a collector lies on the way to one of the files, or in it."""
    file = collector.split("::", 1)[0]
    return file in files or any(name.startswith(f"{file}/") for name in files) or file in ("", ".")
