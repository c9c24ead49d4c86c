"""Orientation matrix files: nine numbers, one lab axis a row, one reciprocal axis a column, times the
wavelength."""

from pathlib import Path

from simulator.config import SimulatorError

Rows = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


def read_matrix(path: Path, wavelength_A: float) -> Rows:
    """a*, b*, c* as rows, 1/Angstrom."""
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
    columns = [(numbers[axis], numbers[3 + axis], numbers[6 + axis]) for axis in range(3)]
    return columns[0], columns[1], columns[2]
