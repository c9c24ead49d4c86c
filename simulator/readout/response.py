"""A detector's response: what it makes of the photons that an image expects."""

from dataclasses import dataclass

import torch
from torch import Tensor

from simulator.config import SimulatorError, checks
from simulator.config.checks import Scalar
from simulator.readout.point_spread import SHAPES, spread


@dataclass(frozen=True, kw_only=True, eq=False)
class Response:
    """Point spread, gain, offset and read-out noise. Scalars may be 0-d tensors, which get gradients.

    gain          ADU per photon
    offset_adu    ADU of a pixel without a photon
    readout_adu   standard deviation of the read-out, ADU
    fwhm_um       full width at half maximum of the point spread, micrometres; None: none
    shape         "gaussian" or "fibre": `point_spread.py` has the formulas
    """

    gain: Scalar = 1.0
    offset_adu: Scalar = 0.0
    readout_adu: Scalar = 0.0
    fwhm_um: Scalar | None = None
    shape: str = "gaussian"

    def __post_init__(self) -> None:
        checks.positive("gain", self.gain, "ADU per photon")
        checks.finite("offset_adu", self.offset_adu, "ADU")
        checks.non_negative("readout_adu", self.readout_adu, "ADU")
        if self.fwhm_um is not None:
            checks.positive("fwhm_um", self.fwhm_um, "um")
        checks.choice("shape", self.shape, SHAPES)

    def spread(self, image: Tensor, pixel_size_mm: Scalar) -> Tensor:
        """The expected photons [..., slow, fast] after the point spread."""
        if self.fwhm_um is None:
            return image
        fwhm_px = torch.as_tensor(self.fwhm_um) / (1000 * torch.as_tensor(pixel_size_mm))
        return spread(image, fwhm_px, self.shape)

    def expected(self, photons: Tensor) -> Tensor:
        """The mean read-out, ADU: gain x photons + offset. The photons are those after the point spread."""
        return self.gain * photons + self.offset_adu

    def variance(self, photons: Tensor) -> Tensor:
        """The variance of the read-out, ADU^2: gain^2 x photons + readout^2."""
        return self.gain**2 * photons + self.readout_adu**2

    def read_out(self, photons: Tensor, generator: torch.Generator) -> Tensor:
        """Draw one read-out, ADU: Poisson counts times gain, offset, normal noise. No gradient flows.

        Raises a SimulatorError for expected photons that are negative.
        """
        with torch.no_grad():
            # Fourier transforms leave round-off of either sign where there is no light.
            round_off = 1e-9 * photons.abs().max()
            if bool((photons < -round_off).any()):
                raise SimulatorError(f"a pixel expects {float(photons.min()):g} photons: less than none")
            counts = torch.poisson(photons.clamp(min=0), generator=generator)
            noise = torch.randn(
                photons.shape, generator=generator, dtype=photons.dtype, device=photons.device
            )
            return self.expected(counts) + self.readout_adu * noise
