"""Structure-factor files: text of h k l F, and the binary cache of the dense table."""

import math
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.config import SimulatorError
from simulator.config.checks import Scalar
from simulator.geometry.arrays import as_numpy, bare, scalar
from simulator.physics.table import Table

COLUMNS = 4
"""h, k, l and F."""

LARGEST_TABLE = 2**28
"""Entries (2 GiB) beyond which a table is refused: a single wrong index would otherwise fill the memory."""

Reflection = tuple[int, int, int, float]
"""h, k, l and F in electrons."""


def _rows(path: Path) -> list[Reflection]:
    """Read the leading rows that parse. As in the reference, the first bad line ends the list."""
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise SimulatorError(f"cannot read the HKL file {path}: {error.strerror or error}") from None
    words = text.split()
    rows: list[Reflection] = []
    bad_word = None
    for start in range(0, len(words) - COLUMNS + 1, COLUMNS):
        row = words[start : start + COLUMNS]
        try:
            rows.append((_whole(row[0]), _whole(row[1]), _whole(row[2]), float(row[3])))
        except (ValueError, OverflowError):
            bad_word = next(word for word in row if not _is_whole(word))
            break
    if not rows:
        raise SimulatorError(f"{path} holds no reflection: four columns h k l F are wanted, without a header")
    if bad_word is not None:
        warnings.warn(f"{path}: reading stops at {bad_word!r} after {len(rows)} reflections", stacklevel=3)
    return rows


def _is_whole(word: str) -> bool:
    """Whether a word reads as a whole number."""
    try:
        _whole(word)
    except (ValueError, OverflowError):
        return False
    return True


def _whole(word: str) -> int:
    """Read an index, which may be written as 3.0 but not as 3.5."""
    number = float(word)
    if number != int(number):
        raise ValueError(word)
    return int(number)


def read_hkl(path: str | Path, default: Scalar, xp: Any = np) -> Table:
    """Read a text file of h k l F into a dense float64 table of the library `xp`.

    The table spans the bounding box of all indices; reflections that the file leaves out have F = `default`.
    """
    rows = _rows(Path(path))
    indices = np.array([row[:3] for row in rows], dtype=np.int64)
    amplitudes = np.array([row[3] for row in rows])
    if not np.isfinite(amplitudes).all():
        bad = rows[int(np.argmin(np.isfinite(amplitudes)))]
        raise SimulatorError(f"{path}: F of reflection {bad[0]} {bad[1]} {bad[2]} is {bad[3]} electrons")
    return dense_table(path, indices, amplitudes, default, xp)


def dense_table(
    path: str | Path, indices: NDArray[np.int64], amplitudes: NDArray[np.float64], default: Scalar, xp: Any
) -> Table:
    """Fill the bounding box of [n, 3] indices with their amplitudes, and with `default` in between."""
    low = indices.min(0)
    shape = indices.max(0) - low + 1
    if int(shape.prod()) > LARGEST_TABLE:
        raise SimulatorError(
            f"{path}: indices span {shape[0]} x {shape[1]} x {shape[2]}, more than a table can hold"
        )
    filled = np.full(tuple(shape), np.nan)
    filled[tuple((indices - low).T)] = amplitudes
    fill = scalar(default, xp)
    values = xp.asarray(filled)
    # NaN marks what the file leaves out; numbers in the file are finite, as checked above.
    values = xp.where(xp.isnan(values), fill, values)
    return Table(values, (int(low[0]), int(low[1]), int(low[2])), fill)


LIMITS = 6
"""Lowest and highest h, k, l in the first line of a cache."""

NUMBER_BYTES = 8
"""Bytes of a double in the cache."""


def write_cache(path: Path, table: Table) -> None:
    """Write the table as the reference does: a text line of six limits, a form feed, raw doubles, l fastest.

    Each axis has one entry of padding at its end.
    """
    values = as_numpy(table.values)
    nh, nk, nl = values.shape
    padded = np.full((nh + 1, nk + 1, nl + 1), float(bare(table.default)))
    padded[:nh, :nk, :nl] = values
    limits = " ".join(f"{low} {high}" for low, high in zip(table.lowest, table.highest, strict=True))
    import tempfile

    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "wb") as out:
        out.write(f"{limits}\n\f".encode("ascii"))
        out.write(padded.tobytes())
        out.flush()
        os.fsync(out.fileno())
    os.replace(name, path)


def read_cache(path: Path, default: Scalar, xp: Any = np) -> Table:
    """Read a table written by `write_cache` or by the reference; raise a SimulatorError for other files."""
    raw = path.read_bytes()
    head, separator, body = raw.partition(b"\f")
    limits = _cache_limits(head)
    if not separator or limits is None:
        raise _not_a_cache(path)
    low, high = limits[0::2], limits[1::2]
    shape = [last - first + 1 for first, last in zip(low, high, strict=True)]
    padded_shape = [n + 1 for n in shape]
    size = math.prod(padded_shape)
    if min(shape) < 1 or len(body) < NUMBER_BYTES * size:
        raise _not_a_cache(path)
    padded = np.frombuffer(body, dtype=np.float64, count=size).reshape(padded_shape)
    values = xp.asarray(padded[:-1, :-1, :-1].copy())
    return Table(values, (low[0], low[1], low[2]), scalar(default, xp))


def _cache_limits(head: bytes) -> list[int] | None:
    """Lowest and highest h, k, l in turn; None where the first line is something else."""
    try:
        limits = [int(word) for word in head.split()]
    except ValueError:
        return None
    return limits if len(limits) == LIMITS else None


def _not_a_cache(path: Path) -> SimulatorError:
    return SimulatorError(f"{path} is not a structure-factor cache: delete it, or give the HKL file again")
