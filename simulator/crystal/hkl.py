"""Structure-factor files: text of h k l F, and the binary cache of the dense table."""

import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from simulator.config import SimulatorError
from simulator.config.checks import Scalar
from simulator.geometry.arrays import as_numpy, bare, scalar
from simulator.physics.table import Table

COLUMNS = 4
LARGEST_TABLE = 2**28
"""Entries (2 GiB) beyond which a table is refused: a stray index would otherwise eat the memory."""


def _rows(path: Path) -> list[tuple[int, int, int, float]]:
    """The leading rows that parse. As in the reference, the first bad line ends the list."""
    rows: list[tuple[int, int, int, float]] = []
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise SimulatorError(f"cannot read the HKL file {path}: {error.strerror or error}") from None
    fields = text.split()
    stop = None
    for start in range(0, len(fields) - COLUMNS + 1, COLUMNS):
        try:
            h, k, last = (_whole(word) for word in fields[start : start + 3])
            rows.append((h, k, last, float(fields[start + 3])))
        except (ValueError, OverflowError):
            stop = next(word for word in fields[start : start + COLUMNS] if not _reads(word))
            break
    if not rows:
        raise SimulatorError(f"{path} holds no reflection: four columns h k l F are wanted, without a header")
    if stop is not None:
        warnings.warn(f"{path}: reading stops at {stop!r} after {len(rows)} reflections", stacklevel=3)
    return rows


def _reads(word: str) -> bool:
    """Whether a word may stand in a row of four: a number, and as an index a whole one."""
    try:
        return _whole(word) is not None
    except (ValueError, OverflowError):
        return False


def _whole(word: str) -> int:
    """An index, which may be written as 3.0 but not as 3.5."""
    number = float(word)
    if number != int(number):
        raise ValueError(word)
    return int(number)


def read_hkl(path: str | Path, default: Scalar, xp: Any = np) -> Table:
    """The bounding box of all indices as a dense float64 table of the library `xp`, filled with `default`."""
    rows = _rows(Path(path))
    indices = np.array([row[:3] for row in rows], dtype=np.int64)
    amplitudes = np.array([row[3] for row in rows])
    if not np.isfinite(amplitudes).all():
        bad = rows[int(np.argmin(np.isfinite(amplitudes)))]
        raise SimulatorError(f"{path}: F of reflection {bad[0]} {bad[1]} {bad[2]} is {bad[3]} electrons")
    low = indices.min(0)
    shape = indices.max(0) - low + 1
    if int(shape.prod()) > LARGEST_TABLE:
        raise SimulatorError(
            f"{path}: indices span {shape[0]} x {shape[1]} x {shape[2]}, more than a table can hold"
        )
    filled = np.full(tuple(shape), np.nan)
    filled[tuple((indices - low).T)] = amplitudes
    fill, values = scalar(default, xp), xp.asarray(filled)
    values = xp.where(xp.isnan(values), fill, values)
    return Table(values, (int(low[0]), int(low[1]), int(low[2])), fill)


def write_cache(path: Path, table: Table) -> None:
    """The table with one entry of padding per axis: a text line of six limits, a form feed, raw doubles, l
    fastest."""
    values = as_numpy(table.values)
    padded = np.full(tuple(n + 1 for n in values.shape), float(bare(table.default)))
    padded[: values.shape[0], : values.shape[1], : values.shape[2]] = values
    limits = " ".join(f"{low} {high}" for low, high in zip(table.lowest, table.highest, strict=True))
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "wb") as out:
        out.write(f"{limits}\n\f".encode("ascii"))
        out.write(padded.tobytes())
        out.flush()
        os.fsync(out.fileno())
    os.replace(name, path)


def read_cache(path: Path, default: Scalar, xp: Any = np) -> Table:
    """The table that `write_cache` (or the reference program) left."""
    raw = path.read_bytes()
    head, separator, body = raw.partition(b"\f")
    try:
        limits = [int(word) for word in head.split()]
        low, high = limits[0::2], limits[1::2]
        shape = tuple(last - first + 1 for first, last in zip(low, high, strict=True))
    except ValueError:
        limits, shape = [], ()
    size = int(np.prod([n + 1 for n in shape])) if shape else 0
    if not separator or len(limits) != 6 or min(shape) < 1 or len(body) < 8 * size:
        raise SimulatorError(f"{path} is not a structure-factor cache: delete it, or give the HKL file again")
    padded = np.frombuffer(body, dtype=np.float64, count=size).reshape(tuple(n + 1 for n in shape))
    values = xp.asarray(padded[:-1, :-1, :-1].copy())
    return Table(values, (low[0], low[1], low[2]), scalar(default, xp))
