"""Join failures by the state of their process or machine, and by a folder that is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import assert_never

from triage.cluster.context import Context
from triage.cluster.groups import Unit
from triage.cluster.join_rules.unit_view import features, fields
from triage.cluster.union import Join, by_key
from triage.model.nodeid import file_of
from triage.model.signature import Feature, ProcessState

_JOINS = frozenset({ProcessState.WORKING_DIRECTORY_MOVED})
"""States that the failure itself is about: a file of the project that it does not find. The others are marks
that every failure of such a process shows, of whatever cause: they only propose."""


def process_state(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """What one test left behind in the process, or what the machine does to all of them."""
    dtype_leaked = any(_prints_another_dtype(unit) for unit in units)

    def shown(unit: Unit) -> set[ProcessState]:
        return {state for state in ProcessState if shows(state, unit, context, dtype_leaked=dtype_leaked)}

    yield from by_key(units, lambda unit: shown(unit) & _JOINS, "process-state", explanation)
    yield from by_key(
        units,
        lambda unit: features(unit, Feature.PROCESS),
        "process-state",
        lambda looked_at: f"each looks at the {looked_at}: its process may have another one",
    )
    yield from by_key(units, lambda unit: shown(unit) - _JOINS, "process-state", explanation, proposal=True)


def shows(state: ProcessState, unit: Unit, context: Context, *, dtype_leaked: bool) -> bool:
    """Whether a unit failed by this state; `dtype_leaked`: some unit of the run shows a leaked dtype."""
    seen = features(unit, Feature.STATE)
    match state:
        case ProcessState.WORKING_DIRECTORY_MOVED:
            missing = features(unit, Feature.MISSING)
            if any(context.exists(path) for path in missing):
                return True
            return state in seen and bool(missing or features(unit, Feature.NAMED))
        case ProcessState.DEFAULT_DTYPE_CHANGED:
            return _prints_another_dtype(unit) or (dtype_leaked and ProcessState.DTYPES_MIXED in seen)
        case ProcessState.DTYPES_MIXED | ProcessState.TIME_COMPARED:
            return state in seen
        case _:
            assert_never(state)


def explanation(state: ProcessState) -> str:
    """Why failures that show this state belong together, for people."""
    match state:
        case ProcessState.WORKING_DIRECTORY_MOVED:
            return "a relative path of the project is not found: the working directory moved"
        case ProcessState.DEFAULT_DTYPE_CHANGED:
            return "tensors print dtype=torch.float32: the default dtype is not float32"
        case ProcessState.DTYPES_MIXED:
            return "float32 meets float64 in each: a default dtype may have leaked"
        case ProcessState.TIME_COMPARED:
            return "each compares a measured time with a limit: the speed of this machine"
        case _:
            assert_never(state)


def same_folder(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Files of one folder that are not there, because the folder is not; in the right working directory."""
    if not any(features(unit, Feature.FOLDER) for unit in units):
        return
    known = _folders_of_tests(units)

    def absent(unit: Unit) -> Iterator[str]:
        if ProcessState.WORKING_DIRECTORY_MOVED in features(unit, Feature.STATE):
            return
        for folder in features(unit, Feature.FOLDER):
            if folder not in known and not context.exists(folder):
                yield folder

    yield from by_key(units, absent, "file", lambda folder: f"files of {folder} are missing")


def _folders_of_tests(units: Sequence[Unit]) -> set[str]:
    """Every path that ends above a failing test's file: such a folder is there.

    Of `a/b/test_c.py` these are `a/b`, `b` and `a`: a test may name a folder from wherever it stands.
    """
    files = {file_of(nodeid) for unit in units for nodeid in unit.members}
    folders: set[tuple[str, ...]] = set()
    for file in files:
        folders.update(parent.parts for parent in PurePosixPath(file).parents)
    found: set[str] = set()
    for parts in folders:
        for start in range(len(parts)):
            found.add("/".join(parts[start:]))
    return found


def _prints_another_dtype(unit: Unit) -> bool:
    return ProcessState.DEFAULT_DTYPE_CHANGED in features(unit, Feature.STATE) and _is_numeric(unit)


def _is_numeric(unit: Unit) -> bool:
    """Whether the failure is about numbers: a leaked dtype does not fail a test of paths."""
    own = fields(unit)
    words = f"{own.get('message', '')} {own.get('dtypes', '')}"
    return "kind" in own or any(word in words for word in ("dtype", "float", "Double"))
