"""An image from its pieces: rows are rendered in order, reported, kept on disk where asked, and put in
place."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from simulator.simulator.checkpoint import Checkpoint
from simulator.simulator.engine import Engine
from simulator.simulator.scene import Scene

Progress = Callable[[int, int], None]
"""Called with (rows done, rows in all) after each piece; it may raise to interrupt."""


@dataclass(frozen=True)
class Job:
    """Who renders, who is told, and where finished rows are kept."""

    engine: Engine
    progress: Progress | None = None
    checkpoint: Checkpoint | None = None


def assemble(job: Job, scene: Scene) -> Tensor:
    """[slow, fast] photons, no graph."""
    plan, like = scene.plan, scene.tensors.pixel
    image = torch.zeros((plan.spixels, plan.fpixels), dtype=like.dtype, device=like.device)
    window = image[plan.rows.start : plan.rows.stop, plan.columns.start : plan.columns.stop]
    done = 0
    if job.checkpoint is not None:
        kept, done = job.checkpoint.read()
        window[:done] = kept.to(image)
    size = job.engine.piece_rows(scene)
    for first in range(done, len(plan.rows), size):
        end = min(first + size, len(plan.rows))
        job.engine.rows(scene, plan.rows.start + first, plan.rows.start + end, window[first:end])
        if job.checkpoint is not None:
            job.checkpoint.append(window[first:end])
        if job.progress is not None:
            job.progress(end, len(plan.rows))
    return image
