"""Run the compiled kernel on tensors where it can, and plain torch where it cannot."""

from collections.abc import Sequence

import torch
from torch import Tensor

from simulator.engine.engine import TorchEngine
from simulator.engine.native.library import Library
from simulator.engine.native.pack import refusal
from simulator.engine.native.rows import KernelRows, same_scenes
from simulator.geometry.arrays import as_numpy
from simulator.scene.scene import NAMES, Scene

UNUSED = {"SQUARE": {"reciprocal", "fudge", "first_real"}, "ROUND": {"reciprocal", "first_real"}}
"""By shape, the tensors on which the image does not depend: their gradient is 0. Other shapes: plain path."""


INTENSITIES = {"scale", "default_F"}
"""Tensors whose slopes follow from the image itself: it is linear in the scale and in F squared."""


class KernelEngine:
    """Forward by the kernel; backward too for gradients of lattice vectors and intensities.

    `name` is "kernel", or after a scene that it could not take "torch (reason)".
    """

    def __init__(self, library: Library, *, threads: int) -> None:
        self.library = library
        self.kernel = KernelRows(library, threads=threads)
        self.plain = TorchEngine()
        self.name = "kernel"
        self._last: tuple[tuple[Scene, ...], list[Scene]] | None = None

    def _numbers(self, scenes: Sequence[Scene]) -> list[Scene]:
        """The scenes over numpy arrays in the same memory, made once for all blocks of their images."""
        if self._last is None or not same_scenes(self._last[0], scenes):
            self._last = (tuple(scenes), [scene.mapped(as_numpy) for scene in scenes])
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
            self.kernel.rows(self._numbers([scene])[0], first, end, out.numpy())

    def forward_with_graph(self, scene: Scene) -> Tensor:
        """[slow, fast] photons with the graph of every operation."""
        self.name = "torch (a graph of every operation)"
        return self.plain.forward_with_graph(scene)

    def together(self, scenes: Sequence[Scene], wanted: tuple[bool, ...] = ()) -> bool:
        """Whether one call into the library serves all these scenes of one plan, and these gradients."""
        return not self._refused(scenes[0]) and _names(wanted) <= self._known(scenes)

    def images(self, scenes: Sequence[Scene], out: Tensor) -> None:
        """Fill the region of interest of `out` [image, slow, fast]; for scenes that go `together`."""
        self.kernel.images(self._numbers(scenes), out.numpy())

    def backward(self, scene: Scene, wanted: tuple[bool, ...], gradient: Tensor) -> list[Tensor | None]:
        """Return gradients of the wanted tensors, None for the others."""
        if not self.together([scene], wanted):
            return self.plain.backward(scene, wanted, gradient)
        found = self.batch_backward([scene], wanted, gradient[None])
        return [None if part is None else part[0] for part in found]

    def batch_backward(
        self, scenes: Sequence[Scene], wanted: tuple[bool, ...], gradients: Tensor
    ) -> list[Tensor | None]:
        """Gradients [image, ...] of the wanted tensors of each scene; for scenes that go `together`."""
        requested = _names(wanted)
        # Not made contiguous: the gradient of a sum is one number, and its copy as large as the image.
        numbers, upstream = self._numbers(scenes), gradients.detach().numpy()
        # sum(gradient x image), of which both slopes of the intensity follow.
        products = torch.zeros(len(scenes), dtype=torch.float64)
        if requested & INTENSITIES:
            products = torch.from_numpy(self.kernel.totals(numbers, upstream))
        found: list[Tensor | None] = []
        for name in NAMES:
            if name not in requested:
                found.append(None)
                continue
            values = torch.stack([getattr(scene.tensors, name) for scene in scenes])
            match name:
                case "real":
                    gradient = torch.from_numpy(self.kernel.pull(numbers, upstream))
                case "scale":
                    gradient = products / values
                case "default_F":
                    # d(F^2)/dF = 2 F^2/F; at F = 0 the image, and so the product, is 0.
                    gradient = 2 * products / torch.where(values != 0, values, torch.ones_like(values))
                case _:
                    gradient = torch.zeros_like(values)  # one of UNUSED
            found.append(gradient.to(values.dtype))
        return found

    def _known(self, scenes: Sequence[Scene]) -> set[str]:
        """Names of the tensors whose gradients the kernel gives."""
        plan = scenes[0].plan
        known: set[str] = set()
        if plan.shape in UNUSED:
            known = {"real"} | UNUSED[plan.shape]
        if not plan.has_table and all(float(scene.tensors.scale) != 0 for scene in scenes):
            known |= INTENSITIES
        return known


def _names(wanted: tuple[bool, ...]) -> set[str]:
    """Names of the tensors whose gradients are wanted; none where nothing is said."""
    return {name for name, want in zip(NAMES, wanted, strict=False) if want}


def _elsewhere(pixel: Tensor) -> str | None:
    """Why the kernel cannot compute pixels of this kind, whatever the scene; None: it can."""
    if pixel.device.type != "cpu":
        return f"the pixels live on {pixel.device}"
    if pixel.dtype not in (torch.float64, torch.float32):
        return f"{pixel.dtype} pixels"
    return None
