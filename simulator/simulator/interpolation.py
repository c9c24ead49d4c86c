"""When the reference stops interpolating: the first sample whose neighbours leave the table ends it for
the run."""

from dataclasses import replace

import torch
from torch import Tensor

from simulator.physics import structure
from simulator.physics.table import Table
from simulator.simulator.render import miller_indices, samples, scattering_vector, square_factor
from simulator.simulator.scene import Scene
from simulator.simulator.tiles import blocks, pixel_numbers, tile_pixels

NEVER = 2**62


def settle_interpolation(scene: Scene) -> Scene:
    """The scene with `interpolate_before` set to the first (pixel, step) outside, in the order of the
    reference."""
    for first, end in blocks(scene.plan, tile_pixels(scene.tensors.pixel.device)):
        pixels = pixel_numbers(scene.plan, first, end, scene.tensors.pixel.device)
        if scene.mask is not None:
            pixels = pixels[scene.mask.reshape(-1)[pixels]]
        with torch.no_grad():
            steps = _first_steps(scene, pixels)
        hits = torch.nonzero(steps < NEVER)
        if len(hits):
            at = int(hits[0])
            return replace(
                scene, plan=replace(scene.plan, interpolate_before=(int(pixels[at]), int(steps[at])))
            )
    return replace(scene, plan=replace(scene.plan, interpolate_before=(NEVER, 0)))


def _first_steps(scene: Scene, pixels: Tensor) -> Tensor:
    """For each pixel the number of its first sample outside the table, or NEVER. [P]"""
    found = torch.full(pixels.shape, NEVER, dtype=torch.long, device=pixels.device)
    tensors = scene.tensors
    sources, orientations = tensors.directions.shape[0], tensors.real.shape[0]
    for sample in samples(scene, pixels):
        for source in range(sources):
            q = scattering_vector(sample.ray, tensors.directions[source], tensors.wavelengths[source])
            start = (sample.index * sources + source) * orientations
            found = torch.minimum(found, _first_in_group(scene, q, pixels, start))
    return found


def _first_in_group(scene: Scene, q: Tensor, pixels: Tensor, start: int) -> Tensor:
    plan, orientations = scene.plan, scene.tensors.real.shape[0]
    table = Table(scene.tensors.table, plan.lowest, scene.tensors.default_F)
    found = torch.full(pixels.shape, NEVER, dtype=torch.long, device=pixels.device)
    seen = torch.ones_like(found, dtype=torch.bool)
    if plan.dmin > 0:
        seen = (q**2).sum(0).sqrt() * plan.dmin <= 1
    group = max(1, tile_pixels(q.device) // max(len(pixels), 1))
    for first in range(0, orientations, group):
        rows = slice(first, min(first + group, orientations))
        indices = miller_indices(scene, rows, q, pixels, start)
        outside = ~structure.reachable(table, indices) & seen
        if not plan.watered:
            outside &= square_factor(scene, indices - structure.nearest_index(indices)) != 0
        numbers = start + torch.arange(rows.start, rows.stop, device=q.device)[:, None]
        numbers = torch.where(outside, numbers, torch.full_like(numbers, NEVER))
        found = torch.minimum(found, numbers.amin(0))
    return found
