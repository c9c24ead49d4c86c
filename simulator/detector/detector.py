"""A detector's axes, its panel in space, its sensor layers and its mask."""

import importlib
from typing import TYPE_CHECKING, Any

from simulator.config import DetectorConfig, checks
from simulator.config.checks import Scalar
from simulator.detector.layers import Layers, layers
from simulator.geometry.arrays import scalar, stacked
from simulator.geometry.conventions import TABLE, Convention
from simulator.geometry.panel import Axes, Panel, Placement, normal_of, place
from simulator.geometry.rotation import unit
from simulator.units import MM, RADIAN

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Detector:
    """Geometry of one `DetectorConfig`, as float64 arrays of the library `xp` (torch by default).

    `mask` is an optional [slow, fast] array, zero for skipped pixels. `device` and `dtype` say where and how
    pixels are meant to be computed.
    """

    def __init__(
        self,
        config: DetectorConfig | None = None,
        *,
        mask: "Tensor | None" = None,
        device: "torch.device | str" = "cpu",
        dtype: "torch.dtype | None" = None,
        xp: Any = None,
    ) -> None:
        self.config = DetectorConfig() if config is None else config
        checks.instance("the configuration", self.config, DetectorConfig)
        self.target, self.dtype = device, dtype
        self.xp = importlib.import_module("torch") if xp is None else xp
        self.mask = mask

    @property
    def convention(self) -> Convention:
        """The row of the convention table in force."""
        return TABLE[self.config.axes_convention()]

    def pixel(self) -> "Tensor":
        """Pixel edge, m."""
        return scalar(self.config.pixel_size_mm, self.xp) * MM

    def axes(self) -> Axes:
        """Unit vectors of the experiment: the convention's, but for those given."""
        config, row = self.config, self.convention
        fast = unit(self._vector(config.fast_vector, row.fast))
        slow = unit(self._vector(config.slow_vector, row.slow))
        return Axes(
            beam=unit(self._vector(config.beam_vector, row.beam)),
            fast=fast,
            slow=slow,
            normal=normal_of(fast, slow, self._vector(config.normal_vector, row.normal)),
            twotheta=self._vector(config.twotheta_vector, row.twotheta),
            polarization=unit(self._vector(config.polarization_vector, row.polarization)),
            spindle=unit(self._vector(config.spindle_vector, row.spindle)),
        )

    def _vector(self, given: object, default: tuple[float, float, float]) -> "Tensor":
        return stacked(default if given is None else given, self.xp)  # type: ignore[arg-type]

    def panel(self) -> Panel:
        """The detector plane after every rotation."""
        config = self.config
        beam_spot, near_spot = self.spots()
        placement = Placement(
            pivot=config.pivot or self.convention.pivot,
            rotations=stacked((config.rotx_deg, config.roty_deg, config.rotz_deg), self.xp) * RADIAN,
            twotheta=scalar(config.twotheta_deg, self.xp) * RADIAN,
            distance=scalar(config.distance_mm, self.xp) * MM,
            close=self._scaled(config.close_distance_mm, MM),
            beam_spot=beam_spot,
            near_spot=near_spot,
        )
        return place(self.axes(), placement)

    def _scaled(self, value: Scalar | None, unit: float) -> "Tensor | None":
        """The value in m, where it is given."""
        if value is None:
            return None
        return scalar(value, self.xp) * unit

    def size(self) -> "tuple[Tensor, Tensor]":
        """Outer size along fast and slow, m: as given, else that of all pixels."""
        config, pixel = self.config, self.pixel()
        fast = self._scaled(config.size_fast_mm, MM)
        slow = self._scaled(config.size_slow_mm, MM)
        return _given_or(fast, config.fpixels * pixel), _given_or(slow, config.spixels * pixel)

    def beam_centre(self) -> "tuple[Tensor, Tensor]":
        """X and Y of the beam in the convention's own sense, m."""
        config, pixel = self.config, self.pixel()
        fast_size, slow_size = self.size()
        if self.convention.default_centre is None:
            near_f, near_s = self._near(fast_size, slow_size)
            default_x = _given_or(self._scaled(config.close_x_mm, MM), near_f)
            default_y = _given_or(self._scaled(config.close_y_mm, MM), near_s)
        else:
            default_x, default_y = self.convention.default_centre(fast_size, slow_size, pixel)
        x = _given_or(self._scaled(config.beam_x_mm, MM), default_x)
        y = _given_or(self._scaled(config.beam_y_mm, MM), default_y)
        return x, y

    def _near(self, fast_size: "Tensor", slow_size: "Tensor") -> "tuple[Tensor, Tensor]":
        """Fast and slow coordinate of the point nearest to the sample before rotations, m.

        (ORG - 1/2) p where an origin in pixels is given, else half the size.
        """
        pixel = self.pixel()
        org_f = self._scaled(self.config.org_x_px, 1.0)
        org_s = self._scaled(self.config.org_y_px, 1.0)
        # XDS counts the middle of the first pixel as 1, this program its outer corner as 0.
        near_f = fast_size / 2 if org_f is None else (org_f - 0.5) * pixel
        near_s = slow_size / 2 if org_s is None else (org_s - 0.5) * pixel
        return near_f, near_s

    def spots(self) -> "tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]":
        """(fast, slow) of the beam spot and of the nearest point, m."""
        fast_size, slow_size = self.size()
        x, y = self.beam_centre()
        beam_spot = self.convention.on_detector(x, y, slow_size, self.pixel())
        if self.config.axes_convention() == "CUSTOM":
            return beam_spot, (x, y)
        return beam_spot, self._near(fast_size, slow_size)

    def layers(self) -> Layers:
        """Cut the sensor along its depth."""
        return layers(self.config, self.xp)


def _given_or(given: "Tensor | None", default: "Tensor") -> "Tensor":
    return default if given is None else given
