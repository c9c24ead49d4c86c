"""Where a run keeps what it knows while it runs: out of the suite's reach, with a copy in the evidence.

The scratch folder lies outside of the repository, in a place that follows from the evidence folder's
path: a test that deletes `reports/` cannot harm it, and a resumed run finds it. The secret from which
the processes' keys are made lies apart from it, so that what a test can see of its own environment
does not lead to the key.
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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from triage.errors import VoidError
from triage.evidence.atomic import disk_error
from triage.evidence.folder import EvidenceFolder
from triage.recorder.events import encode

EVENTS = "events.jsonl"
_WITH_PATHS = (b'{"e":"begin"', b'{"e":"collecting"', b'{"e":"collected"')
_PATHS = ("path", "files", "rootdir", "inifile", "executable")
"""What the harness needs as it is while the run goes on, and what must not be shown so."""
WHOSE = "evidence"
"""Names, in the scratch folder, the evidence folder of the run."""


class RunStore:
    """Scratch, keys, and the record of one run; one process at a time."""

    def __init__(self, folder: EvidenceFolder) -> None:
        """Raises `VoidError` where another process runs this STAMP now, or the disk refuses."""
        self.folder = folder
        name = hashlib.sha256(str(folder.path.resolve()).encode()).hexdigest()[:20]
        base = Path(tempfile.gettempdir())
        self.scratch = base / f"triage-{os.getuid()}-{name}"
        self._secret_path = secret_of(self.scratch)
        try:
            _private_folder(self.scratch)
            self._lock, self._secret = _locked_secret(self._secret_path)
            (self.scratch / WHOSE).write_text(str(folder.path.resolve()), "utf-8", "surrogateescape")
        except OSError as error:
            raise disk_error(error, self.scratch) from error
        self._events: list[IO[bytes]] = []
        self._documents: dict[str, bytes] = {}
        """Of the run as a whole: few and small, so that they outlive even a test that removes both copies."""
        self._mutex = threading.Lock()

    def key(self, attempt: str) -> bytes:
        """The key of one attempt's record."""
        return hashlib.blake2b(attempt.encode(), key=self._secret, digest_size=32).digest()

    def open_events(self) -> None:
        """From now on events are appended, to the scratch copy and to the evidence."""
        try:
            self._events = [path.open("a+b") for path in (self.scratch / EVENTS, self.folder.path / EVENTS)]
        except OSError as error:
            raise disk_error(error, self.folder.path / EVENTS) from error

    def event(self, chunk: str | None, attempt: int, payload: bytes) -> None:
        """One line: the event as the process wrote it, and whose it is; paths are redacted only here."""
        if payload.startswith(_WITH_PATHS):
            payload = _shown(payload, self.folder.redact)
        head = b'{"chunk":%s,"attempt":%d,' % (
            b"null" if chunk is None else b'"%s"' % chunk.encode(),
            attempt,
        )
        line = head + payload[1:] + b"\n"
        with self._mutex:
            for file in self._events:
                file.write(line)

    def flush(self) -> None:
        """What was appended is in the kernel's hands: a kill of the harness does not lose it."""
        with self._mutex:
            for file in self._events:
                file.flush()

    def close_events(self) -> None:
        """The record is whole; put it back into the evidence where a test damaged it there."""
        kept, shown = self.scratch / EVENTS, self.folder.path / EVENTS
        with self._mutex:
            if not self._events:
                return
            whole = self._events[0]  # open: it is there even where a test removed its name
            whole.seek(0)
            data = whole.read()
            for file in self._events:
                file.close()
            self._events = []
        for path in (kept, shown):
            if not path.is_file() or path.is_symlink() or path.read_bytes() != data:
                path.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(OSError):
                    path.unlink()
                path.write_bytes(data)

    def put(self, name: str, data: bytes) -> None:
        """A file of the evidence, and its copy in scratch."""
        if name.endswith(".json") and "/" not in name:
            self._documents[name] = data
        for base in (self.scratch / "copy", self.folder.path):
            path = base / name
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(path.name + ".part")
            temporary.write_bytes(data)
            os.replace(temporary, path)

    def put_json(self, name: str, value: Any, clean: Mapping[str, Any] | None = None) -> None:
        """A JSON document of the evidence, its strings redacted; those of `clean` are already."""
        document = _redacted(value, self.folder.redact) | dict(clean or {})
        self.put(
            name, json.dumps(document, ensure_ascii=True, allow_nan=False, indent=1).encode("ascii") + b"\n"
        )

    def mend(self) -> list[str]:
        """Write again what tests deleted or changed in the evidence; returns the names."""
        mended = []
        base = self.scratch / "copy"
        for name, data in self._documents.items():
            if not (base / name).is_file():
                self.put(name, data)
                mended.append(name)
        for kept in sorted(path for path in base.rglob("*") if path.is_file()):
            shown = self.folder.path / kept.relative_to(base)
            if not shown.is_file() or shown.is_symlink() or not _same(kept, shown):
                shown.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(OSError):
                    shown.unlink()
                shutil.copyfile(kept, shown)
                mended.append(kept.relative_to(base).as_posix())
        return sorted(set(mended))

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


def secret_of(scratch: Path) -> Path:
    """Where the secret of a run lies that has this scratch folder; also its lock."""
    head, _, name = scratch.name.rpartition("-")
    return scratch.with_name(f".{head}-{name[::-1]}")


def _shown(payload: bytes, redact: Callable[[str], str]) -> bytes:
    text = payload.decode("ascii")
    if redact(text) == text:
        return payload
    event = json.loads(text)
    event |= {name: _redacted(event[name], redact) for name in _PATHS if name in event}
    return encode(event)


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(str(key)): _redacted(item, redact) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted(item, redact) for item in value]
    return value


def _same(one: Path, other: Path) -> bool:
    return one.stat().st_size == other.stat().st_size and one.read_bytes() == other.read_bytes()


def _private_folder(path: Path) -> None:
    """A folder of ours that nobody else can read; a link or somebody else's folder is refused."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise VoidError(
            "scratch-taken", f"{path} is not ours", "remove it, or set TMPDIR to a folder of your own"
        )


def _locked_secret(path: Path) -> tuple[int, bytes]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise VoidError(
            "run-in-progress", "this STAMP is being run by another process", "wait for it"
        ) from error
    secret = os.pread(fd, 32, 0)
    if len(secret) != 32:
        secret = secrets.token_bytes(32)
        os.pwrite(fd, secret, 0)
    return fd, secret


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
