"""Source files: x y z weight wavelength(m), one source a line; columns at the end may be missing."""

import math
from pathlib import Path

from simulator.config import SimulatorError
from simulator.units import ANGSTROM

Row = tuple[float, float, float, float, float]
"""x, y, z in m, weight, wavelength in Angstrom."""


def read_sources(path: Path) -> list[Row]:
    """Read rows x, y, z, weight (1 when missing), wavelength in Angstrom (NaN when missing).

    Comments are skipped. A row without a position stands for the beam itself and is given as three NaN.
    Raises a SimulatorError for a line that is not a row of numbers, and for a file without sources.
    """
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError as error:
        raise SimulatorError(f"cannot read the source file {path}: {error.strerror or error}") from None
    rows = []
    for number, line in enumerate(lines, 1):
        words = line.split("#", maxsplit=1)[0].split()
        if words:
            rows.append(_row(path, number, line, words))
    if not rows:
        raise SimulatorError(f"{path} holds no source: columns x y z weight wavelength(m) are wanted")
    return rows


def _row(path: Path, number: int, line: str, words: list[str]) -> Row:
    try:
        numbers = [float(word) for word in words[:5]]
    except ValueError:
        raise SimulatorError(f"{path}, line {number}: {line.strip()!r} is not a row of numbers") from None
    if not all(math.isfinite(value) for value in numbers):
        raise SimulatorError(f"{path}, line {number}: {line.strip()!r} holds a number that is not finite")
    x = y = z = math.nan
    weight = 1.0
    wavelength = math.nan
    if len(numbers) >= 3:
        x, y, z = numbers[:3]
    if len(numbers) > 3:
        weight = numbers[3]
    if len(numbers) > 4:
        wavelength = numbers[4] / ANGSTROM
    return x, y, z, weight, wavelength
