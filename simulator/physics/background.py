"""Scattering without a lattice: the structure factor of a liquid over sin(theta)/wavelength."""

import torch
from torch import Tensor


def interpolate(at: Tensor, places: Tensor, values: Tensor) -> Tensor:
    """Straight lines between (places, values), the end values beyond them. `places` [n] ascend; n >= 1."""
    if len(places) == 1:
        return values[0].expand_as(at)
    right = torch.searchsorted(places.detach().contiguous(), at.detach()).clamp(1, len(places) - 1)
    left = right - 1
    share = ((at - places[left]) / (places[right] - places[left])).clamp(0, 1)
    return values[left] + share * (values[right] - values[left])
