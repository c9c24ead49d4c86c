"""Photon noise with the reference's own deviates: the Python counterpart of noise.c, draw for draw.

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
"""Coefficients of Lanczos' approximation to the gamma function for GAMMA_SHIFT = 5.5."""

GAMMA_FIRST = 1.000000000190015
"""The constant that the terms of the approximation are added to."""

GAMMA_SHIFT = 5.5

ROOT_TWO_PI = 2.5066282746310005
"""sqrt(2 pi), the factor in front of the approximation."""

DIRECT_BELOW = 12.0
"""Means below this multiply uniform numbers: on average mean + 1 of them."""

NORMAL_ABOVE = 1e6
"""Means above this take a normal deviate: by then the skewness of the law is below 1e-3."""

ENVELOPE = 0.9
"""Scale of the Lorentzian that keeps the acceptance ratio of a rejected deviate below 1."""


def log_gamma(at: np.float32) -> np.float32:
    """ln Gamma(x) = (x + 1/2) ln(x + 5.5) - (x + 5.5) + ln(sqrt(2 pi) sum / x), to float32. Lanczos 1964."""
    x = float(at)
    shifted = x + GAMMA_SHIFT
    shifted -= (x + 0.5) * math.log(shifted)
    tail = sum(term / (x + 1 + j) for j, term in enumerate(GAMMA_TERMS))
    total = GAMMA_FIRST + tail
    return F(-shifted + math.log(ROOT_TWO_PI * total / x))


class Deviates:
    """A stream of Poisson deviates; the second of two normal deviates is kept for the next call."""

    def __init__(self, seed: int) -> None:
        self._generator = Generator(seed)
        self._second: np.float32 | None = None

    def normal(self) -> np.float32:
        """Draw from the normal law of mean 0 and variance 1 by the polar method of Box and Muller.

        (v1, v2) uniform in the unit disc, r^2 = v1^2 + v2^2: both v sqrt(-2 ln(r^2) / r^2) are normal. The
        one of v2 is returned first.
        """
        if self._second is not None:
            kept, self._second = self._second, None
            return kept
        square = F(0)
        while square >= 1 or square == 0:
            one = F(self._generator.symmetric())
            two = F(self._generator.symmetric())
            square = F(F(one * one) + F(two * two))
        factor = F(math.sqrt(-2.0 * math.log(float(square)) / float(square)))
        self._second = F(one * factor)
        return F(two * factor)

    def poisson(self, mean: np.float32) -> np.float32:
        """Draw a count with this mean by the method that suits its size."""
        if mean > NORMAL_ABOVE:
            width = math.sqrt(float(mean))
            return F(float(mean) + width * float(self.normal()))
        if mean < DIRECT_BELOW:
            return self._direct(mean)
        return self._rejected(mean)

    def _direct(self, mean: np.float32) -> np.float32:
        """Count the uniform numbers whose product stays above exp(-mean)."""
        limit = F(math.exp(-float(mean)))
        count = -1
        product = F(1)
        while True:
            count += 1
            product = F(product * self._generator.uniform())
            if not product > limit:
                return F(count)

    def _rejected(self, mean: np.float32) -> np.float32:
        """Draw from a Lorentzian around the mean and accept by the ratio of the two laws."""
        width = F(math.sqrt(2.0 * float(mean)))
        logarithm = F(math.log(float(mean)))
        peak = F(F(mean * logarithm) - log_gamma(F(float(mean) + 1.0)))
        while True:
            count = F(-1)
            while count < 0:
                y = F(math.tan(math.pi * float(self._generator.uniform())))
                count = F(F(width * y) + mean)
            count = F(math.floor(float(count)))
            height = F(F(F(count * logarithm) - log_gamma(F(float(count) + 1.0))) - peak)
            ratio = F(ENVELOPE * (1.0 + float(F(y * y))) * math.exp(float(height)))
            if not self._generator.uniform() > ratio:
                return count


def poisson_image(photons: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Draw a count for every pixel in row order; `photons` are the means, `seed` is as the generator's."""
    stream = Deviates(seed)
    flat = [stream.poisson(F(mean)) for mean in photons.reshape(-1)]
    return np.array(flat, dtype=np.float32).reshape(photons.shape)
