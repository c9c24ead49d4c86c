"""Keep what a run knows while it goes on: out of the suite's reach, with a copy in the evidence.

The scratch folder lies outside of the repository, in a place that follows from the evidence folder's
path: a test that deletes `reports/` cannot harm it, and a resumed run finds it. The secret from which
the processes' keys are made lies apart from it, so that what a test can see of its own environment
does not lead to the key. `leftovers` finds the scratch folders of runs that were killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from triage.errors import VoidError
from triage.evidence.atomic import disk_error
from triage.evidence.folder import EvidenceFolder
from triage.recorder.events import encode
from triage.text.redact_data import redacted_data

EVENTS = "events.jsonl"
_OWNER = "evidence"
"""File in the scratch folder that names the evidence folder of its run."""
_COPY = "copy"
"""Folder in the scratch folder with a copy of each document of the evidence."""
_SCRATCH_NAME = re.compile(r"triage-[0-9]+-[0-9a-f]{20}")
_EVENTS_WITH_PATHS = (b'{"e":"begin"', b'{"e":"coll', b'{"e":"conftest_error"')
_PATH_FIELDS = ("path", "files", "rootdir", "inifile", "executable")
"""The harness needs them as they are while the run goes on, so that the recorder does not redact them."""
_SECRET_BYTES = 32
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
"""A link in the place of a secret was planted by somebody else."""
_STARTING_SECONDS = 60.0
"""Longer than a run needs from the making of its scratch folder to its lock."""
_DISK_BLOCK = 512
"""The unit of `st_blocks`, by POSIX."""


class RunStore:
    """Scratch folder, keys and record of one run; one process at a time."""

    def __init__(self, folder: EvidenceFolder) -> None:
        """Raises `VoidError` where another process runs this STAMP now, or the disk refuses."""
        self.folder = folder
        evidence = str(folder.path.resolve())
        name = hashlib.sha256(evidence.encode("utf-8", "surrogateescape")).hexdigest()[:20]
        self.scratch = Path(tempfile.gettempdir(), f"triage-{os.getuid()}-{name}")
        self._secret_path = _secret_path(self.scratch)
        try:
            _make_private_folder(self.scratch)
            self._lock, self._secret = _lock_secret(self._secret_path)
            (self.scratch / _OWNER).write_text(evidence, "utf-8", "surrogateescape")
        except OSError as error:
            raise disk_error(error, self.scratch) from error
        self._events: list[IO[bytes]] = []
        self._documents: dict[str, bytes] = {}
        """Of the run as a whole: few and small, so that they outlive even a test that removes both copies."""
        self._mutex = threading.Lock()

    def key(self, attempt: str) -> bytes:
        """The key of one attempt's record."""
        return hashlib.blake2b(attempt.encode(), key=self._secret, digest_size=_SECRET_BYTES).digest()

    # -- the record ---------------------------------------------------------------------------

    def open_events(self) -> None:
        """Open the record, in scratch and in the evidence, for appending.

        Both go on from the longer copy, which is the one that a resumed run was read from; a last line that a
        killed process left torn gets its end.
        """
        paths = (self.scratch / EVENTS, self.folder.path / EVENTS)
        try:
            for path in paths:
                if path.is_symlink() or path.is_fifo():  # a test planted it
                    path.unlink()
            copies = [path.read_bytes() if path.is_file() else b"" for path in paths]
            whole = max(copies, key=len)
            if whole and not whole.endswith(b"\n"):
                whole += b"\n"
            for path, copy in zip(paths, copies, strict=True):
                if copy != whole:
                    path.write_bytes(whole)
            self._events = [path.open("a+b") for path in paths]
        except OSError as error:
            raise disk_error(error, self.folder.path / EVENTS) from error

    def event(self, chunk: str | None, attempt: int, payload: bytes) -> None:
        """Append one line: the event as the process wrote it, and whose it is; paths are redacted here."""
        line = record_line(chunk, attempt, payload, self.folder.redact)
        with self._mutex:
            for file in self._events:
                file.write(line)

    def flush(self) -> None:
        """Hand what was appended to the kernel: a kill of the harness does not lose it."""
        with self._mutex:
            for file in self._events:
                file.flush()

    def close_events(self) -> None:
        """Close the record, and write it again where a test damaged one of its copies."""
        with self._mutex:
            if not self._events:
                return
            whole = self._events[0]  # open: it can be read even where a test removed its name
            whole.seek(0)
            data = whole.read()
            for file in self._events:
                file.close()
            self._events = []
        for path in (self.scratch / EVENTS, self.folder.path / EVENTS):
            if not path.is_file() or path.is_symlink() or path.read_bytes() != data:
                path.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(OSError):
                    path.unlink()
                path.write_bytes(data)

    # -- documents ----------------------------------------------------------------------------

    def put(self, name: str, data: bytes) -> None:
        """Write a file of the evidence, and its copy in scratch."""
        if name.endswith(".json") and "/" not in name:
            self._documents[name] = data
        for base in (self.scratch / _COPY, self.folder.path):
            path = base / name
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(path.name + ".part")
            temporary.write_bytes(data)
            os.replace(temporary, path)

    def put_json(self, name: str, value: Any, clean: Mapping[str, Any] | None = None) -> None:
        """Write a JSON document of the evidence, its strings redacted; those of `clean` are already."""
        document = redacted_data(value, self.folder.redact) | dict(clean or {})
        text = json.dumps(document, ensure_ascii=True, allow_nan=False, indent=1)
        self.put(name, text.encode("ascii") + b"\n")

    def restore_documents(self) -> list[str]:
        """Write again what tests deleted or changed in the evidence; returns the names."""
        restored = set()
        copies = self.scratch / _COPY
        for name, data in self._documents.items():
            if not (copies / name).is_file():
                self.put(name, data)
                restored.add(name)
        for copy in sorted(path for path in copies.rglob("*") if path.is_file()):
            name = copy.relative_to(copies).as_posix()
            shown = self.folder.path / name
            if not shown.is_file() or shown.is_symlink() or not _have_same_content(copy, shown):
                shown.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(OSError):
                    shown.unlink()
                shutil.copyfile(copy, shown)
                restored.add(name)
        return sorted(restored)

    def release(self, *, finished: bool) -> None:
        """Let others have the STAMP; when finished nothing is left outside of the evidence."""
        for file in self._events:
            with contextlib.suppress(OSError):
                file.close()
        if finished:
            shutil.rmtree(self.scratch, ignore_errors=True)
            with contextlib.suppress(OSError):
                self._secret_path.unlink()
        os.close(self._lock)


