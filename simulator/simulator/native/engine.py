"""The engine that runs the compiled kernel on tensors where it can, and says where it could not."""

import torch
from torch import Tensor

from simulator.geometry.arrays import as_numpy
from simulator.simulator.engine import TorchEngine
from simulator.simulator.native.pack import refusal
from simulator.simulator.native.rows import KernelRows, Renderer
from simulator.simulator.scene import NAMES, Scene

FREE = {"SQUARE": ("reciprocal", "fudge"), "ROUND": ("reciprocal",)}
"""Tensors on which the image of such a crystal does not depend: their gradient is 0."""


class KernelEngine:
    """Forward by the kernel; backward too where lattice vectors and intensities are asked for.

    `name` is "kernel", or after a scene that it could not take "torch (reason)".
    """

    def __init__(self, library: Renderer, *, threads: int) -> None:
        self.library = library
        self.kernel = KernelRows(library, threads=threads)
        self.plain = TorchEngine()
        self.name = "kernel"
        self._last: tuple[Scene, Scene] | None = None

    def _numbers(self, scene: Scene) -> Scene:
        """The scene's tensors as arrays in the same memory, made once for the pieces of one image."""
        if self._last is None or self._last[0] is not scene:
            self._last = (scene, scene.mapped(as_numpy))
        return self._last[1]

    def _refused(self, scene: Scene) -> bool:
        reason = _elsewhere(scene.tensors.pixel) or refusal(scene)
        self.name = "kernel" if reason is None else f"torch ({reason})"
        return reason is not None

    def blank(self, scene: Scene) -> Tensor:
        """An image without photons."""
        return self.plain.blank(scene)

    def piece_rows(self, scene: Scene) -> int:
        """Rows in about a second of work."""
        return self.plain.piece_rows(scene) if self._refused(scene) else self.kernel.piece_rows(scene)

    def rows(self, scene: Scene, first: int, end: int, out: Tensor) -> None:
        """Fill `out` [end - first, columns] with photons, no graph."""
        if self._refused(scene):
            self.plain.rows(scene, first, end, out)
        else:
            self.kernel.rows(self._numbers(scene), first, end, out.numpy())

    def forward_with_graph(self, scene: Scene) -> Tensor:
        """[slow, fast] photons with the graph of every operation."""
        self.name = "torch (a graph of every operation)"
        return self.plain.forward_with_graph(scene)

    def backward(self, scene: Scene, wanted: tuple[bool, ...], gradient: Tensor) -> list[Tensor | None]:
        """Gradients of the wanted tensors."""
        asked = {name for name, want in zip(NAMES, wanted, strict=True) if want}
        if self._refused(scene) or not asked <= self._known(scene):
            return self.plain.backward(scene, wanted, gradient)
        found: dict[str, Tensor] = {name: torch.zeros_like(getattr(scene.tensors, name)) for name in asked}
        numbers, upstream = self._numbers(scene), as_numpy(gradient)
        if "real" in asked:
            pulled = torch.from_numpy(self.kernel.pull(numbers, upstream))
            found["real"] = pulled.to(scene.tensors.real.dtype)
        if asked & {"scale", "default_F"}:
            product, amplitude = self.kernel.total(numbers, upstream), float(scene.tensors.default_F)
            slopes = {
                "scale": product / float(scene.tensors.scale),
                "default_F": 2 * product / (amplitude or 1),
            }
            for name in asked & set(slopes):
                found[name] = torch.full_like(getattr(scene.tensors, name), slopes[name])
        return [found.get(name) for name in NAMES]

    def _known(self, scene: Scene) -> set[str]:
        """Tensors whose gradients the kernel gives: the image is linear in scale and in F squared."""
        linear = not scene.plan.has_table and float(scene.tensors.scale) != 0
        free = FREE.get(scene.plan.shape)
        known = set() if free is None else {"real", *free}
        return known | {"scale", "default_F"} if linear else known


def _elsewhere(pixel: Tensor) -> str | None:
    """Why these pixels are not the kernel's, whatever the scene."""
    if pixel.device.type != "cpu":
        return f"the pixels live on {pixel.device}"
    return None if pixel.dtype in (torch.float64, torch.float32) else f"{pixel.dtype} pixels"
