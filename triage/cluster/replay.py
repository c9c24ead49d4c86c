"""Replay the journal's events, oldest first: the working memory behind `ClusterRegistry`.

Nothing here fails on an event that makes no sense (a status of a cluster that nobody opened): two
branches merge their journals by union of lines, and what one of them said must not hide the rest.
Commands refuse nonsense before it is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from triage.cluster.event_factory import OPENING_OF
from triage.cluster.new_names import NewNames
from triage.model.cluster import Cluster, ClusterStatus, Why
from triage.model.journal import (
    AttemptRecorded,
    ClusterOpened,
    ClusterRenumbered,
    ClustersMerged,
    ClusterSplit,
    CriterionMet,
    Event,
    EvidencePruned,
    FilesMoved,
    FlakySeen,
    MembersAdded,
    NumberingStarted,
    OwnerSet,
    ProposalDropped,
    ProposalMade,
    Quarantined,
    QuarantineLifted,
    Renamed,
    RuleBound,
    RunRecorded,
    SignatureAdded,
    StatusChanged,
)
from triage.model.quarantine import Quarantine
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
class Draft:
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
    latent: bool = False

    @classmethod
    def of(cls, cluster: Cluster) -> Draft:
        """Take up a cluster again that was read before."""
        return cls(
            id=cluster.id,
            title=cluster.title,
            first_seen=cluster.first_seen,
            status=cluster.status,
            owner=cluster.owner,
            last_seen=cluster.last_seen,
            signatures=dict.fromkeys(cluster.signatures),
            members=dict.fromkeys(cluster.members),
            why=dict.fromkeys(cluster.why),
            aliases=dict.fromkeys(cluster.aliases),
            latent=cluster.latent,
        )

    def seen(self, stamp: str | None) -> None:
        """One run that showed it."""
        if stamp is not None:
            self.first_seen = min(self.first_seen or stamp, stamp)
            self.last_seen = max(self.last_seen or stamp, stamp)

    def absorb(self, other: Draft) -> None:
        """Take over what a cluster has that was merged into this one."""
        self.signatures.update(other.signatures)
        self.members.update(other.members)
        self.why.update(other.why)
        self.aliases.update(other.aliases)
        self.aliases[other.id] = None
        self.latent = self.latent and other.latent
        self.seen(other.first_seen)
        self.seen(other.last_seen)


@dataclass
class JournalReplay:
    """What the events said so far, under the ids that they name; `over` reads a whole journal."""

    events: tuple[Event, ...] = ()
    number_of: dict[str, str] = field(default_factory=dict)
    """Id of an opening that was renumbered, to the number that it has now."""
    settled: dict[str, Cluster] = field(default_factory=dict)
    """Clusters that a checkpoint has, as they were; one that a later event is about becomes a draft again."""
    drafts: dict[str, Draft] = field(default_factory=dict)
    home: dict[str, str] = field(default_factory=dict)
    """Signature to the cluster that claimed it first."""
    member_home: dict[tuple[str, str], str] = field(default_factory=dict)
    """(signature, nodeid) to the cluster where a split put that test."""
    aliases: dict[str, str] = field(default_factory=dict)
    """Merged cluster to the one that it was merged into."""
    openings: dict[str, Opening] = field(default_factory=dict)
    """Cluster number to the opening that holds it."""
    clashes: list[Opening] = field(default_factory=list)
    """Openings whose number another opening holds."""
    proposals: list[ProposalMade] = field(default_factory=list)
    dropped: set[frozenset[str]] = field(default_factory=set)
    """Pairs that somebody keeps apart."""
    rules: dict[str, str] = field(default_factory=dict)
    flaky_tests: list[FlakySeen] = field(default_factory=list)
    """The first time that each test was red and green within one run."""
    quarantine_of: dict[str, Quarantine] = field(default_factory=dict)
    """By cluster or node id; the latest counts."""
    translated: set[str] = field(default_factory=set)
    """Signatures of other algorithms than the current one, whose successor is known too."""
    highest: int = 0
    """The highest number that was allotted."""
    claims: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Signature to the clusters that claimed it, in order."""
    _set_aside: set[str] = field(default_factory=set)
    """Ids of the openings that clash: events that mean one of them wait for its new number."""

    @classmethod
    def over(cls, events: Iterable[Event]) -> JournalReplay:
        """Read all events once, in the order of `at` and `id`."""
        by_id = {event.id: event for event in events}  # branches may both have a line
        ordered = sorted(by_id.values(), key=lambda event: (event.at, event.id))
        number_of = new_number_of(ordered)
        replay = cls(events=tuple(under_new_numbers(ordered, number_of)), number_of=number_of)
        replay.read(replay.events)
        return replay

    def read(self, events: Iterable[Event]) -> None:
        """Go on with events that are later than all so far, in their order, under the numbers of today."""
        for event in events:
            # openings rarely clash, and to find those that an event means takes as long as to read it
            if not self._set_aside or not self._set_aside & openings_meant(event):
                self._read(event)

    def _read(self, event: Event) -> None:
        match event:
            case ClusterOpened():
                self._opened(event)
            case SignatureAdded():
                self._signature(event)
            case MembersAdded():
                self._members(event)
            case FilesMoved():
                self._files_moved(event)
            case ClustersMerged():
                self._merged(event)
            case ClusterSplit():
                self._split(event)
            case StatusChanged():
                self._status(event)
            case OwnerSet() | Renamed():
                self._described(event)
            case NumberingStarted():
                self.highest = max(self.highest, event.next - 1)
            case ProposalMade() | ProposalDropped():
                self._proposal(event)
            case RuleBound():
                self.rules.setdefault(event.rule, event.cluster)
            case FlakySeen() | Quarantined() | QuarantineLifted():
                self._about_tests(event)
            case ClusterRenumbered() | AttemptRecorded() | CriterionMet() | RunRecorded() | EvidencePruned():
                pass  # carried out by `renumbered`; the others say nothing of clusters
            case _:
                assert_never(event)

    def draft(self, cluster_id: str) -> Draft | None:
        """The cluster of this id as it is being read; None where nobody has opened it."""
        draft = self.drafts.get(cluster_id)
        if draft is None and cluster_id in self.settled:
            draft = self.drafts[cluster_id] = Draft.of(self.settled.pop(cluster_id))
        return draft

    def has(self, cluster_id: str) -> bool:
        """Whether somebody has opened it."""
        return cluster_id in self.drafts or cluster_id in self.settled

    def resolve(self, cluster_id: str) -> str:
        """Follow aliases to the cluster that lives."""
        while cluster_id in self.aliases:
            cluster_id = self.aliases[cluster_id]
        return cluster_id

    def finished(self) -> dict[str, Cluster]:
        """The clusters, by number."""
        clusters = [*self.settled.values(), *map(_cluster, self.drafts.values())]
        return {cluster.id: cluster for cluster in sorted(clusters, key=lambda cluster: cluster.number)}

    def open_proposals(self) -> Iterator[ProposalMade]:
        """Proposals that no merge, split or decision has answered; of equal ones the first."""
        said: set[tuple[str, ...]] = set()
        kept_apart = self.kept_apart()
        for made in self.proposals:
            one, other = self.resolve(made.cluster), self.resolve(made.with_cluster or made.cluster)
            key = (made.kind, *sorted((one, other)), *sorted(made.members))
            subject = self.draft(one)
            if key in said or subject is None or not self.has(other):
                continue
            if made.kind == "merge":
                answered = one == other or frozenset((one, other)) in kept_apart
            else:
                answered = not set(made.members) < subject.members.keys()
            if not answered:
                said.add(key)
                yield made

    def quarantines(self) -> tuple[Quarantine, ...]:
        """Quarantines that nobody has lifted, ended ones too, under the ids of today."""
        found = []
        for quarantine in self.quarantine_of.values():
            home = self.resolve(quarantine.cluster) if quarantine.cluster is not None else None
            found.append(quarantine.model_copy(update={"cluster": home}))
        return tuple(found)

    def kept_apart(self) -> frozenset[frozenset[str]]:
        """Pairs that somebody decided to keep apart and nobody merged since, by the ids of today."""
        pairs = (frozenset(map(self.resolve, pair)) for pair in self.dropped)
        return frozenset(pair for pair in pairs if len(pair) > 1)

    def doubles(self) -> dict[str, str]:
        """Clusters opened for a signature that an older cluster already had."""
        found = {}
        for claimed in self.claims.values():
            if len(claimed) == 1:
                continue
            first, *others = dict.fromkeys(self.resolve(cluster) for cluster in claimed)
            found.update(dict.fromkeys(others, first))
        return found

    def _opened(self, event: ClusterOpened) -> None:
        opening = Opening(event.cluster, event.id, event.at, event.signatures)
        holder = self.openings.get(event.cluster)
        if holder is not None and not set(holder.signatures) & set(event.signatures):
            self._clash(opening)
            return
        draft = self._allot(opening, event.title, event.stamp)
        draft.members.update(dict.fromkeys(event.members))
        draft.why.update(dict.fromkeys(event.why))
        draft.seen(event.stamp)
        draft.latent = draft.latent or event.latent
        for signature in event.signatures:
            self._claim(signature, event.cluster)
        self._translate(event.signatures)

    def _allot(self, opening: Opening, title: str, stamp: str | None) -> Draft:
        self.highest = max(self.highest, int(opening.cluster[1:]))
        self.openings.setdefault(opening.cluster, opening)
        draft = self.draft(opening.cluster)
        if draft is None:
            draft = Draft(opening.cluster, title, stamp, last_seen=stamp)
            self.drafts[opening.cluster] = draft
        return draft

    def _clash(self, opening: Opening) -> None:
        self.highest = max(self.highest, int(opening.cluster[1:]))
        self.clashes.append(opening)
        self._set_aside.add(opening.event)

    def _claim(self, signature: str, cluster: str) -> None:
        cluster = self.resolve(cluster)
        if draft := self.draft(cluster):
            draft.signatures[signature] = None
            self.home.setdefault(signature, cluster)
            self.claims[signature].append(cluster)

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
        if draft := self.draft(self.resolve(event.cluster)):
            draft.why.update(dict.fromkeys(event.why))
            draft.seen(event.stamp)
        self.translated.update(why.detail for why in event.why if why.kind == "signature")
        if event.moved_from is not None:  # what a split decided of tests holds under their new signature
            for (signature, nodeid), home in list(self.member_home.items()):
                if signature == event.moved_from:
                    self.member_home[event.signature, nodeid] = home

    def _files_moved(self, event: FilesMoved) -> None:
        """Give members, and what was decided of single tests, the names that they have now."""
        names = NewNames(event.moves)
        for cluster_id in list(self.settled):
            self.draft(cluster_id)
        for draft in self.drafts.values():
            draft.members = dict.fromkeys(map(names.of_test, draft.members))
            draft.why = dict.fromkeys(map(names.of_why, draft.why))
        self.member_home = {
            (signature, names.of_test(nodeid)): home for (signature, nodeid), home in self.member_home.items()
        }
        self.proposals = [
            made.model_copy(update={"members": tuple(map(names.of_test, made.members))})
            for made in self.proposals
        ]
        self.flaky_tests = [
            seen.model_copy(update={"nodeid": names.of_test(seen.nodeid)}) for seen in self.flaky_tests
        ]
        self.quarantine_of = {
            names.of_test(subject): quarantine
            if quarantine.nodeid is None
            else quarantine.model_copy(update={"nodeid": names.of_test(quarantine.nodeid)})
            for subject, quarantine in self.quarantine_of.items()
        }

    def _members(self, event: MembersAdded) -> None:
        if draft := self.draft(self.resolve(event.cluster)):
            draft.members.update(dict.fromkeys(event.members))
            draft.seen(event.stamp)

    def _merged(self, event: ClustersMerged) -> None:
        source, target = self.resolve(event.cluster), self.resolve(event.into)
        part, whole = self.draft(source), self.draft(target)
        if source == target or part is None or whole is None:
            return
        self.aliases[source] = target
        whole.absorb(part)
        whole.why.update(dict.fromkeys(event.why))
        part.status = ClusterStatus.MERGED

    def _split(self, event: ClusterSplit) -> None:
        if event.new in self.openings:
            self._clash(Opening(event.new, event.id, event.at, event.signatures))
            return
        source = self.draft(self.resolve(event.cluster))
        new = self._allot(Opening(event.new, event.id, event.at, event.signatures), event.title, None)
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
            self.claims[signature] = [new.id]

    def _status(self, event: StatusChanged) -> None:
        merged_away = event.cluster in self.aliases
        if merged_away and event.status is ClusterStatus.RESOLVED:
            return  # the part met its criterion; that says nothing of the whole
        if draft := self.draft(self.resolve(event.cluster)):
            draft.status = event.status

    def _described(self, event: OwnerSet | Renamed) -> None:
        draft = self.draft(self.resolve(event.cluster))
        if draft is None:
            return
        if isinstance(event, OwnerSet):
            draft.owner = event.owner
        else:
            draft.title = event.title

    def _about_tests(self, event: FlakySeen | Quarantined | QuarantineLifted) -> None:
        if isinstance(event, FlakySeen):
            self.flaky_tests.append(event)
            return
        subject = self.resolve(event.cluster) if event.cluster is not None else str(event.nodeid)
        if isinstance(event, QuarantineLifted):
            self.quarantine_of.pop(subject, None)
            return
        self.quarantine_of[subject] = Quarantine(
            cluster=event.cluster,
            nodeid=event.nodeid,
            until=event.until,
            owner=event.owner,
            reason=event.reason,
            by=event.by,
            at=event.at,
        )

    def _proposal(self, event: ProposalMade | ProposalDropped) -> None:
        if isinstance(event, ProposalMade):
            self.proposals.append(event)
        else:
            pair = (self.resolve(event.cluster), self.resolve(event.with_cluster))
            self.dropped.add(frozenset(pair))


