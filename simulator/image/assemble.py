"""Assemble an image from blocks of rows: render in order, report progress, keep finished rows on disk."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from simulator.geometry.arrays import as_numpy, library_of
from simulator.image.checkpoint import Checkpoint
from simulator.scene.remarks import check_image, warn_of_absent_reflections
from simulator.scene.scene import Scene

Progress = Callable[[int, int], None]
"""Called with (rows done, rows in all) after each piece; it may raise to interrupt."""


Array = TypeVar("Array")
"""A tensor or a numpy array, as the engine fills."""


class Rows(Protocol[Array]):
    """The part of an engine that this module calls."""

    def blank(self, scene: Scene) -> Array:
        """An image without photons."""

    def piece_rows(self, scene: Scene) -> int:
        """Number of rows in a block of about a second of work at most."""

    def rows(self, scene: Scene, first: int, end: int, out: Array) -> None:
        """Fill `out` [end - first, columns] with the photons of these rows inside the region of interest."""


@dataclass(frozen=True)
class Job(Generic[Array]):
    """The engine that renders, the callback for progress, and the file of finished rows."""

    engine: Rows[Array]
    progress: Progress | None = None
    checkpoint: Checkpoint | None = None


def assemble(job: Job[Array], scene: Scene) -> Array:
    """Render the region of interest block by block: [slow, fast] photons, no graph.

    Warns of what the image is silent about; raises a SimulatorError for pixels that are no numbers.
    """
    warn_of_absent_reflections(scene)
    plan = scene.plan
    image = job.engine.blank(scene)
    window = image[plan.rows.start : plan.rows.stop, plan.columns.start : plan.columns.stop]  # type: ignore[index]
    done = 0
    if job.checkpoint is not None:
        kept, done = job.checkpoint.read()
        # Copied, because what was read from disk is read-only, of which torch warns.
        window[:done] = library_of(image).asarray(kept.copy())
    size = job.engine.piece_rows(scene)
    for first in range(done, len(plan.rows), size):
        end = min(first + size, len(plan.rows))
        block = window[first:end]
        job.engine.rows(scene, plan.rows.start + first, plan.rows.start + end, block)
        if job.checkpoint is not None:
            job.checkpoint.append(as_numpy(block))
        if job.progress is not None:
            job.progress(end, len(plan.rows))
    check_image(image, scene)
    return image


class Together(Protocol[Array]):
    """The part of an engine for batches that this module calls."""

    def blank(self, scene: Scene) -> Array:
        """An image without photons."""

    def images(self, scenes: Sequence[Scene], out: Array) -> None:
        """Fill the region of interest of `out` [image, slow, fast] with photons."""


def assemble_together(engine: Together[Array], scenes: Sequence[Scene], progress: Progress | None) -> Array:
    """Render the images of scenes with one plan together: [image, slow, fast] photons, no graph.

    Warns and raises as `assemble`, for each image.
    """
    for scene in scenes:
        warn_of_absent_reflections(scene)
    blank = engine.blank(scenes[0])
    images: Array = library_of(blank).stack([blank] * len(scenes))
    engine.images(scenes, images)
    rows = len(scenes) * len(scenes[0].plan.rows)
    if progress is not None:
        progress(rows, rows)
    for image, scene in zip(images, scenes, strict=True):  # type: ignore[call-overload]
        check_image(image, scene)
    return images
