"""`manifest.json`: the seal of a STAMP folder, with the sha256 and size of each file.

Links and special files are listed by what they are and never followed or read: a test may have
planted a link to a secret, or a pipe that would block its reader for ever.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from triage.errors import CheckError
from triage.evidence.atomic import json_text, write_json
from triage.model.base import Value

NAME = "manifest.json"


class Sealed(Value):
    """One entry: a regular file has its hash; a link its target; anything else its kind."""

    sha256: str | None = None
    bytes: int | None = None
    link: str | None = None
    special: str | None = None


class Manifest(Value):
    """All entries of a folder by relative posix path, in sorted order."""

    v: Literal[1] = 1
    files: dict[str, Sealed]

    @property
    def digest(self) -> str:
        """One hash for the whole folder, so that a document can name exactly this evidence."""
        return hashlib.sha256(json_text(self).encode()).hexdigest()


class Flaw(Value):
    """Something in a folder that is not as its seal says."""

    path: str
    problem: Literal["missing", "changed", "not in the manifest"]


def take(folder: Path) -> Manifest:
    """Hash what lies in the folder now, the manifest itself excepted."""
    return Manifest(files={path: _entry(folder / path) for path in sorted(_walk(folder)) if path != NAME})


def seal(folder: Path) -> Manifest:
    """Hash everything and write the manifest; the last write of a folder."""
    manifest = take(folder)
    write_json(folder / NAME, manifest)
    return manifest


def read(folder: Path) -> Manifest:
    """The manifest as it was sealed. Raises `CheckError` where it is absent or no manifest."""
    try:
        return Manifest.model_validate(json.loads((folder / NAME).read_bytes()))
    except FileNotFoundError:
        raise CheckError(
            "not-sealed",
            f"{folder} has no {NAME}: its run did not finish",
            "resume it with `triage run --resume STAMP`, or remove the folder",
        ) from None
    except (OSError, ValueError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise CheckError(
            "manifest-unreadable", f"{folder / NAME} cannot be read: {reason}", "restore it from git"
        ) from error


def compare(folder: Path) -> tuple[Flaw, ...]:
    """What differs between the seal and the folder, by path."""
    sealed, present = read(folder).files, take(folder).files
    missing = (Flaw(path=path, problem="missing") for path in sealed.keys() - present.keys())
    extra = (Flaw(path=path, problem="not in the manifest") for path in present.keys() - sealed.keys())
    changed = (
        Flaw(path=path, problem="changed")
        for path in sealed.keys() & present.keys()
        if sealed[path] != present[path]
    )
    return tuple(sorted((*missing, *extra, *changed), key=lambda flaw: flaw.path))


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _walk(folder: Path) -> Iterator[str]:
    for base, folders, names in os.walk(folder, followlinks=False):
        links = [name for name in folders if (Path(base) / name).is_symlink()]
        for name in (*names, *links):
            yield (Path(base) / name).relative_to(folder).as_posix()


def _entry(path: Path) -> Sealed:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return Sealed(link=os.readlink(path))
    if not stat.S_ISREG(status.st_mode):
        return Sealed(special=stat.filemode(status.st_mode)[0])
    return Sealed(sha256=sha256_of(path), bytes=status.st_size)
