"""One pass over the journal's events, oldest first: the working memory behind `ClusterRegistry`.

Nothing here fails on an event that makes no sense (a status of a cluster that nobody opened): two
branches merge their journals by union of lines, and what one of them said must not hide the rest.
Commands refuse nonsense before it is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from triage.cluster.event_factory import OPENING_OF
from triage.model.cluster import Cluster, ClusterStatus, Why
from triage.model.journal import (
    ClusterOpened,
    ClusterRenumbered,
    ClustersMerged,
    ClusterSplit,
    Event,
    MembersAdded,
    NumberingStarted,
    OwnerSet,
    ProposalDropped,
    ProposalMade,
    Renamed,
    RuleBound,
    SignatureAdded,
    StatusChanged,
)
from triage.model.signature import algorithm_of


@dataclass(frozen=True)
class Opening:
    """A cluster number as one event allotted it."""

    cluster: str
    event: str
    """Id of the event."""
    at: str
    signatures: tuple[str, ...]


@dataclass
class _Draft:
    """A cluster while its events are being read; dicts keep first-seen order."""

    id: str
    title: str
    first_seen: str | None
    status: ClusterStatus = ClusterStatus.OPEN
    owner: str | None = None
    last_seen: str | None = None
    signatures: dict[str, None] = field(default_factory=dict)
    members: dict[str, None] = field(default_factory=dict)
    why: dict[Why, None] = field(default_factory=dict)
    aliases: dict[str, None] = field(default_factory=dict)

    def seen(self, stamp: str | None) -> None:
        if stamp is not None:
            self.first_seen = min(self.first_seen or stamp, stamp)
            self.last_seen = max(self.last_seen or stamp, stamp)

    def absorb(self, other: _Draft) -> None:
        for name in ("signatures", "members", "why", "aliases"):
            getattr(self, name).update(getattr(other, name))
        self.aliases[other.id] = None
        self.seen(other.first_seen)
        self.seen(other.last_seen)


@dataclass
class JournalReplay:
    """See the module; `over` makes one."""

    events: tuple[Event, ...] = ()
    drafts: dict[str, _Draft] = field(default_factory=dict)
    home: dict[str, str] = field(default_factory=dict)
    member_home: dict[tuple[str, str], str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    openings: dict[str, Opening] = field(default_factory=dict)
    clashes: list[Opening] = field(default_factory=list)
    proposals: list[ProposalMade] = field(default_factory=list)
    dropped: set[frozenset[str]] = field(default_factory=set)
    rules: dict[str, str] = field(default_factory=dict)
    translated: set[str] = field(default_factory=set)
    highest: int = 0
    _claims: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _set_aside: set[str] = field(default_factory=set)

    @classmethod
    def over(cls, events: Iterable[Event]) -> JournalReplay:
        """Read all events once, in the order of `at` and `id`."""
        ordered = tuple(sorted({event.id: event for event in events}.values(), key=lambda e: (e.at, e.id)))
        replay = cls(events=tuple(renumbered(ordered)))
        for event in replay.events:
            if not replay._set_aside & openings_meant(event):
                handler = _HANDLERS.get(type(event))
                if handler is not None:
                    handler(replay, event)
        return replay

    def resolve(self, cluster_id: str) -> str:
        """Follow aliases to the cluster that lives."""
        while cluster_id in self.aliases:
            cluster_id = self.aliases[cluster_id]
        return cluster_id

    def finished(self) -> dict[str, Cluster]:
        """The clusters, by number."""
        drafts = sorted(self.drafts.values(), key=lambda draft: int(draft.id[1:]))
        return {draft.id: _cluster(draft) for draft in drafts}

    def open_proposals(self) -> Iterator[ProposalMade]:
        """Proposals that no merge, split or decision has answered; of equal ones the first."""
        said: set[tuple[str, ...]] = set()
        for made in self.proposals:
            one, other = self.resolve(made.cluster), self.resolve(made.with_cluster or made.cluster)
            key = (made.kind, *sorted((one, other)), *sorted(made.members))
            if (
                not self._answered(made, one, other)
                and key not in said
                and {one, other} <= self.drafts.keys()
            ):
                said.add(key)
                yield made

    def _answered(self, made: ProposalMade, one: str, other: str) -> bool:
        if made.kind == "merge":
            return one == other or frozenset((one, other)) in self.kept_apart()
        members = self.drafts[one].members.keys() if one in self.drafts else set()
        return not set(made.members) < members

    def kept_apart(self) -> frozenset[frozenset[str]]:
        """Pairs that somebody decided to keep apart and nobody merged since, by the ids of today."""
        pairs = (frozenset(map(self.resolve, pair)) for pair in self.dropped)
        return frozenset(pair for pair in pairs if len(pair) > 1)

    def doubles(self) -> dict[str, str]:
        """Clusters opened for a signature that an older cluster already had."""
        found = {}
        for claimed in self._claims.values():
            first, *others = dict.fromkeys(self.resolve(cluster) for cluster in claimed)
            found.update(dict.fromkeys(others, first))
        return found

    def _opened(self, event: ClusterOpened) -> None:
        opening = Opening(event.cluster, event.id, event.at, event.signatures)
        holder = self.openings.get(event.cluster)
        if holder is not None and not set(holder.signatures) & set(event.signatures):
            self._clash(opening)
            return
        self._allot(opening, event.title, event.stamp)
        draft = self.drafts[event.cluster]
        draft.members.update(dict.fromkeys(event.members))
        draft.why.update(dict.fromkeys(event.why))
        draft.seen(event.stamp)
        for signature in event.signatures:
            self._claim(signature, event.cluster)
        self._translate(event.signatures)

    def _allot(self, opening: Opening, title: str, stamp: str | None) -> None:
        self.highest = max(self.highest, int(opening.cluster[1:]))
        self.openings.setdefault(opening.cluster, opening)
        self.drafts.setdefault(opening.cluster, _Draft(opening.cluster, title, stamp, last_seen=stamp))

    def _clash(self, opening: Opening) -> None:
        self.highest = max(self.highest, int(opening.cluster[1:]))
        self.clashes.append(opening)
        self._set_aside.add(opening.event)

    def _claim(self, signature: str, cluster: str) -> None:
        cluster = self.resolve(cluster)
        if cluster in self.drafts:
            self.drafts[cluster].signatures[signature] = None
            self.home.setdefault(signature, cluster)
            self._claims[signature].append(cluster)

    def _translate(self, signatures: Iterable[str]) -> None:
        """Signatures stored side by side: all but the current algorithm's, which comes first, have their
        successor.
        """
        ids = tuple(signatures)
        if ids:
            current = algorithm_of(ids[0])
            self.translated.update(signature for signature in ids if algorithm_of(signature) != current)

    def _signature(self, event: SignatureAdded) -> None:
        self._claim(event.signature, event.cluster)
        if draft := self.drafts.get(self.resolve(event.cluster)):
            draft.why.update(dict.fromkeys(event.why))
            draft.seen(event.stamp)
        self.translated.update(why.detail for why in event.why if why.kind == "signature")

    def _members(self, event: MembersAdded) -> None:
        if draft := self.drafts.get(self.resolve(event.cluster)):
            draft.members.update(dict.fromkeys(event.members))
            draft.seen(event.stamp)

    def _merged(self, event: ClustersMerged) -> None:
        source, target = self.resolve(event.cluster), self.resolve(event.into)
        if source == target or source not in self.drafts or target not in self.drafts:
            return
        self.aliases[source] = target
        self.drafts[target].absorb(self.drafts[source])
        self.drafts[target].why.update(dict.fromkeys(event.why))
        self.drafts[source].status = ClusterStatus.MERGED

    def _split(self, event: ClusterSplit) -> None:
        if event.new in self.openings:
            self._clash(Opening(event.new, event.id, event.at, event.signatures))
            return
        source = self.drafts.get(self.resolve(event.cluster))
        self._allot(Opening(event.new, event.id, event.at, event.signatures), event.title, None)
        new = self.drafts[event.new]
        new.members.update(dict.fromkeys(event.members))
        new.why.update(dict.fromkeys(event.why))
        if source is None:
            return
        new.first_seen, new.last_seen = source.first_seen, source.last_seen
        self.dropped.add(frozenset((source.id, new.id)))
        for nodeid in event.members:
            source.members.pop(nodeid, None)
            self.member_home.update({(sig, nodeid): new.id for sig in source.signatures})
        for signature in event.signatures:
            source.signatures.pop(signature, None)
            new.signatures[signature] = None
            self.home[signature] = new.id
            self._claims[signature] = [new.id]

    def _status(self, event: StatusChanged) -> None:
        merged_away = event.cluster in self.aliases
        if merged_away and event.status is ClusterStatus.RESOLVED:
            return  # the part met its criterion; that says nothing of the whole
        if draft := self.drafts.get(self.resolve(event.cluster)):
            draft.status = event.status

    def _owner(self, event: OwnerSet) -> None:
        if draft := self.drafts.get(self.resolve(event.cluster)):
            draft.owner = event.owner

    def _renamed(self, event: Renamed) -> None:
        if draft := self.drafts.get(self.resolve(event.cluster)):
            draft.title = event.title

    def _numbering(self, event: NumberingStarted) -> None:
        self.highest = max(self.highest, event.next - 1)

    def _proposed(self, event: ProposalMade) -> None:
        self.proposals.append(event)

    def _bound(self, event: RuleBound) -> None:
        self.rules.setdefault(event.rule, event.cluster)

    def _dropped(self, event: ProposalDropped) -> None:
        self.dropped.add(frozenset((self.resolve(event.cluster), self.resolve(event.with_cluster))))


_HANDLERS: dict[type, Callable[[JournalReplay, Any], None]] = {
    ClusterOpened: JournalReplay._opened,
    SignatureAdded: JournalReplay._signature,
    MembersAdded: JournalReplay._members,
    ClustersMerged: JournalReplay._merged,
    ClusterSplit: JournalReplay._split,
    StatusChanged: JournalReplay._status,
    OwnerSet: JournalReplay._owner,
    Renamed: JournalReplay._renamed,
    NumberingStarted: JournalReplay._numbering,
    ProposalMade: JournalReplay._proposed,
    ProposalDropped: JournalReplay._dropped,
    RuleBound: JournalReplay._bound,
}


def renumbered(events: tuple[Event, ...]) -> Iterator[Event]:
    """The events with every renumbering carried out: in its opening and in all that mean that opening.

    An opening that was renumbered more than once (apart, in several branches, or because the number that
    it was given was taken elsewhere) has the highest of its numbers: the last one that a doctor gave.
    """
    new_ids: dict[str, str] = {}
    for event in events:
        if isinstance(event, ClusterRenumbered) and event.opening is not None:
            known = new_ids.get(event.opening, event.new)
            new_ids[event.opening] = max(known, event.new, key=lambda cluster: int(cluster[1:]))
    for event in events:
        if not isinstance(event, ClusterRenumbered):
            renamed = {
                named: new_ids[opening]
                for named, field_name in OPENING_OF.items()
                if (opening := getattr(event, field_name, None)) in new_ids and hasattr(event, named)
            }
            if event.id in new_ids:
                renamed["new" if isinstance(event, ClusterSplit) else "cluster"] = new_ids[event.id]
            yield event.model_copy(update=renamed) if renamed else event


def openings_meant(event: Event) -> set[str]:
    """Ids of the events that opened the clusters which an event names."""
    meant = (getattr(event, name, None) for name in OPENING_OF.values())
    return {opening for opening in meant if opening is not None}


def algorithm_rank(signature: str) -> tuple[int, str]:
    """Sorts signatures by version, then name."""
    name, _, version = algorithm_of(signature).partition("/")
    return int(version), name


def _cluster(draft: _Draft) -> Cluster:
    return Cluster(
        id=draft.id,
        title=draft.title,
        status=draft.status,
        signatures=tuple(draft.signatures),
        members=tuple(sorted(draft.members)),
        why=tuple(draft.why),
        owner=draft.owner,
        first_seen=draft.first_seen,
        last_seen=draft.last_seen,
        aliases=tuple(draft.aliases),
    )
