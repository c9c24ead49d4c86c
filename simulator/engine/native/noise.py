"""Photon noise by the compiled library where there is one, else by the same algorithm in Python."""

import numpy as np
from numpy.typing import NDArray

from simulator.engine.native.shared import shared
from simulator.physics.noise import poisson_image


def noisy(photons: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Draw a Poisson deviate for each pixel, in row order, from a (negative) seed."""
    library = shared()
    if isinstance(library, str):
        return poisson_image(photons, seed)
    pixels = np.array(photons, dtype=np.float32, order="C")
    library.noise(pixels, seed)
    return pixels
