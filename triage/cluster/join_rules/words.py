"""Join failures by their words: messages that name their cause, and causes that others wrap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from triage.cluster.context import Context
from triage.cluster.groups import Unit
from triage.cluster.join_rules.unit_view import features, project_calls
from triage.cluster.union import Join, by_key
from triage.model.signature import Feature


class _Said(NamedTuple):
    """A text with the functions of the project that the failing line of the test calls."""

    text: str
    calls: tuple[str, ...]


def same_cause(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """One exception, behind whatever wrappings, that names what is wrong or one function raised.

    What a library says of a value says nothing of who made it: where the failing lines of tests call
    functions of the project, they must be the same ones.
    """

    def causes(unit: Unit) -> Iterator[_Said]:
        for text in features(unit, Feature.CAUSE):
            yield _Said(text, project_calls(unit, context))

    yield from by_key(units, causes, "chain", lambda cause: f"caused by {cause.text}")
    yield from by_key(units, lambda unit: features(unit, Feature.MESSAGE), "message", proposal=True)
