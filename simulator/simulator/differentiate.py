"""The image as one differentiable operation of the scene's tensors, computed and differentiated tile by tile.

Nothing is stored between forward and backward but the inputs: the backward pass renders each tile again
and lets go of it. A backward pass that is itself to be differentiated renders once more with its graph kept.
"""

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
        ctx.engine, ctx.scene = job.engine, scene
        ctx.save_for_backward(*tensors)
        bare = scene.with_tensors(Tensors.from_list([tensor.detach() for tensor in tensors]))
        return assemble(job, bare)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the tensors that ask for one."""
        (gradient,) = upstream
        wanted = ctx.needs_input_grad[2:]
        if torch.is_grad_enabled():
            found = _with_graph(ctx.engine, ctx.scene, list(ctx.saved_tensors), wanted, gradient)
        else:
            bare = ctx.scene.with_tensors(
                Tensors.from_list([tensor.detach() for tensor in ctx.saved_tensors])
            )
            found = ctx.engine.backward(bare, wanted, gradient)
        return (None, None, *found)


def _with_graph(
    engine: Engine, scene: Scene, tensors: list[Tensor], wanted: tuple[bool, ...], gradient: Tensor
) -> list[Tensor | None]:
    """The same gradients as functions that can be differentiated again. Memory follows the image here."""
    image = engine.forward_with_graph(scene.with_tensors(Tensors.from_list(tensors)))
    asked = [tensor for tensor, want in zip(tensors, wanted, strict=True) if want]
    found = iter(torch.autograd.grad(image, asked, gradient, create_graph=True, allow_unused=True))
    result: list[Tensor | None] = []
    for tensor, want in zip(tensors, wanted, strict=True):
        got = next(found) if want else None
        result.append(torch.zeros_like(tensor) if want and got is None else got)
    return result
