"""Put the parts together: the only module that names concrete stores and executors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from triage.cli import builtin_plugins
from triage.errors import UsageError, VoidError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triage.campaign.services import Services
    from triage.cli.builtin_plugins import Maker
    from triage.cli.context import App
    from triage.cluster.groups import Signer
    from triage.config import Settings
    from triage.evidence.folder import EvidenceFolder
    from triage.evidence.history.api import HistoryStore
    from triage.formats.registry import Importer, ReportFormat
    from triage.process.api import Executor


def services(app: App) -> Services:
    """What the phases work with, in one call of the command line; removes what a killed one left."""
    from triage.campaign.leftovers import remove_abandoned
    from triage.campaign.services import Services
    from triage.cli.context import redacting
    from triage.run.ci_files import without_ci_files

    for removed in remove_abandoned(app.root, app.output):
        app.note(f"removed {removed}, which a killed command had left")
    world = redacting(app.world, app.settings)
    return Services(
        root=app.root,
        output=app.output,
        settings=app.settings,
        world=replace(world, environ=without_ci_files(world.environ, app.settings.ci_files)),
        executor=executor(app.settings),
        journal=app.journal,
        redact=app.redact,
        open_store=lambda: store(app.settings, app.output),
        progress=app.progress(),
        signer=signer(),
    )


def run_folder(app: App, stamp: str | None, resume: str | None) -> EvidenceFolder:
    """The folder of a new run, or of the one that is resumed."""
    if resume is None:
        return phase_folder(app, "a", stamp)
    found = _unfinished(app, resume)
    if not found.is_of_suite:
        raise UsageError(
            "not-a-run",
            f"{resume} did not run here: it holds reports that were read in",
            f"finish it with 'triage import --resume {resume}', or start a new run",
        )
    return found


def import_folder(app: App, resume: str) -> EvidenceFolder:
    """The folder of an import or of joined shards that was cut short."""
    found = _unfinished(app, resume)
    if found.is_of_suite:
        raise UsageError(
            "not-a-run", f"{resume} is a run of this suite, no import", f"use 'triage run --resume {resume}'"
        )
    return found


def _unfinished(app: App, stamp: str) -> EvidenceFolder:
    """The phase A folder that `--resume` names; raises `UsageError` where there is nothing to finish."""
    from triage.evidence.folder import EvidenceFolder

    campaign = app.settings.campaign if app.loaded.origins["campaign"] != "default" else None
    others = [each for each in EvidenceFolder.all(app.output, campaign) if each.stamp == stamp]
    if others and all(each.phase != "a" for each in others):
        what = f"{others[0].relative(app.output)} is no run: it is of phase {others[0].phase}"
        raise UsageError("not-a-run", what, "start that phase again; only runs and imports are resumed")
    found = EvidenceFolder.find(app.output, stamp, campaign, "a")
    if found.sealed:
        raise UsageError("run-finished", f"{found.path} is sealed: that run is over", "start a new one")
    if found.in_use:
        raise VoidError("run-in-progress", f"{stamp} is being worked on by another process", "wait for it")
    folder = EvidenceFolder.open(found.path, app.redact)
    folder.hold()
    return folder


def phase_folder(app: App, phase: str, stamp: str | None) -> EvidenceFolder:
    """A new folder of a phase: of the STAMP that somebody named, or of the first free second."""
    from triage.evidence.folder import EvidenceFolder

    campaign = app.settings.campaign
    if stamp is not None:
        return EvidenceFolder.create(app.output, campaign, phase, stamp, app.redact)
    return EvidenceFolder.create_free(app.output, campaign, phase, app.world.stamp(), app.redact)


def pairs(texts: tuple[str, ...]) -> dict[str, str]:
    """`K=V` texts as a dictionary."""
    from triage.config import pair

    return dict(pair(text) for text in texts)


def signer() -> Signer:
    """The project's own signatures of a failure, then those of plugins' algorithms."""
    from triage.campaign.services import signatures_when_needed
    from triage.plugins import offers

    algorithms = offers(builtin_plugins.plugins(), "triage_signatures")
    if not algorithms:
        return signatures_when_needed
    return lambda failure: (
        *signatures_when_needed(failure),
        *(each.signature(failure) for each in algorithms),
    )


def importers() -> Sequence[Importer]:
    """The formats that `triage import` reads, those of plugins first: they know their own files best."""
    from triage.formats.registry import IMPORTERS
    from triage.plugins import offers

    offered = offers(builtin_plugins.plugins(), "triage_importers")
    of_plugins = [importer for importer in offered if importer not in IMPORTERS]
    return (*of_plugins, *IMPORTERS)


def report_formats() -> dict[str, ReportFormat]:
    """The formats that `triage report --format` writes, by name."""
    from triage.plugins import offers

    return {each.name: each for each in offers(builtin_plugins.plugins(), "triage_report_formats")}


def executor(settings: Settings) -> Executor:
    """The executor that the settings name, built in or offered by a plugin."""
    name, _, address = settings.executor.partition(":")
    made: Executor = _maker("executor", name).make(address or None, settings.workers)
    return made


def store(settings: Settings, output: Path) -> HistoryStore:
    """The history that the settings name: a file, or a URL whose scheme somebody offers."""
    from triage.evidence.places import STATE, state_folder, store_file

    if "://" in settings.store:
        scheme, url = settings.store.partition("://")[0], settings.store
    else:
        scheme, file = "file", store_file(output, settings.store)
        url = str(file)
        if file.parent == output / STATE:
            state_folder(output)
    made: HistoryStore = _maker("store", scheme).make(url)
    return made


def _maker(setting: str, name: str) -> Maker:
    from triage.plugins import offers

    known: dict[str, Maker] = {
        offer.name: offer for offer in offers(builtin_plugins.plugins(), f"triage_{setting}s")
    }
    if name not in known:
        what = f"setting {setting!r}: nothing here makes {name!r}"
        raise UsageError("bad-setting", what, f"choose from {', '.join(known)}")
    return known[name]
