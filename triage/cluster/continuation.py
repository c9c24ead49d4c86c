"""Propose that a new cluster continues a known one that was not seen: one test fails there in other words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from triage.cluster.component import Component, described
from triage.cluster.registry import ClusterRegistry
from triage.model.cluster import Cluster, Why, WhyKind
from triage.text.pattern import pattern

_MUST_BE_EQUAL = pattern(
    r"\b(?:b?float\d+|complex\d+|u?int\d+|float|double|half|nan|inf|None|cpu|cuda)\b",
    flags=re.IGNORECASE,
    matches=["expected float32", "got NaN", "on cuda"],
    rejects=["the beam is off"],
)
"""Words of a message that make it another cause when they change."""


class Continuation(NamedTuple):
    """A component without a known cluster, and the cluster that it may continue."""

    component: int
    """Index of the component."""
    cluster: str
    why: Why


def continuations(components: Sequence[Component], registry: ClusterRegistry) -> Iterator[Continuation]:
    """New components that share a test with a cluster which this run does not show."""
    seen = {component.home for component in components}
    absent = [cluster for cluster in registry.live if cluster.id not in seen]
    for index, component in enumerate(components):
        if component.home is not None:
            continue
        for cluster in absent:
            common = sorted(set(component.members) & set(cluster.members))
            if common and _may_continue(component, cluster):
                detail = f"{common[0]} failed at the same place with other words"
                yield Continuation(index, cluster.id, Why(kind="frame", detail=detail, proposal=True))


def _may_continue(component: Component, cluster: Cluster) -> bool:
    """Whether both are described alike but for the words of the message."""
    own, known = _first_details(described(component.leader)), _first_details(cluster.why)
    compares_both = "comparison" in own and "comparison" in known
    if compares_both and own["comparison"] != known["comparison"]:
        return False
    place: WhyKind = "frame" if "frame" in own else "file"
    if own.get("exception") != known.get("exception") or own.get(place) != known.get(place):
        return False
    return _MUST_BE_EQUAL.findall(own.get("message", "")) == _MUST_BE_EQUAL.findall(known.get("message", ""))


def _first_details(whys: Sequence[Why]) -> dict[WhyKind, str]:
    """The first detail of each kind: the description of the leader comes before the joins."""
    details: dict[WhyKind, str] = {}
    for why in whys:
        details.setdefault(why.kind, why.detail)
    return details
