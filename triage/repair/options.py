"""Read repairs as patches, apply them to a scratch copy, describe what they change."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from triage.errors import UsageError
from triage.model.base import Value
from triage.model.experiment import Patch, ProbeReport
from triage.model.strength import Strength
from triage.process.git import Repository, apply_patch, scratch_copy
from triage.repair.assertion_strength import compare
from triage.text.pattern import pattern

_HEADER = pattern(
    r"""
    ^ (?: ---[ ] | \+\+\+[ ] | (?:rename|copy)[ ](?:from|to)[ ] )
    (.+) $                          # a file, maybe quoted, maybe with a time behind a tab
    """,
    matches=["--- a/x.py", "+++ b/x.py\t2026-01-01", "rename from old.py", "copy to new.py"],
    rejects=["-x = 1", "@@ -1 +1 @@", "diff --git a/x b/x"],
    flags=re.MULTILINE,
)
_BINARY = pattern(
    r"^ (?: GIT[ ]binary[ ]patch | Binary[ ]files[ ].*[ ]differ ) $",
    matches=["GIT binary patch", "Binary files a/x.png and b/x.png differ"],
    rejects=["+Binary files", "binary"],
    flags=re.MULTILINE,
)
_KEYWORD = pattern(
    r"""
    ^\+ \s* (?: .* [(,] \s* )?   # an added line, maybe up to an argument of a call
    ([A-Za-z_]\w*) \s* = (?!=)   # a name that gets a value
    """,
    matches=["+    default_F=100.0,", "+f(hkl_path=str(p))", "+scale = 1"],
    rejects=["+assert a == b", "-    default_F=100.0,", "+x += 1"],
    flags=re.MULTILINE,
)
_SUBJECT = pattern(
    r"^Subject:[ ] (?: \[PATCH[^\]]*\] [ ] )? (.+) $",
    matches=["Subject: [PATCH 1/2] Give the test a scale", "Subject: Mend it"],
    rejects=["A Subject: x"],
    flags=re.MULTILINE,
)
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
"""A byte in a name that git quotes: three octal digits, or a letter."""
_LETTER_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r"}
_MOST_BYTES = 1 << 20
"""Of a patch: a larger one is no repair that a person reads."""


def read_patch(path: Path) -> str:
    """A patch file's text. Raises `UsageError` where it is none, or one that cannot be tried."""
    try:
        data = path.read_bytes()
        text = data.decode("utf-8")
    except OSError as error:
        raise UsageError(
            "no-option", f"{path} cannot be read: {error.strerror}", "name a patch file"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError("bad-patch", f"{path} is no UTF-8 text", "make it with `git diff`") from error
    if _BINARY.search(text):
        raise UsageError("bad-patch", f"{path} changes a binary file", "leave binary files out")
    if len(data) > _MOST_BYTES or not list(_raw_names(text)):
        raise UsageError("bad-patch", f"{path} is no unified diff", "make it with `git diff`")
    return text


def files_of(patch: str, prefix: str) -> tuple[str, ...]:
    """Files that a patch touches, relative to the suite's root.

    A patch that git made counts from the top of the repository, `prefix` leads from there to the root; one
    of plain `diff` counts from the root. Raises `UsageError` for a file outside of the root.
    """
    from_top = bool(prefix) and re.search(r"^diff --git ", patch, re.MULTILINE) is not None
    names = []
    for name in dict.fromkeys(_raw_names(patch)):
        if from_top and not name.startswith(f"{prefix}/"):
            raise UsageError(
                "bad-patch", f"it changes {name}, outside of the suite's root", "leave that file out"
            )
        names.append(name.removeprefix(f"{prefix}/") if from_top else name)
    return tuple(names)


def text_of(root: Path, name: str) -> str | None:
    """A file's text, line ends as they are; None where there is no such file."""
    path = root / name
    if not path.is_file() or path.is_symlink():
        return None
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(
            "bad-patch", f"it changes {name}, which is no text", "leave binary files out"
        ) from None


def lines_changed(before: str | None, after: str | None) -> tuple[int, int]:
    """How many lines were added and removed."""
    lines = difflib.unified_diff((before or "").split("\n"), (after or "").split("\n"), n=0)
    marks = [line[:1] for at, line in enumerate(lines) if at > 1]
    return marks.count("+"), marks.count("-")


def _raw_names(patch: str) -> Iterator[str]:
    for line in _HEADER.finditer(patch):
        name = _unquoted(line[1].partition("\t")[0].rstrip("\r").rstrip())
        if name != "/dev/null":
            renamed = line[0].startswith(("rename", "copy"))
            yield name if renamed else re.sub(r"^[ab]/", "", name)


def _unquoted(name: str) -> str:
    """A name as git quotes it, with octal escapes of its bytes."""
    if not (name.startswith('"') and name.endswith('"') and len(name) > 1):
        return name
    data = name[1:-1].encode("utf-8")
    plain = _ESCAPE.sub(lambda found: _byte(found[1]), data)
    return plain.decode("utf-8", "replace")


def _byte(escape: bytes) -> bytes:
    return bytes([int(escape, 8) & 255]) if len(escape) == 3 else _LETTER_ESCAPES.get(escape, escape)


class Proposal(Value):
    """A patch that somebody or a probe proposes."""

    letter: str
    title: str
    source: str
    """The file that it came from, or `probe`."""
    patch: str
    leaves: str = ""
    """What it leaves as it is, as a clause: a reason to prefer another."""
    installs: dict[str, str] = {}
    """Versions of distributions that somebody who follows the edit installs."""
    sets: dict[str, str] = {}
    """Variables that runs of triage have with it."""


class FileChange(Value):
    """What a patch does to one file."""

    path: str
    kind: str
    """test, product, data."""
    added: int
    removed: int
    is_new: bool = False
    """Whether the patch makes it."""


class Applied(Value):
    """A proposal applied to the present tree; `why_not` where that failed."""

    proposal: Proposal
    why_not: str | None = None
    edits: dict[str, str | None] = {}
    files: tuple[FileChange, ...] = ()
    strength: Strength = Strength()
    """Assertions in the changed test files."""

    @property
    def changes(self) -> dict[str, Any]:
        """Fields of the setup of a run with the repair."""
        return {"edits": self.edits, "packages": self.proposal.installs, "env": self.proposal.sets}

    @property
    def keywords(self) -> tuple[str, ...]:
        """Names to which added lines give a value: the inputs that the repair is about."""
        return tuple(dict.fromkeys(_KEYWORD.findall(self.proposal.patch)))


def gather(paths: Sequence[Path], report: ProbeReport) -> tuple[Proposal, ...]:
    """The user's patches, or those of the probe where the user gives none.

    Raises `UsageError` where a patch cannot be read or there is none at all.
    """
    found = [_of_user(path) for path in paths]
    if not paths:
        found = [_of_probe(patch) for patch in report.patches]
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
        proposal.model_copy(update={"letter": letter})
        for letter, proposal in zip(ascii_uppercase, found, strict=False)
    )


def _of_user(path: Path) -> Proposal:
    text = read_patch(path)
    return Proposal(letter="", title=_title(path, text), source=str(path), patch=text)


def _of_probe(patch: Patch) -> Proposal:
    return Proposal(
        letter="",
        title=patch.title,
        source="probe",
        patch=patch.diff,
        leaves=patch.leaves,
        installs=patch.installs,
        sets=patch.sets,
    )


def apply(root: Path, proposal: Proposal, *more: str) -> Applied:
    """Apply a patch, and `more` on top of it, to a scratch copy; the user's tree stays as it is."""
    texts = (proposal.patch, *more)
    try:
        touched = [name for text in texts for name in files_of(text, _prefix(root))]
        names = tuple(dict.fromkeys(touched))
        with scratch_copy(root) as copy:
            before = {name: text_of(copy, name) for name in names}
            for text in texts:
                apply_patch(copy, text)
            after = {name: text_of(copy, name) for name in names}
    except UsageError as error:
        return Applied(proposal=proposal, why_not=_without_folder(error.what))
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


def _without_folder(text: str) -> str:
    """An error without the temporary folder in which it happened."""
    return re.sub(r" in /\S+(?=:)", "", text)


def kind_of(path: str) -> str:
    """Whether a file is a test, a part of the product, or data."""
    name = path.rpartition("/")[2]
    if not name.endswith((".py", ".pyi")):
        return "data"
    folders = path.split("/")[:-1]
    is_test = name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"
    beside_tests = any(folder in ("tests", "test", "testing") for folder in folders)
    return "test" if is_test or beside_tests else "product"


def apply_command(patch_path: str, installs: Mapping[str, str]) -> str:
    """How a person applies the option, and installs what it asks for."""
    apply = f"git apply {shlex.quote(patch_path)}"
    if not installs:
        return apply
    wanted = " ".join(shlex.quote(f"{name}=={version}") for name, version in sorted(installs.items()))
    return f"{apply} && python -m pip install {wanted}"


def _title(path: Path, text: str) -> str:
    """The subject of a mail that git made, else the file's name without its letter (`A-default-F.patch`)."""
    subject = _SUBJECT.search(text)
    if subject:
        return subject[1]
    stem = re.sub(r"^[A-Za-z0-9][-_]", "", path.stem)
    return stem.replace("-", " ").replace("_", " ")


def _change(name: str, before: str | None, after: str | None) -> FileChange:
    added, removed = lines_changed(before, after)
    return FileChange(path=name, kind=kind_of(name), added=added, removed=removed, is_new=before is None)


def _prefix(root: Path) -> str:
    """From the top of the repository to the suite's root; empty where they are the same."""
    repository = Repository.find(root)
    if repository is None or repository.top == root.resolve():
        return ""
    return root.resolve().relative_to(repository.top).as_posix()