def record_line(chunk: str | None, attempt: int, payload: bytes, redact: Callable[[str], str]) -> bytes:
    """One line of a record: the event as the process wrote it, and whose it is, its paths redacted."""
    if payload.startswith(_EVENTS_WITH_PATHS):
        payload = _redacted_paths(payload, redact)
    name = b"null" if chunk is None else b'"%s"' % chunk.encode()
    return b'{"chunk":%s,"attempt":%d,%s\n' % (name, attempt, payload.removeprefix(b"{"))


@dataclass(frozen=True)
class Leftover:
    """The scratch folder of a run that no process holds."""

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
        if not _SCRATCH_NAME.fullmatch(path.name) or path.is_symlink() or not path.is_dir():
            continue
        secret = _secret_path(path)
        with contextlib.suppress(OSError):
            if not _is_in_use(path, secret):
                yield _leftover(path, secret)


def _leftover(path: Path, secret: Path) -> Leftover:
    stats = [file.lstat() for file in (path, *path.rglob("*"))]
    evidence = None
    with contextlib.suppress(OSError):
        evidence = Path((path / _OWNER).read_text("utf-8", "surrogateescape"))
    return Leftover(
        path=path,
        secret=secret,
        evidence=evidence,
        size=sum(status.st_blocks * _DISK_BLOCK for status in stats),
        changed=max(status.st_mtime for status in stats),
    )


def _make_private_folder(path: Path) -> None:
    """Make a folder that nobody else can read; a link or somebody else's folder is refused."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise VoidError(
            "scratch-taken", f"{path} is not ours", "remove it, or set TMPDIR to a folder of your own"
        )


def _secret_path(scratch: Path) -> Path:
    """The file with the secret of a run, which is its lock too."""
    head, _, name = scratch.name.rpartition("-")
    return scratch.with_name(f".{head}-{name[::-1]}")


def _lock_secret(path: Path) -> tuple[int, bytes]:
    """Lock the file and read its secret, a new one where it has none; returns descriptor and secret."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | _NO_FOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise VoidError(
            "run-in-progress", "this STAMP is being run by another process", "wait for it"
        ) from error
    secret = os.pread(descriptor, _SECRET_BYTES, 0)
    if len(secret) != _SECRET_BYTES:
        secret = secrets.token_bytes(_SECRET_BYTES)
        os.pwrite(descriptor, secret, 0)
    return descriptor, secret


def _is_in_use(scratch: Path, secret: Path) -> bool:
    """Whether a run holds the lock, or is about to take it; the question does not disturb it."""
    try:
        descriptor = os.open(secret, os.O_RDONLY | os.O_CLOEXEC | _NO_FOLLOW)
    except FileNotFoundError:
        # it is made behind the scratch folder: a run that starts at this moment has none yet
        return time.time() - scratch.lstat().st_mtime < _STARTING_SECONDS
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _redacted_paths(payload: bytes, redact: Callable[[str], str]) -> bytes:
    text = payload.decode("ascii")
    if redact(text) == text:
        return payload
    event = json.loads(text)
    for name in _PATH_FIELDS:
        if name in event:
            event[name] = redacted_data(event[name], redact)
    return encode(event)


def _have_same_content(one: Path, other: Path) -> bool:
    return one.stat().st_size == other.stat().st_size and one.read_bytes() == other.read_bytes()
