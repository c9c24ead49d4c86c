"""Read the difference between two states of a repository as hunks that can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from triage.attribute.hunk_stage import ordered
from triage.attribute.runs import Seen
from triage.process.git import Repository
from triage.process.git_changes import changes_between
from triage.text.hunks import ChangedText, Difference, changed_text

_OWN_FOLDERS = ("reports/", "plans/", ".triage/")
"""What triage writes itself is no part of a change."""
_MOST_HUNKS = 4000
"""Of one difference; files that a build left behind can be any number."""
_CACHE = "__pycache__/"
"""Where nobody told git to ignore it."""
_MOST_NAMED = 3
"""Files in a sentence."""


class Read(NamedTuple):
    """A difference, and what of it could not be made into hunks."""

    difference: Difference
    notes: tuple[str, ...]


def difference_between(
    repository: Repository,
    good: str,
    bad: str | None,
    is_test_file: Callable[[str], bool],
    seen: Iterable[Seen],
) -> Read:
    """The hunks of product, data and configuration between two states; tests are the head's in all of them.

    `seen` are failures, by which hunks are put in order.
    """
    changes = changes_between(repository, good, bad)
    files: dict[str, ChangedText] = {}
    unreadable = []
    for path, before, after in changes.files:
        if path.startswith(_OWN_FOLDERS) or _CACHE in path or is_test_file(path):
            continue
        try:
            files[path] = changed_text(path, _text(before), _text(after))
        except UnicodeDecodeError:
            unreadable.append(path)
    hunks = ordered((hunk for file in files.values() for hunk in file.hunks), seen)
    notes = []
    if len(hunks) > _MOST_HUNKS:
        notes.append(f"{len(hunks)} hunks: only the first {_MOST_HUNKS} were asked about, documents last")
        hunks = hunks[:_MOST_HUNKS]
    if unreadable:
        shown = ", ".join(unreadable[:_MOST_NAMED])
        notes.append(f"{len(unreadable)} changed files are no text and were left as they are: {shown}")
    return Read(Difference(files, hunks), tuple(notes))


def _text(content: bytes | None) -> str | None:
    return content.decode("utf-8") if content is not None else None
