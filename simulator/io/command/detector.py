"""Translate the detector's options, and the headers that may stand in for them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.config import DetectorConfig, SimulatorError
from simulator.detector.size import pixels_across
from simulator.io.command.parse import Given
from simulator.io.mask import read_mask
from simulator.io.smv import Header, read_header
from simulator.io.stol import SCALES, read_stol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CONVENTIONS = {"mosflm": "MOSFLM", "denzo": "DENZO", "adxv": "ADXV", "xds": "XDS", "dials": "DIALS"}

VECTORS = (
    "fdet_vector",
    "sdet_vector",
    "odet_vector",
    "beam_vector",
    "polar_vector",
    "spindle_axis",
    "twotheta_axis",
)
"""Options that give an axis; any of them switches to custom axes."""

BEAM_PIVOT = ("distance", "Xbeam", "Ybeam", "mosflm", "denzo", "adxv")
"""Options that imply the beam pivot."""

SAMPLE_PIVOT = (
    "close_distance",
    "Xclose",
    "Yclose",
    "ORGX",
    "ORGY",
    "twotheta",
    "twotheta_axis",
    "xds",
    "dials",
)
"""Options that imply the sample pivot."""

DEFAULT_PIXEL_MM = 0.1
DEFAULT_PIXELS = 1024

DEFAULT_SIZE_MM = 102.4
"""Size of an edge when only a pixel size is given: DEFAULT_PIXELS pixels of DEFAULT_PIXEL_MM."""


HEADER_NUMBERS = (
    "PIXEL_SIZE",
    "DISTANCE",
    "CLOSE_DISTANCE",
    "WAVELENGTH",
    "BEAM_CENTER_X",
    "BEAM_CENTER_Y",
    "ORGX",
    "ORGY",
    "PHI",
    "OSC_RANGE",
)
"""Entries of a header that set numbers of the experiment."""


@dataclass(frozen=True)
class Imported:
    """Header entries of -mask and -img, later ones winning, and the mask's pixels [slow, fast]."""

    header: Header
    mask: "NDArray[np.int32] | None"


def imported_header(given: Given) -> Imported:
    """Read -mask first, then -img."""
    header = Header({})
    pixels = None
    mask_path = given.text("mask")
    if mask_path is not None:
        mask = read_mask(Path(mask_path))
        pixels = mask.pixels
        header = mask.header
    image_path = given.text("img")
    if image_path is not None:
        header = header.updated(read_header(Path(image_path)))
    return Imported(header, pixels)


def _header_notes(header: Header) -> list[str]:
    """What to say of entries that ought to be numbers and are none."""
    notes = []
    for name in HEADER_NUMBERS:
        if name in header.entries and header.number(name) is None:
            notes.append(f"{name} of the header is {header.entries[name]!r}, which is no number: ignored")
    return notes


def pivot_of(given: Given) -> str:
    """The pivot of custom axes: the last option that names or implies one wins."""
    pivot = "BEAM"
    for key in given.order:
        if key == "pivot":
            word = str(given.text("pivot")).upper()
            if word not in ("BEAM", "SAMPLE"):
                raise SimulatorError(f"-pivot is {given.text('pivot')!r}: it must be beam or sample")
            pivot = word
        elif key in BEAM_PIVOT:
            pivot = "BEAM"
        elif key in SAMPLE_PIVOT:
            pivot = "SAMPLE"
    return pivot


@dataclass(frozen=True)
class Edge:
    """One edge of the detector: pixels, and its size in mm where that is no whole number of pixels."""

    pixels: int
    size_mm: float | None = None


def _edge(count: int | None, size: float | None, in_header: float | None, pixel_mm: float) -> Edge:
    """A count of pixels wins over a size in mm, and both over the header's count."""
    if count is not None:
        return Edge(count)
    if size is None and in_header:
        return Edge(int(in_header))
    if size is not None:
        return Edge(pixels_across(size, pixel_mm), size)
    if pixel_mm != DEFAULT_PIXEL_MM:
        return Edge(pixels_across(DEFAULT_SIZE_MM, pixel_mm), DEFAULT_SIZE_MM)
    return Edge(DEFAULT_PIXELS)


def _or_header(given: Given, key: str, header: Header, name: str) -> float | None:
    """The option's number, else the header's entry `name`."""
    value = given.maybe(key)
    return header.number(name) if value is None else value


def _close_distance(given: Given, header: Header) -> float | None:
    """-close_distance; a -distance keeps the header's close distance from winning over it."""
    close = given.maybe("close_distance")
    if close is None and not given.has("distance"):
        close = header.number("CLOSE_DISTANCE")
    return close


@dataclass(frozen=True)
class TwoTheta:
    """The two-theta angle in degrees, and what the user should know about how it was read."""

    degrees: float
    notes: tuple[str, ...] = ()


def _two_theta(given: Given) -> TwoTheta:
    """-twotheta, or the x of a later -twotheta_axis: a defect of the reference that is kept, with a note."""
    angle = given.number("twotheta", 0.0)
    axis = given.triple("twotheta_axis")
    if axis is None:
        return TwoTheta(angle)
    if given.has("twotheta") and given.order.index("twotheta") > given.order.index("twotheta_axis"):
        return TwoTheta(angle)
    if axis[0] == angle:
        return TwoTheta(angle)
    note = f"-twotheta_axis sets -twotheta to its x, {axis[0]:g} degrees: give -twotheta after it"
    return TwoTheta(axis[0], (note,))


