"""Numbers from a configuration as float64 tensors, with their graph where they have one."""

from collections.abc import Iterable

import torch
from torch import Tensor

from simulator.config.checks import Scalar


def scalar(value: Scalar, device: torch.device) -> Tensor:
    """A 0-d float64 tensor."""
    if isinstance(value, Tensor):
        return value.to(device, torch.float64).reshape(())
    return torch.tensor(float(value), dtype=torch.float64, device=device)


def stacked(values: Iterable[Scalar], device: torch.device) -> Tensor:
    """A 1-d float64 tensor of several numbers."""
    if isinstance(values, Tensor):
        return values.to(device, torch.float64)
    return torch.stack([scalar(value, device) for value in values])
