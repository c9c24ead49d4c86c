"""Sources: a grid over two divergence angles and wavelength, or a list of rows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.config import BeamConfig, SimulatorError
from simulator.config.checks import Scalar, numbers, plain
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


def kept_points(config: BeamConfig) -> list[int]:
    """Numbers h x V + v of the points of the H x V grid that the round-beam rule keeps, in rising order.

    It drops a point where 4 (r_h + r_v) > 1.1; r = (angle^2 - step^2/4 e) / range^2 with e = 1 for an even
    number of steps, else 0. A range of 0 drops nothing.
    """
    points = config.h_divergence_steps * config.v_divergence_steps
    spans = (config.h_divergence_mrad, config.v_divergence_mrad)
    if not config.round_divergence or not all(_has_square(span) for span in spans):
        return list(range(points))
    along_h = _relative_squares(
        config.h_divergence_mrad, config.h_divergence_step_mrad, config.h_divergence_steps
    )
    along_v = _relative_squares(
        config.v_divergence_mrad, config.v_divergence_step_mrad, config.v_divergence_steps
    )
    kept = []
    for h, of_h in enumerate(along_h):
        for v, of_v in enumerate(along_v):
            if 4 * (of_h + of_v) <= CORNER:
                kept.append(h * len(along_v) + v)
    return kept


def _has_square(span: Scalar) -> bool:
    """Whether the square of a range is above 0, in some entry of a batch where there is one."""
    return any(width * width > 0 for width in numbers(span))


def _relative_squares(span: Scalar, step: Scalar, count: int) -> list[float]:
    """(angle^2 - step^2/4 e) / range^2 of each point of one axis.

    An even grid (e = 1) has its innermost points half a step off the middle.
    """
    width, gap = plain(span), plain(step)
    even = 1 - count % 2
    angles = [gap * index - width / 2 for index in range(count)]
    return [(angle * angle - gap * gap / 4 * even) / (width * width) for angle in angles]


def _positions(span: "Tensor", step: "Tensor", count: int) -> "Tensor":
    """[count] points of one axis of the grid, from -span/2 upwards."""
    points: Tensor = step * library_of(span).arange(count) - span / 2
    return points


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
    kept = kept_points(config)
    if not kept:
        raise SimulatorError(
            "the round divergence drops every source: use more steps, or a square divergence"
        )
    upright = cross(beam, polarization)
    norm = length(upright)
    if plain(norm) > 0:
        upright = upright / norm
    h_angles = _positions(h_span, h_step, config.h_divergence_steps) * MRAD
    v_angles = _positions(v_span, v_step, config.v_divergence_steps) * MRAD
    # [V, 3, 1] columns, then [H, V, 3, 1].
    by_v = about_axis(polarization, v_angles) @ beam[:, None]
    by_both = about_axis(upright, h_angles)[:, None] @ by_v[None]
    turned = by_both.reshape(-1, 3)
    if len(kept) < len(turned):
        turned = turned[kept]
    dispersion, d_step = scalar(config.dispersion, xp), scalar(config.dispersion_step, xp)
    of_waves = wavelength * (1 + _positions(dispersion, d_step, config.dispersion_steps))
    # Every wavelength for every direction, [K, D]: wavelengths innermost.
    every = xp.ones_like(turned[:, :1]) * of_waves[None]
    directions = unit(turned)[:, None] * xp.ones_like(every)[..., None]
    wavelengths = every.reshape(-1)
    return Sources(directions.reshape(-1, 3), wavelengths, xp.ones_like(wavelengths))


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
