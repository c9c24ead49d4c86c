"""Pack a scene of numpy arrays into the kernel's C structures; refuse scenes that it does not take."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator.engine.native.library import MOST_COEFFICIENTS, CScene, CSource, Numbers, Packed
from simulator.geometry.arrays import cross, length
from simulator.physics.polynomial import POLYNOMIAL_LIMIT, interference_coefficients
from simulator.scene.scene import Plan, Scene, Tensors

# Numbers of the enumerations in kernel.c.
SHAPES = {"SQUARE": 0, "ROUND": 1, "TOPHAT": 3}
PICKS = {"first": 0, "last": 1, "each": 2}

LARGEST_TABLE = 2**31
"""Entries of a table that the kernel's 32-bit indices cannot count."""


def refusal(scene: Scene) -> str | None:
    """Why the plain path must compute this scene; None: the kernel can."""
    plan = scene.plan
    if plan.shape not in SHAPES:
        return f"{plan.shape} spots"
    if plan.curved:
        return "a curved detector"
    if plan.interpolates:
        return "structure factors between reflections"
    if plan.running_product:
        return "a running product of factors"
    if plan.watered:
        return "water"
    return _refused_arrays(scene)


def _refused_arrays(scene: Scene) -> str | None:
    """Why the kernel does not take the scene's arrays; None: it does."""
    if scene.carries_over:
        return "phi carry-over"
    if math.prod(scene.tensors.table.shape) >= LARGEST_TABLE:
        return "a table beyond 2^31 entries"
    return None


def pack_scene(scene: Scene) -> CScene:
    """Fill the fixed-size part."""
    packed = CScene()
    _pack_plan(scene.plan, packed)
    _pack_tensors(scene.tensors, packed)
    _pack_amplitude(scene, packed)
    _pack_polynomials(scene.plan, packed)
    return packed


def _pack_plan(plan: Plan, packed: CScene) -> None:
    """Sizes, choices and switches."""
    packed.spixels = plan.spixels
    packed.fpixels = plan.fpixels
    packed.first_column = plan.columns.start
    packed.columns = len(plan.columns)
    packed.first_row = plan.rows.start
    packed.oversample = plan.oversample
    packed.layers = plan.layers
    packed.thick = plan.thick
    packed.shape = SHAPES[plan.shape]
    packed.polarized = plan.polarized
    packed.kahn_zero = plan.kahn_zero
    packed.point_pixel = plan.point_pixel
    packed.omega_from = PICKS[plan.omega_from]
    packed.polarization_from = PICKS[plan.polarization_from]
    packed.capture_from = PICKS[plan.capture_from]
    packed.has_table = plan.has_table
    packed.table_lowest[:] = list(plan.lowest)
    packed.dmin = plan.dmin


def _pack_tensors(tensors: Tensors, packed: CScene) -> None:
    """Vectors and numbers; the metric is a*.a*, a*.b*, ..., row by row."""
    packed.orientations = tensors.real.shape[0]
    packed.sources = tensors.directions.shape[0]
    packed.table_shape[:] = list(tensors.table.shape)
    packed.origin[:] = tensors.origin.tolist()
    packed.fast[:] = tensors.fast.tolist()
    packed.slow[:] = tensors.slow.tolist()
    packed.normal[:] = tensors.normal.tolist()
    packed.cells[:] = tensors.cells.tolist()
    packed.pixel = float(tensors.pixel)
    packed.close = float(tensors.close)
    packed.layer_step = float(tensors.layer_step)
    packed.absorption = float(tensors.absorption)
    packed.kahn = float(tensors.kahn)
    packed.fudge = float(tensors.fudge)
    packed.metric[:] = (tensors.reciprocal @ tensors.reciprocal.T).reshape(-1).tolist()


def _pack_amplitude(scene: Scene, packed: CScene) -> None:
    """Scale, steps and, where it is everywhere the same, the structure factor in one number."""
    square = float(scene.tensors.default_F) ** 2
    everywhere = 1.0 if scene.plan.has_table else square
    packed.amplitude = float(scene.tensors.scale) / scene.steps * everywhere
    packed.default_square = square


def _pack_polynomials(plan: Plan, packed: CScene) -> None:
    """Coefficients padded to one degree, where every N is a small constant; else the kernel takes sines."""
    counts = [n for n in plan.whole if n is not None and n <= POLYNOMIAL_LIMIT]
    if len(counts) < len(plan.whole):
        packed.polynomial, packed.degree, packed.odd = 0, 0, 0
        return
    rows = [interference_coefficients(n) for n in counts]
    packed.polynomial = 1
    packed.degree = max(len(row) for row in rows) - 1
    packed.odd = all(n % 2 == 1 for n in counts)
    for axis, (row, n) in enumerate(zip(rows, counts, strict=True)):
        padding = [0.0] * (MOST_COEFFICIENTS - len(row))
        packed.coefficients[axis][:] = row + padding
        packed.even[axis] = -1.0 if n % 2 == 0 else 0.0


def pack_sources(tensors: Tensors) -> list[CSource]:
    """Fill each source: its direction with the polarisation axes that belong to it."""
    across: Any = cross(tensors.polar_axis, tensors.directions)
    norm: Any = length(across)
    # Where the polarisation axis lies along the beam there is no such axis, and none is used.
    magnetic = across / np.where(norm > 0, norm, 1)[:, None]
    electric = cross(tensors.directions, magnetic)
    packed = []
    for index in range(len(tensors.directions)):
        source = CSource()
        source.direction[:] = tensors.directions[index].tolist()
        source.electric[:] = electric[index].tolist()
        source.magnetic[:] = magnetic[index].tolist()
        source.inverse_wavelength = 1 / float(tensors.wavelengths[index])
        source.weight = float(tensors.weights[index])
        packed.append(source)
    return packed


def squares(table: Numbers) -> Numbers:
    """A table of F^2, electrons^2."""
    return np.ascontiguousarray(table**2)


def pack(scenes: Sequence[Scene]) -> list[Packed]:
    """Pack the scenes of a batch; those that share one table of structure factors share its squares too."""
    packed = []
    table: Numbers | None = None
    squared: Numbers | None = None
    for scene in scenes:
        if scene.plan.has_table and not _one_array(scene.tensors.table, table):
            table = np.asarray(scene.tensors.table)
            squared = squares(table)
        sources = pack_sources(scene.tensors)
        real: Numbers = np.ascontiguousarray(scene.tensors.real)
        packed.append(Packed(pack_scene(scene), (CSource * len(sources))(*sources), real, squared))
    return packed


def _one_array(array: Any, other: Numbers | None) -> bool:
    """Whether both are the same contiguous numbers in memory."""
    return other is not None and array.shape == other.shape and np.may_share_memory(array, other)
