"""What one traced run of red tests and of green ones beside them has shown: `look/look.json` of a run.

Stored with the failures; clusters are formed by it. Functions are numbered once for the document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

from triage.model.base import Value
from triage.model.outcome import Outcome

FOLDER = "look"
"""In the STAMP folder."""
DOCUMENT = "look.json"
DEFAULT_LOOK_BUDGET = 120.0
"""Seconds: each red test runs once more, at a few times its usual length, beside green ones."""

How = Literal["raised", "value", "operand", "line", "last"]
"""How a failure was traced to calls of the product, the surest way first: the product raised; it returned the
value that was compared; the failing line called it; it returned a value that the failing line worked with; it
was called last."""


class Function(Value):
    """A function of the product."""

    path: str
    """Relative to the root."""
    name: str
    """Qualified."""
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.name}"


class TracedFailure(Value):
    """What led to the failure, as the frames and the calls before it show."""

    how: How | None = None
    chain: tuple[int, ...] = ()
    """Functions that returned the telling value, the last to return first."""
    suspects: tuple[int, ...] = ()
    """Functions that ran beneath the calls that led to the failure, these included."""
    got: str | None = None
    due: str | None = None
    difference: dict[str, Any] | None = None
    """Between got and due, unmasked: see `triage.instruments.differences`."""
    trouble: str | None = None


class LookedAt(Value):
    """One test in its traced run."""

    nodeid: str
    nth: int = 0
    """Which of the items with this id."""
    outcome: Outcome
    """In the traced run."""
    exception: str = ""
    """Type of what it raised there."""
    functions: tuple[int, ...] = ()
    """Functions of the product that it ran, in order of first execution."""
    lines: dict[int, tuple[int, ...]] = {}
    """Lines by the number of the function in which they ran first, in order of first execution."""
    counts: tuple[int, int] = (0, 0)
    """How many functions and lines, where there were too many to name."""
    failure: TracedFailure | None = None
    trouble: str | None = None
    """Why nothing, or not all, was seen."""


class LookDocument(Value):
    """`look/look.json`."""

    functions: tuple[Function, ...] = ()
    tests: tuple[LookedAt, ...] = ()

    @cached_property
    def by_id(self) -> Mapping[tuple[str, int], LookedAt]:
        """Tests by node id, and which of the items with it."""
        return {(test.nodeid, test.nth): test for test in self.tests}

    def of(self, nodeid: str, nth: int = 0) -> LookedAt | None:
        """What was seen of a test."""
        return self.by_id.get((nodeid, nth))


def joined_looks(documents: Sequence[LookDocument]) -> LookDocument:
    """One document out of several: functions are numbered anew; of a test the first one counts."""
    functions: dict[Function, int] = {}
    tests: dict[tuple[str, int], LookedAt] = {}
    for document in documents:
        of_function = [functions.setdefault(each, len(functions)) for each in document.functions]
        for test in document.tests:
            tests.setdefault((test.nodeid, test.nth), _renumbered(test, of_function))
    return LookDocument(functions=tuple(functions), tests=tuple(tests[key] for key in sorted(tests)))


def _renumbered(test: LookedAt, of_function: Sequence[int]) -> LookedAt:
    def anew(numbers: Iterable[int]) -> tuple[int, ...]:
        return tuple(of_function[number] for number in numbers)

    failure = test.failure
    if failure is not None:
        changes = {"chain": anew(failure.chain), "suspects": anew(failure.suspects)}
        failure = failure.model_copy(update=changes)
    return test.model_copy(
        update={
            "functions": anew(test.functions),
            "lines": {of_function[number]: lines for number, lines in test.lines.items()},
            "failure": failure,
        }
    )
