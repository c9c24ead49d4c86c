"""The reference program's random numbers: a shuffled multiplicative congruential generator and what it draws.

x -> 16807 x mod (2^31 - 1), the "minimal standard" generator of Park and Miller (Comm. ACM 31 (1988) 1192),
with the shuffle table of Bays and Durham (ACM Trans. Math. Software 2 (1976) 59). Results are rounded to
float32, because the reference computes with floats and the last bits decide where a mosaic block points.
"""

import math
from ctypes import c_float
from dataclasses import dataclass

MULTIPLIER = 16807
"""7^5, a primitive root of the modulus: the generator passes through all states before it repeats."""

MODULUS = 2**31 - 1
"""A prime; states lie in 1 ... 2^31 - 2."""

TABLE = 32
"""Entries of the shuffle table."""

WARM_UP = TABLE + 8
"""States computed before the first number: eight are dropped, the others fill the table from its end."""

DIVIDER = 2**31 // TABLE
"""State // DIVIDER is a slot of the table."""


def float32(number: float) -> float:
    """Round to the nearest float32; inf where it is too large for one."""
    return c_float(number).value


TOP = float32(1 - 1.2e-7)
"""The largest number returned: the last float32 below 1."""


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

    def uniform(self) -> float:
        """Return the next number, rounded to float32."""
        self._advance()
        slot = self._register // DIVIDER
        self._register = self._table[slot]
        self._table[slot] = self._state
        return min(float32(self._register / MODULUS), TOP)

    def symmetric(self) -> float:
        """Return the next number spread over -1 ... 1."""
        return 2 * self.uniform() - 1


@dataclass(frozen=True)
class CapDraw:
    """One rotation drawn over a spherical cap: a unit axis, and the angle as a fraction of the spread."""

    axis: tuple[float, float, float]
    fraction: float


def draw_cap(generator: Generator) -> CapDraw:
    """Draw a rotation over a cap from three numbers r1, r2, r3 in -1 ... 1.

    axis = (sqrt(1 - r2^2) sin pi r1, sqrt(1 - r2^2) cos pi r1, r2): uniform on the sphere;
    fraction = (1 - r3^2)^(1/3).
    """
    r1 = generator.symmetric()
    r2 = generator.symmetric()
    r3 = generator.symmetric()
    across = math.sqrt(1 - r2 * r2)
    axis = (across * math.sin(math.pi * r1), across * math.cos(math.pi * r1), r2)
    # The float32 power is rounded from a double one: vectorised float32 powers differ in the last digit.
    base = float32(1 - r3 * r3)
    third = float32(1 / 3)
    return CapDraw(axis, float32(base**third))
