"""Offer what comes with triage through the same hooks as anybody's plugin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triage.plugins import hookimpl

if TYPE_CHECKING:
    from pluggy import PluginManager

    from triage.evidence.history.api import HistoryStore
    from triage.formats.registry import Importer, ReportFormat
    from triage.probe.api import Probe
    from triage.process.api import Executor


@dataclass(frozen=True)
class Maker:
    """A named way to make something."""

    name: str
    make: Callable[..., Any]


class BuiltIns:
    """Probes, executors and stores of this package; each is imported when it is made."""

    @hookimpl
    def triage_probes(self) -> Sequence[Probe]:
        """The ladder, cheapest and likeliest first."""
        from triage.probe.registry import built_in

        return built_in()

    @hookimpl
    def triage_executors(self) -> Sequence[Maker]:
        """`make(address, workers)`."""
        return (Maker("local", _local), Maker("dask", _dask))

    @hookimpl
    def triage_stores(self) -> Sequence[Maker]:
        """`make(url)`, by the scheme of the URL; a plain path is `file`."""
        return (Maker("file", _file), Maker("postgresql", _postgresql), Maker("postgres", _postgresql))

    @hookimpl
    def triage_importers(self) -> Sequence[Importer]:
        """What `triage import` reads."""
        from triage.formats.registry import IMPORTERS

        return IMPORTERS

    @hookimpl
    def triage_report_formats(self) -> Sequence[ReportFormat]:
        """What `triage report --format` writes."""
        from triage.formats.registry import REPORT_FORMATS

        return REPORT_FORMATS


def _local(address: str | None, workers: int) -> Executor:
    from triage.process.local import LocalExecutor

    return LocalExecutor()


def _dask(address: str | None, workers: int) -> Executor:
    from triage.process.dask import DaskExecutor

    made: Executor = DaskExecutor(address, workers=workers)
    return made


def _file(url: str) -> HistoryStore:
    from triage.evidence.history.sqlite import SqliteStore

    return SqliteStore(Path(url.removeprefix("file://")))


def _postgresql(url: str) -> HistoryStore:
    from triage.evidence.history.postgres import PostgresStore

    return PostgresStore(url)


@cache
def plugins() -> PluginManager:
    """What is built in and what is installed, registered once a process."""
    from triage.plugins import manager

    return manager(BuiltIns())
