"""A scene of numpy arrays as the C structures that the kernel reads, and the scenes that it does not take."""

import math
from typing import Any

import numpy as np

from simulator.geometry.arrays import cross, length
from simulator.physics.polynomial import POLYNOMIAL_LIMIT, interference_coefficients
from simulator.simulator.native.library import MOST_COEFFICIENTS, CScene, CSource, Numbers, Packed
from simulator.simulator.scene import Plan, Scene, Tensors

SHAPES = {"SQUARE": 0, "ROUND": 1, "TOPHAT": 3}
PICKS = {"first": 0, "last": 1, "each": 2}


def refusal(scene: Scene) -> str | None:
    """Why the plain path must compute this scene; None: the kernel can."""
    plan, tensors = scene.plan, scene.tensors
    reasons = {
        f"{plan.shape} spots": plan.shape not in SHAPES,
        "a curved detector": plan.curved,
        "structure factors between reflections": plan.interpolates,
        "a running product of factors": plan.running_product,
        "water": plan.watered,
        "phi carry-over": scene.first_real is not None,
        "a table beyond 2^31 entries": math.prod(tensors.table.shape) >= 2**31,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def pack_scene(scene: Scene) -> CScene:
    """The fixed-size part."""
    plan, tensors = scene.plan, scene.tensors
    packed = CScene()
    for name in (
        "spixels",
        "fpixels",
        "oversample",
        "layers",
        "thick",
        "polarized",
        "kahn_zero",
        "point_pixel",
        "has_table",
    ):
        setattr(packed, name, int(getattr(plan, name)))
    packed.first_column, packed.columns, packed.first_row = (
        plan.columns.start,
        len(plan.columns),
        plan.rows.start,
    )
    packed.shape = SHAPES[plan.shape]
    packed.omega_from, packed.polarization_from = PICKS[plan.omega_from], PICKS[plan.polarization_from]
    packed.capture_from = PICKS[plan.capture_from]
    packed.orientations, packed.sources = tensors.real.shape[0], tensors.directions.shape[0]
    packed.table_shape[:] = list(tensors.table.shape)
    packed.table_lowest[:] = list(plan.lowest)
    for name in ("origin", "fast", "slow", "normal", "cells"):
        getattr(packed, name)[:] = getattr(tensors, name).tolist()
    for name in ("pixel", "close", "layer_step", "absorption", "kahn", "fudge"):
        setattr(packed, name, float(getattr(tensors, name)))
    packed.dmin = plan.dmin
    packed.metric[:] = (tensors.reciprocal @ tensors.reciprocal.T).reshape(-1).tolist()
    _pack_amplitude(scene, packed)
    _pack_polynomials(plan, packed)
    return packed


def _pack_amplitude(scene: Scene, packed: CScene) -> None:
    """Scale, steps and, where it is everywhere the same, the structure factor in one number."""
    square = float(scene.tensors.default_F) ** 2
    packed.amplitude = float(scene.tensors.scale) / scene.steps * (1.0 if scene.plan.has_table else square)
    packed.default_square = square


def _pack_polynomials(plan: Plan, packed: CScene) -> None:
    """Coefficients padded to one degree, where every N is a small constant."""
    if not all(n is not None and n <= POLYNOMIAL_LIMIT for n in plan.whole):
        packed.polynomial, packed.degree, packed.odd = 0, 0, 0
        return
    rows = [interference_coefficients(n) for n in plan.whole if n is not None]
    packed.polynomial, packed.degree = 1, max(map(len, rows)) - 1
    packed.odd = int(all(n is not None and n % 2 == 1 for n in plan.whole))
    for axis, (row, n) in enumerate(zip(rows, plan.whole, strict=True)):
        packed.coefficients[axis][:] = row + [0.0] * (MOST_COEFFICIENTS - len(row))
        packed.even[axis] = -1.0 if n is not None and n % 2 == 0 else 0.0


def pack_sources(tensors: Tensors) -> list[CSource]:
    """Directions with the polarisation axes that belong to them."""
    magnetic: Any
    across = cross(tensors.polar_axis, tensors.directions)
    norm = length(across)
    magnetic = across / np.where(norm > 0, norm, 1)[:, None]
    electric = cross(tensors.directions, magnetic)
    packed = []
    for index in range(len(tensors.directions)):
        source = CSource()
        source.direction[:] = tensors.directions[index].tolist()
        source.electric[:], source.magnetic[:] = electric[index].tolist(), magnetic[index].tolist()
        source.inverse_wavelength = 1 / float(tensors.wavelengths[index])
        source.weight = float(tensors.weights[index])
        packed.append(source)
    return packed


def squares(scene: Scene) -> Numbers | None:
    """The table of F^2, or None."""
    table: Numbers = np.ascontiguousarray(scene.tensors.table**2)
    return table if scene.plan.has_table else None


def pack(scene: Scene) -> Packed:
    """Everything that a call passes."""
    sources = pack_sources(scene.tensors)
    real: Numbers = np.ascontiguousarray(scene.tensors.real)
    return Packed(pack_scene(scene), (CSource * len(sources))(*sources), real, squares(scene))
