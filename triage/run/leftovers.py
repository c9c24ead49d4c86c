"""What killed runs left in the temporary folder: scratch that `--resume` needs, or nobody."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from triage.run.store import WHOSE, secret_of

_SCRATCH = re.compile(r"triage-[0-9]+-[0-9a-f]{20}")


@dataclass(frozen=True)
class Leftover:
    """The scratch folder of a run that nobody runs now."""

    path: Path
    secret: Path
    evidence: Path | None
    """The STAMP folder of the run; None where the scratch does not say."""
    size: int
    """Bytes on the disk."""
    changed: float
    """When something in it was last written, seconds since 1970."""


def leftovers(base: Path) -> Iterator[Leftover]:
    """Scratch folders of this user beneath `base` that no process holds; what cannot be read is left out."""
    for path in sorted(base.glob(f"triage-{os.getuid()}-*")):
        if not _SCRATCH.fullmatch(path.name) or path.is_symlink() or not path.is_dir():
            continue
        secret = secret_of(path)
        with contextlib.suppress(OSError):
            if not _held(secret):
                yield _looked_at(path, secret)


def _held(secret: Path) -> bool:
    """Whether a run holds the lock; a look does not disturb it."""
    try:
        fd = os.open(secret, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _looked_at(path: Path, secret: Path) -> Leftover:
    stats = [file.lstat() for file in (path, *path.rglob("*"))]
    evidence = None
    with contextlib.suppress(OSError):
        evidence = Path((path / WHOSE).read_text("utf-8", "surrogateescape"))
    size = sum(stat.st_blocks * 512 for stat in stats)
    return Leftover(path, secret, evidence, size, max(stat.st_mtime for stat in stats))
