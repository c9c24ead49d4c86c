"""Follow files and tests that have another name than when their clusters were seen: the id stays.

`Context.moved_files` says which files were renamed (git knows); where it knows nothing of a file that is
gone, one of the same name elsewhere may be it, if a failure is the same there.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from triage.cluster.context import Context
from triage.cluster.event_factory import EventFactory
from triage.cluster.groups import Group, Signer, known_home
from triage.cluster.registry import ClusterRegistry
from triage.model.cluster import Why
from triage.model.failure import Failure, Frame, Raised
from triage.model.journal import Event, FilesMoved, Relocation

_MOST_PAIRS = 200
"""Pairs of a test that is gone and one that is new whose bodies are compared."""
_SAME_NAME = "a file of this name was there, and git does not know of it"


@dataclass(frozen=True)
class Moves:
    """Files that have another name now."""

    relocations: tuple[Relocation, ...] = ()

    @cached_property
    def _earlier(self) -> Mapping[str, str]:
        return {moved.new: moved.old for moved in self.relocations}

    def touches(self, failure: Failure) -> bool:
        """Whether a file that the failure is about was moved."""
        return not self._earlier.keys().isdisjoint(files_of(failure))

    def before(self, failure: Failure) -> Failure:
        """The failure as it would have been under the earlier names."""
        own = [moved for moved in self.relocations if moved.new in set(files_of(failure))]
        chain = tuple(_raised_before(raised, own) for raised in failure.chain)
        file, colons, test = failure.nodeid.partition("::")
        return failure.model_copy(
            update={"chain": chain, "nodeid": self._earlier.get(file, file) + colons + test}
        )


def files_of(failure: Failure) -> Iterator[str]:
    """The test's file and those of the frames."""
    yield failure.nodeid.partition("::")[0]
    for raised in failure.chain:
        for frame in raised.frames:
            yield frame.path


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
    if gone or strangers:
        said = [moved for moved in context.moved_files() if _is_move(moved, context)]
        guessed = _of_same_name(gone - {moved.old for moved in said}, groups, context)
        earlier = _earlier_signatures(strangers, registry, Moves((*said, *guessed)), signer)
        confirmed = {
            path for group in strangers if group.signature.id in earlier for path in files_of(group.example)
        }
        relocations = [moved for moved in said if moved.old in known or moved.new in confirmed]
        relocations += [moved for moved in guessed if moved.new in confirmed]
        if relocations:
            events.append(factory.make(FilesMoved, moves=tuple(relocations), stamp=stamp))
            today = _after(registry, events)
            same = _same_clusters(groups, registry, Moves(tuple(relocations)), signer)
    tests = _renamed_tests(groups, today, earlier, context)
    if tests:
        events.append(factory.make(FilesMoved, moves=tests, stamp=stamp))
        today = _after(registry, events)
    return RecordedMoves(today, tuple(events), earlier, tuple(same))


def _after(registry: ClusterRegistry, events: Sequence[Event]) -> ClusterRegistry:
    return replace(ClusterRegistry.of((*registry.events, *events)), mending=registry.mending)


def _earlier_signatures(
    strangers: Sequence[Group], registry: ClusterRegistry, moves: Moves, signer: Signer
) -> dict[str, tuple[str, ...]]:
    """Of groups without a known cluster: the signatures by which one is known, under the earlier names."""
    found = {}
    for group in strangers:
        ids = _earlier_ids(group, moves, signer)
        if not registry.home.keys().isdisjoint(ids):
            found[group.signature.id] = ids
    return found


