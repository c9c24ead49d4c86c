"""Write finished rows of a long run to disk, so that an interrupted run can continue."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.config import SimulatorError
from simulator.geometry.arrays import as_numpy
from simulator.scene.scene import Scene

MAGIC = b"diffraction-simulator rows 1\n"
"""The first line of the file; the number is the version of its layout."""


def fingerprint(scene: Scene) -> str:
    """Digest of everything that the image depends on, hexadecimal."""
    import hashlib

    digest = hashlib.sha256(repr(scene.plan).encode())
    for tensor in (*scene.tensors.as_list(), scene.mask):
        if tensor is not None:
            numbers = as_numpy(tensor)
            digest.update(f"{numbers.dtype} {numbers.shape}".encode() + numbers.tobytes())
    return digest.hexdigest()


class Checkpoint:
    """A file of finished rows: MAGIC, a line of JSON (fingerprint and precision), then the rows in order.

    Rows are appended and flushed; a last row cut short by a crash is dropped when the file is read.
    """

    def __init__(self, path: Path, scene: Scene) -> None:
        self.path, self.plan = path, scene.plan
        self._dtype = as_numpy(scene.tensors.pixel).dtype
        import json

        description = json.dumps({"scene": fingerprint(scene), "dtype": str(self._dtype)})
        self._head = MAGIC + description.encode() + b"\n"

    @property
    def _row_bytes(self) -> int:
        return len(self.plan.columns) * int(self._dtype.itemsize)

    def read(self) -> tuple[NDArray[np.floating], int]:
        """Return finished rows [n, columns] of the region of interest, and n; begin the file if it is absent.

        Raises a SimulatorError for a file of another scene.
        """
        columns = len(self.plan.columns)
        if not self.path.exists() or self.path.stat().st_size == 0:
            self._start()
            return np.zeros((0, columns), dtype=self._dtype), 0
        raw = self.path.read_bytes()
        if not raw.startswith(MAGIC):
            raise SimulatorError(
                f"{self.path} is not a file of finished rows: choose another name for -resume"
            )
        if not raw.startswith(self._head):
            raise SimulatorError(
                f"{self.path} belongs to another image: delete it, or give the options it was begun with"
            )
        body = raw[len(self._head) :]
        rows = min(len(body) // self._row_bytes, len(self.plan.rows))
        # What a crash left of a last row goes, so that rows are appended behind whole ones.
        with open(self.path, "r+b") as file:
            file.truncate(len(self._head) + rows * self._row_bytes)
        found = np.frombuffer(body, dtype=self._dtype, count=rows * columns)
        return found.reshape(rows, columns), rows

    def _start(self) -> None:
        try:
            with open(self.path, "wb") as file:
                file.write(self._head)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise SimulatorError(f"cannot write {self.path}: {error.strerror or error}") from None

    def append(self, rows: NDArray[np.floating]) -> None:
        """Append finished rows and flush them to disk."""
        with open(self.path, "ab") as file:
            file.write(np.ascontiguousarray(rows).tobytes())
            file.flush()
            os.fsync(file.fileno())

    def finish(self) -> None:
        """Remove the file, because the image is complete."""
        self.path.unlink(missing_ok=True)
