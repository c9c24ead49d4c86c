"""Files that appear whole or not at all."""

import os
import tempfile
from pathlib import Path

from simulator.config import SimulatorError


def write_whole(path: Path, content: bytes) -> None:
    """Write to a neighbour, flush it to disk, and move it into place."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            os.chmod(name, 0o644)
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SimulatorError(f"cannot write {path}: {error.strerror or error}") from None


def read_whole(path: Path, what: str) -> bytes:
    """The bytes of a file, or one line that says why not."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SimulatorError(f"cannot read the {what} {path}: {error.strerror or error}") from None
