"""The states between the base and the tree as it stands, oldest first, and the sides of merges."""

from __future__ import annotations

from dataclasses import dataclass

from triage.process.git import Repository
from triage.process.git_base import history_length, parents
from triage.process.git_history import LogEntry, first_parents, is_shallow, merged_by

_MOST_COMMITS = 5000
"""Between base and head; a change with more commits has its base elsewhere."""


@dataclass(frozen=True)
class History:
    """States that are good at one end and bad at the other."""

    states: tuple[str | None, ...]
    """Commits, the good one first; None is the tree as it stands."""
    entries: tuple[LogEntry | None, ...]
    """What the log says of each state; None of the tree as it stands, and where the log does not reach."""
    notes: tuple[str, ...] = ()

    @property
    def length(self) -> int:
        """How many states lie behind the good one."""
        return len(self.states) - 1

    def shown(self, position: int) -> str:
        """A state for people: short id and subject."""
        entry, state = self.entries[position], self.states[position]
        if entry is not None:
            return f"{entry.id[:12]} {entry.subject}".strip()
        return state[:12] if state is not None else "the tree as it stands"


def history_between(repository: Repository, base: str, *, is_dirty: bool) -> History:
    """The first parents from the base to what is checked out; uncommitted changes are the last state.

    Without such changes the last state is the last commit, and is run as the tree that stands.
    """
    head = repository.head()
    log = first_parents(repository, _MOST_COMMITS, f"{base}..HEAD")[::-1]
    before = first_parents(repository, 1, base)
    entries: list[LogEntry | None] = [before[0] if before else None, *log]
    states: list[str | None] = [base, *(entry.id for entry in log)]
    if is_dirty or head == base:
        entries.append(None)
        states.append(None)
    else:
        states[-1] = None
    notes = []
    if is_shallow(repository):
        depth = history_length(repository)
        notes.append(f"this clone is shallow, {depth} commits deep: older ones cannot be run")
    return History(tuple(states), tuple(entries), tuple(notes))


def side_of_merge(repository: Repository, merge: str) -> History | None:
    """The commits that a merge brought in beside its first parent, the merge itself last; else None."""
    before = parents(repository, merge)
    side = merged_by(repository, merge)
    if len(before) < 2 or len(side) < 2:
        return None
    # newest first, and behind the side commits the place where the branch began
    *commits, _fork = side
    itself = first_parents(repository, 1, merge)
    entries = [None, *commits[::-1], itself[0] if itself else None]
    states = [before[0], *(entry.id for entry in commits[::-1]), merge]
    return History(tuple(states), tuple(entries))


def parent_of(repository: Repository, commit: str) -> str | None:
    """The commit before another one; None for the first, and where a shallow clone ends."""
    before = parents(repository, commit)
    return before[0] if before else None
