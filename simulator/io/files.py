"""Write files that appear whole or not at all, and read whole files."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from simulator.config import SimulatorError


def write_whole(path: Path, content: bytes) -> None:
    """Write to a temporary file beside it, flush to disk and move into place; may raise a SimulatorError."""
    write_parts(path, [content])


def write_parts(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """As `write_whole`, for content that comes in parts."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as out:
                for part in parts:
                    out.write(part)
                out.flush()
                os.fsync(out.fileno())
            # A temporary file is private; an image is readable as any file that a program writes.
            os.chmod(name, 0o644)
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SimulatorError(f"cannot write {path}: {error.strerror or error}") from None


def read_whole(path: Path, what: str) -> bytes:
    """Read the bytes of a file; `what` names it in the SimulatorError where that fails."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SimulatorError(f"cannot read the {what} {path}: {error.strerror or error}") from None
