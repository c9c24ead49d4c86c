"""Say what an image would otherwise be silent about: darkness, numbers that are none, absent reflections."""

import math
import warnings
from typing import TYPE_CHECKING, Any

from simulator.config import SimulatorError
from simulator.geometry.arrays import as_numpy
from simulator.scene.scene import Scene

if TYPE_CHECKING:
    import numpy as np

GRID = 9
"""Pixels along each edge of the region of interest that are looked at for absent reflections."""

MOST_ORIENTATIONS = 32
"""Orientations, and sources, that are looked at: absent reflections depend on them little."""


def dark_reason(scene: Scene) -> str | None:
    """Why no pixel can hold a photon, whatever the geometry; None: some may."""
    tensors, plan = scene.tensors, scene.plan
    lattice = float(tensors.default_F) != 0 or bool(tensors.table.any())
    liquid = float(tensors.background) != 0
    if not lattice and not liquid:
        return "default_F is 0 and there are no reflections: give default_F or structure factors"
    if float(tensors.scale) == 0:
        return "the fluence is 0"
    if scene.mask is not None and not counted(scene, as_numpy(scene.mask)).any():
        return "the mask leaves no pixel of the region of interest"
    if plan.running_product and plan.capture_from == "each" and not plan.thick:
        return "oversample_thick without a thickness captures nothing, as in the reference program"
    return None


def counted(scene: Scene, mask: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Whether each pixel of the region of interest counts, [rows, columns]."""
    plan = scene.plan
    rows = slice(plan.rows.start, plan.rows.stop)
    columns = slice(plan.columns.start, plan.columns.stop)
    return mask[rows, columns]


def check_image(image: Any, scene: Scene) -> None:
    """As `check_extremes`, for an image [slow, fast] that is an array of torch or of numpy."""
    check_extremes(float(image.min()), float(image.max()), scene)


def check_extremes(bottom: float, top: float, scene: Scene) -> None:
    """Raise a SimulatorError for pixels that are no numbers; warn of an image without a photon.

    `bottom` and `top` are the least and the greatest number of photons of a pixel.
    """
    if not (math.isfinite(top) and math.isfinite(bottom)):
        worst = bottom if math.isfinite(top) else top
        raise SimulatorError(
            f"the image holds pixels of {worst:g} photons: some number of the experiment is too large"
        )
    if top == 0 and bottom == 0:
        reason = dark_reason(scene) or "no sample of any pixel scatters"
        warnings.warn(f"every pixel of the image is 0: {reason}", stacklevel=4)


def warn_of_absent_reflections(scene: Scene) -> None:
    """Warn where the image reaches beyond the table of reflections and what lies there counts as 0.

    A grid of pixels is looked at, by their middles, in the first orientations and sources.
    """
    if not scene.plan.has_table or float(scene.tensors.default_F) != 0:
        return
    share = _absent_share(scene)
    if share > 0:
        low = scene.plan.lowest
        high = [first + size - 1 for first, size in zip(low, scene.tensors.table.shape, strict=True)]
        box = ", ".join(f"{letter} {a} ... {b}" for letter, a, b in zip("hkl", low, high, strict=True))
        warnings.warn(
            f"{100 * share:.2g} % of the image asks for reflections beyond those given ({box}): "
            "they count as default_F, which is 0",
            stacklevel=4,
        )


def _absent_share(scene: Scene) -> float:
    """Share of the samples looked at whose nearest reflection lies outside the table."""
    # Only here: without a table numpy may not be loaded.
    import numpy as np

    tensors, plan = scene.tensors, scene.plan
    pixel = float(tensors.pixel)
    fast = np.linspace(plan.columns.start, plan.columns.stop - 1, GRID).round() + 0.5
    slow = np.linspace(plan.rows.start, plan.rows.stop - 1, GRID).round() + 0.5
    place = (
        as_numpy(tensors.origin)
        + pixel * fast[None, :, None] * as_numpy(tensors.fast)
        + pixel * slow[:, None, None] * as_numpy(tensors.slow)
    )
    ray = place / np.linalg.norm(place, axis=-1, keepdims=True)
    directions = as_numpy(tensors.directions)[:MOST_ORIENTATIONS]
    wavelengths = as_numpy(tensors.wavelengths)[:MOST_ORIENTATIONS]
    real = as_numpy(tensors.real)[:MOST_ORIENTATIONS]
    scattering = (ray[None] - directions[:, None, None]) / wavelengths[:, None, None, None]
    # Whether dmin skips a sample: |q| = 1/d.
    seen = np.linalg.norm(scattering, axis=-1) * plan.dmin <= 1
    indices = np.ceil(np.einsum("rij,syxj->rsyxi", real, scattering) - 0.5)
    low = np.array(plan.lowest)
    inside = ((indices >= low) & (indices < low + np.array(tensors.table.shape))).all(-1)
    return float((~inside & seen).mean())
