"""Make the oracle's experiment of a command line; `Refused` stands for exit code 2."""

import math
from pathlib import Path

from tests.simulator.oracle import R_E_SQUARE, Experiment, Source, Vector, cross, size, times, turned, unit
from tests.simulator.oracle_chance import mosaic_rotations
from tests.simulator.oracle_crystal import crystal, edge_lengths, interpolates, reflections
from tests.simulator.oracle_detector import place_detector, region
from tests.simulator.oracle_settings import Settings, refuse_unless, settings_of


def grid(count: int, span: float | None, step: float, alone: float) -> tuple[int, float, float]:
    """Points, range and step of a divergence or dispersion; a step or count up to 0 is not given.

    nothing: 1 point; step: 2 and range = step, whatever the count; range: 2 and step = range; range and step:
    ceil(range/step); count: range `alone`, step = range/count; count and range: at least 2, step =
    range/(count - 1); all three: as given. A range of 0 leaves one point.
    """
    counted, stepped = count >= 1, step > 0
    if span is None:
        if stepped:
            count, span = 2, step
        elif counted:
            span, step = alone, alone / count
        else:
            count, span, step = 1, 0.0, 0.0
    elif not counted:
        count, step = (math.ceil(span / step), step) if stepped else (2, span)
    elif not stepped:
        count = max(count, 2)
        step = span / (count - 1)
    return (count, span, step) if span > 0 and step > 0 else (1, 0.0, 0.0)


def spindle(count: int, span: float | None, step: float) -> tuple[int, float]:
    """Number of spindle steps and the step, degrees.

    nothing: 1; step: 2, whatever the count; range: 2 of range/2; range and step: ceil(range/step); count: a
    range of 1 degree; count and range: range/count; all three: the count and the step.
    """
    counted, stepped = count >= 1, step > 0
    if span is None:
        if stepped:
            return 2, step
        return (count, 1.0 / count) if counted else (1, 0.0)
    if not counted:
        return (max(1, math.ceil(span / step)), step) if stepped else (2, span / 2)
    return count, (step if stepped else span / count)


def experiment(words: list[str], folder: Path, clock: int) -> tuple[Experiment, Settings]:
    """The experiment of a command line; raises Refused where the command does."""
    s = settings_of(words, folder)
    check_numbers(s)
    real, star, cells = crystal(s, clock)
    low, high, table = reflections(s)
    steps, step = spindle(s.phisteps, s.osc, s.phistep)
    panel = place_detector(s)
    fluence = s.fluence if s.flux == 0 else s.flux * s.exposure / (s.beamsize / 1000) ** 2
    spread = s.spread if s.spread > 0 else 0.0
    domains = (s.domains if s.domains >= 1 else 10) if spread else 1
    thick = s.thick > 0 and not s.bare
    layers = 1 if not thick else 2 if s.thicksteps is None else max(s.thicksteps, 2)
    layer_step = 0.0
    if thick:
        layer_step = s.thick * 1e-6 / (2 if s.thicksteps is None else layers - 1)
    each = [f"-oversample_{factor}" in s.given for factor in ("omega", "polar", "thick")]
    e = Experiment(
        real=real,
        star=star,
        cells=cells,
        shape=s.shape,
        fudge=s.fudge,
        default_F=s.default_F,
        table=table,
        low=low,
        high=high,
        interpolate=interpolates(s),
        nearest_outside="-nearest_outside" in s.given,
        spindle=panel.axes["spindle"],
        angles=[math.radians(s.phi) + j * math.radians(step) for j in range(steps)],
        threads=s.threads if steps > 1 else 0,
        blocks=mosaic_rotations(spread, domains, s.mosaic_seed),
        sources=sources(s, panel.axes["beam"], panel.axes["polar"]),
        kahn=s.kahn,
        nopolar=s.nopolar and not each[1],
        polar_axis=panel.axes["polar"],
        dmin=s.dmin,
        scale=R_E_SQUARE * fluence,
        beam=panel.axes["beam"],
        origin=panel.origin,
        fast=panel.fast,
        slow=panel.slow,
        normal=panel.normal,
        pixel=s.pixel / 1000,
        close=panel.close,
        distance=panel.distance,
        fpixels=panel.pixels[0],
        spixels=panel.pixels[1],
        roi=region(s, panel.pixels),
        mask=s.mask,
        oversample=s.oversample,
        layers=layers,
        layer_step=layer_step,
        absorption=1 / ((s.attenuation or s.thick) * 1e-6) if thick else 0.0,
        thick=thick,
        curved="-curved_det" in s.given,
        point_pixel="-point_pixel" in s.given,
        omega_each=each[0],
        polar_each=each[1],
        thick_each=each[2],
        independent="-oversample_independent" in s.given,
        water=s.water * 1e-6,
        water_once=bool({"-water_once", "-use_stol"} & s.given),
        liquid=liquid(s),
    )
    if e.oversample < 1:
        # Three samples over the narrowest fringe of the crystal's transform.
        largest = max(n * edge for n, edge in zip(e.cells, edge_lengths(s, real), strict=True))
        samples = 3 * largest / (s.wavelength * e.distance / e.pixel)
        refuse_unless(samples <= 1000, "too many sub-pixels")
        e.oversample = max(1, math.ceil(samples))
    refuse_unless(s.mask is None or s.mask.shape == (e.spixels, e.fpixels), "a mask of another size")
    used = not e.nopolar and e.kahn != 0
    travelling = [e.beam, *(source.direction for source in e.sources)]
    across = min(size(cross(e.polar_axis, direction)) for direction in travelling)
    refuse_unless(not used or across > 1e-12, "polarisation along the beam")
    return e, s


