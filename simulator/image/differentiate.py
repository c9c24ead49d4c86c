"""The image as a differentiable function of a scene's tensors: autograd, `torch.func`, `torch.compile`.

Five operators compute, each with a rule for shapes and one for batches:

    simulator::image(tensors, scene)                     -> photons [slow, fast]
    simulator::pull(gradient, tensors, scene, wanted)    -> d(sum gradient x image)/d(wanted tensors)
    simulator::pull_twice(cotangents, gradient, ...)     -> derivatives of sum(cotangents x pull)
    simulator::images(tensors, batched, count, scene)    -> photons [count, slow, fast]
    simulator::pulls(gradients, tensors, batched, ...)   -> pull of each image

`images` and `pulls` are the rules for batches of `image` and `pull`: one call into the kernel where it takes
the scene. What has no such rule (`pull_twice`, a batch of batches) goes one by one.

`Image` and `Pull` tie them together as first and second derivatives; third ones are not given, and
derivatives in forward mode are refused. An operator takes tensors and numbers, so a scene goes by the
number under which it is kept here. Only the inputs are stored between forward and backward: the backward
pass renders each tile again and frees it.
"""

import itertools
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from simulator.config import SimulatorError
from simulator.engine.engine import BatchEngine, Engine
from simulator.image.assemble import Job, assemble, assemble_together
from simulator.scene.scene import Scene, Tensors

FORWARD_MODE = (
    "derivatives in forward mode (torch.func.jvp, jacfwd) are not given: take grad, vjp or jacrev, "
    "and jacrev of grad for a Hessian"
)


@dataclass(frozen=True, eq=False)
class Rendering:
    """What an operator needs besides tensors: the engine's job, and the scene whose tensors it replaces."""

    job: Job[Tensor]
    scene: Scene

    @property
    def engine(self) -> Engine:
        """The engine, which differentiates too."""
        return self.job.engine  # type: ignore[return-value]

    def over(self, tensors: Sequence[Tensor]) -> Scene:
        """The scene over these tensors."""
        return self.scene.with_tensors(Tensors.from_list(list(tensors)))


_kept: "weakref.WeakValueDictionary[int, Rendering]" = weakref.WeakValueDictionary()
_numbers = itertools.count()


def keep(rendering: Rendering) -> int:
    """Return a number by which the operators find this rendering, for as long as somebody holds it."""
    number = next(_numbers)
    _kept[number] = rendering
    return number


def _rendering(number: int) -> Rendering:
    found = _kept.get(number)
    if found is None:
        raise SimulatorError("the scene of this image is gone: keep its simulator until gradients are taken")
    return found


