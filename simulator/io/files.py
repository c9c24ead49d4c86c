"""Write files that appear whole or not at all, and read whole files."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from simulator.config import SimulatorError

Bytes: TypeAlias = bytes | bytearray | memoryview
"""What is written to a file."""


def write_whole(path: Path, content: bytes) -> None:
    """Write to a temporary file beside it, flush to disk and move into place; may raise a SimulatorError."""
    write_parts(path, [content])


def check_writable(path: Path) -> None:
    """Raise a SimulatorError where `write_whole` could not write: found out before an image is computed."""
    target = _target(path)
    try:
        if target.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        if _is_device(target):
            open(target, "wb").close()
            return
        handle, name = _beside(target)
        os.close(handle)
        os.unlink(name)
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(0, "it is write-protected")
    except OSError as error:
        raise _unwritable(path, error) from None


def _target(path: Path) -> Path:
    """Where a link leads, so that a file is replaced and not the link to it."""
    return Path(os.path.realpath(path))


def _is_device(target: Path) -> bool:
    """Whether it is something like /dev/null or a pipe, which is written to and never replaced."""
    return target.exists() and not target.is_file()


def _beside(target: Path) -> tuple[int, str]:
    """Open a temporary file in the target's folder; its descriptor and its name."""
    # As `tempfile.mkstemp`, whose module takes longer to load than a small image takes to write.
    name = f"{target.parent}/.{target.name}.{os.urandom(8).hex()}"
    return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), name


def _unwritable(path: Path, error: OSError) -> SimulatorError:
    return SimulatorError(f"cannot write {path}: {error.strerror or error}")


def write_parts(path: Path, parts: Iterable[Bytes]) -> None:
    """As `write_whole`, for content that comes in parts."""
    target = _target(path)
    try:
        if _is_device(target):
            with open(target, "wb") as out:
                out.writelines(parts)
            return
        handle, name = _beside(target)
        try:
            with os.fdopen(handle, "wb") as out:
                for part in parts:
                    out.write(part)
                out.flush()
                os.fsync(out.fileno())
            # A temporary file is private; an image is readable as any file that a program writes.
            os.chmod(name, 0o644)
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _unwritable(path, error) from None


def read_whole(path: Path, what: str) -> bytes:
    """Read the bytes of a file; `what` names it in the SimulatorError where that fails."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SimulatorError(f"cannot read the {what} {path}: {error.strerror or error}") from None
