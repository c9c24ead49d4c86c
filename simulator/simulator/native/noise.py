"""Photon noise by the compiled library where there is one, by its plain twin where not."""

import ctypes

import numpy as np
from numpy.typing import NDArray

from simulator.physics.noise import poisson_image
from simulator.simulator.native.shared import shared


def noisy(photons: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """A Poisson deviate for each pixel, in row order, from a (negative) seed."""
    library = shared()
    if isinstance(library, str):
        return poisson_image(photons, seed)
    pixels = np.ascontiguousarray(photons, dtype=np.float32).copy()
    library.noise(pixels.ctypes.data_as(ctypes.c_void_p), pixels.size, seed)
    return pixels
