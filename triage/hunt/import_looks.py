"""Tell by the state behind the imports alone for which files it can matter what else is imported, and how.

An interpreter that imports one file, or all of them backwards, runs one test, and what that test finds is
compared with what it finds where all files were imported in their order. Where no test of the file may read
anything of what differs, its other tests need not run there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from triage.hunt.orders import by_file
from triage.hunt.readers import IMPORTED
from triage.hunt.seen import OWN_FILE, SeenRun
from triage.hunt.state import Hunt
from triage.lab.protocol import Look, Observation, Setup
from triage.probe.leaked_state import FoundState, differing_keys, found_state

_ATTRIBUTE = "attr:"
_STATE = "state"
"""The instrument that records what a test finds."""


@dataclass(frozen=True)
class _Found:
    """What a test found before its set-up."""

    state: FoundState
    modules: frozenset[str]
    """Names of all that were imported."""


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


def _all_imported(hunt: Hunt, files: tuple[str, ...]) -> _Found:
    look = Look(setup=_watched(hunt, hunt.collected[0], files), why="what does it find?", known_will_do=True)
    (seen,) = hunt.lab.look([look])
    return _found(seen)


def _found(seen: Observation) -> _Found:
    """What the watched test found; empty where nothing was recorded."""
    (nodeid,) = seen.order or ("",)
    modules = [name for line in seen.lines(_STATE, "found") for name in line["modules"]]
    return _Found(found_state(seen, nodeid), frozenset(modules))


def _differing(usual: _Found, found: _Found) -> frozenset[str] | None:
    """Keys with other values, and modules that one of the two has not imported."""
    if not usual.modules or not found.modules:
        return None
    differing = [
        key
        for key in differing_keys(usual.state, found.state)
        if not key.startswith(_ATTRIBUTE) or _has_module_of(found, key)
    ]
    lacking = usual.modules ^ found.modules
    return frozenset(differing).union(f"{IMPORTED}{name}" for name in lacking)


def _has_module_of(found: _Found, key: str) -> bool:
    """Whether the attribute's module is imported at all: that it is not is a difference of its own."""
    parts = key.removeprefix(_ATTRIBUTE).split(".")
    return any(".".join(parts[:cut]) in found.modules for cut in range(1, len(parts)))
