"""Sources: a grid over two divergence angles and wavelength, or a list of rows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.config import BeamConfig, SimulatorError
from simulator.config.checks import Scalar, plain
from simulator.geometry.arrays import bare, cross, length, library_of, scalar, stacked, table_of
from simulator.geometry.rotation import about_axis, unit
from simulator.units import MRAD

if TYPE_CHECKING:
    from torch import Tensor


FAR = 10.0
"""Metres from the sample to a source whose place is not given; only its direction counts."""

CORNER = 1.1
"""How far outside the ellipse (relative radius squared) a grid point of a round divergence may lie."""


@dataclass(frozen=True)
class Sources:
    """S sources.

    directions   [S, 3] unit vectors along which the photons travel
    wavelengths  [S] Angstrom
    weights      [S] with the mean 1
    """

    directions: "Tensor"
    wavelengths: "Tensor"
    weights: "Tensor"


def _is_dropped(config: BeamConfig, h: float, v: float) -> bool:
    """Whether the round-beam rule drops this point: 4 (r_h + r_v) > 1.1.

    r = (angle^2 - step^2/4 e) / range^2, e = 1 for an even number of steps, else 0.
    A range of 0 drops nothing.
    """
    h_span, v_span = plain(config.h_divergence_mrad), plain(config.v_divergence_mrad)
    if h_span * h_span == 0 or v_span * v_span == 0:
        return False
    along_h = _relative_square(h, h_span, config.h_divergence_step_mrad, config.h_divergence_steps)
    along_v = _relative_square(v, v_span, config.v_divergence_step_mrad, config.v_divergence_steps)
    return config.round_divergence and 4 * (along_h + along_v) > CORNER


def _relative_square(angle: float, span: float, step: Scalar, count: int) -> float:
    """(angle^2 - step^2/4 e) / span^2: an even grid has its innermost points half a step off the middle."""
    gap = plain(step)
    even = 1 - count % 2
    return (angle * angle - gap * gap / 4 * even) / (span * span)


def _positions(span: "Tensor", step: "Tensor", count: int) -> "list[Tensor]":
    """The points of one axis of the grid, from -span/2 upwards."""
    return [step * index - span / 2 for index in range(count)]


def grid(config: BeamConfig, beam: "Tensor", polarization: "Tensor", wavelength: "Tensor") -> Sources:
    """Spread sources over divergence angles h (outer loop), v, then wavelengths.

    direction: the beam turned about the polarisation axis by v, then about beam x polarisation by h;
    wavelength: wavelength (1 + step x j - dispersion/2), j = 0, 1, ...
    """
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
    if plain(norm) > 0:
        upright = upright / norm
    directions, wavelengths = [], []
    for h in _positions(h_span, h_step, config.h_divergence_steps):
        about_upright = about_axis(upright, h * MRAD)
        for v in _positions(v_span, v_step, config.v_divergence_steps):
            if _is_dropped(config, plain(h), plain(v)):
                continue
            turned = about_upright @ (about_axis(polarization, v * MRAD) @ beam)
            for index in range(config.dispersion_steps):
                directions.append(unit(turned))
                wavelengths.append(wavelength * (1 + d_step * index - dispersion / 2))
    if not directions:
        raise SimulatorError(
            "the round divergence drops every source: use more steps, or a square divergence"
        )
    stacked_wavelengths = xp.stack(wavelengths)
    return Sources(xp.stack(directions), stacked_wavelengths, xp.ones_like(stacked_wavelengths))


def from_rows(config: BeamConfig, beam: "Tensor", wavelength: "Tensor") -> Sources:
    """Make sources of rows (x, y, z, weight, wavelength in Angstrom); photons travel from (x, y, z) to 0.

    A NaN in x, y or z stands for the beam's own direction, a NaN wavelength for `wavelength`.
    """
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
