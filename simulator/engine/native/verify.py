"""Check a kernel on two small scenes before it is used in a process.

What the plain path computes for them lies beside this file (`expected.txt`; a test compares), so that the
check takes a millisecond: loading torch would take a second.
"""

import math
from collections.abc import Iterable
from ctypes import c_double
from dataclasses import replace
from pathlib import Path
from typing import Any

from simulator.engine.native.library import Library
from simulator.engine.native.pack import pack
from simulator.geometry import small_library as xp
from simulator.geometry.cell import real_vectors
from simulator.scene.scene import Plan, Scene, Tensors

EXPECTED = Path(__file__).with_name("expected.txt")
"""Lines of `NAME / image: NUMBERS` [slow, fast] and `NAME / gradient: NUMBERS` [R, 3, 3] under `upstream`."""

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


PLANS = {"few cells": FEW_CELLS, "many cells": MANY_CELLS}


def scene_of(plan: Plan) -> Scene:
    """A tilted lattice in three orientations before a detector at 80 mm, in small arrays."""

    def of(*values: float) -> Any:
        return xp.asarray(values[0] if len(values) == 1 else values)

    lattice: Any = xp.asarray([[31.0, 4.0, 2.0], [-3.0, 37.0, 5.0], [1.0, -2.0, 43.0]])
    turns = []
    for angle in (0.0, 0.01, -0.4):
        c, s = math.cos(angle), math.sin(angle)
        turns.append(lattice @ xp.asarray([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]))
    beam = xp.asarray([[1.0, 0.0, 0.0]])
    arrays: dict[str, Any] = {
        "real": xp.stack(turns),
        # The same relation leads from real to reciprocal vectors as back.
        "reciprocal": real_vectors(lattice),
        "cells": xp.asarray(plan.whole),
        "fudge": of(1.0),
        "default_F": of(10.0),
        "table": xp.zeros((0, 0, 0)),
        "origin": of(0.08, 0.021, -0.044),
        "fast": of(0.0, 0.0, 1.0),
        "slow": of(0.0, -1.0, 0.0),
        "normal": of(1.0, 0.0, 0.0),
        "beam": beam[0],
        "polar_axis": of(0.0, 0.0, 1.0),
        "pixel": of(0.003),
        "close": of(0.08),
        "distance": of(0.08),
        "directions": beam,
        "wavelengths": xp.asarray([1.0]),
        "weights": xp.asarray([1.0]),
        "kahn": of(0.4),
        "layer_step": of(0.0),
        "absorption": of(0.0),
        "scale": of(1.0),
        "background": of(0.0),
        "background_at": xp.zeros((0,)),
        "background_F": xp.zeros((0,)),
        "first_real": xp.zeros((0, 3, 3)),
    }
    # Small arrays stand for tensors where no torch is loaded, as in geometry/arrays.py.
    return Scene(Tensors(**arrays), plan)


def upstream() -> list[float]:
    """The gradient of the image that is pulled back, pixel by pixel: from 0.5 to 1.5 in equal steps."""
    pixels = ROWS * COLUMNS
    return [0.5 + pixel / (pixels - 1) for pixel in range(pixels)]


def expected() -> dict[str, list[float]]:
    """The numbers of each line of EXPECTED, by what stands before them."""
    found = {}
    for line in EXPECTED.read_text(encoding="ascii").splitlines():
        name, _, numbers = line.partition(": ")
        found[name] = [float(number) for number in numbers.split()]
    return found


def complaint(library: Library) -> str | None:
    """Compare the library with what the plain path gave; return what is wrong, None: nothing."""
    right = expected()
    for name, plan in PLANS.items():
        scene = scene_of(plan)
        packed = pack([scene])
        pixels = (0, ROWS * COLUMNS)
        image = (c_double * (ROWS * COLUMNS))()
        library.image(packed, out=image, span=pixels, threads=1)
        off = _difference(image, right[f"{name} / image"])
        # Written so that a NaN is wrong too.
        if not off <= IMAGE_TOLERANCE:
            return f"the kernel differs from the plain path by {off:g} of the maximum ({library.how})"
        weights = (c_double * (ROWS * COLUMNS))(*upstream())
        pulled = (c_double * (9 * scene.orientations))()
        library.pullback(packed, upstream=weights, span=pixels, threads=1, grad=pulled)
        off = _difference(pulled, right[f"{name} / gradient"])
        if not off <= GRADIENT_TOLERANCE:
            return f"the kernel's gradient differs from the plain path's by {off:g} ({library.how})"
    return None


def _difference(found: Iterable[float], right: list[float]) -> float:
    """The largest difference, of the largest number expected; NaN where a number is none."""
    differences = [abs(number - wanted) for number, wanted in zip(found, right, strict=True)]
    if any(math.isnan(difference) for difference in differences):
        return math.nan
    return max(differences) / max(abs(wanted) for wanted in right)
