"""Build a scene from crystal, detector and beam."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from simulator.beam import Beam
from simulator.config import DetectorConfig, SimulatorError
from simulator.config.checks import numbers, plain
from simulator.crystal import Crystal
from simulator.detector import Detector
from simulator.geometry.arrays import (
    array_of,
    as_numpy,
    bare,
    cross,
    first_not_finite,
    has_graph,
    length,
    listed,
    scalar,
    table_of,
)
from simulator.geometry.panel import Axes, Panel
from simulator.scene.scene import NAMES, Plan, Scene, Tensors
from simulator.units import ANGSTROM, AVOGADRO, MICRON, WATER_F, WATER_MW

if TYPE_CHECKING:
    from torch import Tensor

MOST_SAMPLES = 1000
"""Most sub-pixels along an edge that are chosen automatically."""

SAMPLES_PER_FRINGE = 3.0
"""Sub-pixels over the narrowest fringe of the crystal's transform, as in the reference program."""

CM3_PER_M3 = 1e6
"""Cubic centimetres in a cubic metre; each holds a gram of water."""

NO_ANGLE = 1e-12
"""|polarisation axis x beam| below which the two are parallel."""


def automatic_oversample(crystal: Crystal, beam: Beam, panel: Panel, pixel: "Tensor") -> int:
    """ceil(3 x largest edge / (wavelength x distance / pixel)), at least 1.

    Three samples over the narrowest fringe. Raises a SimulatorError where that makes too many.
    """
    # The crystal's edge whose fringes are one pixel apart, m.
    field = plain(beam.wavelength()) * ANGSTROM * plain(panel.distance) / plain(pixel)
    edge = crystal.largest_edge() * ANGSTROM
    samples = SAMPLES_PER_FRINGE * edge / field if field > 0 else math.inf
    if not samples <= MOST_SAMPLES:
        raise SimulatorError(
            f"a crystal edge of {edge:.3g} m calls for {samples:.3g} sub-pixels along a pixel, more than "
            f"{MOST_SAMPLES}: give their number (oversample)"
        )
    return max(1, math.ceil(samples))


def constant_cells(cells: "Tensor") -> tuple[int | None, int | None, int | None]:
    """N per axis where it is a constant whole number, so that a polynomial in it may be used; else None."""
    if has_graph(cells):
        return None, None, None
    a, b, c = (plain(count) for count in cells)
    return _whole_or_none(a), _whole_or_none(b), _whole_or_none(c)


def _whole_or_none(number: float) -> int | None:
    return int(number) if float(number).is_integer() else None


def clipped_roi(config: DetectorConfig) -> tuple[int, int, int, int]:
    """Clip the region of interest to the detector: fast first, last, slow first, last, inclusive."""
    if config.roi is None:
        return (0, config.fpixels - 1, 0, config.spixels - 1)
    first_f, last_f, first_s, last_s = config.roi
    return (
        max(first_f, 0),
        min(last_f, config.fpixels - 1),
        max(first_s, 0),
        min(last_s, config.spixels - 1),
    )


def mask_of(detector: Detector, xp: Any) -> "Tensor | None":
    """[slow, fast] bool, True where a pixel counts; None: all do."""
    if detector.mask is None:
        return None
    shape = (detector.config.spixels, detector.config.fpixels)
    if tuple(detector.mask.shape) != shape:
        raise SimulatorError(
            f"the mask is {tuple(detector.mask.shape)} px [slow, fast], the detector {shape} px"
        )
    counted: Tensor = xp.asarray(as_numpy(detector.mask) != 0)
    return counted


def water_background(detector: Detector, scale: "Tensor") -> "Tensor":
    """F_w^2 x molecules of water in a cube of the given edge, electrons^2.

    With `water_counted_twice` it is multiplied by `scale` = r_e^2 x fluence too, as in the C program.
    """
    edge = scalar(detector.config.water_um, detector.xp) * MICRON
    molecules = edge**3 * CM3_PER_M3 * AVOGADRO / WATER_MW
    background = WATER_F**2 * molecules
    if detector.config.water_counted_twice:
        background = background * scale
    return background


def background_rows(detector: Detector) -> "Tensor":
    """[n, 2] sin(theta)/wavelength in 1/Angstrom and F in electrons of a liquid; n = 0 for plain water."""
    rows, xp = detector.config.background, detector.xp
    if rows is None:
        empty: Tensor = xp.zeros((0, 2), dtype=xp.float64)
        return empty
    return table_of(rows, xp)


