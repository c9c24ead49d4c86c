"""Scattering without a lattice: the structure factor of a liquid over sin(theta)/wavelength."""

import torch
from torch import Tensor


def interpolate(at: Tensor, places: Tensor, values: Tensor) -> Tensor:
    """Interpolate linearly between (places, values); beyond the ends the end values hold.

    at any shape; places [n], ascending; values [n]; n >= 1. The unit is that of `values`.
    """
    if len(places) == 1:
        return values[0].expand_as(at)
    right = torch.searchsorted(places.detach().contiguous(), at.detach())
    # Points outside use the first or the last interval; the clamped share below makes them constant there.
    right = right.clamp(1, len(places) - 1)
    left = right - 1
    share = (at - places[left]) / (places[right] - places[left])
    share = share.clamp(0, 1)
    return values[left] + share * (values[right] - values[left])
