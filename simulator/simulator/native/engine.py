"""The engine that runs the compiled kernel where it can, and says where it could not."""

import ctypes
from typing import Protocol

import torch
from torch import Tensor

from simulator.simulator.engine import TorchEngine
from simulator.simulator.native.library import CScene, CSource
from simulator.simulator.native.pack import pack_scene, pack_sources, refusal, squares
from simulator.simulator.scene import NAMES, Scene

FREE = {"SQUARE": ("reciprocal", "fudge"), "ROUND": ("reciprocal",)}
"""Tensors on which the image of such a crystal does not depend: their gradient is 0."""

STEPS_PER_CALL = 1 << 28
"""Samples x orientations in one call into the library: about a second, so that a run can be interrupted."""


class Renderer(Protocol):
    """The two functions of a built library that an engine calls."""

    def image(
        self,
        scene: CScene,
        sources: "ctypes.Array[CSource]",
        real: Tensor,
        table: Tensor | None,
        *,
        out: Tensor,
        span: tuple[int, int],
        threads: int,
    ) -> None:
        """Fill `out` with photons."""

    def pullback(
        self,
        scene: CScene,
        sources: "ctypes.Array[CSource]",
        real: Tensor,
        table: Tensor | None,
        *,
        upstream: Tensor,
        span: tuple[int, int],
        threads: int,
    ) -> Tensor:
        """The gradient by the lattice vectors."""


class KernelEngine:
    """Forward by the kernel; backward too where lattice vectors and intensities are asked for.

    `name` is "kernel", or after a scene that it could not take "torch (reason)".
    """

    def __init__(self, library: Renderer, *, threads: int) -> None:
        self.library = library
        self.threads = threads
        self.plain = TorchEngine()
        self.name = "kernel"
        self._last: tuple[Scene, Call] | None = None

    def _call(self, scene: Scene) -> "Call":
        """The packed scene, made once for the pieces of one image."""
        if self._last is None or self._last[0] is not scene:
            self._last = (scene, Call(scene))
        return self._last[1]

    def _refused(self, scene: Scene) -> bool:
        reason = refusal(scene)
        self.name = "kernel" if reason is None else f"torch ({reason})"
        return reason is not None

    def piece_rows(self, scene: Scene) -> int:
        """Rows in about a second of work."""
        if self._refused(scene):
            return self.plain.piece_rows(scene)
        steps = scene.steps * scene.plan.layers * len(scene.plan.columns)
        return max(1, STEPS_PER_CALL // steps)

    def rows(self, scene: Scene, first: int, end: int, out: Tensor) -> None:
        """Fill `out` [end - first, columns] with photons, no graph."""
        if self._refused(scene):
            self.plain.rows(scene, first, end, out)
            return
        call, width, start = self._call(scene), len(scene.plan.columns), scene.plan.rows.start
        span = ((first - start) * width, (end - start) * width)
        target = out if out.is_contiguous() else torch.empty_like(out, memory_format=torch.contiguous_format)
        self.library.image(
            call.scene, call.sources, call.real, call.table, out=target, span=span, threads=self.threads
        )
        if scene.mask is not None:
            kept = scene.mask[first:end, scene.plan.columns.start : scene.plan.columns.stop]
            target.mul_(kept)
        if target is not out:
            out.copy_(target)

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
        if "real" in asked:
            found["real"] = self._pull(scene, gradient)
        if asked & {"scale", "default_F"}:
            product = self._product(scene, gradient)
            amplitude = float(scene.tensors.default_F)
            slopes = {"scale": product / scene.tensors.scale, "default_F": 2 * product / (amplitude or 1.0)}
            found.update({name: slopes[name] for name in asked & set(slopes)})
        return [found.get(name) for name in NAMES]

    def _known(self, scene: Scene) -> set[str]:
        """Tensors whose gradients the kernel gives: the image is linear in scale and in F squared."""
        linear = not scene.plan.has_table and float(scene.tensors.scale) != 0
        known = {"real", *FREE.get(scene.plan.shape, ())}
        return known | {"scale", "default_F"} if linear else known

    def _product(self, scene: Scene, gradient: Tensor) -> Tensor:
        """sum(gradient x image), the image rendered again piece by piece."""
        plan, size = scene.plan, self.piece_rows(scene)
        total = torch.zeros((), dtype=torch.float64)
        for first in range(plan.rows.start, plan.rows.stop, size):
            end = min(first + size, plan.rows.stop)
            out = torch.empty((end - first, len(plan.columns)), dtype=scene.tensors.pixel.dtype)
            self.rows(scene, first, end, out)
            part = gradient[first:end, plan.columns.start : plan.columns.stop]
            total += (out * part).sum(dtype=torch.float64)
        return total.to(scene.tensors.scale.dtype)

    def _pull(self, scene: Scene, gradient: Tensor) -> Tensor:
        plan, call, size = scene.plan, self._call(scene), self.piece_rows(scene)
        upstream = gradient if scene.mask is None else gradient * scene.mask
        window = upstream[plan.rows.start : plan.rows.stop, plan.columns.start : plan.columns.stop]
        total = torch.zeros(scene.tensors.real.shape, dtype=torch.float64)
        width = len(plan.columns)
        for first in range(0, len(plan.rows), size):
            part = window[first : first + size].to(scene.tensors.pixel.dtype).contiguous()
            span = (first * width, first * width + part.numel())
            total += self.library.pullback(
                call.scene,
                call.sources,
                call.real,
                call.table,
                upstream=part,
                span=span,
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
