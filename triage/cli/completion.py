"""What the shell offers behind a command: ids of clusters with their titles, STAMPs of runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from triage.errors import TriageError

if TYPE_CHECKING:
    from triage.cli.context import App

_MOST = 200
"""Offers at once: a shell asks before it shows more."""


def complete_cluster(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids that begin with what was typed, in any case."""
    return _offers(ctx, incomplete, _clusters)


def complete_stamp(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Runs, newest first."""
    return _offers(ctx, incomplete, _stamps)


def _clusters(app: App) -> Iterable[tuple[str, str]]:
    return ((cluster.id, cluster.title) for cluster in app.registry().live)


def _stamps(app: App) -> Iterable[tuple[str, str]]:
    from triage.evidence.folder import EvidenceFolder

    folders = EvidenceFolder.all(app.output, phase="a")
    return ((folder.stamp, folder.campaign) for folder in reversed(folders))


def _offers(
    ctx: click.Context, incomplete: str, names: Callable[[App], Iterable[tuple[str, str]]]
) -> list[CompletionItem]:
    """None where nothing can be read: a shell that completes has nowhere to put an error."""
    from triage.cli.context import App
    from triage.cli.terminal import one_line

    above = ctx.find_root().params
    root, output = (ctx.params.get(name) or above.get(name) for name in ("root", "output"))
    wanted = incomplete.casefold()
    try:
        app = App(root, output=output)
        found = [(name, text) for name, text in names(app) if name.casefold().startswith(wanted)]
    except (TriageError, OSError, ValueError):
        return []
    return [CompletionItem(name, help=one_line(text)) for name, text in found[:_MOST]]
