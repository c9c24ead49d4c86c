"""What two failures have in common and where they differ, in the fields of their signatures."""

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
    nearest = min(
        theirs, key=lambda other: (len(_unequal(own, other)), other.id), default=None
    )  # fmt: skip
    if nearest is None:
        return []
    return [
        Difference(name, own.fields.get(name, "-"), (nearest.fields.get(name, "-"),))
        for name in _unequal(own, nearest)
    ]


def _unequal(one: Signature, other: Signature) -> list[str]:
    names = sorted(one.fields.keys() | other.fields.keys())
    return [name for name in names if one.fields.get(name) != other.fields.get(name)]
