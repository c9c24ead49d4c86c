"""Check a built kernel against the plain path on two small scenes, before it is used for the first time."""

import math
from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor

from simulator.engine.engine import TorchEngine
from simulator.engine.native.engine import KernelEngine
from simulator.engine.native.rows import Renderer
from simulator.scene.scene import NAMES, Plan, Scene, Tensors

IMAGE_TOLERANCE = 1e-9
"""Largest difference of a pixel from the plain path, of the image's maximum: some hundred times round-off."""

GRADIENT_TOLERANCE = 1e-8
"""The same for the gradient by the lattice vectors, whose sums lose a digit more."""

ROWS, COLUMNS = 7, 29
"""Neither a multiple of a block of pixels: the last block is a partial one."""

FEW_CELLS = Plan(
    spixels=ROWS,
    fpixels=COLUMNS,
    roi=(0, COLUMNS - 1, 0, ROWS - 1),
    oversample=2,
    layers=1,
    thick=False,
    shape="SQUARE",
    whole=(5, 4, 3),
    lowest=(0, 0, 0),
    has_table=False,
    polarized=True,
    kahn_zero=False,
    point_pixel=False,
    curved=False,
    dmin=0.0,
    omega_from="first",
    polarization_from="first",
    capture_from="first",
    running_product=False,
    background_divided=False,
)
"""Few cells along each axis: the interference function is a polynomial."""

MANY_CELLS = replace(FEW_CELLS, whole=(40, 61, 18), oversample=1)
"""Many cells along each axis: the interference function is a quotient of sines."""


class HasHow(Renderer, Protocol):
    """A library that says how it was made."""

    how: str


def _tensors(cells: tuple[int | None, ...]) -> Tensors:
    """A tilted lattice in three orientations before a detector at 80 mm."""

    def of(*values: float) -> Tensor:
        return torch.tensor(values, dtype=torch.float64).squeeze()

    lattice = torch.tensor([[31.0, 4.0, 2.0], [-3.0, 37.0, 5.0], [1.0, -2.0, 43.0]], dtype=torch.float64)
    turns = []
    for angle in (0.0, 0.01, -0.4):
        c, s = math.cos(angle), math.sin(angle)
        turn = torch.tensor([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
        turns.append(lattice @ turn)
    beam = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
    return Tensors(
        real=torch.stack(turns),
        reciprocal=torch.linalg.inv(lattice).T.contiguous(),
        cells=torch.tensor(cells, dtype=torch.float64),
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
    """Compare the library with the plain path on two small scenes; return what is wrong, None: nothing."""
    for plan in (FEW_CELLS, MANY_CELLS):
        scene = Scene(_tensors(plan.whole), plan)
        kernel = KernelEngine(library, threads=1)
        wrong = _wrong_image(kernel, scene) or _wrong_gradient(kernel, scene)
        if wrong is not None:
            return f"{wrong} ({library.how})"
    return None


def _wrong_image(kernel: KernelEngine, scene: Scene) -> str | None:
    image, expected = torch.zeros(2, ROWS, COLUMNS, dtype=torch.float64)
    kernel.rows(scene, 0, ROWS, image)
    TorchEngine().rows(scene, 0, ROWS, expected)
    off = float((image - expected).abs().max() / expected.max())
    # Written so that a NaN is wrong too.
    if not off <= IMAGE_TOLERANCE:
        return f"the kernel differs from the plain path by {off:g} of the maximum"
    return None


def _wrong_gradient(kernel: KernelEngine, scene: Scene) -> str | None:
    wanted = tuple(name == "real" for name in NAMES)
    upstream = torch.linspace(0.5, 1.5, ROWS * COLUMNS, dtype=torch.float64).reshape(ROWS, COLUMNS)
    pulled = kernel.backward(scene, wanted, upstream)[0]
    expected = TorchEngine().backward(scene, wanted, upstream)[0]
    assert pulled is not None
    assert expected is not None
    off = float((pulled - expected).abs().max() / expected.abs().max())
    if not off <= GRADIENT_TOLERANCE:
        return f"the kernel's gradient differs from the plain path's by {off:g}"
    return None
