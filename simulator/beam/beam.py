"""A beam's fluence, polarisation and sources as tensors."""

import importlib
from typing import TYPE_CHECKING, Any

from simulator.beam.sources import Sources, from_rows, grid
from simulator.config import BeamConfig, checks
from simulator.config.checks import plain
from simulator.geometry.arrays import has_graph, scalar
from simulator.geometry.panel import Axes
from simulator.units import MM, R_E_SQR

if TYPE_CHECKING:
    from torch import Tensor


class Beam:
    """The quantities of one `BeamConfig`, computed anew with their graph at each call, on the CPU.

    `xp` is the library of its arrays: torch unless another is given.
    """

    def __init__(self, config: BeamConfig | None = None, *, xp: Any = None) -> None:
        self.config = BeamConfig() if config is None else config
        checks.instance("the configuration", self.config, BeamConfig)
        self.xp = importlib.import_module("torch") if xp is None else xp

    def wavelength(self) -> "Tensor":
        """Angstrom."""
        return scalar(self.config.wavelength_A, self.xp)

    def fluence(self) -> "Tensor":
        """Photons/m^2: flux x exposure / beamsize^2 where there is a flux, else as given."""
        config = self.config
        flux = scalar(config.flux, self.xp)
        if not has_graph(flux) and plain(flux) == 0:
            return scalar(config.fluence, self.xp)
        exposure = scalar(config.exposure_s, self.xp)
        edge = scalar(config.beamsize_mm, self.xp) * MM
        return flux * exposure / edge**2

    def scattering_scale(self) -> "Tensor":
        """r_e^2 x fluence: photons per steradian of one electron."""
        return R_E_SQR * self.fluence()

    def polarization(self) -> "Tensor":
        """The Kahn factor."""
        return scalar(self.config.polarization, self.xp)

    def sources(self, axes: Axes) -> Sources:
        """Return the listed sources, or else the grid over divergence and dispersion."""
        if self.config.sources is not None:
            return from_rows(self.config, axes.beam, self.wavelength())
        return grid(self.config, axes.beam, axes.polarization, self.wavelength())
