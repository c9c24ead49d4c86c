"""The number of unit cells in a crystal of a given size."""

import math
from collections.abc import Sequence

from simulator.config import SimulatorError
from simulator.crystal.crystal import Crystal
from simulator.units import ANGSTROM

MOST_CELLS = 2**53
"""Beyond this a float64 does not tell one cell more from one less."""


def cells_of_size(crystal: Crystal, sizes_mm: Sequence[float]) -> tuple[int, int, int]:
    """ceil(size / cell length) along a, b, c; where a size is 0, the count that the crystal has."""
    counts = []
    for size, length, kept in zip(sizes_mm, crystal.edge_lengths(), crystal.cells().tolist(), strict=True):
        if size < 0:
            raise SimulatorError(f"the crystal size is {size:g} mm: it must not be negative")
        # Divided by 1000, not multiplied by 1e-3: the last bit decides about a cell more or less.
        ratio = size / 1000 / (length * ANGSTROM)
        if not ratio < MOST_CELLS:
            raise SimulatorError(f"a crystal of {size:g} mm has too many cells of {length:g} A to count")
        counts.append(math.ceil(ratio) if size > 0 else int(kept))
    return counts[0], counts[1], counts[2]
