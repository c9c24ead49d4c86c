"""Translate the options given to the configurations of crystal, beam and detector."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.config import BeamConfig, CrystalConfig, DetectorConfig, SimulatorError
from simulator.config.crystal import DEFAULT_MOSAIC_SEED
from simulator.crystal import Crystal
from simulator.crystal.cells import cells_of_size
from simulator.crystal.names import is_crystallographic
from simulator.geometry import small_library
from simulator.io.command import detector as detector_options
from simulator.io.command.parse import Given
from simulator.io.command.rules import Grid, rotation, spread
from simulator.io.matrix import Rows, read_matrix
from simulator.io.smv import Header
from simulator.io.sources import Row, read_sources
from simulator.io.spectrum import read_spectrum
from simulator.units import DEFAULT_FLUENCE, wavelength_from_energy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHAPES = {"square_xtal": "SQUARE", "round_xtal": "ROUND", "gauss_xtal": "GAUSS", "tophat_spots": "TOPHAT"}

DEFAULT_DOMAINS = 10
"""Mosaic blocks where a spread is given without a count."""

INTERPOLATE_UP_TO = 2
"""The counts -Na, -Nb, -Nc, as given, switch interpolation on when one of them is this small."""

DEFAULT_BEAMSIZE_MM = 0.1

DIVERGENCE_ALONE_MRAD = 1000.0
"""Range of a divergence of which only the number of steps is given."""


@dataclass(frozen=True)
class Experiment:
    """The configurations of a command line, the mask [slow, fast], and notes for the user."""

    crystal: CrystalConfig
    beam: BeamConfig
    detector: DetectorConfig
    mask: "NDArray[np.int32] | None"
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
    """Na, Nb, Nc as the user wrote them; of -N and the single ones the last counts."""
    a = b = c = 1
    for key in given.order:
        number = given.whole(key) if key in ("N", "Na", "Nb", "Nc") else None
        if number is None:
            continue
        if key in ("N", "Na"):
            a = number
        if key in ("N", "Nb"):
            b = number
        if key in ("N", "Nc"):
            c = number
    return a, b, c


@dataclass(frozen=True)
class Cell:
    """Edges in Angstrom and angles in degrees; the defaults stand where a matrix sets the cell."""

    a: float = 100.0
    b: float = 100.0
    c: float = 100.0
    alpha: float = 90.0
    beta: float = 90.0
    gamma: float = 90.0


def cell_file(given: Given) -> Path | None:
    """The file of reflections that gives the cell, where no option does."""
    path = given.text("hkl")
    if path is None or given.has("cell") or given.has("mat") or not is_crystallographic(path):
        return None
    return Path(path)


def cell_of(given: Given) -> Cell:
    """-cell; missing edges are a, missing angles 90."""
    if not given.has("cell"):
        if given.has("mat"):
            return Cell()
        path = cell_file(given)
        if path is None:
            raise SimulatorError("no unit cell: give -cell a b c alpha beta gamma, or -mat FILE")
        # Only here: it loads numpy.
        from simulator.crystal.reflections import cell_of_file

        return Cell(*cell_of_file(path))
    numbers = [float(value) for value in given.values["cell"]]
    edges, angles = numbers[:3], numbers[3:]
    edges += [edges[0]] * (3 - len(edges))
    angles += [90.0] * (3 - len(angles))
    return Cell(*edges, *angles)


@dataclass(frozen=True)
class Orientation:
    """Matrix (rows a*, b*, c* in 1/Angstrom) and missetting, as in `CrystalConfig`."""

    matrix: Rows | None = None
    matrix_sets_cell: bool = True
    misset_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    misset_seed: int | None = None


def orientation_of(given: Given, lambda_A: float, clock: int) -> Orientation:
    """-mat and -misset; a random orientation without a seed takes the clock's, as in the reference."""
    found = Orientation()
    path = given.text("mat")
    if path is not None:
        matrix = read_matrix(Path(path), lambda_A)
        found = replace(found, matrix=matrix, matrix_sets_cell=not given.has("cell"))
    if not given.has("misset"):
        return found
    words = [str(word) for word in given.values["misset"]]
    if words[0] == "random":
        seed = given.whole("misset_seed")
        return replace(found, misset_seed=-clock if seed is None else -seed)
    if len(words) != 3:
        raise SimulatorError(
            f"-misset takes three angles in degrees or the word random, got {' '.join(words)}"
        )
    x, y, z = words
    return replace(found, misset_deg=(float(x), float(y), float(z)))


