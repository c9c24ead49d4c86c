"""Run a simulation: crystal, detector and beam to an image."""

from pathlib import Path

import torch
from torch import Tensor

from simulator.beam import Beam
from simulator.config import BeamConfig, CrystalConfig, SimulatorError, checks
from simulator.crystal import Crystal
from simulator.detector import Detector
from simulator.engine.choose import checked_dtype, choose_engine, usable_device
from simulator.engine.engine import Engine
from simulator.engine.interpolation import settle_interpolation
from simulator.engine.tiles import samples_at_once
from simulator.engine.trace import Entry, trace_pixel
from simulator.image.assemble import Job, Progress
from simulator.image.checkpoint import Checkpoint
from simulator.image.differentiate import Rendering, image_of
from simulator.scene.budget import check_budget
from simulator.scene.build import build_scene
from simulator.scene.scene import Scene


class Simulator:
    """Crystal + detector + beam -> image [slow, fast], photons per pixel.

    crystal_config  replaces the crystal's own configuration where given; the structure factors stay
    device, dtype   place and precision of the pixels; the geometry is prepared on the CPU in float64
    engine          auto, kernel, torch, or an engine itself
    memory_limit    bytes that a run may take; None: what is free
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
        memory_limit: int | None = None,
    ) -> None:
        checks.instance("crystal", crystal, Crystal)
        checks.instance("detector", detector, Detector)
        self.crystal = crystal
        if crystal_config is not None and crystal_config is not crystal.config:
            self.crystal = Crystal(crystal_config, device=crystal.target, dtype=crystal.dtype)
            if crystal_config.hkl_path is None:
                self.crystal.table = crystal.table
        self.detector = detector
        self.device = usable_device(device)
        self.dtype = checked_dtype(dtype)
        self.beam = Beam(beam_config)
        self.memory_limit = memory_limit
        self.engine = choose_engine(engine, device=self.device) if isinstance(engine, str) else engine

    def scene(self) -> Scene:
        """Build the scene on this simulator's device and in its precision."""
        scene = build_scene(self.crystal, self.detector, self.beam)
        if self.crystal.interpolates() and self.crystal.config.outside == "switch-off":
            scene = settle_interpolation(scene)
        return scene.to(self.dtype, self.device)

    def run(self, *, progress: Progress | None = None, resume: Path | None = None) -> Tensor:
        """Compute the image [slow, fast]: photons per pixel, 0 outside the region of interest and the mask.

        `progress` is called with (rows done, rows in all). `resume` names a file of finished rows, from which
        an interrupted run continues. `path` says afterwards which engine computed. Raises a SimulatorError
        where the image does not fit into memory.
        """
        scene = self.scene()
        tensors = scene.tensors.as_list()
        gradients = any(tensor.requires_grad for tensor in tensors)
        tile = samples_at_once(self.device, scene.steps * scene.plan.layers, gradients=gradients)
        check_budget(scene, gradients=gradients, tile=tile, limit=self.memory_limit)
        checkpoint = None if resume is None else Checkpoint(resume, scene)
        rendering = Rendering(Job(self.engine, progress, checkpoint), scene)
        image = image_of(rendering)
        if checkpoint is not None:
            checkpoint.finish()
        return image

    @property
    def path(self) -> str:
        """Which path computed last: "kernel", "torch", or "torch (why not the kernel)"."""
        return self.engine.name

    def trace_pixel(self, slow: int, fast: int) -> list[Entry]:
        """List every intermediate quantity of one pixel, in the order of the computation."""
        config = self.detector.config
        if not (0 <= slow < config.spixels and 0 <= fast < config.fpixels):
            shape = f"{config.spixels} x {config.fpixels} px"
            raise SimulatorError(f"pixel slow {slow} fast {fast} lies outside the detector of {shape}")
        return trace_pixel(self.scene(), slow, fast)
