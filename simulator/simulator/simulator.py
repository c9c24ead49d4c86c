"""The object that runs a simulation."""

import torch
from torch import Tensor

from simulator.beam import Beam
from simulator.config import BeamConfig, CrystalConfig
from simulator.crystal import Crystal
from simulator.detector import Detector
from simulator.simulator.build import build_scene
from simulator.simulator.choose import choose_engine
from simulator.simulator.differentiate import Image
from simulator.simulator.engine import Engine
from simulator.simulator.scene import Scene


class Simulator:
    """Crystal + detector + beam -> image [slow, fast], photons per pixel.

    `crystal_config`, where given, is what the crystal is built from: it lets a caller vary the
    configuration without
    making the crystal again. `dtype` is the precision of the pixels; the geometry is prepared in float64
    in any case.
    """

    def __init__(
        self,
        crystal: Crystal,
        detector: Detector,
        crystal_config: CrystalConfig | None = None,
        beam_config: BeamConfig | None = None,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float64,
        engine: Engine | str = "auto",
    ) -> None:
        self.crystal = crystal
        if crystal_config is not None and crystal_config is not crystal.config:
            self.crystal = Crystal(crystal_config, device=crystal.device, dtype=crystal.dtype)
        self.detector = detector
        self.device = torch.device(device)
        self.dtype = dtype
        self.beam = Beam(beam_config, device=self.device)
        self.engine = choose_engine(engine, device=self.device) if isinstance(engine, str) else engine

    def scene(self) -> Scene:
        """Everything the image depends on, on this simulator's device and in its precision."""
        scene = build_scene(self.crystal, self.detector, self.beam)
        return scene.with_tensors(scene.tensors.to(self.dtype, self.device))

    def run(self) -> Tensor:
        """The image [slow, fast]: photons per pixel, 0 outside the region of interest and the mask."""
        scene = self.scene()
        image: Tensor = Image.apply(self.engine, scene, *scene.tensors.as_list())  # type: ignore[no-untyped-call]
        return image
