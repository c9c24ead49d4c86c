"""Repairs as patches: read, applied in a scratch copy, described by what they change."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import ascii_uppercase

from triage.errors import UsageError
from triage.executor.git import apply_patch, scratch_copy
from triage.model.base import Value
from triage.model.experiment import ProbeReport
from triage.phase.design.strength import Strength, compare

_FILE = re.compile(r"^(?:---|\+\+\+) (?:[ab]/)?([^\t\n]+)", re.MULTILINE)
_KEYWORD = re.compile(r"^\+\s*(?:.*[(,]\s*)?([A-Za-z_]\w*)\s*=(?!=)", re.MULTILINE)
_MOST_BYTES = 1 << 20


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
    found = [(_title(path, text := _read(path)), str(path), text) for path in paths]
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
    names = tuple(dict.fromkeys(name for text in texts for name in _names(text)))
    with scratch_copy(root) as copy:
        before = {name: _text(copy, name) for name in names}
        try:
            for text in texts:
                apply_patch(copy, text)
            after = {name: _text(copy, name) for name in names}
        except UsageError as error:
            return Applied(proposal=proposal, why_not=error.what.replace(str(copy), root.name))
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


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
        text = data.decode("utf-8")
    except OSError as error:
        raise UsageError(
            "no-option", f"{path} cannot be read: {error.strerror}", "name a patch file"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError("bad-patch", f"{path} is no UTF-8 text", "make it with `git diff`") from error
    if len(data) > _MOST_BYTES or not list(_names(text)):
        raise UsageError("bad-patch", f"{path} is no unified diff", "make it with `git diff`")
    return text


def _title(path: Path, text: str) -> str:
    subject = re.search(r"^Subject: (?:\[PATCH[^\]]*\] )?(.+)$", text, re.MULTILINE)
    stem = re.sub(r"^[A-Za-z0-9][-_]", "", path.stem)
    return subject[1] if subject else stem.replace("-", " ").replace("_", " ")


def _names(patch: str) -> Iterator[str]:
    for name in _FILE.findall(patch):
        plain = name.strip().strip('"')
        if plain != "/dev/null":
            yield plain


def _text(root: Path, name: str) -> str | None:
    path = root / name
    if not path.is_file() or path.is_symlink():
        return None
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(
            "bad-patch", f"it changes {name}, which is no text", "leave binary files out"
        ) from None


def _change(name: str, before: str | None, after: str | None) -> FileChange:
    import difflib

    lines = difflib.ndiff((before or "").split("\n"), (after or "").split("\n"))
    marks = [line[:2] for line in lines]
    return FileChange(path=name, kind=kind_of(name), added=marks.count("+ "), removed=marks.count("- "))
