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
    done = 0
    if job.checkpoint is not None:
        kept, done = job.checkpoint.read()
        _put(scene, image, 0, kept.to(image))
    size = job.engine.piece_rows(scene)
    for first in range(done, len(plan.rows), size):
        end = min(first + size, len(plan.rows))
        rows = job.engine.rows(scene, plan.rows.start + first, plan.rows.start + end)
        _put(scene, image, first, rows)
        if job.checkpoint is not None:
            job.checkpoint.append(rows)
        if job.progress is not None:
            job.progress(end, len(plan.rows))
    return image


def _put(scene: Scene, image: Tensor, first: int, rows: Tensor) -> None:
    start = scene.plan.rows.start + first
    image[start : start + rows.shape[0], scene.plan.columns.start : scene.plan.columns.stop] = rows
