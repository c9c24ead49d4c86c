"""A thick sensor as a stack of layers, each capturing its share of what reaches it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.config import DetectorConfig
from simulator.config.checks import plain
from simulator.geometry.arrays import has_graph, scalar
from simulator.units import MICRON

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Layers:
    """`count` layers of `step` m with the absorption coefficient `absorption` 1/m; `thick` False: a bare
    plane."""

    count: int
    step: "Tensor"
    absorption: "Tensor"
    thick: bool


def layers(config: DetectorConfig, xp: Any) -> Layers:
    """Thickness alone: two layers of half of it. With a count n of at least 2: n layers of thickness / (n
    - 1).

    The reference's rule, by which n layers are n/(n - 1) of the thickness together. The absorption
    coefficient is
    1/(attenuation depth), or 1/thickness where no depth is given.
    """
    thickness = scalar(config.thickness_um, xp) * MICRON
    zero = xp.zeros_like(thickness)
    if plain(thickness) == 0 and not has_graph(thickness):
        return Layers(1, zero, zero, thick=False)
    count = 2 if config.thickness_steps is None else max(config.thickness_steps, 2)
    step = thickness / (2 if config.thickness_steps is None else count - 1)
    depth = thickness if config.attenuation_um is None else scalar(config.attenuation_um, xp) * MICRON
    return Layers(count, step, 1 / depth, thick=True)
