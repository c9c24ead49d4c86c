"""Save and restore the contents of a mutable object in place, so that everybody who holds it sees them.

One table for both who restore a leaked attribute: the `state` instrument runs these lines in the process
under test, and a repair writes them into a fixture of the user's suite.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, MutableMapping, MutableSequence, MutableSet
from contextvars import ContextVar
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from triage.instruments.process_state_table import SAVED

_OBJECT = "OBJECT"
"""Stands for the object in the lines of every row."""


class Kind(StrEnum):
    """What an object is, as far as its contents are concerned."""

    CACHE = "cache"
    CONTEXT_VARIABLE = "context variable"
    MAPPING = "mapping"
    SET = "set"
    ABSTRACT_SET = "abstract set"
    LIST = "list"
    SEQUENCE = "sequence"
    DEFAULTS = "defaults"
    ATTRIBUTES = "attributes"


@dataclass(frozen=True)
class Contents:
    """How contents of one kind are saved and restored; lines as in the table of process state."""

    fits: Callable[[Any], bool]
    restore: tuple[str, ...]
    save: str = ""
    """Expression for what is saved; empty where nothing can be, so that restoring means to empty."""
    save_flat: str = ""
    """Expression that is enough where nothing inside can change; empty where there is none."""

    @property
    def imports(self) -> tuple[str, ...]:
        """Modules that the lines name."""
        return ("copy",) if self.save.startswith("copy.") else ()

    @property
    def flat(self) -> Contents:
        """The row for an object that holds nothing that can change: no deep copy is saved."""
        return replace(self, save=self.save_flat or self.save)

    def lines_for(self, target: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The lines that save and those that restore, for the object that `target` names in code."""
        save = (f"{SAVED} = {self.save}".replace(_OBJECT, target),) if self.save else ()
        return save, tuple(line.replace(_OBJECT, target) for line in self.restore)


def _is_cache(value: Any) -> bool:
    return callable(getattr(value, "cache_clear", None))


def _has_mutable_defaults(value: Any) -> bool:
    defaults = getattr(value, "__defaults__", None) or ()
    return any(isinstance(item, list | dict | set) for item in defaults)


def _has_attributes(value: Any) -> bool:
    return isinstance(getattr(value, "__dict__", None), dict) and not isinstance(value, type)


CONTENTS: dict[Kind, Contents] = {
    # what a cache held before cannot be put into it again: it is filled anew
    Kind.CACHE: Contents(_is_cache, restore=("OBJECT.cache_clear()",)),
    # one without a value and a default has nothing to save: `get` raises
    Kind.CONTEXT_VARIABLE: Contents(
        lambda value: isinstance(value, ContextVar), save="OBJECT.get()", restore=("OBJECT.set(BEFORE)",)
    ),
    Kind.MAPPING: Contents(
        lambda value: isinstance(value, MutableMapping),
        save="copy.deepcopy(dict(OBJECT))",
        save_flat="dict(OBJECT)",
        restore=("OBJECT.clear()", "OBJECT.update(BEFORE)"),
    ),
    Kind.SET: Contents(
        lambda value: isinstance(value, set),
        save="set(OBJECT)",
        restore=("OBJECT.clear()", "OBJECT.update(BEFORE)"),
    ),
    # the abstract class has no `update`
    Kind.ABSTRACT_SET: Contents(
        lambda value: isinstance(value, MutableSet),
        save="set(OBJECT)",
        restore=("OBJECT.clear()", "for item in BEFORE:", "    OBJECT.add(item)"),
    ),
    Kind.LIST: Contents(
        lambda value: isinstance(value, list),
        save="copy.deepcopy(OBJECT)",
        save_flat="list(OBJECT)",
        restore=("OBJECT[:] = BEFORE",),
    ),
    # a deque takes no slices
    Kind.SEQUENCE: Contents(
        lambda value: isinstance(value, MutableSequence | deque),
        save="copy.deepcopy(list(OBJECT))",
        save_flat="list(OBJECT)",
        restore=("OBJECT.clear()", "OBJECT.extend(BEFORE)"),
    ),
    Kind.DEFAULTS: Contents(
        _has_mutable_defaults,
        save="copy.deepcopy(OBJECT.__defaults__)",
        restore=("OBJECT.__defaults__ = BEFORE",),
    ),
    Kind.ATTRIBUTES: Contents(
        _has_attributes,
        save="copy.deepcopy(vars(OBJECT))",
        restore=("vars(OBJECT).clear()", "vars(OBJECT).update(BEFORE)"),
    ),
}
"""An object is of the first kind that fits it."""


def save_contents(value: Any) -> Callable[[], None] | None:
    """A function that restores the contents of an object; None where it has none, or none can be copied."""
    try:
        row = next((row for row in CONTENTS.values() if row.fits(value)), None)
        if row is None:
            return None
        save, restore = row.lines_for(_OBJECT)
        names = {_OBJECT: value, "copy": copy}
        exec("\n".join(save), names)
        restoration = compile("\n".join(restore), "<contents>", "exec")
    except Exception:
        # something in it cannot be copied, or it is hostile to those who look at it
        return None
    return lambda: exec(restoration, names)
