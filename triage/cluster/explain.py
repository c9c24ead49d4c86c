"""Compare a failure with a cluster, field by field of their signatures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from triage.model.signature import Signature


class Difference(NamedTuple):
    """One field in which a failure differs from those of a cluster."""

    field: str
    own: str
    theirs: tuple[str, ...]


def differences(own: Signature, theirs: Iterable[Signature]) -> list[Difference]:
    """Fields of `own` that no signature of the cluster has so; empty where one has them all."""
    by_distance = sorted(theirs, key=lambda other: (len(_unequal(own, other)), other.id))
    if not by_distance:
        return []
    nearest = by_distance[0]
    found = []
    for name in _unequal(own, nearest):
        found.append(Difference(name, own.fields.get(name, "-"), (nearest.fields.get(name, "-"),)))
    return found


def _unequal(one: Signature, other: Signature) -> list[str]:
    names = sorted(one.fields.keys() | other.fields.keys())
    return [name for name in names if one.fields.get(name) != other.fields.get(name)]
