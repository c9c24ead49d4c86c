"""Temporary folders that say whose they are, so that what a killed triage left is found and removed.

The name of a folder holds a digest of the suite's root; a file in it names the root, and is locked for as
long as the process lives that made it. The kernel frees the lock when that process dies, however it dies: a
folder whose lock is free is surely nobody's.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

OWNER = "triage-owner"
"""The file that names the root and carries the lock."""
WORKTREE = "triage-worktree"
COPY = "triage-copy"
LABORATORY = "tr"
"""Short: tests make sockets below it, and the path of a socket has about a hundred characters."""
_KINDS = (WORKTREE, COPY, LABORATORY)
_DIGEST_DIGITS = 8
_NAMELESS_SECONDS = 60.0
"""A folder without an owner's file is being made at this moment, or its maker died in that moment."""


@contextmanager
def work_folder(kind: str, root: Path) -> Iterator[Path]:
    """Make a temporary folder for the suite at `root`, and remove it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=f"{kind}-{_digest(root)}-")).resolve()
    try:
        with _owned(folder, root):
            yield folder
    finally:
        remove_tree(folder)


@contextmanager
def _owned(folder: Path, root: Path) -> Iterator[None]:
    descriptor = os.open(folder / OWNER, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, os.fsencode(root.resolve()))
        yield
    finally:
        os.close(descriptor)


def abandoned_folders(root: Path, base: Path | None = None) -> tuple[Path, ...]:
    """The work folders of this suite whose makers are dead; `base` is the temporary folder."""
    place = base if base is not None else Path(tempfile.gettempdir())
    found = []
    for kind in _KINDS:
        for path in place.glob(f"{kind}-{_digest(root)}-*"):
            with suppress(OSError):
                if _is_abandoned(path, root):
                    found.append(path.resolve())
    return tuple(sorted(found))


def is_named_for(path: Path, root: Path) -> bool:
    """Whether a path lies in a folder that was made for a worktree of this suite, there or gone."""
    name = re.compile(rf"{WORKTREE}-{_digest(root)}-\w+")
    return any(name.fullmatch(part) for part in path.parts)


def remove_tree(folder: Path) -> None:
    """Remove a folder, also where tests took permissions away; what is gone already is no error."""
    shutil.rmtree(folder, onerror=_with_force)


def _is_abandoned(path: Path, root: Path) -> bool:
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        return False
    try:
        descriptor = os.open(path / OWNER, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return time.time() - status.st_mtime > _NAMELESS_SECONDS
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        owner = os.read(descriptor, os.fstat(descriptor).st_size)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    # empty: the maker died between the making of the file and its first word
    return owner in (b"", os.fsencode(root.resolve()))


def _digest(root: Path) -> str:
    return hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:_DIGEST_DIGITS]


def _with_force(_function: Any, path: str, _error: Any) -> None:
    """Remove what `rmtree` could not: give permissions back, then try again."""
    with suppress(OSError):
        os.chmod(os.path.dirname(path), 0o700)
        if os.path.isdir(path) and not os.path.islink(path):
            os.chmod(path, 0o700)
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)
