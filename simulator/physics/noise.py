"""Photon noise with the reference's own deviates: the plain twin of noise.c, draw for draw.

Every intermediate that the reference keeps in a float is rounded to float32 here too, because the
acceptance of a deviate depends on the last bits.
"""

import math

import numpy as np
from numpy.typing import NDArray

from simulator.physics.chance import Generator

F = np.float32
GAMMA_TERMS = (
    76.18009172947146,
    -86.50532032941677,
    24.01409824083091,
    -1.231739572450155,
    1.208650973866179e-3,
    -5.395239384953e-6,
)
DIRECT_BELOW = 12.0
NORMAL_ABOVE = 1e6


def log_gamma(at: np.float32) -> np.float32:
    """ln Gamma(at) by six terms, to float32."""
    x = float(at)
    shifted = x + 5.5
    shifted -= (x + 0.5) * math.log(shifted)
    total = 1.000000000190015 + sum(term / (x + 1 + j) for j, term in enumerate(GAMMA_TERMS))
    return F(-shifted + math.log(2.5066282746310005 * total / x))


class Deviates:
    """A stream of Poisson deviates; the second of two normal deviates is kept for the next call."""

    def __init__(self, seed: int) -> None:
        self._generator = Generator(seed)
        self._spare: np.float32 | None = None

    def normal(self) -> np.float32:
        """Polar Box-Muller: v2 x factor first, v1 x factor kept."""
        if self._spare is not None:
            spare, self._spare = self._spare, None
            return spare
        square = F(0)
        while square >= 1 or square == 0:
            one, two = (F(2.0 * float(self._generator.uniform()) - 1.0) for _ in range(2))
            square = F(F(one * one) + F(two * two))
        factor = F(math.sqrt(-2.0 * math.log(float(square)) / float(square)))
        self._spare = F(one * factor)
        return F(two * factor)

    def poisson(self, mean: np.float32) -> np.float32:
        """A count with this mean: uniforms multiplied, Lorentzian rejection, or a normal deviate, by size."""
        if mean > NORMAL_ABOVE:
            return F(float(mean) + math.sqrt(float(mean)) * float(self.normal()))
        if mean < DIRECT_BELOW:
            return self._direct(mean)
        return self._rejected(mean)

    def _direct(self, mean: np.float32) -> np.float32:
        limit, count, product = F(math.exp(-float(mean))), -1, F(1)
        while True:
            count += 1
            product = F(product * self._generator.uniform())
            if not product > limit:
                return F(count)

    def _rejected(self, mean: np.float32) -> np.float32:
        width, logarithm = F(math.sqrt(2.0 * float(mean))), F(math.log(float(mean)))
        peak = F(F(mean * logarithm) - log_gamma(F(float(mean) + 1.0)))
        while True:
            count = F(-1)
            while count < 0:
                y = F(math.tan(math.pi * float(self._generator.uniform())))
                count = F(F(width * y) + mean)
            count = F(math.floor(float(count)))
            height = F(F(F(count * logarithm) - log_gamma(F(float(count) + 1.0))) - peak)
            t = F(0.9 * (1.0 + float(F(y * y))) * math.exp(float(height)))
            if not self._generator.uniform() > t:
                return count


def poisson_image(photons: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """A deviate for every pixel, in row order."""
    stream = Deviates(seed)
    flat = [stream.poisson(F(mean)) for mean in photons.reshape(-1)]
    return np.array(flat, dtype=np.float32).reshape(photons.shape)
