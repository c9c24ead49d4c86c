"""Losses of a refinement: minus the logarithm of the likelihood of what was measured, up to a constant.

Both are sums over pixels in units of log-likelihood: half a unit is one standard deviation of a parameter.
"""

from torch import Tensor
from torch.nn import functional

from simulator.config import SimulatorError
from simulator.readout.response import Response

FEWEST_PHOTONS = 1e-8
"""Added to the photons expected: where a model expects none, one photon seen would be infinitely unlikely."""


def poisson_loss(photons: Tensor, counts: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """Sum of photons - counts x log(photons): each pixel counts single photons, without noise of its own.

    photons  [..., slow, fast] expected, after the point spread
    counts   of the same shape, seen
    mask     of the last dimensions; pixels that are False or 0 do not count
    """
    photons, counts = _counting(photons, counts, mask)
    return functional.poisson_nll_loss(
        photons.clamp(min=0), counts, log_input=False, eps=FEWEST_PHOTONS, reduction="sum"
    )


def gaussian_loss(
    photons: Tensor, measured_adu: Tensor, response: Response, *, mask: Tensor | None = None
) -> Tensor:
    """Sum of ((measured - mean)^2 / variance + log variance) / 2, mean and variance by the response.

    For detectors that integrate: many photons a pixel, or read-out noise. The variance follows the model and
    takes part in the gradient, as a likelihood asks.
    """
    photons, measured_adu = _counting(photons, measured_adu, mask)
    light = photons.clamp(min=0)
    mean = response.expected(light)
    variance = response.variance(light + FEWEST_PHOTONS)
    return functional.gaussian_nll_loss(mean, measured_adu, variance, eps=0.0, reduction="sum")


def _counting(photons: Tensor, seen: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """The pixels that count, in one dimension; what the others hold, NaN too, is never touched."""
    if photons.shape != seen.shape:
        raise SimulatorError(
            f"the image has the shape {tuple(photons.shape)}, what was measured {tuple(seen.shape)}"
        )
    if mask is None:
        return photons, seen
    counting = mask.bool().expand(photons.shape)
    return photons[counting], seen[counting]