def _convention(given: Given) -> str:
    """CUSTOM where any axis is given, else the last convention named, else MOSFLM."""
    if given.has("pix0_vector") or any(given.has(key) for key in VECTORS):
        return "CUSTOM"
    last = given.last_of(*CONVENTIONS)
    return "MOSFLM" if last is None else CONVENTIONS[last]


@dataclass(frozen=True)
class Sensor:
    """Thickness and attenuation depth of the sensor, um; a depth of None is the thickness."""

    thickness_um: float
    attenuation_um: float | None


def _sensor(given: Given) -> Sensor:
    """-detector_thick and -detector_abs; a depth of inf or none leaves a bare plane."""
    depth = given.text("detector_abs")
    if depth is None:
        return Sensor(given.number("detector_thick", 0.0), None)
    if depth.lower() in ("inf", "none"):
        return Sensor(0.0, None)
    try:
        attenuation = float(depth)
    except ValueError:
        raise SimulatorError(f"-detector_abs is {depth!r}: it must be a depth in um, or inf") from None
    return Sensor(given.number("detector_thick", 0.0), attenuation)


def _pick(given: Given, option: str) -> str:
    """Whose factor multiplies the sum over a pixel: each sub-pixel's own where the option asks for it."""
    return "each" if given.has(option) else "first"


def _oversample(given: Given) -> int | None:
    """-oversample; None (automatic) for numbers below 1."""
    oversample = given.whole("oversample")
    if oversample is None or oversample < 1:
        return None
    return oversample


def _roi(given: Given) -> tuple[int, int, int, int] | None:
    """-roi: fast first, fast last, slow first, slow last."""
    if not given.has("roi"):
        return None
    first_f, last_f, first_s, last_s = (int(value) for value in given.values["roi"])
    return first_f, last_f, first_s, last_s


def _liquid(given: Given) -> list[tuple[float, float]] | None:
    """The rows of the last of -stol, -4stol, -Q, where -use_stol asks for them."""
    if not given.has("use_stol"):
        return None
    kind = given.last_of(*SCALES)
    if kind is None:
        raise SimulatorError("-use_stol needs a file: give -stol, -4stol or -Q")
    return read_stol(Path(str(given.text(kind))), kind)


def detector_of(given: Given, imported: Imported) -> tuple[DetectorConfig, list[str]]:
    """Translate to a configuration, and to notes on what the user should know about how it was read."""
    header = imported.header
    convention = _convention(given)
    pivot = pivot_of(given) if convention == "CUSTOM" else None
    two_theta = _two_theta(given)
    pixel_mm = given.number("pixel", header.number("PIXEL_SIZE") or DEFAULT_PIXEL_MM)
    fast_count = given.last_whole("detpixels_x", "detpixels")
    fast_size = given.last_number("detsize_f", "detsize")
    fast = _edge(fast_count, fast_size, header.number("SIZE1"), pixel_mm)
    slow_count = given.last_whole("detpixels_y", "detpixels")
    slow_size = given.last_number("detsize_s", "detsize")
    slow = _edge(slow_count, slow_size, header.number("SIZE2"), pixel_mm)
    sensor = _sensor(given)
    omega_from = _pick(given, "oversample_omega")
    polarization_from = _pick(given, "oversample_polar")
    capture_from = _pick(given, "oversample_thick")
    any_each = "each" in (omega_from, polarization_from, capture_from)
    config = DetectorConfig(
        fpixels=fast.pixels,
        spixels=slow.pixels,
        pixel_size_mm=pixel_mm,
        size_fast_mm=fast.size_mm,
        size_slow_mm=slow.size_mm,
        distance_mm=given.number("distance", header.number("DISTANCE") or 100.0),
        close_distance_mm=_close_distance(given, header),
        beam_x_mm=_or_header(given, "Xbeam", header, "BEAM_CENTER_X"),
        beam_y_mm=_or_header(given, "Ybeam", header, "BEAM_CENTER_Y"),
        close_x_mm=given.maybe("Xclose"),
        close_y_mm=given.maybe("Yclose"),
        org_x_px=_or_header(given, "ORGX", header, "ORGX"),
        org_y_px=_or_header(given, "ORGY", header, "ORGY"),
        convention=convention,
        pivot=pivot,
        rotx_deg=given.number("detector_rotx", 0.0),
        roty_deg=given.number("detector_roty", 0.0),
        rotz_deg=given.number("detector_rotz", 0.0),
        twotheta_deg=two_theta.degrees,
        fast_vector=given.triple("fdet_vector"),
        slow_vector=given.triple("sdet_vector"),
        normal_vector=given.triple("odet_vector"),
        beam_vector=given.triple("beam_vector"),
        polarization_vector=given.triple("polar_vector"),
        spindle_vector=given.triple("spindle_axis"),
        twotheta_vector=given.triple("twotheta_axis"),
        curved=given.has("curved_det"),
        point_pixel=given.has("point_pixel"),
        thickness_um=sensor.thickness_um,
        attenuation_um=sensor.attenuation_um,
        thickness_steps=given.whole("detector_thicksteps"),
        oversample=_oversample(given),
        omega_from=omega_from,
        polarization_from=polarization_from,
        capture_from=capture_from,
        running_product=any_each and not given.has("oversample_independent"),
        water_um=given.number("water", 0.0),
        water_counted_twice=not (given.has("water_once") or given.has("use_stol")),
        background=_liquid(given),
        roi=_roi(given),
    )
    return config, [*_header_notes(header), *_vector_notes(given), *two_theta.notes]


def _vector_notes(given: Given) -> list[str]:
    if given.has("pix0_vector"):
        return ["-pix0_vector only switches to custom axes: its value is not used"]
    return []
