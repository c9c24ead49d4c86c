"""A STAMP folder: `reports/<campaign>/phase_<letter>/<STAMP>/`, written once, then sealed.

Making the folder is one exclusive `mkdir`, so two runs can never share one. Its maker holds a lock on it
until it is sealed or the process ends, however it ends: an unsealed folder without a holder was cut short.
Everything written goes through the redaction that the folder was given, before it reaches the disk.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from triage.errors import CheckError, UsageError
from triage.evidence import atomic, manifest
from triage.evidence.journal import JOURNAL, Journal
from triage.evidence.json_document import json_pieces
from triage.evidence.packed import RECORDS, packed
from triage.model.base import STAMP_FORMAT

REPORTS = "reports"
SOURCE = "source.json"
"""The first file in the folder of a run that did not run here: which command made it of which reports."""
_CAMPAIGN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PHASE = re.compile(r"[a-z]")
_STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_PATH_PARTS = 4
"""reports/<campaign>/phase_<letter>/<STAMP>."""
_FREE_SECONDS = 120
"""So many runs may start within one second and each still gets a STAMP: more than a machine can start."""
_held: dict[Path, int] = {}
"""The folders that this process works on, each with the descriptor that carries its lock."""


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True)
class EvidenceFolder:
    """One execution's evidence on disk."""

    path: Path
    redact: Callable[[str], str] = _as_it_is

    @classmethod
    def create(
        cls, root: Path, campaign: str, phase: str, stamp: str, redact: Callable[[str], str] = _as_it_is
    ) -> Self:
        """Make the folder of a STAMP that somebody named.

        Raises `UsageError` for names that are no names and for a STAMP that exists, `VoidError` where
        the disk refuses.
        """
        folder = cls(_path_of(root, campaign, phase, stamp), redact)
        if not folder._claim():
            raise UsageError(
                "stamp-taken",
                f"{folder.path} exists already, and evidence is written once",
                "choose another --stamp, or go on with --resume",
            )
        return folder

    @classmethod
    def create_free(
        cls, root: Path, campaign: str, phase: str, stamp: str, redact: Callable[[str], str] = _as_it_is
    ) -> Self:
        """Make the folder of the first free second from `stamp` on, for a run that named none."""
        start = datetime.strptime(_checked_stamp(stamp), STAMP_FORMAT)  # noqa: DTZ007 - a STAMP is UTC by definition
        for seconds in range(_FREE_SECONDS):
            moment = (start + timedelta(seconds=seconds)).strftime(STAMP_FORMAT)
            folder = cls(_path_of(root, campaign, phase, moment), redact)
            if folder._claim():
                return folder
        raise UsageError(
            "stamp-taken",
            f"the {_FREE_SECONDS} seconds after {stamp} are all taken in {folder.path.parent}",
            "wait, or name a --stamp",
        )

    @classmethod
    def open(cls, path: Path, redact: Callable[[str], str] = _as_it_is) -> Self:
        """An existing folder, sealed or not. Raises `UsageError` where it is no STAMP folder."""
        if not (path.is_dir() and _STAMP.fullmatch(path.name)):
            raise UsageError(
                "no-such-stamp", f"{path} is no STAMP folder", "see `triage status` for the runs"
            )
        if path.is_symlink():
            raise UsageError("outside-output", f"{path} is a link, no folder of its own", "remove the link")
        return cls(path, redact)

    @classmethod
    def find(cls, root: Path, stamp: str, campaign: str | None = None, phase: str | None = None) -> Self:
        """The one folder of a STAMP. Raises `UsageError` where there is none, or more than one."""
        _checked_stamp(stamp)
        found = [folder for folder in cls.all(root, campaign, phase) if folder.stamp == stamp]
        if len(found) == 1:
            return found[0]
        if found:
            paths = ", ".join(str(folder.path.relative_to(root)) for folder in found)
            raise UsageError("ambiguous-stamp", f"{stamp} is in {paths}", "name the campaign or the phase")
        known = sorted({folder.stamp for folder in cls.all(root, campaign, phase)})[-3:]
        latest = f"the latest are {', '.join(known)}" if known else "there are no runs yet: `triage run`"
        raise UsageError("no-such-stamp", f"no evidence of {stamp} under {root / REPORTS}", latest)

    @classmethod
    def all(cls, root: Path, campaign: str | None = None, phase: str | None = None) -> tuple[Self, ...]:
        """Every STAMP folder of the project, oldest first."""
        campaigns = [campaign] if campaign else [path.name for path in _folders(root / REPORTS)]
        found = [
            cls(path)
            for name in campaigns
            for letter in _folders(root / REPORTS / name)
            if (letter.name == f"phase_{phase}" if phase else letter.name.startswith("phase_"))
            for path in _folders(letter)
            if _STAMP.fullmatch(path.name)
        ]
        return tuple(sorted(found, key=lambda folder: (folder.stamp, str(folder.path))))

    @classmethod
    def holding(cls, root: Path, name: str) -> Self | None:
        """The STAMP folder in which a file lies, there or not; `name` is relative to the root."""
        parts = Path(name).parts
        if len(parts) < _PATH_PARTS or parts[0] != REPORTS or not _STAMP.fullmatch(parts[_PATH_PARTS - 1]):
            return None
        return cls(root.joinpath(*parts[:_PATH_PARTS]))

    @property
    def stamp(self) -> str:
        """The STAMP."""
        return self.path.name

    @property
    def phase(self) -> str:
        """The letter of the phase."""
        return self.path.parent.name.removeprefix("phase_")

    @property
    def campaign(self) -> str:
        """The name of the campaign."""
        return self.path.parent.parent.name

    @property
    def sealed(self) -> bool:
        """Whether the run that wrote it came to its end."""
        return (self.path / manifest.NAME).exists()

    @property
    def in_use(self) -> bool:
        """Whether another process works on it now."""
        if self.path in _held:
            return False
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # a file system without locks
            return False
        finally:
            os.close(descriptor)
        return False

    def hold(self) -> None:
        """Say that this process works on the folder, until it is sealed or the process ends."""
        if self.path in _held:
            return
        with suppress(OSError):
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            _held[self.path] = descriptor
            # somebody who only asks may have it for a moment
            fcntl.flock(descriptor, fcntl.LOCK_EX)

    def discard(self) -> None:
        """Remove it: what it was made for cannot be done. Raises `CheckError` once it is sealed."""
        if self.sealed:
            raise CheckError("sealed", f"{self.path} is sealed and stays", "start a new STAMP")
        shutil.rmtree(self.path)
        with suppress(OSError):  # others have evidence there
            for folder in self.path.parents[: _PATH_PARTS - 1]:
                folder.rmdir()
        descriptor = _held.pop(self.path, None)
        if descriptor is not None:
            os.close(descriptor)

    @property
    def is_of_suite(self) -> bool:
        """Whether it tells of tests that ran here: not of a report that was imported or of joined shards."""
        return self.phase == "a" and not (self.path / SOURCE).exists()

    def relative(self, root: Path) -> str:
        """The folder as documents name it: posix, relative to the project."""
        return self.path.relative_to(root).as_posix()

    def write_json(self, name: str, value: Any) -> Path:
        """Write one JSON document, each string in it redacted; returns its path."""
        path = self._writable(name)
        atomic.write_pieces(path, document_bytes(name, value, self.redact))
        return path

    def write_text(self, name: str, text: str) -> Path:
        """Write a redacted text; returns its path."""
        path = self._writable(name)
        atomic.write_text(path, self.redact(text))
        return path

    def seal(self) -> str:
        """Write the manifest, the last write; returns the digest of the whole folder."""
        self._writable(manifest.NAME)
        journal = Journal(self._output / JOURNAL)
        digest = manifest.seal(self.path, journal.last_lines()).digest
        descriptor = _held.pop(self.path, None)
        if descriptor is not None:
            os.close(descriptor)
        return digest

    @property
    def _output(self) -> Path:
        """The folder above `reports/`, where `plans/` lies too."""
        return self.path.parents[_PATH_PARTS - 1]

    def _claim(self) -> bool:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir()
        except FileExistsError:
            return False
        except OSError as error:
            raise atomic.disk_error(error, self.path) from error
        self.hold()
        return True

    def _writable(self, name: str) -> Path:
        path = self.path / name
        if not path.resolve().is_relative_to(self.path.resolve()):
            raise UsageError(
                "outside-evidence", f"{name!r} leaves {self.path}", "give a name inside the folder"
            )
        if self.sealed:
            raise CheckError(
                "sealed", f"{self.path} is sealed: {name} cannot be written", "start a new STAMP"
            )
        return path


