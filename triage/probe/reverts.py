"""Propose the revert of a first bad commit: of the smallest part of it that is enough, and of the whole.

What the commit changed is taken back in the present files, and the subject is run with that: later changes
stay. Tests are left as they are, for a test that is changed back says nothing of the product.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from triage.lab.patches import patch_of_files
from triage.lab.protocol import Answer, Observation, Setup, Step
from triage.model.experiment import Patch
from triage.model.failure import is_test
from triage.probe.api import Case, look
from triage.probe.edits.take_back import can_be_taken_back, taken_back
from triage.probe.minimise import minimise
from triage.probe.treatment import looks_needed
from triage.text.hunks import ChangedText, Hunk, line_by_line

CHANGES = "changes_between"
"""Fact of a case: what lies between two commits, by `OLD..NEW`; `OLD..` ends at the files as they are."""
_MOST_HUNKS = 200
"""A commit of more hunks is an import or a reformatting: it is not searched hunk by hunk."""
_NO_CODE = (".md", ".rst", ".png", ".svg")
"""Documents that no test reads by chance."""


@dataclass(frozen=True)
class Reverts:
    """What was found out about taking a commit back."""

    places: tuple[str, ...] = ()
    """The fewest hunks (`path:first-last`, by the lines of the commit) that have to go."""
    patches: tuple[Patch, ...] = ()
    edits: Mapping[str, str | None] = field(default_factory=dict)
    """Today's files with these hunks taken back, as the subject was seen to pass with them."""


@dataclass(frozen=True)
class _Commit:
    """The files of a commit, and those of its hunks that the present tree still has."""

    case: Case
    files: Mapping[str, ChangedText]
    hunks: tuple[Hunk, ...]

    def edits(self, hunks: Sequence[Hunk]) -> dict[str, str | None]:
        paths = dict.fromkeys(hunk.path for hunk in hunks)
        return {path: taken_back(self.files[path], self.case.source(path), hunks) for path in paths}

    def setup(self, hunks: Sequence[Hunk]) -> Setup:
        return self.case.base.plus(edits=self.edits(hunks))

    def line_by_line(self, hunks: Collection[Hunk]) -> _Commit:
        """The same commit with these hunks alone, divided into lines where they can be."""
        files = {path: line_by_line(file, hunks) for path, file in self.files.items()}
        left = {(hunk.path, line) for hunk in hunks for line in range(hunk.first, hunk.last + 1)}
        pieces = [piece for file in files.values() for piece in file.hunks]
        return replace(
            self, files=files, hunks=tuple(piece for piece in pieces if (piece.path, piece.first) in left)
        )

    def patch(self, hunks: Sequence[Hunk], title: str, reason: str) -> Patch:
        texts = {path: (self.case.source(path), text) for path, text in self.edits(hunks).items()}
        return patch_of_files(texts, title, reason, is_verbatim=True)


def reverts_of(
    case: Case, good: str, bad: str, name: str
) -> Generator[tuple[Step, ...], tuple[Answer, ...], Reverts]:
    """Take back what `bad` changed since `good`; nothing where the subject fails all the same.

    `bad` is empty for what is not committed; `name` is what a title calls the change.
    """
    commit = _read(case, good, bad)
    if not commit.hunks or not (yield from _passes(case, commit.setup(commit.hunks))):
        return Reverts()
    reason = f"All that {name} changed beside tests is taken back."
    whole = commit.patch(commit.hunks, f"revert {name}", reason)
    if case.flaky:
        places = _places(commit.hunks) if len(commit.hunks) == 1 else ()
        return Reverts(places, (whole,))
    if len(commit.hunks) > _MOST_HUNKS:
        return Reverts(patches=(whole,))
    fewest = yield from _fewest(commit)
    if fewest.hunks == commit.hunks:
        return Reverts(_places(commit.hunks), (whole,), commit.edits(commit.hunks))
    shown = ", ".join(_places(fewest.hunks))
    reason = f"Taking back {shown} is enough; the other changes of {name} stay."
    smallest = fewest.patch(fewest.hunks, f"take back {shown} of {name}", reason)
    return Reverts(_places(fewest.hunks), (smallest, whole), fewest.edits(fewest.hunks))


def _fewest(commit: _Commit) -> Generator[tuple[Step, ...], tuple[Answer, ...], _Commit]:
    """The fewest hunks with which the subject passes, and of these the fewest lines."""

    def passes(run: Observation) -> bool:
        return run.passed(commit.case.nodeid)

    hunks = commit.hunks
    if len(hunks) > 1:
        hunks = yield from minimise(hunks, commit.setup, passes, "fewer hunks of the commit taken back")
    divided = commit.line_by_line(hunks)
    if len(divided.hunks) == len(hunks):
        return replace(commit, hunks=hunks)
    lines = yield from minimise(divided.hunks, divided.setup, passes, "fewer lines of the commit taken back")
    if len(lines) == len(divided.hunks):
        return replace(commit, hunks=hunks)
    return replace(divided, hunks=lines)


def _read(case: Case, good: str, bad: str) -> _Commit:
    changes: Mapping[str, Sequence[ChangedText]] = case.facts.get(CHANGES, {})
    between = changes.get(f"{good}..{bad}", ())
    files = {changed.path: changed for changed in between if _counts(changed.path)}
    hunks: list[Hunk] = []
    for path, file in files.items():
        hunks += can_be_taken_back(file, case.source(path))
    return _Commit(case, files, tuple(hunks))


def _counts(path: str) -> bool:
    return not is_test(path) and not path.endswith(_NO_CODE)


def _passes(case: Case, setup: Setup) -> Generator[tuple[Step, ...], tuple[Answer, ...], bool]:
    runs = yield from look(
        *[setup] * looks_needed(case), why="with the commit taken back in the present files"
    )
    return bool(runs) and all(run.passed(case.nodeid) for run in runs)


def _places(hunks: Sequence[Hunk]) -> tuple[str, ...]:
    """`path:line` of one line, else the name of the hunk."""
    places = []
    for hunk in hunks:
        is_one_line = not hunk.is_file and hunk.first == hunk.last
        places.append(f"{hunk.path}:{hunk.first}" if is_one_line else hunk.name)
    return tuple(places)
