"""Wordings that are nearly equal, at one place: joined by edit distance, only among what is new.

Edit distance never decides against a known id: a known signature has its home, and a new wording near a
known cluster's is proposed, not joined.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from rapidfuzz import fuzz

from triage.cluster.context import Context
from triage.cluster.evidence import marks
from triage.cluster.join import Join
from triage.cluster.place import Unit
from triage.model.cluster import Why

_ALIKE = 88.0
"""rapidfuzz ratio from which wordings at one place are one; 88 separated 300 synthetic templates."""
_TELLING = re.compile(
    r"<[a-z]+\d*>|'[^']*'|\b(?:b?float\d+|complex\d+|u?int\d+|[Ff]loat|[Dd]ouble|[Hh]alf|nan|inf|None|zero|cpu|cuda|not|no)\b"
)
"""Words, tokens and quotations that must be equal, in order: one letter there is another cause. What a
product function quotes is masked before; what different tests of a file quote is not."""
_LEAST_LETTERS = 12
_LEADERS = 400
"""Distinct wordings that are compared with each other at one place."""


def similar_wording(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Joins of each unit to the first alike at its place."""
    places: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for index, unit in enumerate(units):
        fields = unit.group.signature.fields
        place = (fields.get("exception", ""), fields.get("frame") or fields.get("file", ""))
        for wording in marks(unit, "template") if "frame" in fields else (fields.get("message", ""),):
            if sum(letter.isalpha() for letter in wording) >= _LEAST_LETTERS:
                places[place].append((wording, index))
    for _, worded in sorted(places.items()):
        yield from _leaders(sorted(worded), units)


def _leaders(worded: list[tuple[str, int]], units: Sequence[Unit]) -> Iterator[Join]:
    leaders: list[tuple[str, int]] = []
    for wording, index in worded:
        for known, first in leaders:
            alike = fuzz.ratio(wording, known, score_cutoff=_ALIKE)
            if alike and _TELLING.findall(wording) == _TELLING.findall(known):
                both_new = units[index].home is None and units[first].home is None
                detail = f"worded alike ({alike:.0f} %) at one place"
                yield Join(first, index, Why(kind="message", detail=detail, proposal=not both_new))
                break
        else:
            if len(leaders) < _LEADERS:
                leaders.append((wording, index))
