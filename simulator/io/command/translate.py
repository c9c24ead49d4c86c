"""From the options given to the configurations of crystal, beam and detector."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from simulator.config import BeamConfig, CrystalConfig, DetectorConfig, SimulatorError
from simulator.crystal import Crystal
from simulator.crystal.cells import cells_of_size
from simulator.io.command import detector as detector_options
from simulator.io.command.parse import Given
from simulator.io.command.rules import rotation, spread
from simulator.io.matrix import read_matrix
from simulator.io.smv import Header
from simulator.io.sources import read_sources
from simulator.units import DEFAULT_FLUENCE, wavelength_from_energy

T = TypeVar("T")

SHAPES = {"square_xtal": "SQUARE", "round_xtal": "ROUND", "gauss_xtal": "GAUSS", "tophat_spots": "TOPHAT"}
DEFAULT_DOMAINS = 10


@dataclass(frozen=True)
class Experiment:
    """The three configurations, the mask and the structure-factor file of a command line."""

    crystal: CrystalConfig
    beam: BeamConfig
    detector: DetectorConfig
    mask: NDArray[np.int32] | None
    notes: tuple[str, ...]


def wavelength(given: Given, header: Header) -> float:
    """Angstrom: from -lambda or -energy, else the header, else 1."""
    if given.has("energy"):
        energy = given.number("energy", 0)
        if energy <= 0:
            raise SimulatorError(f"-energy is {energy:g} eV: it must be above 0")
        return wavelength_from_energy(energy)
    return given.number("lambda", header.number("WAVELENGTH") or 1.0)


def cells_given(given: Given) -> tuple[int, int, int]:
    """Na, Nb, Nc as the user wrote them, -N and the single ones in their order."""
    counts = {"Na": 1, "Nb": 1, "Nc": 1}
    for key in given.order:
        number = given.whole(key) if key in ("N", *counts) else None
        if number is None:
            continue
        counts = dict.fromkeys(counts, number) if key == "N" else {**counts, key: number}
    return counts["Na"], counts["Nb"], counts["Nc"]


def cell_of(given: Given) -> dict[str, float]:
    """The six parameters; missing lengths are a, missing angles 90."""
    if not given.has("cell"):
        if not given.has("mat"):
            raise SimulatorError("no unit cell: give -cell a b c alpha beta gamma, or -mat FILE")
        return {}
    numbers = [float(value) for value in given.values["cell"]]
    lengths = numbers[:3] + [numbers[0]] * (3 - len(numbers[:3]))
    angles = numbers[3:] + [90.0] * (3 - len(numbers[3:]))
    names = ("cell_a", "cell_b", "cell_c", "cell_alpha", "cell_beta", "cell_gamma")
    return dict(zip(names, lengths + angles, strict=True))


def orientation_of(given: Given, lambda_A: float, clock: int) -> dict[str, object]:
    """Matrix and missetting. A random orientation without a seed takes it from the clock, as the reference
    does."""
    found: dict[str, object] = {}
    path = given.text("mat")
    if path is not None:
        found["matrix"] = read_matrix(Path(path), lambda_A)
        found["matrix_sets_cell"] = not given.has("cell")
    if given.has("misset"):
        words = [str(word) for word in given.values["misset"]]
        if words[0] == "random":
            seed = given.whole("misset_seed")
            found["misset_seed"] = -clock if seed is None else -seed
        elif len(words) != 3:
            raise SimulatorError(
                f"-misset takes three angles in degrees or the word random, got {' '.join(words)}"
            )
        else:
            found["misset_deg"] = tuple(float(word) for word in words)
    return found


def mosaic_of(given: Given) -> dict[str, object]:
    """A spread without a count makes 10 blocks, a count without a spread one."""
    width = given.number("mosaic_spread", 0.0)
    count = given.whole("mosaic_domains")
    domains = 1 if width == 0 else DEFAULT_DOMAINS if count is None or count < 1 else count
    found: dict[str, object] = {"mosaic_spread_deg": width, "mosaic_domains": domains}
    seed = given.whole("mosaic_seed")
    return found if seed is None else {**found, "mosaic_seed": -seed}


def crystal_of(given: Given, header: Header, lambda_A: float, clock: int) -> CrystalConfig:
    """The crystal, but for a size given in mm."""
    grid = rotation(
        given.whole("phisteps"), given.maybe("osc") or header.number("OSC_RANGE"), given.maybe("phistep")
    )
    shape = next((SHAPES[key] for key in reversed(given.order) if key in SHAPES), "SQUARE")
    forced = True if given.has("interpolate") else False if given.has("nointerpolate") else None
    cells = cells_given(given)
    return CrystalConfig(
        **cell_of(given),  # type: ignore[arg-type]
        **orientation_of(given, lambda_A, clock),  # type: ignore[arg-type]
        **mosaic_of(given),  # type: ignore[arg-type]
        exact_cell=given.has("exact_cell"),
        phi_start_deg=given.number("phi", header.number("PHI") or 0.0),
        osc_range_deg=grid.span,
        phi_steps=grid.count,
        phi_step_deg=grid.step,
        phi_carryover=carryover_threads(given),
        N_cells=cells,
        shape=shape,
        fudge=given.number("fudge", 1.0),
        default_F=given.number("default_F", 0.0),
        interpolate=min(cells) <= 2 if forced is None else forced,
        outside="nearest" if given.has("nearest_outside") else "switch-off",
    )


def carryover_threads(given: Given) -> int:
    """On how many threads the reference ran; 0 for the right orientation at phi = 0."""
    return (
        int(given.values["phi_carryover"][0] if given.values["phi_carryover"] else 1)
        if given.has("phi_carryover")
        else 0
    )


def with_size(config: CrystalConfig, given: Given, beamsize_mm: float) -> CrystalConfig:
    """N_cells from the crystal's size, where one is given; y and z are first clipped to the beam."""
    sizes = [0.0, 0.0, 0.0]
    if given.has("xtalsize"):
        numbers = [float(value) for value in given.values["xtalsize"]]
        sizes = numbers + [numbers[0]] * (3 - len(numbers)) if len(numbers) != 2 else [*numbers, numbers[1]]
    for axis, key in enumerate(("xtal_thick", "xtal_width", "xtal_height")):
        sizes[axis] = given.number(key, sizes[axis])
    for axis in (1, 2):
        sizes[axis] = min(sizes[axis], beamsize_mm)
    if not any(size > 0 for size in sizes):
        return config
    return replace(config, N_cells=cells_of_size(Crystal(config, xp=np), sizes))


