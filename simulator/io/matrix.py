"""Orientation matrix files of MOSFLM: nine numbers, the reciprocal vectors times the wavelength.

Rows are lab axes x, y, z; columns are a*, b*, c*.
"""

from pathlib import Path

from simulator.config import SimulatorError

Rows = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


def read_matrix(path: Path, wavelength_A: float) -> Rows:
    """Read a*, b*, c* as rows, 1/Angstrom; raise a SimulatorError for a file without nine numbers."""
    try:
        words = path.read_text(encoding="ascii", errors="replace").split()
    except OSError as error:
        raise SimulatorError(f"cannot read the matrix file {path}: {error.strerror or error}") from None
    numbers: list[float] = []
    for word in words[:9]:
        try:
            numbers.append(float(word) / wavelength_A)
        except ValueError:
            raise SimulatorError(f"{path}: {word!r} is not a number; nine are wanted") from None
    if len(numbers) < 9:
        raise SimulatorError(f"{path} holds {len(numbers)} numbers: an orientation matrix has nine")
    ax, bx, cx, ay, by, cy, az, bz, cz = numbers
    return (ax, ay, az), (bx, by, bz), (cx, cy, cz)
