"""Repairs as patches: read, applied in a scratch copy, described by what they change."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from string import ascii_uppercase

from triage.errors import UsageError
from triage.executor.git import Repository, apply_patch, scratch_copy
from triage.model.base import Value
from triage.model.experiment import ProbeReport
from triage.phase.design.patches import files_of, lines_changed, read_patch, text_of
from triage.phase.design.strength import Strength, compare

_KEYWORD = re.compile(r"^\+\s*(?:.*[(,]\s*)?([A-Za-z_]\w*)\s*=(?!=)", re.MULTILINE)


class Proposal(Value):
    """A patch that somebody or a probe proposes."""

    letter: str
    title: str
    source: str
    """The file that it came from, or `probe`."""
    patch: str


class FileChange(Value):
    """What a patch does to one file."""

    path: str
    kind: str
    """test, product, data."""
    added: int
    removed: int


class Applied(Value):
    """A proposal applied to the present tree; `why_not` where that failed."""

    proposal: Proposal
    why_not: str | None = None
    edits: dict[str, str | None] = {}
    files: tuple[FileChange, ...] = ()
    strength: Strength = Strength()
    """Assertions in the changed test files."""

    @property
    def keywords(self) -> tuple[str, ...]:
        """Names to which added lines give a value: the inputs that the repair is about."""
        return tuple(dict.fromkeys(_KEYWORD.findall(self.proposal.patch)))


def gather(paths: Sequence[Path], report: ProbeReport) -> tuple[Proposal, ...]:
    """The user's patches, or those of the probe where the user gives none.

    Raises `UsageError` where a patch cannot be read or there is none at all.
    """
    found = [(_title(path, text := read_patch(path)), str(path), text) for path in paths]
    if not paths:
        found = [(patch.title, "probe", patch.diff) for patch in report.patches]
    if not found:
        raise UsageError(
            "no-option",
            "there is no repair to compare: the probe proposed none",
            "give one with --option PATCH",
        )
    if len(found) > len(ascii_uppercase):
        raise UsageError(
            "bad-count", f"{len(found)} options are more than can be compared", "give 26 at most"
        )
    return tuple(
        Proposal(letter=ascii_uppercase[at], title=title, source=source, patch=text)
        for at, (title, source, text) in enumerate(found)
    )


def apply(root: Path, proposal: Proposal, *more: str) -> Applied:
    """Apply a patch, and `more` on top of it, to a scratch copy; the user's tree stays as it is."""
    texts = (proposal.patch, *more)
    try:
        names = tuple(dict.fromkeys(name for text in texts for name in files_of(text, _prefix(root))))
        with scratch_copy(root) as copy:
            before = {name: text_of(copy, name) for name in names}
            for text in texts:
                apply_patch(copy, text)
            after = {name: text_of(copy, name) for name in names}
    except UsageError as error:
        return Applied(proposal=proposal, why_not=_without_places(error.what))
    changed = {name: after[name] for name in names if after[name] != before[name]}
    if not changed:
        return Applied(proposal=proposal, why_not="it changes nothing")
    tests = [name for name in changed if kind_of(name) == "test"]
    return Applied(
        proposal=proposal,
        edits=changed,
        files=tuple(_change(name, before[name], after[name]) for name in changed),
        strength=compare((before[name], after[name]) for name in tests),
    )


def _without_places(text: str) -> str:
    """An error without the temporary folder in which it happened."""
    return re.sub(r" in /\S+(?=:)", "", text)


def kind_of(path: str) -> str:
    """Whether a file is a test, a part of the product, or data."""
    name = path.rpartition("/")[2]
    if not name.endswith((".py", ".pyi")):
        return "data"
    folders = path.split("/")[:-1]
    is_test = name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"
    return "test" if is_test or any(part in ("tests", "test", "testing") for part in folders) else "product"


def apply_command(proposal: Proposal, patch_path: str) -> str:
    """How a person applies the option."""
    return f"git apply {shlex.quote(patch_path)}"


def _title(path: Path, text: str) -> str:
    subject = re.search(r"^Subject: (?:\[PATCH[^\]]*\] )?(.+)$", text, re.MULTILINE)
    stem = re.sub(r"^[A-Za-z0-9][-_]", "", path.stem)
    return subject[1] if subject else stem.replace("-", " ").replace("_", " ")


def _change(name: str, before: str | None, after: str | None) -> FileChange:
    added, removed = lines_changed(before, after)
    return FileChange(path=name, kind=kind_of(name), added=added, removed=removed)


def _prefix(root: Path) -> str:
    """From the top of the repository to the suite's root; empty where they are the same."""
    repository = Repository.find(root)
    if repository is None or repository.top == root.resolve():
        return ""
    return root.resolve().relative_to(repository.top).as_posix()
