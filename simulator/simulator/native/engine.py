"""The engine that runs the compiled kernel where it can, and says where it could not."""

import ctypes

import torch
from torch import Tensor

from simulator.simulator.engine import Progress, TorchEngine
from simulator.simulator.native.library import CSource, Library
from simulator.simulator.native.pack import pack_scene, pack_sources, refusal, squares
from simulator.simulator.scene import NAMES, Scene

FREE = {"SQUARE": ("reciprocal", "fudge"), "ROUND": ("reciprocal",)}
"""Tensors on which the image of such a crystal does not depend: their gradient is 0."""

STEPS_PER_CALL = 1 << 28
"""Samples x orientations in one call into the library: about a second, so that a run can be interrupted."""


class KernelEngine:
    """Forward by the kernel; backward by the kernel where only lattice vectors and intensities are asked for.

    `name` is "kernel", or after a scene that it could not take "torch (reason)".
    """

    def __init__(self, library: Library, *, threads: int, progress: Progress | None = None) -> None:
        self.library = library
        self.threads = threads
        self.progress = progress
        self.plain = TorchEngine(progress=progress)
        self.name = "kernel"

    def forward(self, scene: Scene) -> Tensor:
        """[slow, fast] photons, no graph."""
        reason = refusal(scene)
        self.name = "kernel" if reason is None else f"torch ({reason})"
        if reason is not None:
            return self.plain.forward(scene)
        plan, tensors = scene.plan, scene.tensors
        pixels = len(plan.rows) * len(plan.columns)
        flat = torch.empty(pixels, dtype=tensors.pixel.dtype)
        run = Call(scene)
        for first, end in run.pieces(pixels):
            self.library.image(
                run.scene,
                run.sources,
                run.real,
                run.table,
                out=flat[first:end],
                first=first,
                end=end,
                threads=self.threads,
            )
            if self.progress is not None:
                self.progress(end // len(plan.columns), len(plan.rows))
        return _framed(scene, flat)

    def forward_with_graph(self, scene: Scene) -> Tensor:
        """[slow, fast] photons with the graph of every operation."""
        return self.plain.forward_with_graph(scene)

    def backward(self, scene: Scene, wanted: tuple[bool, ...], gradient: Tensor) -> list[Tensor | None]:
        """Gradients of the wanted tensors."""
        asked = {name for name, want in zip(NAMES, wanted, strict=True) if want}
        free = set(FREE.get(scene.plan.shape, ()))
        if refusal(scene) is not None or not asked <= free | {"real"}:
            return self.plain.backward(scene, wanted, gradient)
        found: dict[str, Tensor] = {name: torch.zeros_like(getattr(scene.tensors, name)) for name in asked}
        if "real" in asked:
            found["real"] = self._pull(scene, gradient)
        return [found.get(name) for name in NAMES]

    def _pull(self, scene: Scene, gradient: Tensor) -> Tensor:
        plan = scene.plan
        upstream = gradient if scene.mask is None else gradient * scene.mask
        window = upstream[plan.rows.start : plan.rows.stop, plan.columns.start : plan.columns.stop]
        flat = window.to(scene.tensors.pixel.dtype).reshape(-1).contiguous()
        run = Call(scene)
        total = torch.zeros(scene.tensors.real.shape, dtype=torch.float64)
        for first, end in run.pieces(len(flat)):
            total += self.library.pullback(
                run.scene,
                run.sources,
                run.real,
                run.table,
                upstream=flat[first:end],
                first=first,
                end=end,
                threads=self.threads,
            )
        return total.to(scene.tensors.real.dtype)


class Call:
    """What every call for one scene passes."""

    def __init__(self, scene: Scene) -> None:
        packed = pack_sources(scene.tensors)
        self.scene = pack_scene(scene)
        self.sources: ctypes.Array[CSource] = (CSource * len(packed))(*packed)
        self.real = scene.tensors.real.detach().contiguous()
        self.table = squares(scene)
        self.steps_per_pixel = scene.steps * scene.plan.layers

    def pieces(self, pixels: int) -> list[tuple[int, int]]:
        """Consecutive ranges of pixels, each a bearable time long."""
        size = max(1024, STEPS_PER_CALL // self.steps_per_pixel)
        return [(first, min(first + size, pixels)) for first in range(0, pixels, size)]


def _framed(scene: Scene, flat: Tensor) -> Tensor:
    """The region of interest in its place, masked pixels 0."""
    plan = scene.plan
    window = flat.reshape(len(plan.rows), len(plan.columns))
    if window.shape == (plan.spixels, plan.fpixels) and scene.mask is None:
        return window
    image = torch.zeros((plan.spixels, plan.fpixels), dtype=flat.dtype)
    image[plan.rows.start : plan.rows.stop, plan.columns.start : plan.columns.stop] = window
    return image if scene.mask is None else torch.where(scene.mask, image, torch.zeros_like(image))
