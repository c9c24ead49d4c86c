"""An image without torch: numpy arrays from the command line to the file, the compiled kernel between them.

Loading torch takes longer than most images do. Set-up, scene and kernel are shared with the path by torch.
"""

from pathlib import Path
from typing import Any

import numpy as np

from simulator.beam import Beam
from simulator.config import BeamConfig
from simulator.crystal import Crystal
from simulator.detector import Detector
from simulator.engine.native.library import Library
from simulator.engine.native.pack import refusal
from simulator.engine.native.rows import KernelRows, Numbers
from simulator.image.assemble import Job, Progress, assemble
from simulator.image.checkpoint import Checkpoint
from simulator.scene.budget import check_budget
from simulator.scene.build import build_scene
from simulator.scene.scene import Scene


def scene_of_numpy(crystal: Crystal, detector: Detector, config: BeamConfig, dtype: Any) -> Scene | None:
    """Build the scene in numpy arrays of this precision; None where the kernel does not take it."""
    # Torch is needed to find the sample that switches interpolation off.
    if crystal.interpolates() and crystal.config.outside == "switch-off":
        return None
    exact = build_scene(crystal, detector, Beam(config, xp=np))
    scene = exact.mapped(lambda array: np.asarray(array, dtype=dtype), lambda mask: mask)
    return scene if refusal(scene) is None else None


def image_by_kernel(
    library: Library,
    scene: Scene,
    *,
    threads: int,
    progress: Progress | None = None,
    resume: Path | None = None,
) -> Numbers:
    """Compute [slow, fast] photons, 0 outside the region of interest and the mask.

    `progress` and `resume` are those of `Simulator.run`.
    """
    check_budget(scene, gradients=False)
    checkpoint = None if resume is None else Checkpoint(resume, scene)
    image = assemble(Job(KernelRows(library, threads=threads), progress, checkpoint), scene)
    if checkpoint is not None:
        checkpoint.finish()
    return image