@dataclass(frozen=True)
class Mosaic:
    """Spread in degrees, number of blocks, and the (negative) seed of their orientations."""

    spread_deg: float
    domains: int
    seed: int


def mosaic_of(given: Given) -> Mosaic:
    """A spread without a count makes DEFAULT_DOMAINS blocks, a count without a spread one."""
    width = given.number("mosaic_spread", 0.0)
    count = given.whole("mosaic_domains")
    if width == 0:
        domains = 1
    elif count is None or count < 1:
        domains = DEFAULT_DOMAINS
    else:
        domains = count
    seed = given.whole("mosaic_seed")
    return Mosaic(width, domains, DEFAULT_MOSAIC_SEED if seed is None else -seed)


def interpolation_of(given: Given, cells: tuple[int, int, int]) -> bool:
    """-interpolate or -nointerpolate, else by the counts of cells as given (a size in mm changes nothing)."""
    if given.has("interpolate"):
        return True
    if given.has("nointerpolate"):
        return False
    return min(cells) <= INTERPOLATE_UP_TO


def shape_of(given: Given) -> str:
    """The last crystal shape named, else SQUARE."""
    last = given.last_of(*SHAPES)
    return "SQUARE" if last is None else SHAPES[last]


def crystal_of(given: Given, header: Header, lambda_A: float, clock: int) -> CrystalConfig:
    """Translate the crystal's options, except its size in mm."""
    spindle_range = given.number("osc", 0.0) if given.has("osc") else header.number("OSC_RANGE")
    spindle = rotation(given.whole("phisteps"), spindle_range, given.maybe("phistep"))
    cells = cells_given(given)
    cell = cell_of(given)
    orientation = orientation_of(given, lambda_A, clock)
    mosaic = mosaic_of(given)
    return CrystalConfig(
        cell_a=cell.a,
        cell_b=cell.b,
        cell_c=cell.c,
        cell_alpha=cell.alpha,
        cell_beta=cell.beta,
        cell_gamma=cell.gamma,
        exact_cell=given.has("exact_cell"),
        matrix=orientation.matrix,
        matrix_sets_cell=orientation.matrix_sets_cell,
        misset_deg=orientation.misset_deg,
        misset_seed=orientation.misset_seed,
        phi_start_deg=given.number("phi", header.number("PHI") or 0.0),
        osc_range_deg=spindle.span,
        phi_steps=spindle.count,
        phi_step_deg=spindle.step,
        phi_carryover=carryover_threads(given),
        mosaic_spread_deg=mosaic.spread_deg,
        mosaic_domains=mosaic.domains,
        mosaic_seed=mosaic.seed,
        N_cells=cells,
        shape=shape_of(given),
        fudge=given.number("fudge", 1.0),
        default_F=given.number("default_F", 0.0),
        interpolate=interpolation_of(given, cells),
        outside="nearest" if given.has("nearest_outside") else "switch-off",
    )


def carryover_threads(given: Given) -> int:
    """Threads on which the reference ran (1 where none are named); 0: without its carry-over defect."""
    if not given.has("phi_carryover"):
        return 0
    values = given.values["phi_carryover"]
    return int(values[0]) if values else 1


def sizes_given(given: Given) -> list[float]:
    """x, y, z size of the crystal in mm, 0 where none is given; of two options for one the last counts."""
    sizes = []
    for axis_option in ("xtal_thick", "xtal_width", "xtal_height"):
        size = given.last_number("xtalsize", axis_option)
        sizes.append(0.0 if size is None else size)
    return sizes


def with_size(config: CrystalConfig, given: Given, beamsize_mm: float) -> CrystalConfig:
    """Set N_cells from the crystal's size, where one is given; y and z are first clipped to the beam."""
    x, y, z = sizes_given(given)
    sizes = (x, min(y, beamsize_mm), min(z, beamsize_mm))
    if not any(size > 0 for size in sizes):
        return config
    return replace(config, N_cells=cells_of_size(Crystal(config, xp=small_library), sizes))


