"""A thick sensor as a stack of layers, each capturing its share of what reaches it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.config import DetectorConfig
from simulator.config.checks import plain
from simulator.geometry.arrays import has_graph, scalar
from simulator.units import MICRON

if TYPE_CHECKING:
    from torch import Tensor

DEFAULT_LAYERS = 2
"""Layers of a sensor whose thickness is given without a count."""


@dataclass(frozen=True)
class Layers:
    """The sensor as a stack.

    count       layers
    step        [] thickness of one, m
    absorption  [] coefficient, 1/m
    thick       False: a bare plane, which captures everything
    """

    count: int
    step: "Tensor"
    absorption: "Tensor"
    thick: bool


def layers(config: DetectorConfig, xp: Any) -> Layers:
    """Cut the sensor into two layers of half its thickness, or n >= 2 layers of thickness / (n - 1).

    The second is the reference's rule, by which n layers are n/(n - 1) of the thickness together. The
    absorption coefficient is 1/(attenuation depth), or 1/thickness where no depth is given.
    """
    thickness = scalar(config.thickness_um, xp) * MICRON
    if not has_graph(thickness) and plain(thickness) == 0:
        zero = xp.zeros_like(thickness)
        return Layers(1, zero, zero, thick=False)
    if config.thickness_steps is None:
        count = DEFAULT_LAYERS
        step = thickness / count
    else:
        count = max(config.thickness_steps, 2)
        step = thickness / (count - 1)
    depth = thickness
    if config.attenuation_um is not None:
        depth = scalar(config.attenuation_um, xp) * MICRON
    return Layers(count, step, 1 / depth, thick=True)
