"""Who computes an image: an engine renders a scene forward, and pulls an image's gradient back onto its
tensors."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from simulator.simulator.render import render
from simulator.simulator.scene import Scene, Tensors
from simulator.simulator.tiles import TILE_PIXELS, blocks, pixel_numbers

Progress = Callable[[int, int], None]
"""Called with (rows done, rows in all)."""


class Engine(Protocol):
    """What an engine offers. `name` says which path ran."""

    name: str

    def forward(self, scene: Scene) -> Tensor:
        """[slow, fast] photons, no graph."""

    def forward_with_graph(self, scene: Scene) -> Tensor:
        """[slow, fast] photons with the graph of every operation."""

    def backward(self, scene: Scene, wanted: tuple[bool, ...], gradient: Tensor) -> list[Tensor | None]:
        """d(sum gradient x image)/d tensor for the wanted tensors, None for the others."""


class TorchEngine:
    """Plain torch operations on any device, one block of rows at a time."""

    name = "torch"

    def __init__(self, *, tile_pixels: int = TILE_PIXELS, progress: Progress | None = None) -> None:
        self.tile_pixels = tile_pixels
        self.progress = progress

    def _blank(self, scene: Scene) -> Tensor:
        plan, like = scene.plan, scene.tensors.pixel
        return torch.zeros((plan.spixels, plan.fpixels), dtype=like.dtype, device=like.device)

    def forward(self, scene: Scene) -> Tensor:
        """[slow, fast] photons, no graph."""
        image = self._blank(scene)
        with torch.no_grad():
            for first, end in blocks(scene.plan, self.tile_pixels):
                self.fill(scene, image, first, end)
                if self.progress is not None:
                    self.progress(end - scene.plan.rows.start, len(scene.plan.rows))
        return image

    def fill(self, scene: Scene, image: Tensor, first: int, end: int) -> None:
        """Render rows first ... end - 1 into the image."""
        pixels = pixel_numbers(scene.plan, first, end, image.device)
        image.view(-1)[pixels] = render(scene, pixels)

    def forward_with_graph(self, scene: Scene) -> Tensor:
        """[slow, fast] photons with the graph of every operation."""
        plan = scene.plan
        pixels = pixel_numbers(plan, plan.rows.start, plan.rows.stop, scene.tensors.pixel.device)
        return (
            self._blank(scene)
            .reshape(-1)
            .scatter(0, pixels, render(scene, pixels))
            .reshape(plan.spixels, plan.fpixels)
        )

    def backward(self, scene: Scene, wanted: tuple[bool, ...], gradient: Tensor) -> list[Tensor | None]:
        """Render each block again with its graph, pull its part of the gradient back, and add up."""
        leaves = [
            tensor.detach().requires_grad_(want)
            for tensor, want in zip(scene.tensors.as_list(), wanted, strict=True)
        ]
        asked = [leaf for leaf in leaves if leaf.requires_grad]
        sums = [torch.zeros_like(leaf) for leaf in asked]
        lit = scene.with_tensors(Tensors.from_list(leaves))
        for first, end in blocks(scene.plan, self.tile_pixels):
            pixels = pixel_numbers(scene.plan, first, end, gradient.device)
            with torch.enable_grad():
                tile = render(lit, pixels)
                parts = torch.autograd.grad(tile, asked, gradient.reshape(-1)[pixels], allow_unused=True)
            sums = [total if part is None else total + part for total, part in zip(sums, parts, strict=True)]
        found = iter(sums)
        return [next(found) if want else None for want in wanted]
