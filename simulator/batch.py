"""Many crystals before one detector: their images computed together, [crystal, slow, fast]."""

from collections.abc import Sequence
from dataclasses import fields

import torch
from torch import Tensor

from simulator.config import BeamConfig, SimulatorError
from simulator.crystal import Crystal
from simulator.detector import Detector
from simulator.engine.engine import Engine
from simulator.image.assemble import Job
from simulator.image.differentiate import Image, Rendering, keep
from simulator.scene.budget import check_budget
from simulator.scene.scene import Plan, Scene
from simulator.simulate import Simulator


def run_batch(
    crystals: Sequence[Crystal],
    detector: Detector,
    beam_config: BeamConfig | None = None,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
    engine: Engine | str = "auto",
    memory_limit: int | None = None,
) -> Tensor:
    """Compute the image of each crystal, [crystal, slow, fast] photons per pixel, with gradients as for one.

    The compiled kernel computes all images in one call (a second of work a call), and their gradients too.
    Settings are those of `Simulator`. Raises a SimulatorError where the crystals differ in a choice that
    decides how an image is computed: shape, steps, mosaic blocks, whole N_cells, automatic sub-pixels ...
    """
    if not crystals:
        raise SimulatorError("no crystal: give at least one")
    scenes: list[Scene] = []
    for crystal in crystals:
        simulator = Simulator(
            crystal, detector, beam_config=beam_config, device=device, dtype=dtype, engine=engine
        )
        # Chosen once, so that all images come from one engine.
        engine = simulator.engine
        scenes.append(simulator.scene())
    assert not isinstance(engine, str)
    first = scenes[0]
    for number, scene in enumerate(scenes[1:], 2):
        _check_agreement(first, scene, number)
    gradients = any(tensor.requires_grad for scene in scenes for tensor in scene.tensors.as_list())
    check_budget(first, gradients=gradients, images=len(scenes), limit=memory_limit)
    values, dims = _stacked(scenes)
    rendering = Rendering(Job(engine), first)
    number_of_scene = keep(rendering)

    def image(*tensors: Tensor) -> Tensor:
        photons: Tensor = Image.apply(number_of_scene, *tensors)  # type: ignore[no-untyped-call]
        return photons

    if all(dim is None for dim in dims):
        # One object many times over: torch has no batch to map over.
        return image(*values).expand(len(scenes), -1, -1)
    images: Tensor = torch.func.vmap(image, in_dims=tuple(dims))(*values)
    return images


def _check_agreement(first: Scene, scene: Scene, number: int) -> None:
    """Raise a SimulatorError where two crystals' images are not computed by the same plan."""
    for field in fields(Plan):
        one, other = getattr(first.plan, field.name), getattr(scene.plan, field.name)
        if one != other:
            raise SimulatorError(
                f"crystal {number} differs from the first in {field.name}: {other} instead of {one}; "
                "a batch shares it (give N_cells as tensors, oversample as a number), or takes single runs"
            )
    pairs = zip(first.tensors.as_list(), scene.tensors.as_list(), strict=True)
    if any(one.shape != other.shape for one, other in pairs):
        raise SimulatorError(
            f"crystal {number} differs from the first in its number of orientations or reflections: "
            "a batch shares them, or takes single runs"
        )


def _stacked(scenes: Sequence[Scene]) -> tuple[list[Tensor], list[int | None]]:
    """Each tensor of the scenes along a first dimension, 0; the one that all share as it is, None."""
    values: list[Tensor] = []
    dims: list[int | None] = []
    for parts in zip(*[scene.tensors.as_list() for scene in scenes], strict=True):
        shared = all(part is parts[0] for part in parts)
        values.append(parts[0] if shared else torch.stack(parts))
        dims.append(None if shared else 0)
    return values, dims
