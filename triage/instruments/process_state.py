"""Read, save and restore process state in the process under test, by the table beside this module."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

from triage.instruments.process_state_table import SAVED, STATES, ProcessState, state_of

_STANDARD: dict[str, Any] = {
    name: importlib.import_module(name) for state in STATES if not state.library for name in state.imports
}
"""Held since before the first test: a test may replace them in `sys.modules`."""


def present_values() -> Iterator[tuple[str, Any]]:
    """Yield every readable key with a comparable value; attributes and files have other readers."""
    for row in STATES:
        for state in _members(row):
            try:
                names = _saved(state)
                value = eval(_expression(state.compared), names)
            except Exception:
                # this platform or this version of a library has no such state, or it cannot be read now
                continue
            yield state.key, value


def value_of(name: str) -> Any:
    """Return the present value of one piece of process state, as it is compared.

    Raises KeyError for a name that the table does not know, and whatever reading raises.
    """
    state = state_of(name)
    if state is None:
        raise KeyError(name)
    return eval(_expression(state.compared), _saved(state))


def save(name: str) -> Callable[[], None]:
    """Read the present value of one piece of process state; return a function that restores it.

    The function returned raises whatever the restoration raises. Raises KeyError for a name that the table
    does not know, and whatever reading raises.
    """
    state = state_of(name)
    if state is None:
        raise KeyError(name)
    return save_state(state)


def save_state(state: ProcessState) -> Callable[[], None]:
    """Like `save`, for a row with its name filled in."""
    if not _is_loaded(state):
        return lambda: None
    names = _saved(state)
    restoration = _statements(state.restore)
    return lambda: exec(restoration, names)


def _members(row: ProcessState) -> list[ProcessState]:
    """The row itself, or a row for each present member of a family; none where it cannot be read here."""
    if not _is_loaded(row):
        return []
    if ":" not in row.key:
        return [row]
    if not row.members:
        # attributes and files have other readers; `env:TZ` comes with `env:`, where it is set
        return []
    names = eval(_expression(row.members), _modules(row))
    states = [state_of(row.key + name) for name in names]
    return [state for state in states if state is not None]


def _is_loaded(state: ProcessState) -> bool:
    return not state.library or state.library in sys.modules


def _modules(state: ProcessState) -> dict[str, Any]:
    """The names that the lines of a row may use."""
    return {name: _STANDARD[name] if name in _STANDARD else sys.modules[name] for name in state.imports}


def _saved(state: ProcessState) -> dict[str, Any]:
    """The names that a row's lines use, the saved value among them."""
    names = _modules(state)
    exec(_statements(state.save), names)
    if SAVED not in names:
        raise KeyError(state.key)
    return names


@functools.cache
def _statements(lines: tuple[str, ...]) -> CodeType:
    return compile("\n".join(lines), "<process state>", "exec")


@functools.cache
def _expression(text: str) -> CodeType:
    return compile(text, "<process state>", "eval")
