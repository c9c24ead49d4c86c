"""Check a kernel on two small scenes before it is used in a process.

What the plain path computes for them lies beside this file (`expected.txt`; a test compares), so that the
check takes a millisecond: loading torch would take a second.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from simulator.engine.native.library import Numbers
from simulator.engine.native.rows import KernelRows, Renderer
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


class HasHow(Renderer, Protocol):
    """A library that says how it was made."""

    how: str


def scene_of(plan: Plan) -> Scene:
    """A tilted lattice in three orientations before a detector at 80 mm, in numpy arrays."""

    def of(*values: float) -> Numbers:
        return np.array(values).squeeze()

    lattice = np.array([[31.0, 4.0, 2.0], [-3.0, 37.0, 5.0], [1.0, -2.0, 43.0]])
    turns = []
    for angle in (0.0, 0.01, -0.4):
        c, s = math.cos(angle), math.sin(angle)
        turns.append(lattice @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]))
    beam = np.array([[1.0, 0.0, 0.0]])
    arrays = {
        "real": np.stack(turns),
        "reciprocal": np.ascontiguousarray(np.linalg.inv(lattice).T),
        "cells": np.array(plan.whole, dtype=float),
        "fudge": of(1.0),
        "default_F": of(10.0),
        "table": np.zeros((0, 0, 0)),
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
        "wavelengths": np.ones(1),
        "weights": np.ones(1),
        "kahn": of(0.4),
        "layer_step": of(0.0),
        "absorption": of(0.0),
        "scale": of(1.0),
        "background": of(0.0),
        "background_at": np.zeros(0),
        "background_F": np.zeros(0),
        "first_real": np.zeros((0, 3, 3)),
    }
    # Numpy's arrays stand for tensors where no torch is loaded, as in geometry/arrays.py.
    return Scene(Tensors(**arrays), plan)


def upstream() -> Numbers:
    """The gradient of the image that is pulled back, [slow, fast]."""
    return np.linspace(0.5, 1.5, ROWS * COLUMNS).reshape(ROWS, COLUMNS)


def expected() -> dict[str, Numbers]:
    """The numbers of each line of EXPECTED, by what stands before them."""
    found = {}
    for line in EXPECTED.read_text(encoding="ascii").splitlines():
        name, _, numbers = line.partition(": ")
        found[name] = np.array(numbers.split(), dtype=float)
    return found


def complaint(library: HasHow) -> str | None:
    """Compare the library with what the plain path gave; return what is wrong, None: nothing."""
    right = expected()
    for name, plan in PLANS.items():
        scene = scene_of(plan)
        kernel = KernelRows(library, threads=1)
        image = kernel.blank(scene)
        kernel.rows(scene, 0, ROWS, image)
        off = _difference(image, right[f"{name} / image"])
        # Written so that a NaN is wrong too.
        if not off <= IMAGE_TOLERANCE:
            return f"the kernel differs from the plain path by {off:g} of the maximum ({library.how})"
        pulled = kernel.pull([scene], upstream()[None])[0]
        off = _difference(pulled, right[f"{name} / gradient"])
        if not off <= GRADIENT_TOLERANCE:
            return f"the kernel's gradient differs from the plain path's by {off:g} ({library.how})"
    return None


def _difference(found: Numbers, right: Numbers) -> float:
    """The largest difference, of the largest number expected."""
    return float(np.abs(found.reshape(-1) - right).max() / np.abs(right).max())
