"""A beam's fluence, polarisation and sources as tensors."""

import torch
from torch import Tensor

from simulator.beam.sources import Sources, from_rows, grid
from simulator.config import BeamConfig
from simulator.config.checks import plain
from simulator.geometry.panel import Axes
from simulator.geometry.tensors import scalar
from simulator.units import MM, R_E_SQR


class Beam:
    """What one `BeamConfig` says, computed anew with its graph at each call, on the CPU."""

    def __init__(self, config: BeamConfig | None = None) -> None:
        self.config = config or BeamConfig()
        self.device = torch.device("cpu")

    def wavelength(self) -> Tensor:
        """Angstrom."""
        return scalar(self.config.wavelength_A, self.device)

    def fluence(self) -> Tensor:
        """Photons/m^2; from flux x exposure / beamsize^2 where there is a flux."""
        config = self.config
        flux = scalar(config.flux, self.device)
        if plain(flux) == 0 and not flux.requires_grad:
            return scalar(config.fluence, self.device)
        return (
            flux
            * scalar(config.exposure_s, self.device)
            / (scalar(config.beamsize_mm, self.device) * MM) ** 2
        )

    def scattering_scale(self) -> Tensor:
        """r_e^2 x fluence: photons per steradian of one electron."""
        return R_E_SQR * self.fluence()

    def polarization(self) -> Tensor:
        """The Kahn factor."""
        return scalar(self.config.polarization, self.device)

    def sources(self, axes: Axes) -> Sources:
        """Where the photons come from, and with what wavelength and weight."""
        if self.config.sources is not None:
            return from_rows(self.config, axes.beam, self.wavelength())
        return grid(self.config, axes.beam, axes.polarization, self.wavelength())
