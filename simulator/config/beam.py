"""Configure the beam: wavelength, photons per area, polarisation and sources."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.config import checks
from simulator.config.checks import Scalar
from simulator.config.errors import SimulatorError
from simulator.units import DEFAULT_FLUENCE

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True, eq=False)
class BeamConfig:
    """A beam. Scalars may be 0-d tensors, through which gradients flow.

    wavelength_A            Angstrom
    fluence                 photons / m^2, used unless `flux` is non-zero
    flux, exposure_s, beamsize_mm   photons / s, s, mm: fluence = flux x exposure / beamsize^2
    polarization            Kahn factor, -1 ... 1; 0 is unpolarised
    nopolar                 leave the polarisation factor out (it is 1)
    h/v_divergence_mrad, h/v_divergence_steps, h/v_divergence_step_mrad   grid of directions
    round_divergence        drop the corners of that grid
    dispersion, dispersion_steps   full relative width of the wavelength grid (0.02 is 2 %) and its points
    sources                 rows (x, y, z, weight, wavelength in Angstrom) in place of the grids: [S, 5];
                            NaN in the last column stands for `wavelength_A`
    source_weights          "relative": weight / mean weight; "ignored": the C program's defect
    dmin_A                  skip samples with a d-spacing below this (0: none)
    """

    wavelength_A: Scalar = 1.0
    fluence: Scalar = DEFAULT_FLUENCE
    flux: Scalar = 0.0
    exposure_s: Scalar = 1.0
    beamsize_mm: Scalar = 0.1
    polarization: Scalar = 0.0
    nopolar: bool = False
    h_divergence_mrad: Scalar = 0.0
    v_divergence_mrad: Scalar = 0.0
    h_divergence_step_mrad: Scalar = 0.0
    v_divergence_step_mrad: Scalar = 0.0
    h_divergence_steps: int = 1
    v_divergence_steps: int = 1
    round_divergence: bool = True
    dispersion: Scalar = 0.0
    dispersion_step: Scalar = 0.0
    dispersion_steps: int = 1
    sources: "Sequence[Sequence[float]] | torch.Tensor | None" = None
    source_weights: str = "relative"
    dmin_A: float = 0.0

    def __post_init__(self) -> None:
        checks.positive("wavelength_A", self.wavelength_A, "A")
        checks.non_negative("fluence", self.fluence, "photons/m^2")
        checks.non_negative("flux", self.flux, "photons/s")
        checks.non_negative("exposure_s", self.exposure_s, "s")
        checks.positive("beamsize_mm", self.beamsize_mm, "mm")
        checks.finite("polarization", self.polarization, "")
        for kahn in checks.numbers(self.polarization):
            if not -1 <= kahn <= 1:
                raise SimulatorError(f"polarization is {kahn:g}: a Kahn factor lies between -1 and 1")
        checks.non_negative("h_divergence_mrad", self.h_divergence_mrad, "mrad")
        checks.non_negative("v_divergence_mrad", self.v_divergence_mrad, "mrad")
        checks.non_negative("h_divergence_step_mrad", self.h_divergence_step_mrad, "mrad")
        checks.non_negative("v_divergence_step_mrad", self.v_divergence_step_mrad, "mrad")
        checks.count("h_divergence_steps", self.h_divergence_steps, 1)
        checks.count("v_divergence_steps", self.v_divergence_steps, 1)
        checks.count("dispersion_steps", self.dispersion_steps, 1)
        sources = self.h_divergence_steps * self.v_divergence_steps * self.dispersion_steps
        checks.count("the product of divergence and dispersion steps", sources, 1)
        checks.non_negative("dispersion", self.dispersion, "")
        width = max(checks.numbers(self.dispersion))
        if width >= 2:
            raise SimulatorError(
                f"dispersion is {100 * width:g} %: at 200 % the shortest wavelength reaches 0"
            )
        checks.finite("dispersion_step", self.dispersion_step, "")
        checks.choice("source_weights", self.source_weights, ("relative", "ignored"))
        checks.non_negative("dmin_A", self.dmin_A, "A")
        checks.switch("nopolar", self.nopolar)
        checks.switch("round_divergence", self.round_divergence)
