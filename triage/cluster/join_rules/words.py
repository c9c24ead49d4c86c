"""Join failures by their words: equal messages, notes and causes, and wordings that are nearly equal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from rapidfuzz import fuzz

from triage.cluster.context import Context
from triage.cluster.groups import Unit
from triage.cluster.join_rules.unit_view import features, fields, project_calls
from triage.cluster.union import Join, by_key
from triage.model.cluster import Why
from triage.model.signature import Feature
from triage.text.pattern import pattern

_ALIKE = 88.0
"""rapidfuzz ratio from which wordings at one place are one; 88 separated 300 synthetic templates."""
_LEAST_LETTERS = 12
"""Shorter wordings are alike by chance."""
_MOST_WORDINGS = 400
"""Distinct wordings that are compared with each other at one place: the effort grows with their square."""
_MUST_BE_EQUAL = pattern(
    r"""
      <[a-z]+> | '[^']*'
    | \b(?: b?float\d+ | complex\d+ | u?int\d+ | [Ff]loat | [Dd]ouble | [Hh]alf
          | nan | inf | None | zero | cpu | cuda | not | no )\b
    """,
    matches=["<n> rows", "no column 'mass'", "expected float32"],
    rejects=["the beam is off"],
)
"""Words, tokens and quotations that must be equal, in order: one letter there is another cause. What a
product function quotes is masked before; what different tests of a file quote is not."""


class _Said(NamedTuple):
    """A text with the functions of the project that the failing line of the test calls."""

    text: str
    calls: tuple[str, ...]


def _said(kind: Feature, context: Context) -> Callable[[Unit], Iterator[_Said]]:
    """Keys by a kind of text. What a library says of a value says nothing of who made it: where the failing
    lines of tests call functions of the project, they must be the same ones.
    """

    def keys(unit: Unit) -> Iterator[_Said]:
        for text in features(unit, kind):
            yield _Said(text, project_calls(unit, context))

    return keys


def same_message(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """A message raised in several places: one that names its cause joins, another proposes."""
    yield from by_key(units, _said(Feature.NAMED_CAUSE, context), "message", lambda said: said.text)
    yield from by_key(units, lambda unit: features(unit, Feature.MESSAGE), "message", proposal=True)


def same_note(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """One note on several exceptions: where it was added is the same, the cause need not be."""
    return by_key(
        units,
        lambda unit: features(unit, Feature.NOTE),
        "message",
        lambda note: f"both note: {note}",
        proposal=True,
    )


def same_cause(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """One exception that other exceptions wrap."""
    return by_key(units, _said(Feature.CAUSE, context), "chain", lambda cause: f"caused by {cause.text}")


class _Place(NamedTuple):
    exception: str
    location: str


class _Wording(NamedTuple):
    text: str
    unit: int
    """Index of the unit that has it."""


def similar_wording(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Wordings that are nearly equal at one place; each unit is joined to the first one alike."""
    places: dict[_Place, list[_Wording]] = defaultdict(list)
    for index, unit in enumerate(units):
        own = fields(unit)
        place = _Place(own.get("exception", ""), own.get("frame") or own.get("file", ""))
        for text in _wordings(unit):
            if sum(letter.isalpha() for letter in text) >= _LEAST_LETTERS:
                places[place].append(_Wording(text, index))
    for _, wordings_there in sorted(places.items()):
        yield from _to_first_alike(sorted(wordings_there), units)


def _wordings(unit: Unit) -> tuple[str, ...]:
    """What the unit's failures say: in the product the format strings, in a test file the message."""
    if "frame" in fields(unit):
        return features(unit, Feature.TEMPLATE)
    return (fields(unit).get("message", ""),)


def _to_first_alike(wordings: Sequence[_Wording], units: Sequence[Unit]) -> Iterator[Join]:
    first_of_kind: list[_Wording] = []
    for wording in wordings:
        alike = _first_alike(wording, first_of_kind)
        if alike is not None:
            detail = f"worded alike ({alike.ratio:.0f} %) at one place"
            yield Join(alike.first.unit, wording.unit, Why(kind="message", detail=detail, proposal=True))
        elif len(first_of_kind) < _MOST_WORDINGS:
            first_of_kind.append(wording)


class _Alike(NamedTuple):
    """The first wording that is nearly equal to another one, and how nearly: rapidfuzz's ratio."""

    first: _Wording
    ratio: float


def _first_alike(wording: _Wording, earlier: Sequence[_Wording]) -> _Alike | None:
    must_be_equal = _MUST_BE_EQUAL.findall(wording.text)
    for first in earlier:
        ratio = fuzz.ratio(wording.text, first.text, score_cutoff=_ALIKE)
        if ratio and _MUST_BE_EQUAL.findall(first.text) == must_be_equal:
            return _Alike(first, ratio)
    return None
