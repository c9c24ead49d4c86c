"""Find and open the files beneath what a user named.

Folders are walked in a stable order, compressed files are opened, no link is followed out of a folder, and
every file that is not read is counted.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from triage.errors import UsageError
from triage.formats.limits import Limits, Notes

# Nothing in them is a report of a run, and some hold thousands of files.
_SKIPPED_FOLDERS = frozenset({".git", ".venv", "node_modules", "__pycache__", ".hypothesis", ".pytest_cache"})
_OPENERS: dict[bytes, Callable[[Path], object]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError)
"""What reading a damaged or unreadable file raises."""


@dataclass(frozen=True)
class Source:
    """One file to read."""

    path: Path
    label: str
    """As messages name it: relative to the folder that was given."""


def sources(paths: Sequence[Path], *, limits: Limits, notes: Notes) -> list[Source]:
    """Find the files beneath the paths, in the order given, sorted within each folder.

    Raises `UsageError` (no-report) for a path that does not exist.
    """
    found: list[Source] = []
    for path in paths:
        if path.is_dir():
            found.extend(_walk(path, notes))
        elif path.is_file():
            found.append(Source(path, path.name))
        else:
            what = "is neither file nor folder" if path.exists() else "does not exist"
            raise UsageError("no-report", f"{path} {what}", "name what the test run wrote")
    by_real_path = {os.path.realpath(source.path): source for source in found}
    unique = _with_labels_of_their_own(list(by_real_path.values()))
    if len(unique) > limits.files:
        notes.drop(f"files beyond the first {limits.files:,}", len(unique) - limits.files)
    return unique[: limits.files]


def _with_labels_of_their_own(found: list[Source]) -> list[Source]:
    """`py310/junit.xml` and `py312/junit.xml` were perhaps named one by one: two reports are never one."""
    times = Counter(source.label for source in found)
    shared = [Path(os.path.abspath(source.path)) for source in found if times[source.label] > 1]
    if not shared:
        return found
    top = os.path.commonpath([path.parent for path in shared])
    return [
        Source(source.path, Path(os.path.relpath(source.path, top)).as_posix())
        if times[source.label] > 1
        else source
        for source in found
    ]


def _walk(top: Path, notes: Notes) -> Iterator[Source]:
    for folder, names, files in os.walk(top):
        names[:] = sorted(name for name in names if name not in _SKIPPED_FOLDERS)
        attached = _attachments(files)
        if attached:
            notes.source = Path(folder).relative_to(top.parent).as_posix()
            notes.drop("attachments of Allure results", len(attached))
        for name in sorted(set(files) - attached):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield Source(path, path.relative_to(top).as_posix())


def _attachments(names: Sequence[str]) -> set[str]:
    """The names of what Allure keeps beside its results: a log that a test printed is no report of a run."""
    if not any(name.endswith("-result.json") for name in names):
        return set()
    return {name for name in names if "-attachment" in name}


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file, decompressed where it begins as gzip, bzip2 or xz do."""
    with path.open("rb") as raw:
        magic = raw.read(max(map(len, _OPENERS)))
    openers = (opener for prefix, opener in _OPENERS.items() if magic.startswith(prefix))
    opener = next(openers, None)
    if opener is None:
        with path.open("rb") as raw:
            yield raw
        return
    with cast(BinaryIO, opener(path)) as stream:
        yield stream
