"""Settings of the recorder: one JSON file, named by `TRIAGE_RECORD`, deleted before the first test.

The file holds the key of the record. Its name is taken out of the environment and the file is
deleted as soon as it is read, so that neither the test nor what the test starts can find the key.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, field, fields
from typing import Any

VARIABLE = "TRIAGE_RECORD"


@dataclass
class Settings:
    """How one process records; paths are absolute."""

    record: str
    key: str = ""
    name: str = "run"
    """Name of the attempt, for folders that each process needs for itself."""
    mode: str = "run"
    """run: run what is selected; collect: stop after collection; serve: fork a child for each chunk."""
    exact: list[list[Any]] | None = None
    """Pairs of public node id and which of the items with this id, in the order in which to run them."""
    match: list[str] | None = None
    """Node ids, files, folders; a name takes all its parameters along."""
    ignore: list[str] = field(default_factory=list)
    """What killed an earlier collection: paths of files and folders, public ids of other collectors."""
    only_path: str | None = None
    """The only file or folder to collect, with the folders that lead to it."""
    only_files: list[str] | None = None
    """Paths of the only files to collect."""
    field_chars: int = 65536
    test_timeout: float | None = None
    stacks: str | None = None
    """File for the stacks of a hanging test."""
    json_report: str | None = None
    json_report_limit: int = 1000
    """With more tests than this the report is made from the events: the plugin costs 0.15 ms a test."""
    cache_dir: str | None = None
    coverage: str | None = None
    """A folder for the data of pytest-cov; None switches it off."""
    seed: int | None = None
    """Seed for plugins that otherwise draw one for each process."""
    keep_order: str | None = None
    """The plugin that may shuffle while the suite is collected, with its seed: `randomly:123`."""
    workers: int = 0
    """Let pytest-xdist run the tests in so many workers; 0: in this process."""
    distribution: str = "load"
    """How pytest-xdist gives the tests to its workers, as `--dist` names it."""
    restore: dict[str, str | None] = field(default_factory=dict)
    """Variables as the suite's author has them, where starting the recorder needed others."""
    unpath: list[str] = field(default_factory=list)
    """Entries to take out of `sys.path` once the recorder is imported."""
    look: dict[str, Any] | None = None
    """Settings of `recorder.look`, where the tests are looked at while they run."""
    late: dict[str, Any] | None = None
    """Settings of `recorder.late`, where the surroundings change behind the collection."""
    apart: dict[str, Any] | None = None
    """Settings of `recorder.apart`, where tests run in children of their own."""
    modules: str | None = None
    """A file for the names of the libraries' modules that are imported when collection is over."""
    control: int | None = None
    """Descriptor of the control socket of a process that serves."""


def settings_from(data: dict[str, Any]) -> Settings:
    """Make settings from JSON; unknown keys are of a newer harness and are left out."""
    known = {f.name for f in fields(Settings)}
    return Settings(**{name: value for name, value in data.items() if name in known})


def take_settings() -> Settings | None:
    """Read and delete the settings file; None where no harness started this process."""
    path = os.environ.pop(VARIABLE, None)
    if not path:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            settings = settings_from(json.load(file))
    except (OSError, ValueError, TypeError):
        return None
    with contextlib.suppress(OSError):
        os.unlink(path)
    _restore(settings)
    return settings


def _restore(settings: Settings) -> None:
    """Undo what was needed to start the recorder: variables, and entries of `sys.path`."""
    import sys

    for name, value in settings.restore.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    sys.path[:] = [entry for entry in sys.path if entry not in settings.unpath]
