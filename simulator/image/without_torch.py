"""An image without torch: numpy arrays from the command line to the file, the compiled kernel between them.

Loading torch takes longer than most images do. Set-up, scene and kernel are shared with the path by torch.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from simulator.beam import Beam
from simulator.config import BeamConfig
from simulator.crystal import Crystal
from simulator.detector import Detector
from simulator.engine.native.library import Numbers
from simulator.engine.native.pack import refusal
from simulator.engine.native.rows import KernelRows
from simulator.engine.native.shared import shared
from simulator.engine.switch import MOST_THREADS, disabled
from simulator.image.assemble import Job, Progress, assemble
from simulator.image.checkpoint import Checkpoint
from simulator.scene.budget import check_budget
from simulator.scene.build import build_scene
from simulator.scene.scene import Scene


def processors(environ: Mapping[str, str]) -> int:
    """Number of threads: OMP_NUM_THREADS where it is one, else the processors that this process may use."""
    # The variable may hold a list, one number for each level of nesting.
    wanted = environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if wanted.isdigit() and 0 < int(wanted) <= MOST_THREADS:
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def kernel_without_torch(
    wanted: str, device: str, threads: int | None, environ: Mapping[str, str]
) -> KernelRows | None:
    """Return the kernel, where the request allows it and a compiler built it; None: load torch instead."""
    if device != "cpu" or wanted not in ("auto", "kernel"):
        return None
    if wanted == "auto" and disabled(environ):
        return None
    library = shared()
    if isinstance(library, str):
        return None
    return KernelRows(library, threads=threads or processors(environ))


def scene_of_numpy(crystal: Crystal, detector: Detector, config: BeamConfig, dtype: Any) -> Scene | None:
    """Build the scene in numpy arrays of this precision; None where the kernel does not take it."""
    # Torch is needed to find the sample that switches interpolation off.
    if crystal.interpolates() and crystal.config.outside == "switch-off":
        return None
    exact = build_scene(crystal, detector, Beam(config, xp=np))
    scene = exact.mapped(lambda array: np.asarray(array, dtype=dtype), lambda mask: mask)
    return scene if refusal(scene) is None else None


def image_by_kernel(
    kernel: KernelRows, scene: Scene, *, progress: Progress | None = None, resume: Path | None = None
) -> Numbers:
    """Compute [slow, fast] photons, 0 outside the region of interest and the mask.

    `progress` and `resume` are those of `Simulator.run`.
    """
    check_budget(scene, gradients=False)
    checkpoint = None if resume is None else Checkpoint(resume, scene)
    image = assemble(Job(kernel, progress, checkpoint), scene)
    if checkpoint is not None:
        checkpoint.finish()
    return image
