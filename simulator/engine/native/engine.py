"""Run the compiled kernel on tensors where it can, and plain torch where it cannot."""

import torch
from torch import Tensor

from simulator.engine.engine import TorchEngine
from simulator.engine.native.pack import refusal
from simulator.engine.native.rows import KernelRows, Renderer
from simulator.geometry.arrays import as_numpy
from simulator.scene.scene import NAMES, Scene

UNUSED = {"SQUARE": {"reciprocal", "fudge"}, "ROUND": {"reciprocal"}}
"""By shape, the tensors on which the image does not depend: their gradient is 0. Other shapes: plain path."""


INTENSITIES = {"scale", "default_F"}
"""Tensors whose slopes follow from the image itself: it is linear in the scale and in F squared."""


class KernelEngine:
    """Forward by the kernel; backward too for gradients of lattice vectors and intensities.

    `name` is "kernel", or after a scene that it could not take "torch (reason)".
    """

    def __init__(self, library: Renderer, *, threads: int) -> None:
        self.library = library
        self.kernel = KernelRows(library, threads=threads)
        self.plain = TorchEngine()
        self.name = "kernel"
        self._last: tuple[Scene, Scene] | None = None

    def _numbers(self, scene: Scene) -> Scene:
        """The scene over numpy arrays in the same memory, made once for all blocks of one image."""
        if self._last is None or self._last[0] is not scene:
            self._last = (scene, scene.mapped(as_numpy))
        return self._last[1]

    def _refused(self, scene: Scene) -> bool:
        """Whether the plain path must compute this scene; `name` says why."""
        reason = _elsewhere(scene.tensors.pixel) or refusal(scene)
        self.name = "kernel" if reason is None else f"torch ({reason})"
        return reason is not None

    def blank(self, scene: Scene) -> Tensor:
        """An image without photons."""
        return self.plain.blank(scene)

    def piece_rows(self, scene: Scene) -> int:
        """Rows in about a second of work."""
        if self._refused(scene):
            return self.plain.piece_rows(scene)
        return self.kernel.piece_rows(scene)

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
        """Return gradients of the wanted tensors, None for the others."""
        requested = {name for name, want in zip(NAMES, wanted, strict=True) if want}
        if self._refused(scene) or not requested <= self._known(scene):
            return self.plain.backward(scene, wanted, gradient)
        numbers, upstream = self._numbers(scene), as_numpy(gradient)
        # sum(gradient x image), of which both slopes of the intensity follow.
        product = self.kernel.total(numbers, upstream) if requested & INTENSITIES else 0.0
        found: list[Tensor | None] = []
        for name, tensor in zip(NAMES, scene.tensors.as_list(), strict=True):
            if name not in requested:
                found.append(None)
            elif name == "real":
                pulled = torch.from_numpy(self.kernel.pull(numbers, upstream))
                found.append(pulled.to(tensor.dtype))
            elif name == "scale":
                found.append(torch.full_like(tensor, product / float(tensor)))
            elif name == "default_F":
                # d(F^2)/dF = 2 F^2/F; at F = 0 the image, and so the product, is 0.
                found.append(torch.full_like(tensor, 2 * product / (float(tensor) or 1)))
            else:
                found.append(torch.zeros_like(tensor))
        return found

    def _known(self, scene: Scene) -> set[str]:
        """Names of the tensors whose gradients the kernel gives."""
        known: set[str] = set()
        if scene.plan.shape in UNUSED:
            known = {"real"} | UNUSED[scene.plan.shape]
        if not scene.plan.has_table and float(scene.tensors.scale) != 0:
            known |= INTENSITIES
        return known


def _elsewhere(pixel: Tensor) -> str | None:
    """Why the kernel cannot compute pixels of this kind, whatever the scene; None: it can."""
    if pixel.device.type != "cpu":
        return f"the pixels live on {pixel.device}"
    if pixel.dtype not in (torch.float64, torch.float32):
        return f"{pixel.dtype} pixels"
    return None