def _same_clusters(
    groups: Sequence[Group], registry: ClusterRegistry, moves: Moves, signer: Signer
) -> list[SameUnderOldName]:
    """Known clusters that were opened for failures which an older cluster has under their earlier names."""
    found = []
    for group in groups:
        home = registry.home.get(group.signature.id)
        for before in _earlier_ids(group, moves, signer) if home is not None else ():
            older = registry.home.get(before)
            if home is not None and older is not None and older != home:
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
            failing[home].update(map(_without_parameters, group.members))
    run = {_without_parameters(nodeid) for nodeid in context.outcomes}
    pairs: list[tuple[str, str]] = []
    for cluster_id, tests in sorted(failing.items()):
        members = {_without_parameters(nodeid) for nodeid in registry.clusters[cluster_id].members}
        newcomers = sorted(tests - members)
        for old in sorted(members - run) if newcomers else ():
            pairs += [(old, new) for new in newcomers if _file(new) == _file(old)]
    alike = [pair for pair in pairs[:_MOST_PAIRS] if context.is_same_test(*pair)]
    olds, news = [old for old, _ in alike], [new for _, new in alike]
    return tuple(
        Relocation(old=old, new=new, how="the test has the same body")
        for old, new in alike
        if olds.count(old) == news.count(new) == 1  # of several with one body nobody knows which is which
    )


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _without_parameters(nodeid: str) -> str:
    return nodeid.partition("[")[0]


def _known_files(registry: ClusterRegistry) -> set[str]:
    """Files of the members of live clusters, and those that the reasons of clusters name."""
    known = {nodeid.partition("::")[0] for cluster in registry.live for nodeid in cluster.members}
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
    present = failing | {nodeid.partition("::")[0] for nodeid in context.outcomes}
    by_name: dict[str, list[str]] = defaultdict(list)
    for path in sorted(present):
        if not path.startswith(("/", "<")):
            by_name[_name(path)].append(path)
    gone_by_name: dict[str, list[str]] = defaultdict(list)
    for path in sorted(gone):
        gone_by_name[_name(path)].append(path)
    return [
        Relocation(old=olds[0], new=by_name[name][0], how=_SAME_NAME)
        for name, olds in sorted(gone_by_name.items())
        if len(olds) == 1 and len(by_name.get(name, ())) == 1
    ]


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _earlier_ids(group: Group, moves: Moves, signer: Signer) -> tuple[str, ...]:
    """Signature ids of the group under the earlier names; empty where no file of it was moved."""
    if not moves.touches(group.example):
        return ()
    return tuple(signature.id for signature in signer(moves.before(group.example)))


def _raised_before(raised: Raised, moves: Sequence[Relocation]) -> Raised:
    """One exception with files and modules under their earlier names."""
    for moved in moves:
        earlier = _replacement(moved)
        raised = raised.model_copy(
            update={
                "type": earlier(raised.type),
                "message": earlier(raised.message),
                "frames": tuple(_frame_before(frame, moved, earlier) for frame in raised.frames),
            }
        )
    return raised


def _frame_before(frame: Frame, moved: Relocation, earlier: Callable[[str], str]) -> Frame:
    path = moved.old if frame.path == moved.new else frame.path
    return frame.model_copy(update={"path": path, "code": earlier(frame.code) if frame.code else frame.code})


def _replacement(moved: Relocation) -> Callable[[str], str]:
    """Puts the earlier name of a file, and of the module that it is, into a text."""
    earlier_of = {moved.new: moved.old, **dict(_modules(moved))}
    names = "|".join(re.escape(name) for name in sorted(earlier_of, key=len, reverse=True))
    expression = re.compile(rf"(?<![\w./-])(?:{names})(?!\w)")
    return lambda text: expression.sub(lambda found: earlier_of[found[0]], text)


def _modules(moved: Relocation) -> Iterator[tuple[str, str]]:
    """Dotted names of the module now and before: from the root and from each folder that both share."""
    new, old = _dotted(moved.new), _dotted(moved.old)
    shared = 0
    while shared < min(len(new), len(old)) - 1 and new[shared] == old[shared]:
        shared += 1
    for start in range(shared + 1):
        now, before = ".".join(new[start:]), ".".join(old[start:])
        if now and before and now != before:
            yield now, before


def _dotted(path: str) -> list[str]:
    parts = path.removesuffix(".py").split("/")
    return parts[:-1] if parts[-1] == "__init__" else parts
