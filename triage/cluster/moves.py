"""Follow files and tests that have another name than when their clusters were seen: the id stays.

`Context.moved_files` says which files were renamed (git knows); where it knows nothing of a file that is
gone, one of the same name elsewhere may be it, if a failure is the same there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from triage.cluster.context import Context
from triage.cluster.earlier_names import EarlierNames, files_of
from triage.cluster.event_factory import EventFactory
from triage.cluster.groups import Group, Signer, known_home
from triage.cluster.registry import ClusterRegistry
from triage.model.cluster import Why
from triage.model.journal import Event, FilesMoved, Relocation
from triage.model.nodeid import file_of, without_parameters

_MOST_PAIRS = 200
"""Pairs of a test that is gone and one that is new whose bodies are compared."""
_SAME_NAME = "a file of this name was there, and git does not know of it"


class SameUnderOldName(NamedTuple):
    """Two known clusters, of which one has the failures of the other under the names of today."""

    cluster: str
    other: str
    why: Why


@dataclass(frozen=True)
class RecordedMoves:
    """What moved since the clusters of a run were seen last."""

    registry: ClusterRegistry
    """With the names of today."""
    events: tuple[Event, ...] = ()
    """What the journal must hear of it."""
    earlier: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Signature of this run to those that the same failures would have had under the earlier names."""
    same: tuple[SameUnderOldName, ...] = ()
    """Clusters that may be one."""


def record_moves(
    groups: Sequence[Group],
    registry: ClusterRegistry,
    *,
    signer: Signer,
    factory: EventFactory,
    stamp: str,
    context: Context,
) -> RecordedMoves:
    """Find out which known clusters the failures continue whose files, or tests, have other names now."""
    known = _known_files(registry)
    gone = {path for path in known if not context.exists(path)}
    strangers = [group for group in groups if known_home(group, registry)[0] is None]
    events: list[Event] = []
    earlier: dict[str, tuple[str, ...]] = {}
    same: list[SameUnderOldName] = []
    today = registry
    names = EarlierNames(())
    if gone or strangers:
        said = [moved for moved in context.moved_files() if _is_move(moved, context)]
        guessed = _of_same_name(gone - {moved.old for moved in said}, groups, context)
        names = EarlierNames((*said, *guessed, *_recorded(registry, context)))
        used: set[Relocation] = set()
        for group in strangers:
            found = _known_signature(group, names, signer, registry)
            if found is not None:
                earlier[group.signature.id] = (found.signature,)
                used.update(found.moves)
        # what git says counts for every known file; what was guessed, where a failure confirms it
        relocations = [moved for moved in said if moved.old in known or moved in used]
        relocations += [moved for moved in guessed if moved in used]
        if relocations:
            events.append(factory.make(FilesMoved, moves=tuple(relocations), stamp=stamp))
            today = _after(registry, events)
            same = _same_clusters(groups, registry, EarlierNames(relocations), signer)
    unknown = [group for group in strangers if group.signature.id not in earlier]
    earlier |= _under_earlier_test_names(unknown, today, names, signer, context)
    tests = _renamed_tests(groups, today, earlier, context)
    if tests:
        events.append(factory.make(FilesMoved, moves=tests, stamp=stamp))
        today = _after(registry, events)
    return RecordedMoves(today, tuple(events), earlier, tuple(same))


def _recorded(registry: ClusterRegistry, context: Context) -> Iterator[Relocation]:
    """Renamings of files that earlier runs have recorded: a failure may be seen for the first time since."""
    for event in registry.decisions:
        if isinstance(event, FilesMoved):
            yield from (moved for moved in event.moves if "::" not in moved.old and _is_move(moved, context))


def _under_earlier_test_names(
    groups: Iterable[Group],
    registry: ClusterRegistry,
    names: EarlierNames,
    signer: Signer,
    context: Context,
) -> dict[str, tuple[str, ...]]:
    """Signature of unknown failures to a known one that they have under the name of a test that is gone.

    The name of a test is in the signature of a failure that nothing else tells apart. `registry` has the
    files under the names of today, `names` those that they had when the signature was made.
    """
    run = {without_parameters(nodeid) for nodeid in context.outcomes}
    gone: dict[str, list[str]] = defaultdict(list)
    for cluster in registry.live:
        for test in {without_parameters(nodeid) for nodeid in cluster.members} - run:
            gone[file_of(test)].append(test)
    found: dict[str, tuple[str, ...]] = {}
    tried = 0
    for group in groups:
        new, bracket, parameters = group.first[0].partition("[")
        for old in sorted(gone.get(file_of(new), ())):
            tried += 1
            if tried > _MOST_PAIRS or not context.is_same_test(old, new):
                continue
            before = group.example.model_copy(update={"nodeid": old + bracket + parameters})
            forms = [before, *(variant.failure for variant in names.variants(before))]
            known = [each.id for form in forms for each in signer(form) if each.id in registry.home]
            if known:
                found[group.signature.id] = (known[0],)
                break
    return found


