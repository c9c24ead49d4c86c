"""Engines: each renders rows of a scene, and pulls the gradient of an image back onto the scene's tensors."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from simulator.engine.render import render
from simulator.engine.tiles import (
    let_memory_be_reused,
    live_samples,
    one_thread,
    pieces,
    pixel_numbers,
    tile_pixels,
)
from simulator.scene.scene import Scene, Tensors


class Engine(Protocol):
    """The operations of an engine. `name` says which path ran last."""

    name: str

    def blank(self, scene: Scene) -> Tensor:
        """An image without photons."""

    def piece_rows(self, scene: Scene) -> int:
        """Number of rows in a block of about a second of work at most."""

    def rows(self, scene: Scene, first: int, end: int, out: Tensor) -> None:
        """Fill `out` [end - first, columns] with the photons of these rows inside the region of interest."""

    def forward_with_graph(self, scene: Scene) -> Tensor:
        """[slow, fast] photons with the graph of every operation."""

    def backward(self, scene: Scene, wanted: tuple[bool, ...], gradient: Tensor) -> list[Tensor | None]:
        """d(sum gradient x image)/d tensor for the wanted tensors, None for the others."""


@runtime_checkable
class BatchEngine(Engine, Protocol):
    """An engine that computes the images of a batch together. The scenes of a batch share plan and mask."""

    def together(self, scenes: Sequence[Scene], wanted: tuple[bool, ...] = ()) -> bool:
        """Whether it does so for these scenes and these gradients."""

    def images(self, scenes: Sequence[Scene], out: Tensor) -> None:
        """Fill the region of interest of `out` [image, slow, fast] with photons."""

    def batch_backward(
        self, scenes: Sequence[Scene], wanted: tuple[bool, ...], gradients: Tensor
    ) -> list[Tensor | None]:
        """Gradients [image, ...] of the wanted tensors of each scene, None for the others."""


class TorchEngine:
    """Plain torch operations on any device, one block of rows at a time.

    `tile` is the number of pixels of a block; None: the device's.
    """

    def __init__(self, *, tile: int | None = None, name: str = "torch") -> None:
        self.tile = tile
        self.name = name
        let_memory_be_reused()

    def _size(self, device: torch.device) -> int:
        return self.tile or tile_pixels(device)

    def blank(self, scene: Scene) -> Tensor:
        """An image without photons."""
        plan, like = scene.plan, scene.tensors.pixel
        return torch.zeros((plan.spixels, plan.fpixels), dtype=like.dtype, device=like.device)

    def piece_rows(self, scene: Scene) -> int:
        """One tile."""
        return max(1, self._size(scene.tensors.pixel.device) // len(scene.plan.columns))

    def rows(self, scene: Scene, first: int, end: int, out: Tensor) -> None:
        """Fill `out` [end - first, columns] with photons, no graph."""
        with torch.no_grad(), one_thread(scene.tensors.pixel.device):
            pixels = pixel_numbers(scene.plan, first, end, scene.tensors.pixel.device)
            out.copy_(render(scene, pixels).reshape(out.shape))

    def forward_with_graph(self, scene: Scene) -> Tensor:
        """[slow, fast] photons with the graph of every operation."""
        plan, like = scene.plan, scene.tensors.pixel
        pixels = pixel_numbers(plan, plan.rows.start, plan.rows.stop, like.device)
        blank = torch.zeros(plan.spixels * plan.fpixels, dtype=like.dtype, device=like.device)
        return blank.scatter(0, pixels, render(scene, pixels)).reshape(plan.spixels, plan.fpixels)

    def backward(self, scene: Scene, wanted: tuple[bool, ...], gradient: Tensor) -> list[Tensor | None]:
        """Render each piece again with its graph, pull its part of the gradient back, and add up."""
        with one_thread(gradient.device):
            return self._backward(scene, wanted, gradient)

    def _backward(self, scene: Scene, wanted: tuple[bool, ...], gradient: Tensor) -> list[Tensor | None]:
        device = gradient.device
        leaves = []
        for tensor, want in zip(scene.tensors.as_list(), wanted, strict=True):
            leaves.append(tensor.detach().requires_grad_(want))
        requested = [leaf for leaf in leaves if leaf.requires_grad]
        sums = [torch.zeros_like(leaf) for leaf in requested]
        with_leaves = scene.with_tensors(Tensors.from_list(leaves))
        # Pixels whose samples, over all steps and layers, may keep their graph at once.
        live = live_samples(device) // (scene.steps * scene.plan.layers)
        size = max(1, min(self._size(device), live))
        upstream = gradient.reshape(-1)
        for pixels in pieces(scene.plan, size, device):
            with torch.enable_grad():
                tile = render(with_leaves, pixels)
                # A tile may depend on none of the tensors, as under flat spots.
                if not tile.requires_grad:
                    continue
                # The sum has the same gradient. For one that is handed in torch imports sympy: over a second.
                pulled = (tile * upstream[pixels]).sum()
                parts = torch.autograd.grad(pulled, requested, allow_unused=True)
            for index, part in enumerate(parts):
                if part is not None:
                    sums[index] = sums[index] + part
        found = iter(sums)
        return [next(found) if want else None for want in wanted]
