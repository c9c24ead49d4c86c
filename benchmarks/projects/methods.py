"""Clusters of a labelled run: as it recorded them, as today's code makes them, as simple keys would."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from contextlib import AbstractContextManager
from unittest.mock import patch

from benchmarks import clustering_peers as peers
from benchmarks.projects.mixture import LabelledRun
from triage.campaign.inputs import context_of
from triage.cli.context import App
from triage.cli.wiring import services
from triage.cluster import partition
from triage.cluster.assign import assign
from triage.cluster.join_rules.table import JOIN_RULES
from triage.cluster.registry import ClusterRegistry
from triage.signature.api import signatures_of

AT = "2026-01-01T00:00:00Z"


def as_recorded(run: LabelledRun) -> list[Hashable]:
    """As `triage run` put them."""
    return list(run.clusters)


def today(run: LabelledRun) -> list[Hashable]:
    """As today's code clusters the recorded run, with all that a first run may use."""
    registry = ClusterRegistry.of(())
    assigned = assign(
        run.record,
        registry,
        signer=signatures_of,
        factory=registry.event_factory(AT, "benchmark"),
        context=context_of(services(App(str(run.copy))), run.record, registry),
    )
    return [assigned.cluster_of[slotted.slot] for slotted in run.failures]


def signatures_alone(run: LabelledRun) -> list[Hashable]:
    """Without any rule that joins."""
    return [signatures_of(slotted.failure)[0].id for slotted in run.failures]


def one_line_rule(run: LabelledRun) -> list[Hashable]:
    """Exception and last product frame; the test's file where there is none."""
    return peers.by_frame([slotted.failure for slotted in run.failures])


def first_line(run: LabelledRun) -> list[Hashable]:
    """The masked first line of the message."""
    return peers.by_first_line([slotted.failure for slotted in run.failures])


def drain(run: LabelledRun) -> list[Hashable] | None:
    """drain3's template; None where it is not installed."""
    return peers.by_drain([slotted.failure for slotted in run.failures])


def without_rule(name: str) -> AbstractContextManager[object]:
    """A context in which triage clusters without one of its rules."""
    kept = tuple(rule for rule in JOIN_RULES if rule.name != name)
    return patch.object(partition, "JOIN_RULES", kept)


def rule_names() -> Sequence[str]:
    """The rules that join failures, in the order of their table."""
    return [rule.name for rule in JOIN_RULES]
