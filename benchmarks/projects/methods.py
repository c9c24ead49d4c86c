"""Clusters of a labelled run: as it recorded them, as today's code makes them, as simple keys would."""

from __future__ import annotations

from collections.abc import Hashable

from benchmarks import clustering_peers as peers
from benchmarks.projects.mixture import LabelledRun
from triage.campaign.inputs import context_of
from triage.cli.context import App
from triage.cli.wiring import services
from triage.cluster.assign import assign
from triage.cluster.context import Context
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
        context=context_of_run(run),
    )
    return [assigned.cluster_of[slotted.slot] for slotted in run.failures]


def context_of_run(run: LabelledRun) -> Context:
    """What a first run may use beside its failures."""
    return context_of(services(App(str(run.copy))), run.record, ClusterRegistry.of(()))


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
