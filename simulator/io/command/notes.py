"""Tell the user which numbers of a command line count otherwise than they were written."""

from collections.abc import Iterator

from simulator.beam.sources import kept_points
from simulator.config import DetectorConfig
from simulator.io.command.parse import Given
from simulator.io.command.translate import Experiment, sizes_given

COUNTS = ("phisteps", "dispsteps", "divsteps", "hdivsteps", "vdivsteps", "mosaic_domains", "oversample")
"""Options whose numbers below 1 mean that none is given, as in the reference."""

STEPS = ("phistep", "hdivstep", "vdivstep")
"""Options whose numbers up to 0 mean that none is given, as in the reference."""


def notes_on(given: Given, experiment: Experiment) -> list[str]:
    """List all notes on a command line and what was made of it."""
    return [
        *_numbers_not_taken(given),
        *_counts_without_use(given),
        *_crystal_clipped(given, experiment),
        *_region_clipped(experiment.detector),
        *_sources(experiment),
        *_sensor(given),
    ]


def _numbers_not_taken(given: Given) -> Iterator[str]:
    for key in COUNTS:
        count = given.whole(key)
        if count is not None and count < 1:
            yield f"-{key} {count} counts as not given"
    for key in STEPS:
        step = given.maybe(key)
        if step is not None and step <= 0:
            yield f"-{key} {step:g} counts as not given"
    for key in ("N", "Na", "Nb", "Nc"):
        count = given.whole(key)
        if count is not None and count < 1:
            yield f"-{key} {count} counts as 1 cell"


def _counts_without_use(given: Given) -> Iterator[str]:
    """Counts that another option makes void."""
    if _is_positive(given, "phistep") and given.has("phisteps") and not given.has("osc"):
        yield "-phisteps is not used: -phistep without -osc makes two steps, as in the reference"
    for letter in "hv":
        counts = given.last_of(f"{letter}divsteps", "divsteps")
        ranged = given.last_of(f"{letter}divrange", "divergence")
        if _is_positive(given, f"{letter}divstep") and counts is not None and ranged is None:
            yield f"-{counts} is not used: -{letter}divstep without a range makes two, as in the reference"
    if given.has("dispsteps") and given.number("dispersion", 0.0) == 0:
        yield "-dispsteps is not used without -dispersion"
    if given.has("mosaic_domains") and given.number("mosaic_spread", 0.0) == 0:
        yield "-mosaic_domains is not used without -mosaic_spread"
    if given.has("detector_thicksteps") and given.number("detector_thick", 0.0) == 0:
        yield "-detector_thicksteps is not used without -detector_thick"


def _is_positive(given: Given, key: str) -> bool:
    return given.number(key, 0.0) > 0


def _crystal_clipped(given: Given, experiment: Experiment) -> Iterator[str]:
    """Sizes of the crystal beyond the beam, along y and z."""
    beam = experiment.beam.beamsize_mm
    sizes = sizes_given(given)
    for axis, size in zip("yz", sizes[1:], strict=True):
        if size > beam:
            yield f"the crystal's size along {axis}, {size:g} mm, is cut to that of the beam, {beam:g} mm"


def _region_clipped(config: DetectorConfig) -> Iterator[str]:
    if config.roi is None:
        return
    first_f, last_f, first_s, last_s = config.roi
    outside = first_f < 0 or first_s < 0 or last_f >= config.fpixels or last_s >= config.spixels
    if outside:
        yield f"-roi is cut to the detector of {config.fpixels} x {config.spixels} px"


def _sources(experiment: Experiment) -> Iterator[str]:
    """Sources that the round divergence drops, and weights that do not count."""
    config = experiment.beam
    if config.sources is None:
        wanted = config.h_divergence_steps * config.v_divergence_steps * config.dispersion_steps
        kept = len(kept_points(config)) * config.dispersion_steps
        if kept < wanted:
            yield f"{kept} of {wanted} sources: the corners of a round divergence are dropped (-square_div)"
        return
    weights = {row[3] for row in config.sources}
    if config.source_weights == "ignored" and len(weights) > 1:
        yield "the weights of the source file do not count, as in the reference (-use_source_weights)"


def _sensor(given: Given) -> Iterator[str]:
    depth = given.text("detector_abs")
    bare = depth is not None and depth.lower() in ("inf", "none")
    if bare and given.number("detector_thick", 0.0) > 0:
        yield f"-detector_thick is not used: -detector_abs {depth} leaves a bare plane"
