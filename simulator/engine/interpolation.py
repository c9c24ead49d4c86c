"""Find the sample at which the reference stops interpolating structure factors.

The first sample whose neighbours lie outside the table ends interpolation for the rest of the run.
"""

from dataclasses import replace

import torch
from torch import Tensor

from simulator.engine.render import miller_indices, samples, scattering_vector, scatters, square_factor
from simulator.engine.tiles import blocks, pixel_numbers, tile_pixels
from simulator.physics import structure
from simulator.physics.table import Table
from simulator.scene.scene import Scene

NEVER = 2**62
"""Larger than any number of a pixel or a step."""


def settle_interpolation(scene: Scene) -> Scene:
    """Return the scene with `interpolate_before` set to the first (pixel, step) outside the table.

    Pixels row by row, steps within each in the order of the reference; (NEVER, 0) where none is outside.
    """
    return replace(scene, plan=replace(scene.plan, interpolate_before=_first_outside(scene)))


def _first_outside(scene: Scene) -> tuple[int, int]:
    """(pixel, step) of the first sample outside the table, or (NEVER, 0)."""
    device = scene.tensors.pixel.device
    for first, end in blocks(scene.plan, tile_pixels(device)):
        pixels = pixel_numbers(scene.plan, first, end, device)
        if scene.mask is not None:
            pixels = pixels[scene.mask.reshape(-1)[pixels]]
        with torch.no_grad():
            steps = _first_steps(scene, pixels)
        hits = torch.nonzero(steps < NEVER)
        if len(hits):
            at = int(hits[0])
            return int(pixels[at]), int(steps[at])
    return NEVER, 0


def _first_steps(scene: Scene, pixels: Tensor) -> Tensor:
    """For each pixel the number of its first sample outside the table, or NEVER. [P]"""
    found = torch.full(pixels.shape, NEVER, dtype=torch.long, device=pixels.device)
    tensors = scene.tensors
    for sample in samples(scene, pixels):
        for source in range(scene.sources):
            q = scattering_vector(sample.ray, tensors.directions[source], tensors.wavelengths[source])
            start = scene.first_step(sample.index, source)
            found = torch.minimum(found, _first_orientation(scene, q, pixels, start))
    return found


def _first_orientation(scene: Scene, q: Tensor, pixels: Tensor, start: int) -> Tensor:
    """For one sample and source of each pixel the number of the first step outside the table, or NEVER. [P]

    q [3, P] in 1/Angstrom; `start` is the step of the first orientation.
    """
    plan = scene.plan
    table = Table(scene.tensors.table, plan.lowest, scene.tensors.default_F)
    found = torch.full(pixels.shape, NEVER, dtype=torch.long, device=pixels.device)
    seen = torch.ones_like(found, dtype=torch.bool)
    if plan.dmin > 0:
        # |q| = 1/d
        seen = (q**2).sum(0).sqrt() * plan.dmin <= 1
    # As many orientations at once as fill a tile, so that memory follows the tile.
    group = max(1, tile_pixels(q.device) // max(len(pixels), 1))
    for first in range(0, scene.orientations, group):
        rows = slice(first, min(first + group, scene.orientations))
        indices = miller_indices(scene, rows, q, pixels, start)
        outside = ~structure.reachable(table, indices) & seen
        if not plan.watered:
            # Without water the reference skips a step whose lattice factor is 0 before it reads the table.
            offsets = indices - structure.nearest_index(indices)
            outside &= scatters(scene, offsets, square_factor(scene, offsets))
        numbers = start + torch.arange(rows.start, rows.stop, device=q.device)[:, None]
        numbers = torch.where(outside, numbers, torch.full_like(numbers, NEVER))
        found = torch.minimum(found, numbers.amin(0))
    return found