def beam_of(given: Given, lambda_A: float) -> BeamConfig:
    """Wavelength, intensity, polarisation and sources."""
    both = given.maybe("divergence"), given.whole("divsteps")
    h = spread(
        "-hdivrange",
        _or(given.whole("hdivsteps"), both[1]),
        _or(given.maybe("hdivrange"), both[0]),
        given.maybe("hdivstep"),
        alone=1000.0,
    )
    v = spread(
        "-vdivrange",
        _or(given.whole("vdivsteps"), both[1]),
        _or(given.maybe("vdivrange"), both[0]),
        given.maybe("vdivstep"),
        alone=1000.0,
    )
    width = given.number("dispersion", 0.0) / 100
    waves = spread("-dispersion", given.whole("dispsteps"), width or None, None, alone=0.0)
    path = given.text("sourcefile")
    return BeamConfig(
        wavelength_A=lambda_A,
        fluence=given.number("fluence", DEFAULT_FLUENCE),
        flux=given.number("flux", 0.0),
        exposure_s=given.number("exposure", 1.0),
        beamsize_mm=given.number("beamsize", 0.1),
        polarization=given.number("polar", 0.0),
        nopolar=given.has("nopolar") and not given.has("oversample_polar"),
        h_divergence_mrad=h.span,
        v_divergence_mrad=v.span,
        h_divergence_step_mrad=h.step,
        v_divergence_step_mrad=v.step,
        h_divergence_steps=h.count,
        v_divergence_steps=v.count,
        round_divergence=not given.has("square_div"),
        dispersion=waves.span,
        dispersion_step=waves.step,
        dispersion_steps=waves.count,
        sources=None if path is None else read_sources(Path(path)),
        source_weights="relative" if given.has("use_source_weights") else "ignored",
        dmin_A=given.number("dmin", 0.0),
    )


def _or(first: T | None, second: T | None) -> T | None:
    return second if first is None else first


def translate(given: Given, clock: int) -> Experiment:
    """Everything that the options describe; `clock` seeds what the reference seeds from the time of day."""
    imported = detector_options.imported_header(given)
    lambda_A = wavelength(given, imported.header)
    beam = beam_of(given, lambda_A)
    crystal = with_size(
        crystal_of(given, imported.header, lambda_A, clock), given, given.number("beamsize", 0.1)
    )
    detector, notes = detector_options.detector_of(given, imported)
    unused = [
        f"-{key} is read by the reference program and never used: ignored without -use_stol"
        for key in ("stol", "4stol", "Q")
        if given.has(key) and not given.has("use_stol")
    ]
    return Experiment(crystal, beam, detector, imported.mask, (*notes, *unused))