def check_numbers(s: Settings) -> None:
    """Numbers that no experiment can have."""
    refuse_unless(s.cell is not None or s.matrix is not None, "no cell")
    positive = (s.wavelength, s.pixel, s.distance, s.beamsize, s.fudge)
    refuse_unless(all(number > 0 for number in positive), "a number must be above 0")
    refuse_unless(s.close is None or s.close > 0, "close distance")
    not_negative = (s.fluence, s.flux, s.exposure, s.dmin, s.thick, s.water, s.spread, *s.sizes)
    refuse_unless(all(number >= 0 for number in not_negative), "a number must not be negative")
    ranges = (*s.ranges, s.dispersion)
    refuse_unless(all(span is None or span >= 0 for span in ranges), "a negative range, used or not")
    refuse_unless(-1 <= s.kahn <= 1, "Kahn factor")
    refuse_unless(s.dispersion < 200, "dispersion")
    refuse_unless(s.attenuation is None or s.attenuation > 0, "attenuation depth")
    refuse_unless(s.thicksteps is None or s.thicksteps >= 1, "layers")
    refuse_unless(s.pivot in ("BEAM", "SAMPLE"), "pivot")
    refuse_unless("-use_stol" not in s.given or s.liquid_file is not None, "-use_stol without a file")
    refuse_unless(all(any(vector) for name, vector in s.vectors.items() if name != "-pix0_vector"), "axis")
    wanted = [path for path in s.files.values() if path is not None]
    refuse_unless(len(set(wanted)) == len(wanted), "two files of one name")


def sources(s: Settings, beam: Vector, polar: Vector) -> list[Source]:
    """The rows of a file, or the grid over horizontal angle, vertical angle, wavelength (innermost)."""
    if s.spectrum is not None:
        return energies(s, beam)
    if s.sourcefile is not None:
        return listed_sources(s, beam)
    (nh, h_range, h_step), (nv, v_range, v_step) = (
        grid(count, span, step, 1000.0)
        for count, span, step in zip(s.divsteps, s.ranges, s.divstep, strict=True)
    )
    nd, dispersion, d_step = grid(s.dispsteps, s.dispersion / 100, 0.0, 0.0)
    found = []
    for i in range(nh):
        for j in range(nv):
            h, v = h_step * i - h_range / 2, v_step * j - v_range / 2
            if "-square_div" not in s.given and h_range > 0 and v_range > 0:
                in_h = (h * h - h_step**2 / 4 * (1 - nh % 2)) / h_range**2
                in_v = (v * v - v_step**2 / 4 * (1 - nv % 2)) / v_range**2
                if 4 * (in_h + in_v) > 1.1:
                    continue
            place = turned(times(-10, beam), polar, v / 1000)
            place = turned(place, across_beam(beam, polar), h / 1000)
            for k in range(nd):
                wavelength = s.wavelength * (1 + d_step * k - dispersion / 2)
                found.append(Source(times(-1, unit(place)), wavelength, 1.0))
    refuse_unless(bool(found), "no source is left")
    return found


def across_beam(beam: Vector, polar: Vector) -> Vector:
    """unit(b x pol), or nothing to turn about where they are parallel."""
    across = cross(beam, polar)
    return unit(across) if size(across) > 0 else across


def listed_sources(s: Settings, beam: Vector) -> list[Source]:
    """Columns X Y Z weight wavelength(m); what is missing is the beam, 1, and the wavelength."""
    assert s.sourcefile is not None
    rows = []
    for line in s.sourcefile.read_text().splitlines():
        numbers = [float(word) for word in line.split("#")[0].split()]
        if numbers:
            place = (numbers[0], numbers[1], numbers[2]) if len(numbers) >= 3 else times(-10, beam)
            weight = numbers[3] if len(numbers) > 3 else 1.0
            rows.append((place, weight, numbers[4] * 1e10 if len(numbers) > 4 else s.wavelength))
    refuse_unless(bool(rows) and all(size(place) > 0 and wave > 0 for place, _, wave in rows), "sources")
    total = sum(weight for _, weight, _ in rows)
    relative = "-use_source_weights" in s.given
    refuse_unless(not relative or (total > 0 and all(weight >= 0 for _, weight, _ in rows)), "weights")
    return [
        Source(times(-1, unit(place)), wave, weight * len(rows) / total if relative else 1.0)
        for place, weight, wave in rows
    ]


def energies(s: Settings, beam: Vector) -> list[Source]:
    """Columns energy(eV) and weight, all along the beam; no grid and no other list beside it."""
    assert s.spectrum is not None
    others = ("-sourcefile", "-dispersion", "-dispsteps", "-divergence", "-divsteps")
    others += tuple(f"-{letter}div{what}" for letter in "hv" for what in ("range", "step", "steps"))
    refuse_unless(not s.given.intersection(others), "a grid or list of sources beside a spectrum")
    pairs = [[float(word) for word in line.split()] for line in s.spectrum.read_text().splitlines()]
    total = sum(weight for _, weight in pairs)
    mean = total / len(pairs)
    return [Source(beam, 12398.42 / energy, weight / mean) for energy, weight in pairs]


SCALES = {"-stol": 1.0, "-4stol": 1 / 4, "-Q": 1 / (4 * math.pi)}


def liquid(s: Settings) -> list[tuple[float, float]]:
    """Rows of sin(theta)/wavelength and F of the last file given, where -use_stol asks for it."""
    if "-use_stol" not in s.given:
        return []
    assert s.liquid_file is not None
    name, path = s.liquid_file
    rows = [[float(word) for word in line.split()] for line in path.read_text().splitlines()]
    return sorted((row[0] * SCALES[name], row[1]) for row in rows)
