"""Sources: a grid over two divergence angles and wavelength, or a list."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.config import BeamConfig, SimulatorError
from simulator.config.checks import plain
from simulator.geometry.arrays import bare, cross, length, library_of, scalar, stacked, table_of
from simulator.geometry.rotation import about_axis, unit

if TYPE_CHECKING:
    from torch import Tensor


MRAD = 1e-3
FAR = 10.0
"""Metres from the sample to a source whose place is not given; only its direction counts."""

CORNER = 1.1
"""How far outside the ellipse (relative radius squared) a grid point of a round divergence may lie."""


@dataclass(frozen=True)
class Sources:
    """S sources: unit vectors along which the photons travel [S, 3], wavelengths in Angstrom [S], weights
    [S] with
    the mean 1."""

    directions: "Tensor"
    wavelengths: "Tensor"
    weights: "Tensor"


def _trimmed(config: BeamConfig, h: float, v: float) -> bool:
    """Whether the round-beam rule drops this point: 4 [(h^2 - step^2/4 (1 - n mod 2))/range^2 + same] > 1.1.

    A range of 0 drops nothing.
    """
    parts = []
    for angle, span, step, count in (
        (h, config.h_divergence_mrad, config.h_divergence_step_mrad, config.h_divergence_steps),
        (v, config.v_divergence_mrad, config.v_divergence_step_mrad, config.v_divergence_steps),
    ):
        width, gap, even = plain(span), plain(step), 1 - count % 2
        if width * width == 0:
            return False
        parts.append((angle * angle - gap * gap / 4 * even) / (width * width))
    return config.round_divergence and 4 * sum(parts) > CORNER


def _positions(span: "Tensor", step: "Tensor", count: int) -> "list[Tensor]":
    return [step * index - span / 2 for index in range(count)]


def grid(config: BeamConfig, beam: "Tensor", polarization: "Tensor", wavelength: "Tensor") -> Sources:
    """Directions h (outer), v, then wavelengths: the beam's start turned about the polarisation axis by v,
    then about
    beam x polarisation by h; wavelength (1 + step x j - dispersion/2)."""
    xp = library_of(beam)
    h_span, v_span, h_step, v_step = stacked(
        (
            config.h_divergence_mrad,
            config.v_divergence_mrad,
            config.h_divergence_step_mrad,
            config.v_divergence_step_mrad,
        ),
        xp,
    )
    dispersion, d_step = scalar(config.dispersion, xp), scalar(config.dispersion_step, xp)
    upright = cross(beam, polarization)
    norm = length(upright)
    upright = upright / norm if plain(norm) > 0 else upright
    directions, wavelengths = [], []
    for h in _positions(h_span, h_step, config.h_divergence_steps):
        for v in _positions(v_span, v_step, config.v_divergence_steps):
            if _trimmed(config, plain(h), plain(v)):
                continue
            turned = about_axis(upright, h * MRAD) @ (about_axis(polarization, v * MRAD) @ beam)
            for index in range(config.dispersion_steps):
                directions.append(unit(turned))
                wavelengths.append(wavelength * (1 + d_step * index - dispersion / 2))
    if not directions:
        raise SimulatorError(
            "the round divergence drops every source: use more steps, or a square divergence"
        )
    return Sources(xp.stack(directions), xp.stack(wavelengths), xp.ones_like(xp.stack(wavelengths)))


def from_rows(config: BeamConfig, beam: "Tensor", wavelength: "Tensor") -> Sources:
    """Sources from rows (x, y, z, weight, wavelength in Angstrom): photons travel from there to the
    sample."""
    xp = library_of(beam)
    rows = table_of(() if config.sources is None else config.sources, xp)
    if rows.ndim != 2 or rows.shape[0] == 0 or rows.shape[1] != 5:
        raise SimulatorError(
            f"sources must be rows of x, y, z, weight, wavelength; got the shape {tuple(rows.shape)}"
        )
    nowhere = xp.isnan(rows[:, :3]).any(-1)[:, None]
    places = xp.where(nowhere, -FAR * beam, rows[:, :3])
    lengths = length(bare(places))
    if not bool((lengths > 0).all()):
        raise SimulatorError(
            f"source {int(lengths.argmin()) + 1} stands at the sample (0 0 0 m): it has no direction"
        )
    wavelengths = xp.where(xp.isnan(rows[:, 4]), wavelength, rows[:, 4])
    if not bool((wavelengths > 0).all()):
        worst = int(bare(wavelengths).argmin())
        raise SimulatorError(
            f"source {worst + 1} has the wavelength {float(wavelengths[worst]):g} A: it must be above 0"
        )
    weights = rows[:, 3]
    if config.source_weights == "ignored":
        weights = xp.ones_like(weights)
    elif bool((weights < 0).any()) or not float(bare(weights).sum()) > 0:
        raise SimulatorError(f"source weights must not be negative and not all 0; got {weights.tolist()}")
    return Sources(-unit(places), wavelengths, weights / weights.mean())
