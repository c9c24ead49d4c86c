"""Source files: x y z weight wavelength(m), one source a line; what is missing has a default."""

import math
from pathlib import Path

from simulator.config import SimulatorError
from simulator.units import ANGSTROM

Row = tuple[float, float, float, float, float]


def read_sources(path: Path) -> list[Row]:
    """Rows x, y, z, weight (1 when missing), wavelength in Angstrom (NaN when missing). Comments are skipped.

    A row without a position stands for the beam itself, which is given as three NaN.
    """
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError as error:
        raise SimulatorError(f"cannot read the source file {path}: {error.strerror or error}") from None
    rows = [_row(path, number, line) for number, line in enumerate(lines, 1) if line.split("#")[0].strip()]
    if not rows:
        raise SimulatorError(f"{path} holds no source: columns x y z weight wavelength(m) are wanted")
    return rows


def _row(path: Path, number: int, line: str) -> Row:
    try:
        numbers = [float(word) for word in line.split("#", maxsplit=1)[0].split()[:5]]
    except ValueError:
        raise SimulatorError(f"{path}, line {number}: {line.strip()!r} is not a row of numbers") from None
    if any(not math.isfinite(value) for value in numbers):
        raise SimulatorError(f"{path}, line {number}: {line.strip()!r} holds a number that is not finite")
    position = numbers[:3] if len(numbers) >= 3 else [math.nan] * 3
    weight = numbers[3] if len(numbers) > 3 else 1.0
    wavelength = numbers[4] / ANGSTROM if len(numbers) > 4 else math.nan
    return position[0], position[1], position[2], weight, wavelength
