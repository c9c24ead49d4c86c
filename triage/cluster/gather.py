"""Failures to groups of equal signature: linear, one pass, whatever the order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from triage.model.failure import Failure, Raised
from triage.model.outcome import Outcome, Phase
from triage.model.run import RunRecord, TestResult
from triage.model.signature import Signature

Sign = Callable[[Failure], tuple[Signature, ...]]
"""Signatures of one failure, the current algorithm's first; pure."""

Slot = tuple[str, int]
"""Names one failure of a run: node id, and which of the test's failures."""


class Seen(NamedTuple):
    """One failure of a run with its slot."""

    slot: Slot
    failure: Failure


@dataclass
class Group:
    """All failures of a run that have one signature; a function of their set, not of their order."""

    signature: Signature
    """As the first failure by node id has it."""
    ids: set[str]
    """Signature ids of every algorithm that the failures have."""
    first: Slot
    slots: list[Slot]
    marks: dict[str, tuple[str, ...]]
    """The evidence that *every* failure of the group shows."""
    example: Failure
    """The first failure by node id, by which people know the group."""
    last: tuple[Signature, ...] = ()
    """The signatures that were added last: often the very same again."""

    @classmethod
    def of(cls, seen: Seen, signatures: tuple[Signature, ...]) -> Group:
        """A group of one."""
        ids = {signature.id for signature in signatures}
        return cls(signatures[0], ids, seen.slot, [seen.slot], signatures[0].marks, seen.failure)

    def add(self, seen: Seen, signatures: tuple[Signature, ...]) -> None:
        """One more failure."""
        self.slots.append(seen.slot)
        if seen.slot < self.first:
            self.first, self.signature, self.example = seen.slot, signatures[0], seen.failure
        if signatures is not self.last:
            self.last = signatures
            self.ids.update(signature.id for signature in signatures)
            self.marks = shared(self.marks, signatures[0].marks)

    @property
    def members(self) -> tuple[str, ...]:
        """Node ids, each once, sorted."""
        return tuple(sorted({nodeid for nodeid, _ in self.slots}))


def shared(one: dict[str, tuple[str, ...]], other: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The marks that both have, kinds and values."""
    if one is other or one == other:
        return one
    both = {
        kind: tuple(v for v in values if v in other[kind]) for kind, values in one.items() if kind in other
    }
    return {kind: values for kind, values in both.items() if values}


def gather(failures: Iterable[Seen], sign: Sign) -> dict[str, Group]:
    """Groups by current signature id, sorted by it."""
    groups: dict[str, Group] = {}
    for seen in failures:
        signatures = sign(seen.failure)
        group = groups.get(signatures[0].id)
        if group is None:
            groups[signatures[0].id] = Group.of(seen, signatures)
        else:
            group.add(seen, signatures)
    return dict(sorted(groups.items()))


def failures_of(record: RunRecord) -> Iterator[Seen]:
    """Every failure of the run; a red result without one (crash, timeout) gets what is known of its end."""
    for result in (*record.collect_errors, *record.results):
        failures = result.failures or ((_ended(result),) if result.outcome.is_red else ())
        for index, failure in enumerate(failures):
            yield Seen((result.nodeid, index), failure)


def _ended(result: TestResult) -> Failure:
    """A failure that says how the process or the test ended, without the accidents of this run."""
    if result.outcome is Outcome.CRASHED:
        how = result.signal or (
            f"exit code {result.exit_code}" if result.exit_code is not None else "unknown end"
        )
        raised = Raised(type="Crashed", message=f"the process died: {how}")
    elif result.outcome is Outcome.TIMEOUT:
        raised = Raised(type="Timeout", message="the test was stopped at its time limit")
    else:
        raised = Raised(type="", message=result.note or "failed without a reason")
    return Failure(nodeid=result.nodeid, phase=Phase.CALL, chain=(raised,))
