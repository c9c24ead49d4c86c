"""Tell by the state behind the imports alone for which files it can matter what else is imported, and how.

An interpreter that imports one file, or all of them backwards, runs one test, and what that test finds is
compared with what it finds where all files were imported in their order. Where no test of the file may read
anything of what differs, its other tests need not run there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from triage.hunt.orders import by_file
from triage.hunt.readers import IMPORTED
from triage.hunt.seen import OWN_FILE, SeenRun
from triage.hunt.state import Hunt
from triage.lab.protocol import Look, Observation, Setup

_STATE = "state"
"""The instrument that records what a test finds."""
Found = Mapping[str, str]
"""Digest of every piece of state that a test found, with an entry for each imported module."""


def can_tell(hunt: Hunt) -> bool:
    """Whether enough is known of every test: what it reads, and that interpreters give what forks give."""
    return hunt.warm.forks and all(map(hunt.readers.are_known, hunt.knowledge.tests))


@dataclass(frozen=True)
class FileLook:
    """What one test of a file found where only its file was imported."""

    run: SeenRun
    differing: frozenset[str] | None
    """Pieces of state that are otherwise where all files are imported; None where that is not known."""


def look_at_files(hunt: Hunt, files: Sequence[Sequence[str]]) -> list[FileLook]:
    """The first test of each of these files, in an interpreter that imports this file alone."""
    if not files:
        return []
    usual = _all_imported(hunt, tuple(by_file(hunt.collected)))
    setups = [_watched(hunt, tests[0]) for tests in files]
    seen = hunt.lab.look(
        [Look(setup=setup, why="what does it find without the other files?") for setup in setups]
    )
    return [FileLook(SeenRun.of(OWN_FILE, each), _differing(usual, _found(each))) for each in seen]


def tell_nothing(hunt: Hunt, differing: frozenset[str] | None, nodeids: Iterable[str]) -> bool:
    """Whether none of these tests may read any of what differs."""
    if differing is None:
        return False
    return not any(hunt.readers.may_read_any(nodeid, differing) for nodeid in nodeids)


def differs_backwards(hunt: Hunt) -> frozenset[str] | None:
    """What is otherwise where the files are imported backwards; None where that is not known."""
    files = tuple(by_file(hunt.collected))
    (seen,) = hunt.lab.look(
        [Look(setup=_watched(hunt, hunt.collected[0], files[::-1]), why="imported backwards")]
    )
    return _differing(_all_imported(hunt, files), _found(seen))


# -- steps ------------------------------------------------------------------------------------------


def _watched(hunt: Hunt, nodeid: str, imports: Sequence[str] = ()) -> Setup:
    watching = {"watch": [nodeid], "modules": True}
    return Setup(
        nodeids=(nodeid,), imports=tuple(imports), instruments={_STATE: watching}, seed=hunt.request.seed
    )


def _all_imported(hunt: Hunt, files: tuple[str, ...]) -> Found:
    look = Look(setup=_watched(hunt, hunt.collected[0], files), why="what does it find?", known_will_do=True)
    (seen,) = hunt.lab.look([look])
    return _found(seen)


def _found(seen: Observation) -> Found:
    """What the watched test found; empty where nothing was recorded."""
    for line in seen.lines(_STATE, "found"):
        found = {key: digest for key, (digest, _) in line["places"].items()}
        return found | {f"{IMPORTED}{name}": "imported" for name in line["modules"]}
    return {}


def _differing(usual: Found, found: Found) -> frozenset[str] | None:
    """Keys with other values, and those that one of the two lacks."""
    if not usual or not found:
        return None
    return frozenset(
        key
        for key in usual.keys() | found.keys()
        if usual.get(key) != found.get(key) and not _is_of_missing_module(key, found)
    )


def _is_of_missing_module(key: str, found: Found) -> bool:
    """Whether it is in a module that is not imported here: that the module is missing says as much."""
    if not key.startswith("attr:"):
        return False
    parts = key.removeprefix("attr:").split(".")
    return not any(f"{IMPORTED}{'.'.join(parts[:cut])}" in found for cut in range(1, len(parts)))
