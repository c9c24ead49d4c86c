"""The reference program's random numbers: a shuffled multiplicative congruential generator and what it draws.

multiplier 16807, modulus 2^31 - 1, a shuffle table of 32 entries; results are rounded to float32, because the
reference computes with floats and the last bits decide where a mosaic block points.
"""

import math
from dataclasses import dataclass

import numpy as np

MULTIPLIER = 16807
MODULUS = 2**31 - 1
TABLE = 32
WARM_UP = 40
DIVIDER = 67108864
TOP = np.float32(1 - 1.2e-7)


class Generator:
    """Uniform numbers in 0 ... 1 from a seed; a seed up to 0 starts the state |seed| (1 for 0)."""

    def __init__(self, seed: int) -> None:
        self._state = max(abs(int(seed)), 1)
        self._table = [0] * TABLE
        for draw in range(WARM_UP - 1, -1, -1):
            self._advance()
            if draw < TABLE:
                self._table[draw] = self._state
        self._register = self._table[0]

    def _advance(self) -> None:
        self._state = self._state * MULTIPLIER % MODULUS

    def uniform(self) -> np.float32:
        """The next number, a float32."""
        self._advance()
        slot = self._register // DIVIDER
        self._register = self._table[slot]
        self._table[slot] = self._state
        return min(np.float32(self._register / MODULUS), TOP)


@dataclass(frozen=True)
class CapDraw:
    """One rotation drawn over a spherical cap: a unit axis, and the angle as a fraction of the spread."""

    axis: tuple[float, float, float]
    fraction: np.float32


def draw_cap(generator: Generator) -> CapDraw:
    """Axis (sqrt(1-r2^2) sin pi r1, sqrt(1-r2^2) cos pi r1, r2), fraction (1 - r3^2)^(1/3), each r = 2u -
    1."""
    r1, r2, r3 = (2 * float(generator.uniform()) - 1 for _ in range(3))
    across = math.sqrt(1 - r2 * r2)
    # The float32 power is rounded from a double one: vectorised float32 powers differ in the last digit.
    fraction = np.float32(float(np.float32(1 - r3 * r3)) ** float(np.float32(1 / 3)))
    return CapDraw((across * math.sin(math.pi * r1), across * math.cos(math.pi * r1), r2), fraction)