def _divergence(given: Given, letter: str) -> Grid:
    """The grid of one direction, mrad; of an option for both directions and one for this the last counts."""
    count = given.last_whole(f"{letter}divsteps", "divsteps")
    span = given.last_number(f"{letter}divrange", "divergence")
    step = given.maybe(f"{letter}divstep")
    return spread(f"-{letter}divrange", count, span, step, alone=DIVERGENCE_ALONE_MRAD)


GRID_OPTIONS = (
    *("dispersion", "dispsteps", "divergence", "divsteps"),
    *("hdivrange", "hdivstep", "hdivsteps", "vdivrange", "vdivstep", "vdivsteps"),
)
"""Options of the grid of sources, which a spectrum would leave without effect."""


def sources_of(given: Given) -> tuple[list[Row] | None, str]:
    """The sources of -sourcefile or -spectrum, if any, and whether their weights count."""
    spectrum = given.text("spectrum")
    if spectrum is not None:
        for option in GRID_OPTIONS:
            if given.has(option):
                raise SimulatorError(f"-spectrum and -{option} contradict each other: give one of them")
        return read_spectrum(Path(spectrum)), "relative"
    path = given.text("sourcefile")
    sources = None if path is None else read_sources(Path(path))
    return sources, "relative" if given.has("use_source_weights") else "ignored"


def beam_of(given: Given, lambda_A: float) -> BeamConfig:
    """Translate wavelength, intensity, polarisation and sources."""
    horizontal = _divergence(given, "h")
    vertical = _divergence(given, "v")
    # The option is in per cent, the configuration a fraction. Its default is 0: a count alone does nothing.
    width = given.number("dispersion", 0.0) / 100
    waves = spread("-dispersion", given.whole("dispsteps"), width, None, alone=0.0)
    sources, weights = sources_of(given)
    return BeamConfig(
        wavelength_A=lambda_A,
        fluence=given.number("fluence", DEFAULT_FLUENCE),
        flux=given.number("flux", 0.0),
        exposure_s=given.number("exposure", 1.0),
        beamsize_mm=given.number("beamsize", DEFAULT_BEAMSIZE_MM),
        polarization=given.number("polar", 0.0),
        nopolar=given.last_of("polar", "nopolar") == "nopolar" and not given.has("oversample_polar"),
        h_divergence_mrad=horizontal.span,
        v_divergence_mrad=vertical.span,
        h_divergence_step_mrad=horizontal.step,
        v_divergence_step_mrad=vertical.step,
        h_divergence_steps=horizontal.count,
        v_divergence_steps=vertical.count,
        round_divergence=not given.has("square_div"),
        dispersion=waves.span,
        dispersion_step=waves.step,
        dispersion_steps=waves.count,
        sources=sources,
        source_weights=weights,
        dmin_A=given.number("dmin", 0.0),
    )


def _cell_note(given: Given, crystal: CrystalConfig) -> list[str]:
    """Where the cell came from, when no option gave it."""
    path = cell_file(given)
    if path is None:
        return []
    edges = f"{crystal.cell_a:g} {crystal.cell_b:g} {crystal.cell_c:g} A"
    angles = f"{crystal.cell_alpha:g} {crystal.cell_beta:g} {crystal.cell_gamma:g} degrees"
    return [f"the unit cell is that of {path}: {edges}, {angles}"]


def _unused_files(given: Given) -> list[str]:
    """A note for each background file that is not used."""
    if given.has("use_stol"):
        return []
    notes = []
    for key in ("stol", "4stol", "Q"):
        if given.has(key):
            notes.append(f"-{key} is read by the reference program and never used: ignored without -use_stol")
    return notes


def translate(given: Given, clock: int) -> Experiment:
    """Translate all options; `clock` (seconds) seeds what the reference seeds from the time of day."""
    imported = detector_options.imported_header(given)
    lambda_A = wavelength(given, imported.header)
    beam = beam_of(given, lambda_A)
    crystal = crystal_of(given, imported.header, lambda_A, clock)
    crystal = with_size(crystal, given, given.number("beamsize", DEFAULT_BEAMSIZE_MM))
    detector, notes = detector_options.detector_of(given, imported)
    return Experiment(
        crystal, beam, detector, imported.mask, (*notes, *_cell_note(given, crystal), *_unused_files(given))
    )
