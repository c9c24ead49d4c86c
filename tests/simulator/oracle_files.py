"""What the files of a command hold: computed from an image without the simulator's writers."""

import math
import sys
from pathlib import Path

import numpy as np

from tests.simulator.oracle import Experiment, cross, dot, minus, size, times, unit
from tests.simulator.oracle_chance import Poisson
from tests.simulator.oracle_crystal import cache_bytes
from tests.simulator.oracle_detector import Panel, beam_on_panel, place_detector
from tests.simulator.oracle_settings import CACHE, Settings


def files(e: Experiment, s: Settings, image: np.ndarray, clock: int) -> dict[Path, bytes | None]:
    """The bytes of each file of this image; None for a CBF, which another reader judges."""
    window = np.zeros(image.shape, dtype=bool)
    window[e.roi[2] : e.roi[3] + 1, e.roi[0] : e.roi[1] + 1] = True
    floats = image.astype(np.float32)
    inside = floats[window].astype(np.float64)
    header = header_bytes(s, place_detector(s))
    found: dict[Path, bytes | None] = {}
    for kind, path in s.files.items():
        if path is None or kind == "npy":
            continue
        if kind == "float":
            found[path] = floats.tobytes()
        elif kind == "int":
            found[path] = header + counts(s, floats, window).tobytes()
        elif kind == "pgm":
            found[path] = pgm(s, floats, inside)
        elif kind == "noise":
            found[path] = header + noise(s, floats, window, clock).tobytes()
        else:
            found[path] = None
    if s.hkl is not None and e.table is not None:
        found[Path(CACHE)] = cache_bytes(e.low, e.high, e.table, e.default_F)
    return found


def counts(s: Settings, floats: np.ndarray, window: np.ndarray) -> np.ndarray:
    """floor(float32(I scale + adc + 1/2)) in 0 ... 65535, 0 outside the region; 55000 for the brightest."""
    brightest = float(floats[window].max(initial=0))
    scale = s.scale or (55000 / brightest if brightest > 0 else 1.0)
    value = np.floor((floats.astype(np.float64) * scale + s.adc + 0.5).astype(np.float32))
    return np.where(window, np.clip(value, 0, 65535), 0).astype(np.uint16)


def pgm(s: Settings, floats: np.ndarray, inside: np.ndarray) -> bytes:
    """trunc(min(255, I scale)); 250 at five root mean square deviations of the region, by n - 1."""
    deviation = (
        math.sqrt(((inside - inside.mean()) ** 2).sum() / (len(inside) - 1)) if len(inside) > 1 else 0.0
    )
    scale = s.pgmscale or (250 / (5 * deviation) if deviation > 0 else 1.0)
    grey = np.clip(floats.astype(np.float64) * scale, 0, 255).astype(np.uint8)
    head = f"P5\n{floats.shape[1]} {floats.shape[0]}\n# pixels scaled by {scale:g}\n255\n"
    return head.encode() + grey.tobytes()


def noise(s: Settings, floats: np.ndarray, window: np.ndarray, clock: int) -> np.ndarray:
    """A Poisson deviate + adc, cut at 65535; pixels of the region in row order."""
    poisson = Poisson(clock if s.seed is None else s.seed)
    found = np.zeros(floats.shape, dtype=np.uint16)
    for slow, fast in zip(*np.nonzero(window), strict=True):
        value = np.float32(poisson(floats[slow, fast]) + np.float32(s.adc))
        found[slow, fast] = int(min(max(value, 0), 65535))
    return found


def header_bytes(s: Settings, panel: Panel) -> bytes:
    """`{`, entries, `}`, a form feed, blanks up to a multiple of 512."""
    pixel = s.pixel / 1000
    fast, slow = beam_on_panel(panel)
    x, y = panel.beam_centre
    beam = panel.axes["beam"]
    across = minus(panel.axes["fdet"], times(dot(panel.axes["fdet"], beam), beam))
    across = unit(across if size(across) > 1e-12 else cross(panel.axes["sdet"], beam))
    upwards = cross(times(-1, beam), across)
    origin = [dot(panel.origin, axis) for axis in (across, upwards, times(-1, beam))]
    mm = [f"{1000 * part:g}" for part in origin]
    entries = {
        "DIM": "2",
        "BYTE_ORDER": f"{sys.byteorder}_endian",
        "TYPE": "unsigned_short",
        "SIZE1": str(panel.pixels[0]),
        "SIZE2": str(panel.pixels[1]),
        "PIXEL_SIZE": f"{s.pixel:g}",
        "DISTANCE": f"{1000 * panel.distance:g}",
        "WAVELENGTH": f"{s.wavelength:g}",
        "BEAM_CENTER_X": f"{1000 * x:g}",
        "BEAM_CENTER_Y": f"{1000 * y:g}",
        "ADXV_CENTER_X": f"{1000 * fast:g}",
        "ADXV_CENTER_Y": f"{1000 * (panel.sizes[1] - slow):g}",
        "MOSFLM_CENTER_X": f"{1000 * (slow - 0.5 * pixel):g}",
        "MOSFLM_CENTER_Y": f"{1000 * (fast - 0.5 * pixel):g}",
        "DENZO_X_BEAM": f"{1000 * slow:g}",
        "DENZO_Y_BEAM": f"{1000 * fast:g}",
        "DIALS_ORIGIN": ",".join(mm),
        "XDS_ORGX": f"{-dot(panel.origin, panel.fast) / pixel + 0.5:g}",
        "XDS_ORGY": f"{-dot(panel.origin, panel.slow) / pixel + 0.5:g}",
        "CLOSE_DISTANCE": f"{1000 * panel.close:g}",
        "PHI": f"{s.phi:g}",
        "OSC_START": f"{s.phi:g}",
        "OSC_RANGE": f"{osc_range(s):g}",
        "TWOTHETA": f"{s.twotheta:g}",
        "DETECTOR_SN": "000",
        "BEAMLINE": "fake",
    }
    lines = [f"{key}={value}{'' if key == 'DIALS_ORIGIN' else ';'}\n" for key, value in entries.items()]
    blocks = 1
    while True:
        text = f"{{\nHEADER_BYTES={512 * blocks};\n{''.join(lines)}}}\f"
        if len(text) <= 512 * blocks:
            return text.ljust(512 * blocks).encode()
        blocks += 1


def osc_range(s: Settings) -> float:
    """The range of the spindle, degrees: as given, else what step or count make of it."""
    if s.osc is not None:
        return s.osc
    if s.phistep > 0:
        return s.phistep
    return 1.0 if s.phisteps >= 1 else 0.0
