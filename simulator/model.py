"""An experiment as a module of torch: its numbers are parameters and buffers, its call is the image."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from simulator.config import BeamConfig, CrystalConfig, DetectorConfig, SimulatorError
from simulator.crystal import Crystal
from simulator.detector import Detector
from simulator.physics.table import Table
from simulator.simulate import Simulator

CRYSTAL = (
    "cell_a",
    "cell_b",
    "cell_c",
    "cell_alpha",
    "cell_beta",
    "cell_gamma",
    "matrix",
    "misset_deg",
    "phi_start_deg",
    "osc_range_deg",
    "phi_step_deg",
    "mosaic_spread_deg",
    "N_cells",
    "fudge",
    "default_F",
)
BEAM = (
    "wavelength_A",
    "fluence",
    "flux",
    "exposure_s",
    "beamsize_mm",
    "polarization",
    "h_divergence_mrad",
    "v_divergence_mrad",
    "dispersion",
    "sources",
)
DETECTOR = (
    "pixel_size_mm",
    "distance_mm",
    "close_distance_mm",
    "beam_x_mm",
    "beam_y_mm",
    "close_x_mm",
    "close_y_mm",
    "org_x_px",
    "org_y_px",
    "rotx_deg",
    "roty_deg",
    "rotz_deg",
    "twotheta_deg",
    "thickness_um",
    "attenuation_um",
    "water_um",
    "background",
)
"""Numbers of the configurations through which gradients flow, by the part that they belong to."""


class DiffractionModel(nn.Module):
    """Crystal, beam and detector as one module; `model()` is the image [slow, fast], photons per pixel.

    parameters   names of the numbers to be refined, as `("cell_a", "misset_deg")`: they become parameters
    structure_factors   table of reflections, or a text file of h k l F; its values are a buffer

    All other numbers in CRYSTAL, BEAM and DETECTOR that the configurations give are buffers. So `state_dict`,
    `to`, `deepcopy`, `pickle` and `torch.func.functional_call` work as for any module. Numbers are float64
    until the module is moved to another precision, which is then that of the pixels too.
    """

    def __init__(
        self,
        crystal: CrystalConfig | None = None,
        beam: BeamConfig | None = None,
        detector: DetectorConfig | None = None,
        *,
        parameters: Collection[str] = (),
        structure_factors: Table | str | Path | None = None,
        mask: Tensor | None = None,
        engine: str = "auto",
    ) -> None:
        super().__init__()
        self.crystal_config = _without_file(crystal or CrystalConfig())
        self.beam_config = beam or BeamConfig()
        self.detector_config = detector or DetectorConfig()
        self.engine = engine
        self.lowest: tuple[int, int, int] = (0, 0, 0)
        self._add_numbers(set(parameters))
        self.register_buffer("mask", mask)
        self.register_buffer("structure_factors", None)
        source = structure_factors if crystal is None else structure_factors or crystal.hkl_path
        if source is not None:
            self._add_table(source)

    def _add_numbers(self, wanted: set[str]) -> None:
        """Register every number that is given, without its graph; as a parameter where it is wanted."""
        for config, names in self._parts():
            for name in names:
                value = getattr(config, name)
                if value is None:
                    continue
                tensor = torch.as_tensor(_plain(value), dtype=torch.float64)
                if name in wanted:
                    self.register_parameter(name, nn.Parameter(tensor))
                    wanted.discard(name)
                else:
                    self.register_buffer(name, tensor)
        if wanted:
            raise SimulatorError(f"{sorted(wanted)[0]} is no number of this experiment that can be refined")

    def _parts(self) -> tuple[tuple[Any, tuple[str, ...]], ...]:
        """Each configuration with the names of its differentiable numbers."""
        return (
            (self.crystal_config, CRYSTAL),
            (self.beam_config, BEAM),
            (self.detector_config, DETECTOR),
        )

    def _add_table(self, source: Table | str | Path) -> None:
        """Keep a table's values as a buffer."""
        table = source
        if not isinstance(table, Table):
            crystal = Crystal(self.crystal_config)
            crystal.load_hkl(table)
            assert crystal.table is not None
            table = crystal.table
        self.structure_factors = table.values.detach().clone()
        self.lowest = table.lowest

    def simulator(self) -> Simulator:
        """Build the simulator of the numbers as they are now."""
        crystal_config, beam_config, detector_config = (
            replace(config, **self._current(names)) for config, names in self._parts()
        )
        crystal = Crystal(crystal_config)
        values = self.structure_factors
        if isinstance(values, Tensor):
            default = torch.as_tensor(crystal_config.default_F, dtype=torch.float64).cpu()
            crystal.table = Table(values.to("cpu", torch.float64), self.lowest, default)
        mask = self.mask if isinstance(self.mask, Tensor) else None
        like = next(iter(self.state_dict(keep_vars=True).values()))
        return Simulator(
            crystal,
            Detector(detector_config, mask=mask),
            beam_config=beam_config,
            device=like.device,
            dtype=like.dtype,
            engine=self.engine,
        )

    def _current(self, names: tuple[str, ...]) -> Mapping[str, Any]:
        """The tensors that are registered under these names."""
        return {name: getattr(self, name) for name in names if hasattr(self, name)}

    def forward(self) -> Tensor:
        """Compute the image [slow, fast], photons per pixel."""
        return self.simulator().run()


def _without_file(config: CrystalConfig) -> CrystalConfig:
    """The configuration without its file of reflections, which the module reads once."""
    return config if config.hkl_path is None else replace(config, hkl_path=None)


def _plain(value: Any) -> Any:
    """A number, vector or matrix without a graph, as lists of numbers."""
    if isinstance(value, Tensor):
        return value.detach().tolist()
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    return float(value)
