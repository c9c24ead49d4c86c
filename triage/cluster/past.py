"""Evidence from earlier runs: tests that go red and green together, and that broke in the same commits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from triage.cluster.context import Context
from triage.cluster.join import Join, by_key, star
from triage.cluster.place import Unit
from triage.model.cluster import Why

_FLIPS_THAT_TELL = 3
"""Common changes of colour from which on co-failure joins; fewer only propose. One change is a commit on
which much may have broken at once; at three, an accident would have to repeat itself."""


def co_failure(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Units whose tests had the same colours in every earlier run, with changes among them."""
    if not context.history:
        return
    found: dict[tuple[tuple[str, bool], ...], list[int]] = {}
    for index, unit in enumerate(units):
        if colours := _colours(unit, context):
            found.setdefault(colours, []).append(index)
    for colours, sharing in sorted(found.items()):
        flips = sum(one[1] != other[1] for one, other in pairwise(colours))
        if flips:
            detail = f"red and green together in {len(colours)} runs, changing {flips} times"
            yield from star(sharing, Why(kind="co-failure", detail=detail, proposal=flips < _FLIPS_THAT_TELL))


def first_bad(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Units that one and the same commit broke (or one of the same few): a proposal unless it is one."""
    if not context.first_bad:
        return

    def ranges(unit: Unit) -> Iterator[str]:
        suspects = [context.first_bad.get(nodeid) for nodeid in unit.members]
        if suspects and all(suspects):
            common = frozenset.intersection(*(commits for commits in suspects if commits))
            if common:
                yield " ".join(sorted(common))

    yield from by_key(
        units,
        lambda unit: (r for r in ranges(unit) if " " not in r),
        "co-failure",
        lambda c: f"broken by {c}",
    )
    yield from by_key(
        units,
        lambda unit: (commit for r in ranges(unit) for commit in r.split(" ")),
        "co-failure",
        lambda commit: f"the first bad commit of both may be {commit}",
        proposal=True,
    )


def _colours(unit: Unit, context: Context) -> tuple[tuple[str, bool], ...]:
    """The common history of a unit's tests; empty where they differ or have none."""
    histories = {tuple((past.stamp, past.red) for past in context.history.get(n, ())) for n in unit.members}
    return histories.pop() if len(histories) == 1 else ()
