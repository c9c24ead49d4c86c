"""The image as one differentiable operation of the scene's tensors, computed and differentiated tile by tile.

Only the inputs are stored between forward and backward: the backward pass renders each tile again and frees
it. A backward pass that is itself to be differentiated renders once more and keeps the graph.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from simulator.simulator.assemble import Job, assemble
from simulator.simulator.engine import Engine
from simulator.simulator.scene import Scene, Tensors


class Image(torch.autograd.Function):
    """image = Image.apply(job, scene, *tensors of the scene)."""

    @staticmethod
    def forward(ctx: Any, job: Job[Tensor], scene: Scene, *tensors: Tensor) -> Tensor:
        """Render without a graph."""
        ctx.engine = job.engine
        ctx.scene = scene
        ctx.save_for_backward(*tensors)
        return assemble(job, _detached(scene, tensors))

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Return gradients of the tensors that ask for one; `job` and `scene` have none."""
        (gradient,) = upstream
        _job, _scene, *wanted = ctx.needs_input_grad
        if torch.is_grad_enabled():
            found = _with_graph(ctx.engine, ctx.scene, list(ctx.saved_tensors), tuple(wanted), gradient)
        else:
            bare = _detached(ctx.scene, ctx.saved_tensors)
            found = ctx.engine.backward(bare, tuple(wanted), gradient)
        return (None, None, *found)


def _detached(scene: Scene, tensors: Iterable[Tensor]) -> Scene:
    """The scene over these tensors without their graph."""
    return scene.with_tensors(Tensors.from_list([tensor.detach() for tensor in tensors]))


def _with_graph(
    engine: Engine, scene: Scene, tensors: list[Tensor], wanted: tuple[bool, ...], gradient: Tensor
) -> list[Tensor | None]:
    """Compute the gradients as functions that can be differentiated again. Memory follows the image here."""
    image = engine.forward_with_graph(scene.with_tensors(Tensors.from_list(tensors)))
    requested = [tensor for tensor, want in zip(tensors, wanted, strict=True) if want]
    found = iter(torch.autograd.grad(image, requested, gradient, create_graph=True, allow_unused=True))
    result: list[Tensor | None] = []
    for tensor, want in zip(tensors, wanted, strict=True):
        if not want:
            result.append(None)
            continue
        got = next(found)
        # None where the image does not depend on the tensor.
        result.append(torch.zeros_like(tensor) if got is None else got)
    return result
