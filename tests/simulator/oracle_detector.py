"""The oracle's detector: axes of the conventions, and the panel in space, of the settings of a command."""

import math
from dataclasses import dataclass

from tests.simulator.oracle import Vector, cross, dot, minus, plus, size, times, turned, turned_xyz, unit
from tests.simulator.oracle_settings import Settings, refuse_unless

X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


DOWN, BACK = (0.0, -1.0, 0.0), (0.0, 0.0, -1.0)


LEFT = (-1.0, 0.0, 0.0)


AXES: dict[str, dict[str, Vector]] = {
    "MOSFLM": {"beam": X, "fdet": Z, "sdet": DOWN, "odet": X, "twotheta": BACK, "polar": Z, "spindle": Z},
    "DENZO": {"beam": X, "fdet": Z, "sdet": DOWN, "odet": X, "twotheta": BACK, "polar": Z, "spindle": Z},
    "ADXV": {"beam": Z, "fdet": X, "sdet": DOWN, "odet": Z, "twotheta": LEFT, "polar": X, "spindle": X},
    "XDS": {"beam": Z, "fdet": X, "sdet": Y, "odet": Z, "twotheta": X, "polar": X, "spindle": X},
    "DIALS": {"beam": Z, "fdet": X, "sdet": Y, "odet": Z, "twotheta": Y, "polar": Y, "spindle": Y},
    "CUSTOM": {"beam": X, "fdet": Z, "sdet": DOWN, "odet": X, "twotheta": Y, "polar": Z, "spindle": Z},
}


@dataclass(frozen=True)
class Panel:
    """The detector in space after all rotations, and what its header says of the beam."""

    axes: dict[str, Vector]
    pixels: tuple[int, int]
    sizes: tuple[float, float]
    origin: Vector
    fast: Vector
    slow: Vector
    normal: Vector
    close: float
    distance: float
    beam_centre: tuple[float, float]


def edges_of(s: Settings) -> tuple[tuple[int, int], tuple[float, float]]:
    """Pixels along fast and slow, and sizes in m: counts win; ceil(size/pixel - 1/2) of a size."""
    pixels, sizes = [], []
    for count, given in zip(s.pixels, s.detsize, strict=True):
        if count:
            pixels.append(count)
            sizes.append(count * s.pixel / 1000)
            continue
        mm = given or 102.4
        pixels.append(max(1, math.ceil(mm / s.pixel - 0.5)))
        sizes.append(mm / 1000)
    refuse_unless(all(count > 0 for count in pixels), "no pixels")
    return (pixels[0], pixels[1]), (sizes[0], sizes[1])


def place_detector(s: Settings) -> Panel:
    """Axes by the convention, then the rotations about the pivot."""
    convention = "CUSTOM" if s.custom else s.convention
    pixels, (size_f, size_s) = edges_of(s)
    p = s.pixel / 1000
    axes = dict(AXES[convention])
    for name, vector in s.vectors.items():
        if name != "-pix0_vector":
            axes[name[1:].replace("_vector", "").replace("_axis", "")] = vector
    for name in ("beam", "fdet", "sdet", "polar", "spindle"):
        axes[name] = unit(axes[name])
    if size(axes["odet"]) != 1.0:
        axes["odet"] = unit(cross(axes["fdet"], axes["sdet"]))

    near_f = size_f / 2 if s.org[0] is None else (s.org[0] - 0.5) * p
    near_s = size_s / 2 if s.org[1] is None else (s.org[1] - 0.5) * p
    x_close = near_f if s.close_centre[0] is None else s.close_centre[0] / 1000
    y_close = near_s if s.close_centre[1] is None else s.close_centre[1] / 1000
    defaults = {
        "MOSFLM": ((size_s + p) / 2, (size_f + p) / 2),
        "DENZO": ((size_s + p) / 2, (size_f + p) / 2),
        "ADXV": ((size_f + p) / 2, (size_s - p) / 2),
    }.get(convention, (x_close, y_close))
    x = defaults[0] if s.beam_centre[0] is None else s.beam_centre[0] / 1000
    y = defaults[1] if s.beam_centre[1] is None else s.beam_centre[1] / 1000
    beam_f, beam_s = {
        "MOSFLM": (y + p / 2, x + p / 2),
        "DENZO": (y, x),
        "ADXV": (x, size_s - y),
    }.get(convention, (x, y))
    pivot = {"XDS": "SAMPLE", "DIALS": "SAMPLE", "CUSTOM": s.pivot}.get(convention, "BEAM")
    if convention == "CUSTOM":
        near_f, near_s = x, y

    rotations = [math.radians(angle) for angle in s.rotations]

    def upright(u: Vector) -> Vector:
        return turned_xyz(u, *rotations)

    def swung(u: Vector) -> Vector:
        return turned(upright(u), axes["twotheta"], math.radians(s.twotheta))

    # The ratio leaves two-theta out, and so does the distance that follows from it.
    ratio = dot(axes["beam"], upright(axes["odet"]))
    refuse_unless(ratio > 0, "the detector is behind the beam")
    close = abs(ratio * s.distance / 1000) if s.close is None else s.close / 1000
    distance = close / ratio
    fast, slow, normal = swung(axes["fdet"]), swung(axes["sdet"]), swung(axes["odet"])
    if pivot == "SAMPLE":
        still = plus(times(-near_f, axes["fdet"]), times(-near_s, axes["sdet"]), times(close, axes["odet"]))
        origin = swung(still)
    else:
        origin = plus(times(-beam_f, fast), times(-beam_s, slow), times(distance, axes["beam"]))
    close = dot(origin, normal)
    refuse_unless(close > 1e-9 * distance, "the plane passes through or behind the sample")
    return Panel(
        axes=axes,
        pixels=pixels,
        sizes=(size_f, size_s),
        origin=origin,
        fast=fast,
        slow=slow,
        normal=normal,
        close=close,
        distance=close / ratio,
        beam_centre=(x, y),
    )


def beam_on_panel(panel: Panel) -> tuple[float, float]:
    """Fast and slow coordinate of the beam on the panel, m."""
    hit = minus(times(panel.distance, panel.axes["beam"]), panel.origin)
    return dot(hit, panel.fast), dot(hit, panel.slow)


def region(s: Settings, pixels: tuple[int, int]) -> tuple[int, int, int, int]:
    """-roi cut to the detector: fast first, last, slow first, last, inclusive."""
    if s.roi is None:
        return (0, pixels[0] - 1, 0, pixels[1] - 1)
    first_f, last_f, first_s, last_s = s.roi
    refuse_unless(first_f <= last_f and first_s <= last_s, "an empty region")
    inside = last_f >= 0 and last_s >= 0 and first_f < pixels[0] and first_s < pixels[1]
    refuse_unless(inside, "a region outside the detector")
    return (max(first_f, 0), min(last_f, pixels[0] - 1), max(first_s, 0), min(last_s, pixels[1] - 1))