def _detached(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [tensor.detach() for tensor in tensors]


def _image(tensors: list[Tensor], scene: int) -> Tensor:
    """Render without a graph."""
    rendering = _rendering(scene)
    return assemble(rendering.job, rendering.over(_detached(tensors)))


def _image_shape(tensors: list[Tensor], scene: int) -> Tensor:
    plan = _rendering(scene).scene.plan
    return tensors[0].new_empty((plan.spixels, plan.fpixels))


def _pull(gradient: Tensor, tensors: list[Tensor], scene: int, wanted: list[bool]) -> list[Tensor]:
    """Pull the gradient of an image back onto the wanted tensors."""
    rendering = _rendering(scene)
    found = rendering.engine.backward(rendering.over(_detached(tensors)), tuple(wanted), gradient.detach())
    # An operator must not hand out one tensor twice, nor a view of another.
    return [part.clone() for part in found if part is not None]


def _pull_shapes(gradient: Tensor, tensors: list[Tensor], scene: int, wanted: list[bool]) -> list[Tensor]:
    return [torch.empty_like(tensor) for tensor, want in zip(tensors, wanted, strict=True) if want]


def _scenes(tensors: list[Tensor], batched: list[bool], count: int, rendering: Rendering) -> list[Scene]:
    """The scene of each image: entry i of the batched tensors, and the others, which all share."""
    plain = _detached(tensors)
    scenes = []
    for index in range(count):
        entry = [tensor[index] if many else tensor for tensor, many in zip(plain, batched, strict=True)]
        scenes.append(rendering.over(entry))
    return scenes


def _images(tensors: list[Tensor], batched: list[bool], count: int, scene: int) -> Tensor:
    """Render a batch without a graph."""
    rendering = _rendering(scene)
    if rendering.job.checkpoint is not None:
        raise SimulatorError("a file of finished rows (resume) belongs to one image: it cannot serve a batch")
    scenes = _scenes(tensors, batched, count, rendering)
    engine = rendering.engine
    if isinstance(engine, BatchEngine) and engine.together(scenes):
        return assemble_together(engine, scenes, rendering.job.progress)
    return torch.stack([assemble(rendering.job, one) for one in scenes])


def _images_shape(tensors: list[Tensor], batched: list[bool], count: int, scene: int) -> Tensor:
    plan = _rendering(scene).scene.plan
    return tensors[0].new_empty((count, plan.spixels, plan.fpixels))


def _pulls(
    gradients: Tensor, tensors: list[Tensor], batched: list[bool], scene: int, wanted: list[bool]
) -> list[Tensor]:
    """Pull the gradient [image, slow, fast] of each image of a batch back onto the wanted tensors."""
    rendering = _rendering(scene)
    scenes = _scenes(tensors, batched, len(gradients), rendering)
    engine, upstream = rendering.engine, gradients.detach()
    if isinstance(engine, BatchEngine) and engine.together(scenes, tuple(wanted)):
        together = engine.batch_backward(scenes, tuple(wanted), upstream)
        return [part.clone() for part in together if part is not None]
    each = []
    for one, part in zip(scenes, upstream, strict=True):
        found = engine.backward(one, tuple(wanted), part)
        each.append([part for part in found if part is not None])
    return [torch.stack(parts) for parts in zip(*each, strict=True)]


def _pulls_shapes(
    gradients: Tensor, tensors: list[Tensor], batched: list[bool], scene: int, wanted: list[bool]
) -> list[Tensor]:
    shapes = []
    for tensor, many, want in zip(tensors, batched, wanted, strict=True):
        if want:
            shapes.append(tensor.new_empty((len(gradients), *tensor.shape[int(many) :])))
    return shapes


def _pull_twice(
    cotangents: list[Tensor], gradient: Tensor, tensors: list[Tensor], scene: int, wanted: list[bool]
) -> list[Tensor]:
    """Derivatives of sum(cotangents x pull) by the gradient, then by the wanted tensors.

    Computed by plain operations with the graph of all pixels: memory follows the image times its steps.
    """
    rendering = _rendering(scene)
    leaves = [tensor.detach().requires_grad_(want) for tensor, want in zip(tensors, wanted, strict=True)]
    requested = [leaf for leaf in leaves if leaf.requires_grad]
    upstream = gradient.detach().requires_grad_()
    inputs = [upstream, *requested]
    second: Sequence[Tensor | None] = [None] * len(inputs)
    with torch.enable_grad():
        image = rendering.engine.forward_with_graph(rendering.over(leaves))
        if image.requires_grad:
            first = torch.autograd.grad(image, requested, upstream, create_graph=True, allow_unused=True)
            total = torch.zeros_like(upstream).sum()
            for cotangent, part in zip(cotangents, first, strict=True):
                if part is not None:
                    total = total + (cotangent * part).sum()
            if total.requires_grad:
                second = torch.autograd.grad(total, inputs, allow_unused=True)
    return [
        torch.zeros_like(tensor) if part is None else part.clone()
        for tensor, part in zip(inputs, second, strict=True)
    ]


def _pull_twice_shapes(
    cotangents: list[Tensor], gradient: Tensor, tensors: list[Tensor], scene: int, wanted: list[bool]
) -> list[Tensor]:
    return [torch.empty_like(gradient), *_pull_shapes(gradient, tensors, scene, wanted)]


def _entry(value: Any, dim: Any, index: int) -> Any:
    """The part of an argument that belongs to one entry of a batch."""
    if isinstance(value, list) and isinstance(dim, list):
        return [_entry(part, part_dim, index) for part, part_dim in zip(value, dim, strict=True)]
    return value.select(dim, index) if isinstance(dim, int) else value


def _one_by_one(operator: Callable[..., Any]) -> Callable[..., Any]:
    """The rule for batches: the entries one after the other, stacked along a first dimension."""

    def batched(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Any, Any]:
        results = []
        for index in range(info.batch_size):
            entry = [_entry(value, dim, index) for value, dim in zip(arguments, in_dims, strict=True)]
            results.append(operator(*entry))
        if isinstance(results[0], Tensor):
            return torch.stack(results), 0
        stacked = [torch.stack(parts) for parts in zip(*results, strict=True)]
        return stacked, [0] * len(stacked)

    return batched


def _batch_first(values: Sequence[Tensor], dims: Sequence[int | None]) -> tuple[list[Tensor], list[bool]]:
    """Move the batch of each tensor that has one to the front; say which have one."""
    moved = [value if dim is None else value.movedim(dim, 0) for value, dim in zip(values, dims, strict=True)]
    return moved, [dim is not None for dim in dims]


def _image_batch(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Tensor, int]:
    """The rule for batches of `image`."""
    tensors, scene = arguments
    moved, batched = _batch_first(tensors, in_dims[0])
    images: Tensor = torch.ops.simulator.images(moved, batched, info.batch_size, scene)
    return images, 0


def _pull_batch(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[list[Tensor], list[int]]:
    """The rule for batches of `pull`."""
    gradient, tensors, scene, wanted = arguments
    moved, batched = _batch_first(tensors, in_dims[1])
    if in_dims[0] is None:
        gradients = gradient.expand(info.batch_size, *gradient.shape)
    else:
        gradients = gradient.movedim(in_dims[0], 0)
    pulled: list[Tensor] = torch.ops.simulator.pulls(gradients, moved, batched, scene, wanted)
    return pulled, [0] * len(pulled)


def _register(
    name: str,
    schema: str,
    compute: Callable[..., Any],
    shapes: Callable[..., Any],
    batch: Callable[..., Any] | None = None,
) -> None:
    """Make an operator of torch; without a rule for batches, their entries go one by one.

    By the plain functions of `torch.library`: its `custom_op` loads torch's compiler at the first call, which
    takes a second and 80 MB.
    """
    full = f"simulator::{name}"
    torch.library.define(full, schema)
    torch.library.impl(full, "CompositeExplicitAutograd", compute)
    torch.library.register_fake(full, shapes)
    torch.library.register_vmap(full, batch or _one_by_one(getattr(torch.ops.simulator, name)))


_register(
    "images",
    "(Tensor[] tensors, bool[] batched, int count, int scene) -> Tensor",
    _images,
    _images_shape,
)
_register(
    "pulls",
    "(Tensor gradients, Tensor[] tensors, bool[] batched, int scene, bool[] wanted) -> Tensor[]",
    _pulls,
    _pulls_shapes,
)
_register("image", "(Tensor[] tensors, int scene) -> Tensor", _image, _image_shape, _image_batch)
_register(
    "pull",
    "(Tensor gradient, Tensor[] tensors, int scene, bool[] wanted) -> Tensor[]",
    _pull,
    _pull_shapes,
    _pull_batch,
)
_register(
    "pull_twice",
    "(Tensor[] cotangents, Tensor gradient, Tensor[] tensors, int scene, bool[] wanted) -> Tensor[]",
    _pull_twice,
    _pull_twice_shapes,
)


def _hold(ctx: Any, scene: int) -> None:
    """Keep the rendering alive with the graph; torch.compile cannot trace this, and its callers keep it."""
    if not torch.compiler.is_compiling():
        ctx.rendering = _kept.get(scene)


class Image(torch.autograd.Function):
    """image = Image.apply(number of the scene, *its tensors)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(scene: int, *tensors: Tensor) -> Tensor:
        """Render without a graph."""
        image: Tensor = torch.ops.simulator.image(list(tensors), scene)
        return image

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep the inputs, and the scene: the backward pass may come when nobody else holds it."""
        scene, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.scene = scene
        _hold(ctx, scene)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Return gradients of the tensors that ask for one."""
        wanted = list(ctx.needs_input_grad[1:])
        if torch.compiler.is_compiling():
            # No function of this kind may stand in another's backward pass there: no second derivatives.
            tensors = list(ctx.saved_tensors)
            parts = torch.ops.simulator.pull(upstream[0], tensors, ctx.scene, wanted)
        else:
            parts = Pull.apply(ctx.scene, tuple(wanted), upstream[0], *ctx.saved_tensors)  # type: ignore[no-untyped-call]
        return (None, *_spread(parts, wanted))


class Pull(torch.autograd.Function):
    """gradients = Pull.apply(number of the scene, wanted, gradient of the image, *tensors)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        scene: int, wanted: tuple[bool, ...], gradient: Tensor, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        """Pull the gradient of an image back onto the wanted tensors."""
        return tuple(torch.ops.simulator.pull(gradient, list(tensors), scene, list(wanted)))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep the inputs and the scene."""
        scene, wanted, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.scene, ctx.wanted = scene, wanted
        _hold(ctx, scene)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        """Return derivatives by the gradient and by the tensors."""
        gradient, *tensors = ctx.saved_tensors
        call = torch.ops.simulator.pull_twice
        by_gradient, *rest = call(list(cotangents), gradient, tensors, ctx.scene, list(ctx.wanted))
        return (None, None, by_gradient, *_spread(rest, ctx.wanted))


def _spread(parts: Sequence[Tensor], wanted: Sequence[bool]) -> list[Tensor | None]:
    """Put the parts in the places that are wanted, None in the others."""
    spread: list[Tensor | None] = []
    taken = 0
    for want in wanted:
        spread.append(parts[taken] if want else None)
        taken += int(want)
    return spread


def image_of(rendering: Rendering) -> Tensor:
    """Compute the image of a scene, differentiable by each of its tensors."""
    try:
        image: Tensor = Image.apply(keep(rendering), *rendering.scene.tensors.as_list())  # type: ignore[no-untyped-call]
    except NotImplementedError:
        # Torch's word for a tangent: a rule for it (`jvp`) would keep torch.compile from tracing.
        raise SimulatorError(FORWARD_MODE) from None
    return image
