"""Units that evidence holds together, and what is known of each such part."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from triage.cluster.fold import algorithm_rank
from triage.cluster.place import Unit
from triage.model.cluster import Why


@dataclass(frozen=True)
class Part:
    """Units with one cause, and their known cluster where there is one."""

    units: tuple[Unit, ...]
    home: str | None
    joins: tuple[Why, ...] = ()

    @property
    def members(self) -> tuple[str, ...]:
        """Node ids, each once, sorted."""
        return tuple(sorted({nodeid for unit in self.units for nodeid in unit.members}))

    @property
    def signature_ids(self) -> tuple[str, ...]:
        """Signature ids of every algorithm, the newest algorithm first."""
        ids = {signature for unit in self.units for signature in unit.group.ids}
        return tuple(sorted(sorted(ids), key=algorithm_rank, reverse=True))

    @property
    def leader(self) -> Unit:
        """The unit with most failures; of equal ones the first."""
        return min(self.units, key=lambda unit: (-len(unit.slots), unit.key))

    @property
    def title(self) -> str:
        """A line for people."""
        return self.leader.group.signature.title or "unexplained failure"

    @property
    def why(self) -> tuple[Why, ...]:
        """What the leader's signature says, then each join."""
        return (*described(self.leader), *self.joins)


def described(unit: Unit) -> tuple[Why, ...]:
    """What all failures of a unit have in common: the fields of their signature."""
    fields = unit.group.signature.fields
    return tuple(
        Why(kind=kind, detail=fields[kind]) for kind in ("exception", "chain", "message", "frame", "file")
        if fields.get(kind)
    )  # fmt: skip


def parts_of(units: Iterable[Unit]) -> list[Part]:
    """One part for each known cluster, one for each unit that is nowhere yet; in a stable order."""
    known: dict[str, list[Unit]] = {}
    new: list[Part] = []
    for unit in units:
        if unit.home is None:
            new.append(Part((unit,), None))
        else:
            known.setdefault(unit.home, []).append(unit)
    return [*(Part(tuple(found), home) for home, found in known.items()), *new]
