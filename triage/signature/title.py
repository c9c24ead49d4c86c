"""A failure in one line for people; no part of any identity."""

from __future__ import annotations

from collections.abc import Callable

from triage.model.escape import visible
from triage.model.failure import Failure
from triage.signature.anatomy import Anatomy
from triage.signature.inner import inner_anatomy
from triage.signature.mask import legible, masked, shown

_LONGEST = 120


def title_of(failure: Failure) -> str:
    """A line about this one failure, with its numbers."""
    return visible(headline(inner_anatomy(failure), legible))


def _without_numbers(line: str) -> str:
    return shown(masked(line))


def headline(anatomy: Anatomy, legibly: Callable[[str], str] = _without_numbers) -> str:
    """By default the same for all failures of one signature."""
    line = anatomy.said or anatomy.message.strip().partition("\n")[0]
    words = legibly(line)
    named = words if is_assertion(anatomy) and words else f"{anatomy.exception}: {words}".strip(": ")
    return named[:_LONGEST] or "failure without a message"


def is_assertion(anatomy: Anatomy) -> bool:
    """Whether the message explains a comparison, instead of being raised with words of its own."""
    return anatomy.exception.rpartition(".")[2] in ("AssertionError", "GradcheckError", "")
