"""Random numbers of the C program for the oracle: generator, cap rotations, Poisson deviates.

Facts: x -> 16807 x mod (2^31 - 1), started from |seed|; 40 draws, of which the last 32 fill a table from its
end; each call takes the entry that the last number points to and puts a new state there. A cap rotation
takes three numbers. Intermediates that the program keeps in floats are rounded to float32.
"""

import math

import numpy as np

from tests.simulator.oracle import Matrix, Vector, turned

F = np.float32


class Uniform:
    """Numbers in 0 ... 1."""

    def __init__(self, seed: int) -> None:
        self.state = abs(seed) or 1
        draws = [self.advance() for _ in range(40)]
        self.table = draws[8:][::-1]
        self.output = self.table[0]

    def advance(self) -> int:
        # Schrage's split of 16807 x mod (2^31 - 1), which needs no large product.
        high, low = divmod(self.state, 127773)
        self.state = 16807 * low - 2836 * high
        if self.state < 0:
            self.state += 2147483647
        return self.state

    def __call__(self) -> np.float32:
        new = self.advance()
        slot = self.output // 67108864
        self.output, self.table[slot] = self.table[slot], new
        return min(F(self.output / 2147483647), F(1 - 1.2e-7))


def draw_cap(uniform: Uniform) -> tuple[Vector, np.float32]:
    """Axis, and the angle as a fraction of the spread: (1 - r3^2)^(1/3) in float32."""
    r1, r2, r3 = (2 * float(uniform()) - 1 for _ in range(3))
    across = math.sqrt(1 - r2 * r2)
    axis = (across * math.sin(math.pi * r1), across * math.cos(math.pi * r1), r2)
    return axis, F(float(F(1 - r3 * r3)) ** float(F(1 / 3)))


def rotation(axis: Vector, angle: float) -> Matrix:
    """Rows of the matrix that turns about the axis."""
    x, y, z = (turned(unit, axis, angle) for unit in ((1, 0, 0), (0, 1, 0), (0, 0, 1)))
    return ((x[0], y[0], z[0]), (x[1], y[1], z[1]), (x[2], y[2], z[2]))


def cap_rotation(spread: np.float32, seed: int) -> Matrix:
    """The first rotation of a stream."""
    axis, fraction = draw_cap(Uniform(seed))
    return rotation(axis, float(spread * fraction))


def mosaic_rotations(spread_deg: float, domains: int, seed: int) -> list[Matrix]:
    """One rotation a block; the first is not turned, though its numbers are drawn."""
    uniform, spread = Uniform(seed), F(math.radians(spread_deg))
    found = []
    for domain in range(domains):
        axis, fraction = draw_cap(uniform)
        found.append(rotation(axis, float(spread * fraction) if domain else 0.0))
    return found


def log_gamma(x: float) -> np.float32:
    """Lanczos' six terms."""
    terms = (76.18009172947146, -86.50532032941677, 24.01409824083091)
    terms += (-1.231739572450155, 1.208650973866179e-3, -5.395239384953e-6)
    series = 1.000000000190015 + sum(term / (x + 1 + j) for j, term in enumerate(terms))
    shifted = x + 5.5
    shifted -= (x + 0.5) * math.log(shifted)
    return F(-shifted + math.log(2.5066282746310005 * series / x))


class Poisson:
    """Deviates pixel by pixel; a normal deviate's twin is kept for the next call."""

    def __init__(self, seed: int) -> None:
        self.uniform = Uniform(seed)
        self.kept: np.float32 | None = None

    def __call__(self, mean: np.float32) -> np.float32:
        if mean > 1e6:
            return F(float(mean) + math.sqrt(float(mean)) * float(self.normal()))
        return self.product(mean) if mean < 12 else self.rejected(mean)

    def normal(self) -> np.float32:
        if self.kept is not None:
            second, self.kept = self.kept, None
            return second
        square = F(0)
        while square >= 1 or square == 0:
            one, two = (F(2 * float(self.uniform()) - 1) for _ in range(2))
            square = F(F(one * one) + F(two * two))
        factor = F(math.sqrt(-2 * math.log(float(square)) / float(square)))
        self.kept = F(one * factor)
        return F(two * factor)

    def product(self, mean: np.float32) -> np.float32:
        """Multiply uniform numbers until the product is at most exp(-mean)."""
        least, count, product = F(math.exp(-float(mean))), -1, F(1)
        while count < 0 or product > least:
            count += 1
            product = F(product * self.uniform())
        return F(count)

    def rejected(self, mean: np.float32) -> np.float32:
        """From a Lorentzian around the mean, accepted with 0.9 (1 + y^2) exp(...)."""
        width, logarithm = F(math.sqrt(2 * float(mean))), F(math.log(float(mean)))
        top = F(F(mean * logarithm) - log_gamma(float(mean) + 1))
        while True:
            y = math.tan(math.pi * float(self.uniform()))
            count = F(F(width * y) + mean)
            if count < 0:
                continue
            count = F(math.floor(float(count)))
            height = F(F(F(count * logarithm) - log_gamma(float(count) + 1)) - top)
            if not self.uniform() > F(0.9 * (1 + float(F(y * y))) * math.exp(float(height))):
                return count
