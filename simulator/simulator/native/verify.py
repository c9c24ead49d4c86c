"""A built kernel must reproduce its twin on two small scenes before anybody uses it."""

import math
from typing import Protocol

import torch
from torch import Tensor

from simulator.simulator.engine import TorchEngine
from simulator.simulator.native.engine import KernelEngine
from simulator.simulator.native.rows import Renderer
from simulator.simulator.scene import NAMES, Plan, Scene, Tensors

IMAGE_TOLERANCE = 1e-9
GRADIENT_TOLERANCE = 1e-8


class HasHow(Renderer, Protocol):
    """A library that says how it was made."""

    how: str


def _plan(**changes: object) -> Plan:
    base: dict[str, object] = {
        "spixels": 7,
        "fpixels": 29,
        "roi": (0, 28, 0, 6),
        "oversample": 2,
        "layers": 1,
        "thick": False,
        "shape": "SQUARE",
        "whole": (5, 4, 3),
        "lowest": (0, 0, 0),
        "has_table": False,
        "polarized": True,
        "kahn_zero": False,
        "point_pixel": False,
        "curved": False,
        "dmin": 0.0,
        "omega_from": "first",
        "polarization_from": "first",
        "capture_from": "first",
        "running_product": False,
        "background_divided": False,
    }
    return Plan(**{**base, **changes})  # type: ignore[arg-type]


def _tensors(cells: tuple[float, float, float]) -> Tensors:
    """A tilted lattice in three orientations before a detector at 80 mm."""

    def of(*values: float) -> Tensor:
        return torch.tensor(values, dtype=torch.float64).squeeze()

    lattice = torch.tensor([[31.0, 4.0, 2.0], [-3.0, 37.0, 5.0], [1.0, -2.0, 43.0]], dtype=torch.float64)
    turns = []
    for angle in (0.0, 0.01, -0.4):
        c, s = math.cos(angle), math.sin(angle)
        turns.append(
            lattice @ torch.tensor([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
        )
    beam = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
    return Tensors(
        real=torch.stack(turns),
        reciprocal=torch.linalg.inv(lattice).T.contiguous(),
        cells=of(*cells),
        fudge=of(1.0),
        default_F=of(10.0),
        table=torch.zeros((0, 0, 0), dtype=torch.float64),
        origin=of(0.08, 0.021, -0.044),
        fast=of(0.0, 0.0, 1.0),
        slow=of(0.0, -1.0, 0.0),
        normal=of(1.0, 0.0, 0.0),
        beam=beam[0],
        polar_axis=of(0.0, 0.0, 1.0),
        pixel=of(0.003),
        close=of(0.08),
        distance=of(0.08),
        directions=beam,
        wavelengths=torch.ones(1, dtype=torch.float64),
        weights=torch.ones(1, dtype=torch.float64),
        kahn=of(0.4),
        layer_step=of(0.0),
        absorption=of(0.0),
        scale=of(1.0),
        background=of(0.0),
        background_at=torch.zeros(0, dtype=torch.float64),
        background_F=torch.zeros(0, dtype=torch.float64),
    )


def complaint(library: HasHow) -> str | None:
    """What the library gets wrong; None: nothing."""
    wanted = tuple(name == "real" for name in NAMES)
    for cells, plan in (
        ((5.0, 4.0, 3.0), _plan()),
        ((40.0, 61.0, 18.0), _plan(whole=(40, 61, 18), oversample=1)),
    ):
        scene = Scene(_tensors(cells), plan)
        upstream = torch.linspace(0.5, 1.5, 7 * 29, dtype=torch.float64).reshape(7, 29)
        kernel, plain = KernelEngine(library, threads=1), TorchEngine()
        image, expected = torch.zeros(2, 7, 29, dtype=torch.float64)
        kernel.rows(scene, 0, 7, image)
        plain.rows(scene, 0, 7, expected)
        off = float((image - expected).abs().max() / expected.max())
        if not off <= IMAGE_TOLERANCE:
            return f"the kernel differs from its twin by {off:g} of the maximum ({library.how})"
        pulled = kernel.backward(scene, wanted, upstream)[0]
        right = plain.backward(scene, wanted, upstream)[0]
        assert pulled is not None
        assert right is not None
        off = float((pulled - right).abs().max() / right.abs().max())
        if not off <= GRADIENT_TOLERANCE:
            return f"the kernel's gradient differs from its twin's by {off:g} ({library.how})"
    return None
