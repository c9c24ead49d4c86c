"""Configure the detector: pixels, position, sensor, sub-pixels and background."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from simulator.config import checks
from simulator.config.checks import Scalar, Vector
from simulator.config.errors import SimulatorError

if TYPE_CHECKING:
    import torch

CONVENTIONS = ("MOSFLM", "DENZO", "ADXV", "XDS", "DIALS", "CUSTOM")

PICKS = ("first", "last", "each")
"""Whose factors multiply the sum over a pixel: those of one sub-pixel, or each sub-pixel's own."""

MOST_LAYERS = 10**4
"""Layers of a sensor; each is a pass over the image, so more would never end."""

MOST_SUB_PIXELS = 10**3
"""Sub-pixels along an edge; their square multiplies the work."""

VECTORS = (
    "fast_vector",
    "slow_vector",
    "normal_vector",
    "beam_vector",
    "polarization_vector",
    "spindle_vector",
    "twotheta_vector",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class DetectorConfig:
    """A flat or curved panel. Scalars may be 0-d tensors, through which gradients flow.

    fpixels, spixels     pixels along the fast and the slow axis
    pixel_size_mm        edge of a square pixel, mm
    size_*_mm            outer size when it is not a whole number of pixels (it moves the default centres); mm
    distance_mm          along the beam; `close_distance_mm` is along the detector normal and wins when given
    beam_x_mm, beam_y_mm beam centre in the convention's own sense; close_x/y_mm, org_x/y_px: nearest point
    convention           MOSFLM, DENZO, ADXV, XDS, DIALS or CUSTOM (taken when any *_vector is given)
    pivot                BEAM or SAMPLE; None: what the convention says
    rot*_deg             about the lab x, then y, then z axis; twotheta_deg about the two-theta axis
    curved               every pixel at `distance` from the sample
    point_pixel          leave pixel size and obliquity out of the solid angle
    thickness_um, attenuation_um   sensor and its attenuation depth (None: the thickness)
    thickness_steps      layers of the sensor
    oversample           sub-pixels along each edge; None: from the size of the crystal's transform
    omega_from, polarization_from, capture_from   whose solid angle, polarisation and captured fraction
                         multiply the sum over a pixel: its "first" sub-pixel's (as the C program; for the
                         capture, in the last layer), its "last", or "each" its own
    running_product      the C program's defect with "each": the running sum is multiplied after every step
    water_um             thickness of water in the beam
    background           rows (sin(theta)/wavelength in 1/A, F in electrons) of the liquid; None: water's 2.57
    water_counted_twice  the C program's defect: water x (r_e^2 x fluence)^2 / steps
    roi                  (fast first, fast last, slow first, slow last), inclusive; None: everything
    """

    fpixels: int = 1024
    spixels: int = 1024
    pixel_size_mm: Scalar = 0.1
    size_fast_mm: Scalar | None = None
    size_slow_mm: Scalar | None = None
    distance_mm: Scalar = 100.0
    close_distance_mm: Scalar | None = None
    beam_x_mm: Scalar | None = None
    beam_y_mm: Scalar | None = None
    close_x_mm: Scalar | None = None
    close_y_mm: Scalar | None = None
    org_x_px: Scalar | None = None
    org_y_px: Scalar | None = None
    convention: str = "MOSFLM"
    pivot: str | None = None
    rotx_deg: Scalar = 0.0
    roty_deg: Scalar = 0.0
    rotz_deg: Scalar = 0.0
    twotheta_deg: Scalar = 0.0
    fast_vector: Vector | None = None
    slow_vector: Vector | None = None
    normal_vector: Vector | None = None
    beam_vector: Vector | None = None
    polarization_vector: Vector | None = None
    spindle_vector: Vector | None = None
    twotheta_vector: Vector | None = None
    curved: bool = False
    point_pixel: bool = False
    thickness_um: Scalar = 0.0
    attenuation_um: Scalar | None = None
    thickness_steps: int | None = None
    oversample: int | None = None
    omega_from: str = "first"
    polarization_from: str = "first"
    capture_from: str = "first"
    running_product: bool = False
    water_um: Scalar = 0.0
    water_counted_twice: bool = False
    background: "Sequence[tuple[float, float]] | torch.Tensor | None" = None
    roi: tuple[int, int, int, int] | None = None

    def __post_init__(self) -> None:
        checks.count("fpixels", self.fpixels, 1)
        checks.count("spixels", self.spixels, 1)
        checks.positive("pixel_size_mm", self.pixel_size_mm, "mm")
        checks.positive("distance_mm", self.distance_mm, "mm")
        for name in ("size_fast_mm", "size_slow_mm", "close_distance_mm"):
            if getattr(self, name) is not None:
                checks.positive(name, getattr(self, name), "mm")
        for name in ("beam_x_mm", "beam_y_mm", "close_x_mm", "close_y_mm"):
            if getattr(self, name) is not None:
                checks.finite(name, getattr(self, name), "mm")
        for name in ("org_x_px", "org_y_px"):
            if getattr(self, name) is not None:
                checks.finite(name, getattr(self, name), "pixels")
        for name in ("rotx_deg", "roty_deg", "rotz_deg", "twotheta_deg"):
            checks.finite(name, getattr(self, name), "degrees")
        for name in VECTORS:
            if getattr(self, name) is not None:
                checks.axis(name, getattr(self, name))
        self._check_words()
        self._check_sensor()

    def _check_words(self) -> None:
        checks.choice("convention", self.convention, CONVENTIONS)
        if self.pivot is not None:
            checks.choice("pivot", self.pivot, ("BEAM", "SAMPLE"))
        for name in ("omega_from", "polarization_from", "capture_from"):
            checks.choice(name, getattr(self, name), PICKS)
        for name in ("curved", "point_pixel", "running_product", "water_counted_twice"):
            checks.switch(name, getattr(self, name))

    def _check_sensor(self) -> None:
        checks.non_negative("thickness_um", self.thickness_um, "um")
        checks.non_negative("water_um", self.water_um, "um")
        if self.background is not None:
            self._check_background(self.background)
        if self.attenuation_um is not None:
            checks.positive("attenuation_um", self.attenuation_um, "um")
        if self.thickness_steps is not None:
            checks.count("thickness_steps", self.thickness_steps, 1, MOST_LAYERS)
        if self.oversample is not None:
            checks.count("oversample", self.oversample, 1, MOST_SUB_PIXELS)
        if self.roi is not None:
            checks.region(self.roi, self.fpixels, self.spixels)

    def _check_background(self, rows: "Sequence[tuple[float, float]] | torch.Tensor") -> None:
        places = [checks.finite("background", row[0], "1/A") for row in rows]
        for row in rows:
            checks.finite("background", row[1], "electrons")
        ascending = all(before < after for before, after in pairwise(places))
        if not places or not ascending:
            raise SimulatorError("background must be rows of ascending sin(theta)/wavelength, at least one")
        if self.water_counted_twice:
            raise SimulatorError("background and water_counted_twice exclude each other: count water once")

    def axes_convention(self) -> str:
        """Return the convention in force: any explicit vector makes it CUSTOM."""
        if any(getattr(self, name) is not None for name in VECTORS):
            return "CUSTOM"
        return self.convention