def build_tensors(
    crystal: Crystal, detector: Detector, beam: Beam, *, real: "Tensor", axes: Axes, panel: Panel
) -> Tensors:
    """Compute all differentiable quantities, float64."""
    sources = beam.sources(axes)
    layers = detector.layers()
    scale = beam.scattering_scale()
    _, reciprocal = crystal.vectors()
    liquid = background_rows(detector)
    if crystal.table is None:
        table = crystal.xp.zeros((0, 0, 0), dtype=crystal.xp.float64)
    else:
        table = array_of(crystal.table.values, crystal.xp)
    return Tensors(
        real=real,
        reciprocal=reciprocal,
        cells=crystal.cells(),
        fudge=scalar(crystal.config.fudge, crystal.xp),
        default_F=scalar(crystal.config.default_F, crystal.xp),
        table=table,
        origin=panel.origin,
        fast=panel.fast,
        slow=panel.slow,
        normal=panel.normal,
        beam=axes.beam,
        polar_axis=axes.polarization,
        pixel=detector.pixel(),
        close=panel.close,
        distance=panel.distance,
        directions=sources.directions,
        wavelengths=sources.wavelengths,
        weights=sources.weights,
        kahn=beam.polarization(),
        layer_step=layers.step,
        absorption=layers.absorption,
        scale=scale,
        background=water_background(detector, scale),
        background_at=liquid[:, 0],
        background_F=liquid[:, 1],
        first_real=crystal.xp.zeros((0, 3, 3), dtype=crystal.xp.float64),
    )


def build_plan(crystal: Crystal, detector: Detector, beam: Beam, panel: Panel) -> Plan:
    """Collect what has no gradient: sizes, choices and switches."""
    config, table = detector.config, crystal.table
    kahn = beam.polarization()
    layers = detector.layers()
    return Plan(
        spixels=config.spixels,
        fpixels=config.fpixels,
        roi=clipped_roi(config),
        oversample=config.oversample or automatic_oversample(crystal, beam, panel, detector.pixel()),
        layers=layers.count,
        thick=layers.thick,
        shape=crystal.config.shape,
        whole=constant_cells(crystal.cells()),
        lowest=(0, 0, 0) if table is None else table.lowest,
        has_table=table is not None,
        polarized=not beam.config.nopolar,
        kahn_zero=not has_graph(kahn) and plain(kahn) == 0,
        point_pixel=config.point_pixel,
        curved=config.curved,
        dmin=plain(beam.config.dmin_A),
        omega_from=config.omega_from,
        polarization_from=config.polarization_from,
        capture_from=config.capture_from,
        running_product=config.running_product,
        background_divided=config.water_counted_twice,
        watered=any(thickness > 0 for thickness in numbers(config.water_um)),
        interpolate_each=crystal.interpolates() and crystal.config.outside == "nearest",
    )


def first_pixels(plan: Plan, mask: "Tensor | None", threads: int) -> tuple[int, ...]:
    """Number of the first counted pixel of each of several threads, row by row.

    As in the reference, rows are shared out evenly, and the first threads take one more until none is left.
    """
    # Only here: most commands have one step at most, and do without numpy.
    import numpy as np

    share, left = divmod(plan.spixels, threads)
    starts = [thread * share + min(thread, left) for thread in range(threads)]
    starts.append(plan.spixels)
    counted = np.zeros((plan.spixels, plan.fpixels), dtype=bool)
    counted[plan.rows.start : plan.rows.stop, plan.columns.start : plan.columns.stop] = True
    if mask is not None:
        counted &= as_numpy(mask)
    found = []
    for start, end in pairwise(starts):
        hits = np.flatnonzero(counted[start:end])
        if len(hits):
            found.append(start * plan.fpixels + int(hits[0]))
    return tuple(found)


def build_scene(crystal: Crystal, detector: Detector, beam: Beam) -> Scene:
    """Build the scene in float64, in arrays of the library that all three were made with.

    Raises a SimulatorError where the experiment makes no sense or its numbers overflow.
    """
    axes, panel = detector.axes(), detector.panel()
    mask = mask_of(detector, crystal.xp)
    real, first_real = crystal.orientations(axes.spindle)
    tensors = build_tensors(crystal, detector, beam, real=real, axes=axes, panel=panel)
    if first_real is not None:
        tensors = replace(tensors, first_real=first_real)
    _check_polarization(beam, axes, tensors.directions)
    plan = build_plan(crystal, detector, beam, panel)
    if first_real is not None:
        plan = replace(plan, first_pixels=first_pixels(plan, mask, crystal.config.phi_carryover))
    _check_finite(tensors)
    return Scene(tensors, plan, mask)


def _check_finite(tensors: Tensors) -> None:
    """Raise a SimulatorError for a number that overflowed: finite options may overflow together."""
    for name, tensor in zip(NAMES, tensors.as_list(), strict=True):
        bad = first_not_finite(tensor)
        if bad is not None:
            raise SimulatorError(
                f"{name.replace('_', ' ')} comes out as {bad:g}: "
                "some number of the experiment is too large or too small to be computed with"
            )


def _check_polarization(beam: Beam, axes: Axes, directions: "Tensor") -> None:
    """Raise a SimulatorError where a polarisation axis is needed and lies along the beam or a source's."""
    if beam.config.nopolar or not any(numbers(beam.polarization())):
        return
    if float(length(bare(cross(axes.polarization, axes.beam)))) < NO_ANGLE:
        raise SimulatorError("the polarization axis lies along the beam: a Kahn factor needs one across it")
    across = listed(length(bare(cross(axes.polarization[None], directions))))
    if min(across) < NO_ANGLE:
        worst = across.index(min(across)) + 1
        raise SimulatorError(
            f"the polarization axis lies along the beam of source {worst}: a Kahn factor needs one across it"
        )
