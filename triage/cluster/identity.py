"""A changed message with the same cause, and the same test failing for another reason: told by the place.

A new cluster whose test belonged to a known one that is gone is proposed as the same where exception and
place are equal and the words differ; where the exception, the place or what was compared (dtypes, zero,
nan) differs, it is another reason and nothing is proposed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from triage.cluster.book import Book
from triage.cluster.part import COMPARED, Part, described
from triage.model.cluster import Cluster, Why

_TELLING = re.compile(
    r"\b(?:b?float\d+|complex\d+|u?int\d+|float|double|half|nan|inf|None|cpu|cuda)\b", re.IGNORECASE
)


def changed_words(parts: Sequence[Part], book: Book) -> Iterator[tuple[int, str, Why]]:
    """Index of a new part, the known cluster that it may continue, and why."""
    seen = {part.home for part in parts}
    gone = [cluster for cluster in book.live if cluster.id not in seen]
    for index, part in enumerate(parts):
        if part.home is None:
            for cluster in gone:
                common = set(part.members) & set(cluster.members)
                if common and _continues(part, cluster):
                    detail = f"{sorted(common)[0]} failed at the same place with other words"
                    yield index, cluster.id, Why(kind="frame", detail=detail, proposal=True)


def _continues(part: Part, cluster: Cluster) -> bool:
    own, known = _said(described(part.leader)), _said(cluster.why)
    if COMPARED in own and COMPARED in known and own[COMPARED] != known[COMPARED]:
        return False
    place = "frame" if "frame" in own else "file"
    if own.get("exception") != known.get("exception") or own.get(place) != known.get(place):
        return False
    one, other = (_TELLING.findall(said.get("message", "")) for said in (own, known))
    return one == other


def _said(why: Sequence[Why]) -> dict[str, str]:
    """Kind to its first detail; what a comparison was like under a name of its own."""
    found: dict[str, str] = {}
    for reason in why:
        name = COMPARED if reason.detail.startswith(COMPARED) else reason.kind
        found.setdefault(name, reason.detail)
    return found
