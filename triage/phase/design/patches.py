"""Patches as text: which files they touch, as seen from the suite's root, and whether they can be tried."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

from triage.errors import UsageError

_HEADER = re.compile(r"^(?:--- |\+\+\+ |rename (?:from|to) |copy (?:from|to) )(.+)$", re.MULTILINE)
_BINARY = re.compile(r"^(?:GIT binary patch|Binary files .* differ)$", re.MULTILINE)
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_PLAIN = {b"n": b"\n", b"t": b"\t", b"r": b"\r"}
_MOST_BYTES = 1 << 20


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
    return bytes([int(escape, 8) & 255]) if len(escape) == 3 else _PLAIN.get(escape, escape)
