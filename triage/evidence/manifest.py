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
from typing import Any, Literal

from pydantic import SerializerFunctionWrapHandler, ValidationError, model_serializer

from triage.errors import CheckError
from triage.evidence.atomic import json_text, write_json
from triage.evidence.packed import encoding_of
from triage.model.base import Value

NAME = "manifest.json"


class Sealed(Value):
    """One entry: a regular file has its hash; a link its target; anything else its kind."""

    sha256: str | None = None
    """Of the bytes as they lie there, compressed or not."""
    bytes: int | None = None
    encoding: str | None = None
    """How a long record is compressed (`triage.evidence.packed`); None for all others."""
    link: str | None = None
    special: str | None = None

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what older manifests do not have, so that their digests stay what they were."""
        entry: dict[str, Any] = handler(self)
        if self.encoding is None:
            del entry["encoding"]
        return entry


class Manifest(Value):
    """All entries of a folder by relative posix path, in sorted order."""

    v: Literal[1] = 1
    files: dict[str, Sealed]
    journal: tuple[str, ...] = ()
    """Digests of the journal's last lines when the folder was sealed: who removes them contradicts it."""

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what older manifests do not have, so that their digests stay what they were."""
        document: dict[str, Any] = handler(self)
        if not self.journal:
            del document["journal"]
        return document

    @property
    def digest(self) -> str:
        """One hash for the whole folder, so that a document can name exactly this evidence."""
        return hashlib.sha256(json_text(self).encode()).hexdigest()


class Flaw(Value):
    """Something in a folder that is not as its seal says."""

    path: str
    problem: Literal["missing", "changed", "not in the manifest"]


def take(folder: Path, journal: tuple[str, ...] = ()) -> Manifest:
    """Hash what lies in the folder, the manifest excepted; `journal` has the digests of its last lines."""
    paths = sorted(path for path in _walk(folder) if path != NAME)
    return Manifest(files={path: _entry(folder / path) for path in paths}, journal=journal)


def seal(folder: Path, journal: tuple[str, ...] = ()) -> Manifest:
    """Hash everything and write the manifest; the last write of a folder."""
    manifest = take(folder, journal)
    write_json(folder / NAME, manifest)
    return manifest


def parsed(data: bytes) -> Manifest:
    """Read the bytes of a manifest. Raises `ValueError` where they are none."""
    return Manifest.model_validate(json.loads(data))


def read(folder: Path) -> Manifest:
    """Read the manifest as it was sealed. Raises `CheckError` where it is absent or no manifest."""
    try:
        return parsed((folder / NAME).read_bytes())
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
    """List what differs between the seal and the folder, by path."""
    sealed = read(folder).files
    present = take(folder).files
    flaws = []
    for path in sorted(sealed.keys() | present.keys()):
        if path not in present:
            flaws.append(Flaw(path=path, problem="missing"))
        elif path not in sealed:
            flaws.append(Flaw(path=path, problem="not in the manifest"))
        elif sealed[path] != present[path]:
            flaws.append(Flaw(path=path, problem="changed"))
    return tuple(flaws)


def sha256_of(path: Path) -> str:
    """Hash a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _walk(folder: Path) -> Iterator[str]:
    """Yield the relative paths of all entries but real folders: a link to a folder is an entry itself."""
    for base, folders, names in os.walk(folder, followlinks=False):
        links = [name for name in folders if (Path(base) / name).is_symlink()]
        for name in (*names, *links):
            yield (Path(base) / name).relative_to(folder).as_posix()


def _entry(path: Path) -> Sealed:
    """Describe one entry without following links or opening what is no regular file."""
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return Sealed(link=os.readlink(path))
    if not stat.S_ISREG(status.st_mode):
        return Sealed(special=stat.filemode(status.st_mode)[0])
    return Sealed(sha256=sha256_of(path), bytes=status.st_size, encoding=encoding_of(path))
