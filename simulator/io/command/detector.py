"""The detector's options, and the headers that may stand in for them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.config import DetectorConfig, SimulatorError
from simulator.detector.size import pixels_across
from simulator.io.command.parse import Given
from simulator.io.smv import Header, read_smv
from simulator.io.stol import SCALES, read_stol

CONVENTIONS = {"mosflm": "MOSFLM", "denzo": "DENZO", "adxv": "ADXV", "xds": "XDS", "dials": "DIALS"}
VECTORS = {
    "fdet_vector": "fast_vector",
    "sdet_vector": "slow_vector",
    "odet_vector": "normal_vector",
    "beam_vector": "beam_vector",
    "polar_vector": "polarization_vector",
    "spindle_axis": "spindle_vector",
    "twotheta_axis": "twotheta_vector",
}
BEAM_PIVOT = ("distance", "Xbeam", "Ybeam", "mosflm", "denzo", "adxv")
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


@dataclass(frozen=True)
class Imported:
    """What -mask and -img say: one header, later entries winning, and the mask itself."""

    header: Header
    mask: NDArray[np.int32] | None


def imported_header(given: Given) -> Imported:
    """-mask first, -img second. The Y of a beam centre is flipped for the mask only, as the reference
    does."""
    header, mask = Header({}), None
    path = given.text("mask")
    if path is not None:
        image, found = read_smv(Path(path))
        mask = image.astype(np.int32)
        header = found.with_flipped_centre()
    path = given.text("img")
    if path is not None:
        header = header.updated(read_smv(Path(path))[1])
    return Imported(header, mask)


def pivot_of(given: Given) -> str:
    """For custom axes the last option that implies a pivot wins."""
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


def _size(given: Given, header: Header) -> dict[str, object]:
    """Pixel counts win over sizes in mm; a size that is no whole number of pixels keeps its fraction."""
    pixel = given.number("pixel", header.number("PIXEL_SIZE") or 0.1)
    found: dict[str, object] = {"pixel_size_mm": pixel}
    for name, count_key, size_key, header_key in (
        ("fast", "detpixels_x", "detsize_f", "SIZE1"),
        ("slow", "detpixels_y", "detsize_s", "SIZE2"),
    ):
        count = given.whole(count_key) or given.whole("detpixels")
        size = given.maybe(size_key) or given.maybe("detsize")
        if count is None and size is None and header.number(header_key):
            count = int(header.number(header_key) or 0)
        if count is None and size is not None:
            count = pixels_across(size, pixel)
            found[f"size_{name}_mm"] = size
        found["fpixels" if name == "fast" else "spixels"] = 1024 if count is None else count
        if count is None and pixel != 0.1:
            found["fpixels" if name == "fast" else "spixels"] = pixels_across(102.4, pixel)
            found[f"size_{name}_mm"] = 102.4
    return found


def _place(given: Given, header: Header) -> dict[str, object]:
    close = given.maybe("close_distance")
    if close is None and not given.has("distance"):
        close = header.number("CLOSE_DISTANCE")
    return {
        "distance_mm": given.number("distance", header.number("DISTANCE") or 100.0),
        "close_distance_mm": close,
        "beam_x_mm": _or_header(given, "Xbeam", header, "BEAM_CENTER_X"),
        "beam_y_mm": _or_header(given, "Ybeam", header, "BEAM_CENTER_Y"),
        "close_x_mm": given.maybe("Xclose"),
        "close_y_mm": given.maybe("Yclose"),
        "org_x_px": _or_header(given, "ORGX", header, "ORGX"),
        "org_y_px": _or_header(given, "ORGY", header, "ORGY"),
        "rotx_deg": given.number("detector_rotx", 0.0),
        "roty_deg": given.number("detector_roty", 0.0),
        "rotz_deg": given.number("detector_rotz", 0.0),
    }


def _or_header(given: Given, key: str, header: Header, name: str) -> float | None:
    value = given.maybe(key)
    return header.number(name) if value is None else value


def _axes(given: Given) -> tuple[dict[str, object], list[str]]:
    """Convention, vectors, pivot and two-theta, with the reference's side effects and a note for each."""
    notes: list[str] = []
    convention = next((CONVENTIONS[key] for key in reversed(given.order) if key in CONVENTIONS), "MOSFLM")
    found: dict[str, object] = {VECTORS[key]: given.triple(key) for key in VECTORS if given.has(key)}
    custom = bool(found) or given.has("pix0_vector")
    if given.has("pix0_vector"):
        notes.append("-pix0_vector only switches to custom axes: its value is not used")
    swing = given.number("twotheta", 0.0)
    axis = given.triple("twotheta_axis")
    if axis is not None and (
        not given.has("twotheta") or given.order.index("twotheta_axis") > given.order.index("twotheta")
    ):
        if axis[0] != swing:
            notes.append(
                f"-twotheta_axis sets -twotheta to its x, {axis[0]:g} degrees: give -twotheta after it"
            )
        swing = axis[0]
    found |= {"convention": "CUSTOM" if custom else convention, "twotheta_deg": swing}
    if custom:
        found["pivot"] = pivot_of(given)
    return found, notes


def _sensor(given: Given) -> dict[str, object]:
    depth = given.text("detector_abs")
    endless = depth is not None and depth.lower() in ("inf", "none")
    try:
        attenuation = None if depth is None or endless else float(depth)
    except ValueError:
        raise SimulatorError(f"-detector_abs is {depth!r}: it must be a depth in um, or inf") from None
    thickness = 0.0 if endless else given.number("detector_thick", 0.0)
    each = {
        name: "each" if given.has(f"oversample_{key}") else "first"
        for name, key in (("omega_from", "omega"), ("polarization_from", "polar"), ("capture_from", "thick"))
    }
    oversample = given.whole("oversample")
    return {
        "thickness_um": thickness,
        "attenuation_um": attenuation,
        "thickness_steps": given.whole("detector_thicksteps"),
        "oversample": None if oversample is None or oversample < 1 else oversample,
        **each,
        "running_product": "each" in each.values() and not given.has("oversample_independent"),
        "water_um": given.number("water", 0.0),
        "water_counted_twice": not (given.has("water_once") or given.has("use_stol")),
        "background": _liquid(given),
    }


def _liquid(given: Given) -> list[tuple[float, float]] | None:
    """The rows of the last of -stol, -4stol, -Q, where -use_stol asks for them."""
    if not given.has("use_stol"):
        return None
    kinds = [key for key in given.order if key in SCALES]
    if not kinds:
        raise SimulatorError("-use_stol needs a file: give -stol, -4stol or -Q")
    return read_stol(Path(str(given.text(kinds[-1]))), kinds[-1])


def detector_of(given: Given, imported: Imported) -> tuple[DetectorConfig, list[str]]:
    """The detector, and what the user should know about how it was read."""
    axes, notes = _axes(given)
    roi = tuple(int(value) for value in given.values["roi"]) if given.has("roi") else None
    config = DetectorConfig(
        **_size(given, imported.header),  # type: ignore[arg-type]
        **_place(given, imported.header),  # type: ignore[arg-type]
        **axes,  # type: ignore[arg-type]
        **_sensor(given),  # type: ignore[arg-type]
        curved=given.has("curved_det"),
        point_pixel=given.has("point_pixel"),
        roi=roi,  # type: ignore[arg-type]
    )
    return config, notes