def _after(registry: ClusterRegistry, events: Sequence[Event]) -> ClusterRegistry:
    return replace(registry.followed_by(events), mending=registry.mending)


class _EarlierSignature(NamedTuple):
    """A signature that a failure would have had under earlier names of its files."""

    signature: str
    moves: tuple[Relocation, ...]
    """The renamings that were taken back."""


def _known_signature(
    group: Group, names: EarlierNames, signer: Signer, registry: ClusterRegistry
) -> _EarlierSignature | None:
    """The first of the group's earlier signatures that a cluster has; None where none is known."""
    for earlier in _earlier_signatures(group, names, signer):
        if earlier.signature in registry.home:
            return earlier
    return None


def _earlier_signatures(group: Group, names: EarlierNames, signer: Signer) -> Iterator[_EarlierSignature]:
    """Those of the group under each combination of earlier names."""
    for before in names.variants(group.example):
        for signature in signer(before.failure):
            yield _EarlierSignature(signature.id, before.used)


def _same_clusters(
    groups: Sequence[Group], registry: ClusterRegistry, names: EarlierNames, signer: Signer
) -> list[SameUnderOldName]:
    """Known clusters that were opened for failures which an older cluster has under their earlier names."""
    found = []
    for group in groups:
        home = registry.home.get(group.signature.id)
        if home is None:
            continue
        for before, _ in _earlier_signatures(group, names, signer):
            older = registry.home.get(before, home)
            if older != home:
                detail = f"the same failure before its files were renamed ({before})"
                found.append(SameUnderOldName(older, home, Why(kind="move", detail=detail, proposal=True)))
    return found


def _renamed_tests(
    groups: Iterable[Group],
    registry: ClusterRegistry,
    earlier: Mapping[str, tuple[str, ...]],
    context: Context,
) -> tuple[Relocation, ...]:
    """Tests of known clusters that have another name in their file, where the bodies are the same.

    `registry` has the files under the names of today.
    """
    failing: dict[str, set[str]] = defaultdict(set)
    for group in groups:
        ids = (group.signature.id, *earlier.get(group.signature.id, ()))
        home = next((registry.home[known] for known in ids if known in registry.home), None)
        if home is not None:
            failing[home].update(map(without_parameters, group.members))
    run = {without_parameters(nodeid) for nodeid in context.outcomes}
    pairs: list[tuple[str, str]] = []
    for cluster_id, tests in sorted(failing.items()):
        members = {without_parameters(nodeid) for nodeid in registry.clusters[cluster_id].members}
        newcomers = sorted(tests - members)
        for old in sorted(members - run) if newcomers else ():
            pairs += [(old, new) for new in newcomers if file_of(new) == file_of(old)]
    alike = [pair for pair in pairs[:_MOST_PAIRS] if context.is_same_test(*pair)]
    times_old = Counter(old for old, _ in alike)
    times_new = Counter(new for _, new in alike)
    renamed = []
    for old, new in alike:
        # of several with one body nobody knows which is which
        if times_old[old] == 1 and times_new[new] == 1:
            renamed.append(Relocation(old=old, new=new, how="the test has the same body"))
    return tuple(renamed)


def _known_files(registry: ClusterRegistry) -> set[str]:
    """Files of the members of live clusters, and those that the reasons of clusters name."""
    known = {file_of(nodeid) for cluster in registry.live for nodeid in cluster.members}
    for cluster in registry.live:
        for why in cluster.why:
            if why.kind == "frame" and " " not in why.detail:
                known.add(why.detail.rpartition(":")[0])
            elif why.kind == "file" and " " not in why.detail:
                known.add(why.detail)
    return {path for path in known if path}


def _is_move(moved: Relocation, context: Context) -> bool:
    """Whether the old file is gone and the new one is there: a copy is no move."""
    return context.exists(moved.new) and not context.exists(moved.old)


def _of_same_name(gone: Iterable[str], groups: Sequence[Group], context: Context) -> list[Relocation]:
    """Files of the run's failures that have the name of one that is gone, where there is one such file."""
    failing = {path for group in groups for path in files_of(group.example)}
    present = failing | {file_of(nodeid) for nodeid in context.outcomes}
    by_name: dict[str, list[str]] = defaultdict(list)
    for path in sorted(present):
        if not path.startswith(("/", "<")):
            by_name[_name(path)].append(path)
    gone_by_name: dict[str, list[str]] = defaultdict(list)
    for path in sorted(gone):
        gone_by_name[_name(path)].append(path)
    guessed = []
    for name, olds in sorted(gone_by_name.items()):
        news = by_name.get(name, [])
        if len(olds) == 1 and len(news) == 1:
            guessed.append(Relocation(old=olds[0], new=news[0], how=_SAME_NAME))
    return guessed


def _name(path: str) -> str:
    return path.rpartition("/")[2]
