"""Join failures that broke in the same commits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from triage.cluster.context import Context
from triage.cluster.groups import Unit
from triage.cluster.union import Join, by_key


def first_bad(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Units that one and the same commit broke (or one of the same few): a proposal unless it is one."""
    if not context.first_bad:
        return

    def proven(unit: Unit) -> Iterator[str]:
        suspects = _suspects(unit, context)
        if len(suspects) == 1:
            yield from suspects

    yield from by_key(units, proven, "co-failure", lambda commit: f"broken by {commit}")
    yield from by_key(
        units,
        lambda unit: _suspects(unit, context),
        "co-failure",
        lambda commit: f"the first bad commit of both may be {commit}",
        proposal=True,
    )


def _suspects(unit: Unit, context: Context) -> list[str]:
    """The commits of which one broke every test of the unit that was bisected, sorted.

    One test is bisected for all that fail alike.
    """
    known = [context.first_bad[nodeid] for nodeid in unit.members if nodeid in context.first_bad]
    return sorted(frozenset.intersection(*known)) if known else []