def renumbered(events: Sequence[Event]) -> Iterator[Event]:
    """The events with every renumbering carried out: in its opening and in all that mean that opening."""
    return under_new_numbers(events, new_number_of(events))


def new_number_of(events: Iterable[Event]) -> dict[str, str]:
    """Id of each opening that was renumbered, to the number that it has now.

    One that was renumbered more than once (apart, in several branches, or because the number that it was
    given was taken elsewhere) has the highest of its numbers: the last one that a doctor gave.
    """
    number_of: dict[str, str] = {}
    for event in events:
        if isinstance(event, ClusterRenumbered) and event.opening is not None:
            known = number_of.get(event.opening, event.new)
            number_of[event.opening] = max(known, event.new, key=lambda cluster: int(cluster[1:]))
    return number_of


def under_new_numbers(events: Iterable[Event], number_of: Mapping[str, str]) -> Iterator[Event]:
    """The events with the numbers that openings have now, without the renumberings themselves."""
    for event in events:
        if not isinstance(event, ClusterRenumbered):
            changes = _new_numbers(event, number_of) if number_of else {}
            yield event.model_copy(update=changes) if changes else event


def _new_numbers(event: Event, number_of: Mapping[str, str]) -> dict[str, str]:
    """Fields of an event that name a cluster, with the number that its opening has now."""
    changes = {}
    for name, opening_field in OPENING_OF.items():
        opening: str | None = getattr(event, opening_field, None)
        if opening is not None and opening in number_of and hasattr(event, name):
            changes[name] = number_of[opening]
    if event.id in number_of:  # the event is such an opening itself
        own_field = "new" if isinstance(event, ClusterSplit) else "cluster"
        changes[own_field] = number_of[event.id]
    return changes


def openings_meant(event: Event) -> set[str]:
    """Ids of the events that opened the clusters which an event names."""
    meant = (getattr(event, name, None) for name in OPENING_OF.values())
    return {opening for opening in meant if opening is not None}


def algorithm_rank(signature: str) -> tuple[int, str]:
    """Sorts signatures by version, then name."""
    name, _, version = algorithm_of(signature).partition("/")
    return int(version), name


def _cluster(draft: Draft) -> Cluster:
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
        latent=draft.latent,
    )