def document_bytes(name: str, value: Any, redact: Callable[[str], str] = _as_it_is) -> Iterator[bytes]:
    """Give what `write_json` writes under a name: redacted, and compressed if it is a long record."""
    pieces = (piece.encode("ascii") for piece in json_pieces(value, redact))
    return packed(pieces) if name in RECORDS else pieces


def _path_of(root: Path, campaign: str, phase: str, stamp: str) -> Path:
    if not _CAMPAIGN.fullmatch(campaign):
        raise UsageError(
            "bad-campaign",
            f"{campaign!r} cannot be a campaign's name",
            "use letters, digits, dots and dashes",
        )
    if not _PHASE.fullmatch(phase):
        raise UsageError("bad-phase", f"{phase!r} is no phase", "use one small letter: a, b, c or d")
    return root / REPORTS / campaign / f"phase_{phase}" / _checked_stamp(stamp)


def _checked_stamp(stamp: str) -> str:
    try:
        datetime.strptime(stamp, STAMP_FORMAT)  # noqa: DTZ007 - only whether it is a moment
        well_formed = bool(_STAMP.fullmatch(stamp))
    except ValueError:
        well_formed = False
    if not well_formed:
        raise UsageError("bad-stamp", f"{stamp!r} is no STAMP", "write UTC as YYYYMMDDTHHMMSSZ")
    return stamp


def _folders(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    # a project has thousands: what kind an entry is the listing says, and names sort faster than paths
    with os.scandir(path) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir())
    return [path / name for name in names]
