"""Writes that a reader sees whole or not at all, and appends that survive a kill.

A write goes to a temporary file beside its target, is flushed to the disk and renamed over it, and
the folder is flushed too; what was there before stays until that moment. An append takes a lock on
the file itself (no lock file is left behind, and the kernel frees it when the holder dies) and heals
a last line that a killed writer left torn. Every refusal of the disk becomes one line for people.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import json
import math
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from triage.errors import TriageError, VoidError

_PLAIN = (str, int, bool)
"""Asked for first: nearly all that a document holds is of these, and asking for a model takes long."""
_SERIAL = itertools.count()
"""Tells the temporary files of one process's threads apart."""
_POLL_SECONDS = 0.02
"""Between two tries for a lock: flock has no time limit of its own."""
_DEAD_SECONDS = 2.0
"""A temporary file that nobody holds is certainly nobody's after so long: its writer locks it at once."""
_LOCK_SECONDS = 60.0
"""Longer than any holder needs: somebody who waits so long waits for a process that hangs."""


def write_bytes(path: Path, data: bytes, *, follow_symlink: bool = False) -> None:
    """Replace the file's content in one step; its mode is kept, a new file obeys the umask.

    A symbolic link is replaced itself (a hostile test may have planted it), unless `follow_symlink`
    says that a person put it there on purpose. Raises `VoidError` where the disk refuses.
    """
    write_pieces(path, (data,), follow_symlink=follow_symlink)


def write_pieces(path: Path, pieces: Iterable[bytes], *, follow_symlink: bool = False) -> None:
    """Replace the file's content as `write_bytes` does by pieces that are made while they are written."""
    target = Path(os.path.realpath(path)) if follow_symlink else path
    with _disk_errors(path):
        temporary, descriptor = _open_beside(target)
        try:
            _write_all(descriptor, pieces, mode=_mode_of(target))
            os.replace(temporary, target)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        _sync_folder(target.parent)


def write_text(path: Path, text: str, *, follow_symlink: bool = False) -> None:
    """Replace the file's content by UTF-8 text; a lone surrogate is written as its escape."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"), follow_symlink=follow_symlink)


def write_json(path: Path, value: Any) -> None:
    """Replace the file's content by one JSON document: ASCII, sorted as given, newline at the end."""
    write_bytes(path, json_text(value).encode("ascii"))


def append_line(path: Path, line: str) -> None:
    """Append one line under a lock and flush it to the disk."""
    append_lines(path, (line,))


def append_lines(path: Path, lines: Iterable[str]) -> None:
    """Append lines in one write under a lock, and flush them; all or (on a full disk) none of them."""
    data = "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")
    if data:
        append_after(path, lambda _descriptor: (None, data))


def append_after(path: Path, make: Callable[[int], tuple[bytes | None, bytes]]) -> None:
    """Append what `make` gives, in one write under a lock, flushed; all or (on a full disk) none of it.

    `make` gets the descriptor of the locked file, which nobody else changes meanwhile, and gives what the
    file shall hold instead of what it holds (None: that stays), and the bytes to append.
    """
    with _disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _open_locked(path)
        try:
            replacement, data = make(descriptor)
            if replacement is None:
                _append(descriptor, data)
            else:
                write_bytes(path, replacement + data, follow_symlink=True)
        finally:
            os.close(descriptor)


@contextmanager
def locked(folder: Path, *, timeout: float = _LOCK_SECONDS) -> Iterator[None]:
    """Hold the folder for a read-change-write; waits for other holders, frees itself if we die.

    Raises `VoidError` after `timeout` seconds.
    """
    with _disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _lock(descriptor, folder, timeout)
            yield
        finally:
            os.close(descriptor)


@contextmanager
def locked_file(path: Path, *, timeout: float = _LOCK_SECONDS) -> Iterator[None]:
    """Hold a file that is there for that alone, as `locked` holds a folder; it stays where it is."""
    with _disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _open_locked(path, timeout)
        try:
            yield
        finally:
            os.close(descriptor)


def json_text(value: Any) -> str:
    """The JSON that `write_json` writes: standard JSON, so NaN and infinities become strings."""
    return json.dumps(plain(value), indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """Values, models, paths and tuples as JSON knows them."""
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, BaseModel):
        return plain(value.model_dump(mode="json"))
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return _spelled(value)
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _spelled(value: float) -> str:
    """A number that JSON does not have, as pydantic spells it in values too."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def abandoned_files(folder: Path) -> Iterator[Path]:
    """Temporary files in a folder whose writers were killed."""
    for path in folder.glob(".triage-*.tmp"):
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
                age = time.time() - os.fstat(descriptor).st_mtime
            except BlockingIOError:
                continue
            finally:
                os.close(descriptor)
            if age > _DEAD_SECONDS:
                yield path


def disk_error(error: OSError, path: Path) -> TriageError:
    """What the operating system said, as one line with a slug."""
    where = error.filename or path
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return VoidError("disk-full", f"no space left to write {where}", "free some space and run again")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return VoidError(
            "read-only",
            f"cannot write {where}: {error.strerror}",
            "make the folder writable, or set `output` to one that is",
        )
    if error.errno == errno.EFBIG:
        what = f"{where} would be larger than a file may be here"
        return VoidError("file-size-limit", what, "raise the limit (`ulimit -f`) and run again")
    return VoidError("cannot-write", f"cannot write {where}: {error.strerror}", "mend the path or its disk")


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise disk_error(error, path) from error


def _open_beside(target: Path) -> tuple[Path, int]:
    target.parent.mkdir(parents=True, exist_ok=True)
    while True:
        temporary = target.parent / f".triage-{os.getpid()}-{next(_SERIAL)}.tmp"
        with suppress(FileExistsError):
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            with suppress(OSError):  # a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return temporary, descriptor


def _mode_of(target: Path) -> int | None:
    with suppress(FileNotFoundError):
        status = os.lstat(target)
        return stat.S_IMODE(status.st_mode) if stat.S_ISREG(status.st_mode) else None
    return None


def _write_all(descriptor: int, pieces: Iterable[bytes], *, mode: int | None) -> None:
    with os.fdopen(descriptor, "wb") as stream:
        stream.writelines(pieces)
        stream.flush()
        if mode is not None:
            os.fchmod(stream.fileno(), mode)
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_locked(path: Path, timeout: float = _LOCK_SECONDS) -> int:
    """Open a file and lock it; again where another writer put a new file in its place meanwhile."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            _lock(descriptor, path, timeout=timeout)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _append(descriptor: int, data: bytes) -> None:
    size = os.fstat(descriptor).st_size
    is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    _append_whole(descriptor, (b"\n" if is_torn else b"") + data, size)


def _append_whole(descriptor: int, data: bytes, size: int) -> None:
    """One write; a disk that fills up in the middle gets its half line taken back."""
    try:
        written = os.write(descriptor, data)
        while written < len(data):
            written += os.write(descriptor, data[written:])
    except BaseException:  # an interruption too
        os.ftruncate(descriptor, size)
        raise
    os.fsync(descriptor)


def _lock(descriptor: int, path: Path, timeout: float) -> None:
    for _ in range(max(1, math.ceil(timeout / _POLL_SECONDS))):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_POLL_SECONDS)
        else:
            return
    raise VoidError("locked", f"{path} is held by another triage for {timeout:g} s", "end it, then run again")
