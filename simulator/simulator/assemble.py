"""An image from its pieces: rows are rendered in order, reported, kept on disk where asked, and put in
place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from simulator.geometry.arrays import as_numpy, library_of
from simulator.simulator.checkpoint import Checkpoint
from simulator.simulator.scene import Scene

Progress = Callable[[int, int], None]
"""Called with (rows done, rows in all) after each piece; it may raise to interrupt."""


Array = TypeVar("Array")
"""A tensor, or a numpy array: what the engine at work fills."""


class Rows(Protocol[Array]):
    """What is asked of an engine here."""

    def blank(self, scene: Scene) -> Array:
        """An image without photons."""

    def piece_rows(self, scene: Scene) -> int:
        """How many rows make a piece of work that takes about a second at most."""

    def rows(self, scene: Scene, first: int, end: int, out: Array) -> None:
        """Fill `out` [end - first, columns] with the photons of these rows inside the region of interest."""


@dataclass(frozen=True)
class Job(Generic[Array]):
    """Who renders, who is told, and where finished rows are kept."""

    engine: Rows[Array]
    progress: Progress | None = None
    checkpoint: Checkpoint | None = None


def assemble(job: Job[Array], scene: Scene) -> Array:
    """[slow, fast] photons, no graph."""
    plan, image = scene.plan, job.engine.blank(scene)
    window = image[plan.rows.start : plan.rows.stop, plan.columns.start : plan.columns.stop]  # type: ignore[index]
    done = 0
    if job.checkpoint is not None:
        kept, done = job.checkpoint.read()
        window[:done] = library_of(image).asarray(kept.copy())
    size = job.engine.piece_rows(scene)
    for first in range(done, len(plan.rows), size):
        end = min(first + size, len(plan.rows))
        job.engine.rows(scene, plan.rows.start + first, plan.rows.start + end, window[first:end])
        if job.checkpoint is not None:
            job.checkpoint.append(as_numpy(window[first:end]))
        if job.progress is not None:
            job.progress(end, len(plan.rows))
    return image
