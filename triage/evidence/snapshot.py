"""A snapshot: what was computed from the first bytes of the journal, kept beside what it was computed from.

It is a view: whoever deletes it loses time. What it holds is believed only if it is whole (it begins with
the digest of the rest), if the same version of triage wrote it, and if it is a file of this user's with a
mode that no checkout of git gives a file: a merge request cannot bring one along. Whoever has the rights of
this user can forge it, as they can the program; `triage check` compares it with the journal.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from triage.errors import TriageError
from triage.evidence.atomic import write_pieces
from triage.evidence.journal import Prefix
from triage.model.base import Value

_MODE = 0o400
"""Git gives a file 644 or 755, less what the umask takes: never without its owner's right to write."""
_DIGEST_DIGITS = 64


class _Header(Value):
    v: Literal[1] = 1
    made_by: str
    """Digest of the modules that say what a journal means."""
    prefix: Prefix
    id_bytes: int


@dataclass(frozen=True)
class Snapshot:
    """What the first bytes of a journal came to."""

    made_by: str
    prefix: Prefix
    id_lines: bytes
    """Ids of all events, a line each."""
    state: bytes
    """JSON, whose meaning the reader knows."""

    @cached_property
    def ids(self) -> frozenset[str]:
        """Ids of all events."""
        return frozenset(self.id_lines.decode("utf-8", "surrogatepass").split("\n"))


def read_snapshot(path: Path, made_by: str) -> Snapshot | None:
    """The snapshot in a file; None where there is none that can be believed."""
    data = _bytes_of_own(path)
    begin = _DIGEST_DIGITS + 1
    if data is None or hashlib.sha256(data[begin:]).hexdigest().encode() != bytes(data[:_DIGEST_DIGITS]):
        return None
    rest = bytes(data[begin:])
    line, _, sections = rest.partition(b"\n")
    try:
        header = _Header.model_validate_json(line)
    except ValidationError:  # of a later version
        return None
    if header.made_by != made_by:
        return None
    ids, state = sections[: header.id_bytes], sections[header.id_bytes :]
    return Snapshot(made_by, header.prefix, ids, state)


def write_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Put it in the place of the one that is there, in one step; nothing where that cannot be done."""
    header = _Header(made_by=snapshot.made_by, prefix=snapshot.prefix, id_bytes=len(snapshot.id_lines))
    pieces = (header.model_dump_json().encode(), b"\n", snapshot.id_lines, snapshot.state)
    digest = hashlib.sha256(b"".join(pieces)).hexdigest().encode()
    with suppress(TriageError, OSError):
        write_pieces(path, (digest, b"\n", *pieces))
        path.chmod(_MODE)  # until then nobody believes it


def _bytes_of_own(path: Path) -> memoryview | None:
    """The content of a file that this user wrote as a snapshot; None of any other."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        is_own = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
        if not is_own or stat.S_IMODE(status.st_mode) != _MODE:
            return None
        with open(descriptor, "rb", closefd=False) as stream:
            return memoryview(stream.read())
    except OSError:
        return None
    finally:
        os.close(descriptor)
