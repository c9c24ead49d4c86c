"""Background files: two columns, a scattering length and a structure factor in electrons."""

import math
from pathlib import Path

from simulator.config import SimulatorError

SCALES = {"stol": 1.0, "4stol": 0.25, "Q": 1 / (4 * math.pi)}
"""What turns the first column into sin(theta)/wavelength, 1/Angstrom."""


def read_stol(path: Path, kind: str) -> list[tuple[float, float]]:
    """Read (sin(theta)/wavelength in 1/Angstrom, F in electrons) in ascending order; comments are skipped.

    `kind` is a key of SCALES. Of a place given twice the last counts. Raises a SimulatorError for a line that
    is not two numbers, and for a file without rows.
    """
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError as error:
        raise SimulatorError(f"cannot read the background file {path}: {error.strerror or error}") from None
    rows: dict[float, float] = {}
    for number, line in enumerate(lines, 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        try:
            place = float(words[0]) * SCALES[kind]
            amplitude = float(words[1])
        except (ValueError, IndexError):
            raise SimulatorError(f"{path}, line {number}: {line.strip()!r} is not two numbers") from None
        if not (math.isfinite(place) and math.isfinite(amplitude)):
            raise SimulatorError(f"{path}, line {number}: {line.strip()!r} holds a number that is not finite")
        rows[place] = amplitude
    if not rows:
        raise SimulatorError(f"{path} holds no row of a scattering length and a structure factor")
    return sorted(rows.items())
