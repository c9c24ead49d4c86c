"""Pack a scene of numpy or small arrays into C structures; refuse scenes that the kernel does not take."""

import math
from collections.abc import Sequence
from ctypes import c_double
from typing import Any

from simulator.engine.native.library import MOST_COEFFICIENTS, Buffer, CScene, CSource, Packed
from simulator.geometry.arrays import as_numpy, cross, length, library_of
from simulator.geometry.small_array import SmallArray
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


def pack_sources(tensors: Tensors) -> Any:
    """Fill each source: its direction with the polarisation axes that belong to it. An array of CSource."""
    xp = library_of(tensors.directions)
    across: Any = cross(tensors.polar_axis, tensors.directions)
    norm: Any = length(across)
    # Where the polarisation axis lies along the beam there is no such axis, and none is used.
    magnetic = across / xp.where(norm > 0, norm, 1)[:, None]
    electric = cross(tensors.directions, magnetic)
    # Any, because torch's tensors have no such method: none comes here.
    wavelengths: Any = tensors.wavelengths
    wavelengths = wavelengths.astype(float)
    # A CSource is eleven doubles: the columns, in the order of its fields.
    vectors = [array[:, axis] for array in (tensors.directions, electric, magnetic) for axis in range(3)]
    columns = [*vectors, 1 / wavelengths, tensors.weights]
    rows = xp.stack(columns, -1)
    return (CSource * len(tensors.directions)).from_buffer_copy(doubles(rows))


def doubles(array: Any) -> Buffer:
    """The numbers of an array as C's doubles."""
    if isinstance(array, SmallArray):
        return (c_double * len(array.numbers))(*array.numbers)
    return as_numpy(array).astype(float)


def squares(table: Buffer) -> Buffer:
    """A table of F^2, electrons^2."""
    return as_numpy(table**2)


def pack(scenes: Sequence[Scene]) -> list[Packed]:
    """Pack the scenes of a batch; those that share one table of structure factors share its squares too."""
    packed = []
    table: Buffer | None = None
    squared: Buffer | None = None
    for scene in scenes:
        if scene.plan.has_table and not _one_array(scene.tensors.table, table):
            table = as_numpy(scene.tensors.table)
            squared = squares(table)
        real: Any = scene.tensors.real
        # In the precision of the image; small arrays have doubles alone.
        numbers = doubles(real) if isinstance(real, SmallArray) else as_numpy(real)
        packed.append(Packed(pack_scene(scene), pack_sources(scene.tensors), numbers, squared))
    return packed


def _one_array(array: Any, other: Buffer | None) -> bool:
    """Whether both are the same contiguous numbers in memory."""
    if other is None or array.shape != other.shape:
        return False
    return bool(library_of(array).may_share_memory(array, other))
