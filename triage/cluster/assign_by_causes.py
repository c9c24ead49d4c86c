"""Assign a run's failures once more, behind what experiments on the run decided of its clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from triage.cluster.assign import Assignment, assign
from triage.cluster.causes import DecidedCause, carried_out
from triage.cluster.context import Context
from triage.cluster.event_factory import EventFactory
from triage.cluster.groups import Signer
from triage.cluster.registry import ClusterRegistry
from triage.cluster.rules import Rules
from triage.model.run import RunRecord


def assign_by_causes(
    record: RunRecord,
    before: ClusterRegistry,
    assignment: Assignment,
    causes: Sequence[DecidedCause],
    *,
    signer: Signer,
    factory: EventFactory,
    rules: Rules | None = None,
    context: Context | None = None,
) -> Assignment:
    """The assignment with clusters joined and split by causes; its events are those of both steps.

    `before` is the registry without the events of `assignment`.
    """
    opened = ClusterRegistry.of((*before.events, *assignment.events))
    decisions = carried_out(opened, factory, causes)
    if not decisions:
        return assignment
    after = ClusterRegistry.of((*opened.events, *decisions))
    again = assign(record, after, signer=signer, factory=factory, rules=rules, context=context)
    return replace(again, events=(*assignment.events, *decisions, *again.events))
