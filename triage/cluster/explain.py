"""Compare a failure with a cluster, field by field of their signatures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from triage.cluster.comparison_words import COMPARISON_FIELDS, comparison_in_words
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


def shared_in_words(signature: Signature) -> Iterator[str]:
    """Say what failures of one signature have in common, a line a thing: `exception: KeyError`."""
    fields = signature.fields
    for name, value in fields.items():
        if name not in COMPARISON_FIELDS:
            yield f"{name}: {value}"  # by the name that a rule calls it
    comparison = comparison_in_words(fields)
    if comparison:
        yield f"comparison: {comparison}"
    if not fields:
        yield f"signature: {signature.id}"  # of an algorithm that tells no fields


def _unequal(one: Signature, other: Signature) -> list[str]:
    names = sorted(one.fields.keys() | other.fields.keys())
    return [name for name in names if one.fields.get(name) != other.fields.get(name)]
