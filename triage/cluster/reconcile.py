"""Two branches of a repository that allotted ids apart, made one, the same way on every machine.

Of two clusters with one number the older keeps it and the younger gets the next free one. Of two numbers
for one failure (both branches saw it) the older lives on and the younger becomes its alias. The events
depend on the merged journal alone, down to their ids: whoever reconciles it writes the same lines.
"""

from __future__ import annotations

from triage.cluster.book import Book
from triage.cluster.mint import EventMint
from triage.model.cluster import Why
from triage.model.journal import ClusterRenumbered, ClustersMerged, Event

_BY = "triage doctor"


def reconcile(book: Book, mint: EventMint | None = None) -> list[Event]:
    """Events that mend clashes and doubles; none where there is nothing to mend.

    `mint` is not used: a mint's clock and actor would make two people's repairs two repairs.
    """
    events: list[Event] = []
    number = book.next_number
    for clash in sorted(book.clashes, key=lambda opening: (opening.at, opening.event)):
        maker = EventMint(clash.at, _BY)
        events.append(
            maker.make(ClusterRenumbered, cluster=clash.cluster, new=f"C{number}", opening=clash.event)
        )
        number += 1
    opened_at = {event.id: event.at for event in book.events}
    for younger, older in sorted(book.doubles.items(), key=lambda pair: int(pair[0][1:])):
        latest = max(opened_at[book.lineage[cluster_id]] for cluster_id in (younger, older))
        maker = EventMint(latest, _BY, book.lineage, after=latest)
        why = (Why(kind="signature", detail="two branches opened a cluster for the same failure"),)
        events.append(maker.make(ClustersMerged, cluster=younger, into=older, why=why))
    return events
