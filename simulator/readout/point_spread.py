"""Spread the light of each pixel over its neighbours; differentiable in image and width.

A density around the point of impact is integrated over each pixel in closed form, so that no photon is lost
or made by sampling it at pixel centres. Light that falls beyond the edge of the image is lost. With r the
distance from the point of impact, and all lengths in pixels:

    gaussian   exp(-r^2 / (2 sigma^2)) / (2 pi sigma^2)    FWHM = 2 sqrt(2 ln 2) sigma
    fibre      g / (2 pi (g^2 + r^2)^(3/2))                FWHM = 2 sqrt(2^(2/3) - 1) g

The second describes fibre-coupled detectors: Holton, Nielsen & Frankel, J. Synchrotron Rad. 19 (2012) 1006.
Its integral over a rectangle is the solid angle of the rectangle seen from the height g, over 2 pi.
"""

import math

import torch
from torch import Tensor

SHAPES = ("gaussian", "fibre")

GAUSSIAN_FWHM = 2 * math.sqrt(2 * math.log(2))
"""Full width at half maximum of a normal distribution, in standard deviations."""

FIBRE_FWHM = 2 * math.sqrt(2 ** (2 / 3) - 1)
"""The same of the fibre's density, in g."""


def spread(image: Tensor, fwhm_px: Tensor, shape: str) -> Tensor:
    """Return the image [..., slow, fast] with each pixel's photons spread over all others.

    fwhm_px   [] full width at half maximum in pixels, above 0
    shape     "gaussian" or "fibre"
    """
    slow, fast = image.shape[-2:]
    weights = pixel_weights(slow, fast, fwhm_px.to(image.device, image.dtype), shape)
    return _convolved(image, weights)


def pixel_weights(slow: int, fast: int, fwhm_px: Tensor, shape: str) -> Tensor:
    """The share of a pixel's photons that falls into each pixel around it: [2 slow - 1, 2 fast - 1]."""
    row_edges = _edges(slow, fwhm_px)
    column_edges = _edges(fast, fwhm_px)
    if shape == "gaussian":
        sigma = fwhm_px / GAUSSIAN_FWHM
        # exp(-r^2) = exp(-x^2) exp(-y^2): the shares of rows and columns are independent.
        of_rows = _normal_shares(row_edges, sigma)
        of_columns = _normal_shares(column_edges, sigma)
        return of_rows[:, None] * of_columns[None, :]
    g = fwhm_px / FIBRE_FWHM
    return _solid_angles(row_edges, column_edges, g) / (2 * math.pi)


def _edges(count: int, like: Tensor) -> Tensor:
    """The 2 count edges of 2 count - 1 pixels, in pixels from the centre of the middle one."""
    numbers = torch.arange(2 * count, dtype=like.dtype, device=like.device)
    return numbers - (count - 0.5)


def _normal_shares(edges: Tensor, sigma: Tensor) -> Tensor:
    """The normal distribution's share between each two edges."""
    below: Tensor = torch.special.ndtr(edges / sigma)
    return below.diff()


def _solid_angles(rows: Tensor, columns: Tensor, height: Tensor) -> Tensor:
    """The solid angle of each rectangle between edges, seen from `height` above the middle, steradian.

    From the point below the eye to (x, y) that is Omega = atan(x y / (h sqrt(h^2 + x^2 + y^2))),
    and of any other one the sum of four of them, with signs: Omega's differences along both axes.
    """
    y, x = rows[:, None], columns[None, :]
    distance = torch.sqrt(height**2 + x**2 + y**2)
    omega: Tensor = torch.atan(x * y / (height * distance))
    return omega.diff(dim=0).diff(dim=1)


def _convolved(image: Tensor, weights: Tensor) -> Tensor:
    """Convolve by Fourier transforms, with the middle of the weights at the frame's first pixel.

    The frame holds all weights once, so that nothing comes back into the image from the other edge.
    """
    slow, fast = image.shape[-2:]
    frame = (quick_length(2 * slow - 1), quick_length(2 * fast - 1))
    missing = (0, frame[1] - weights.shape[1], 0, frame[0] - weights.shape[0])
    around_first = torch.nn.functional.pad(weights, missing).roll((1 - slow, 1 - fast), (0, 1))
    product = torch.fft.rfft2(image, s=frame) * torch.fft.rfft2(around_first)
    whole: Tensor = torch.fft.irfft2(product, s=frame)
    return whole[..., :slow, :fast]


def quick_length(least: int) -> int:
    """The smallest 2^a 3^b 5^c from `least` on: transforms of other lengths take many times longer."""
    length = least
    while True:
        rest = length
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 1
