"""Say what a run came to: its clusters, what the gate warns of and holds against it, what the base says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triage.model.cluster import RunState
from triage.text.plural import counted_noun

if TYPE_CHECKING:
    from triage.campaign.baseline import Concluded
    from triage.cli.context import App
    from triage.model.run import RunRecord

_MOST_ON_BASE = 30
"""Failing tests that are shown with what the base says of them."""


def say_verdict(app: App, concluded: Concluded) -> None:
    """Clusters that the run shows or that are fixed, then the gate."""
    for cluster in concluded.clusters:
        state = cluster.state_in_run
        if state is not None and (state.is_seen or state is RunState.FIXED):
            tests = f"{counted_noun(len(cluster.members), 'test', 4):<10}"
            on_base = f"  [{cluster.base}]" if cluster.base is not None else ""
            app.say(f"{cluster.id:<5} {state:<9} {tests}  {cluster.title}{on_base}")
    for line in concluded.warnings:
        app.say(f"warning: {line}")
    for line in concluded.held_against:
        app.say(f"gate: {line}")


def say_base(app: App, record: RunRecord) -> None:
    """The base of the run, and what it says of each failing test."""
    base = record.base
    if base is None:
        return
    commit = f"{base.commit[:12]} {base.subject}".rstrip() if base.commit else "none"
    app.say(f"base: {commit} ({base.chosen})")
    for note in base.notes:
        app.say(f"  {note}")
    judged = [result for result in (*record.collect_errors, *record.results) if result.base is not None]
    for result in judged[:_MOST_ON_BASE]:
        assert result.base is not None
        again = f" (run in {result.base.cached_from})" if result.base.cached_from else ""
        app.say(f"  {result.base.verdict:<16} {result.nodeid}: {result.base.reason}{again}")
    if len(judged) > _MOST_ON_BASE:
        app.say(f"  and {len(judged) - _MOST_ON_BASE} more in `triage results`")
