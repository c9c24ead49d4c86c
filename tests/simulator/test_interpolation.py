"""When structure factors are read between reflections, and which sample ends it."""

import pytest
import torch

from simulator.physics import structure
from simulator.physics.table import Table

PANEL = {"fpixels": 6, "spixels": 5, "pixel_size_mm": 4.0, "distance_mm": 100.0, "oversample": 2}


def with_table(simulate, half, crystal=None, detector=None, beam=None, **options):
    """A simulator whose table reaches `half` reflections to each side."""
    sim = simulate({"interpolate": True, **(crystal or {})}, {**PANEL, **(detector or {})}, beam, **options)
    generator = torch.Generator().manual_seed(5)
    size = 2 * half + 1
    values = 1 + torch.rand(size, size, size, dtype=torch.float64, generator=generator)
    sim.crystal.table = Table(values, (-half, -half, -half), torch.tensor(3.0, dtype=torch.float64))
    return sim


def by_hand(sim):
    """The image, sample by sample in the reference's order, in plain Python."""
    scene = sim.scene()
    plan, tensors = scene.plan, scene.tensors
    table = Table(tensors.table, plan.lowest, tensors.default_F)
    on, image = True, torch.zeros(plan.spixels, plan.fpixels, dtype=torch.float64)
    n = plan.oversample
    for slow in range(plan.spixels):
        for fast in range(plan.fpixels):
            total, kept = 0.0, None
            for sub in range(n * n):
                f = tensors.pixel / n * (n * fast + sub % n + 0.5)
                s = tensors.pixel / n * (n * slow + sub // n + 0.5)
                place = tensors.origin + f * tensors.fast + s * tensors.slow
                length = place.norm()
                ray = place / length
                for source in range(len(tensors.directions)):
                    q = (ray - tensors.directions[source]) / tensors.wavelengths[source]
                    if plan.dmin > 0 and q.norm() * plan.dmin > 1:
                        continue
                    if kept is None:
                        cosine = ray @ tensors.directions[source]
                        omega = tensors.pixel**2 / length**2 * tensors.close / length
                        kept = omega
                        polar = (1 + cosine**2) / 2
                    for real in tensors.real:
                        h = real @ q
                        if on and not bool(structure.reachable(table, h[:, None])[0]):
                            on = False
                        read = structure.tricubic if on else structure.nearest
                        amplitude = read(table, h[:, None] if on else structure.nearest_index(h[:, None]))[0]
                        parts = [
                            (torch.sin(torch.pi * cells * x) / torch.sin(torch.pi * x)) ** 2
                            for cells, x in zip(tensors.cells, h, strict=True)
                        ]
                        total = total + amplitude**2 * parts[0] * parts[1] * parts[2]
            first = tensors.pixel / n * (n * fast + 0.5) * tensors.fast
            first = first + tensors.pixel / n * (n * slow + 0.5) * tensors.slow + tensors.origin
            omega = tensors.pixel**2 * tensors.close / first.norm() ** 3
            image[slow, fast] = 0 if kept is None else tensors.scale * total / scene.steps * polar * omega
    return image, on


@pytest.mark.parametrize("half", [30, 8, 6, 5, 4, 2])
def test_the_first_sample_outside_ends_it(simulate, half):
    """From a table that holds every sample to one that holds none, with several orientations and sources."""
    crystal = {"phi_steps": 2, "osc_range_deg": 8.0, "mosaic_spread_deg": 1.0, "mosaic_domains": 2}
    beam = {"dispersion": 0.1, "dispersion_step": 0.1, "dispersion_steps": 2}
    sim = with_table(simulate, half, crystal, {}, beam)
    expected, on = by_hand(sim)
    assert torch.allclose(sim.run(), expected, rtol=1e-9, atol=1e-12)
    if half == 30:
        assert on
    if half == 2:
        assert not on


def test_it_ends_in_the_middle_of_a_pixel(simulate):
    """For some size of table the sample that ends it is neither in the first pixel nor the first step."""
    turning = {"phi_steps": 4, "osc_range_deg": 20.0}
    places = [with_table(simulate, half, turning).scene().plan.interpolate_before for half in range(3, 12)]
    assert places[0][0] == 0
    assert any(pixel > 0 for pixel, _ in places)
    assert any(step > 0 for pixel, step in places if 0 <= pixel < 30)


def test_skipped_samples_do_not_end_it(simulate):
    """Samples below dmin are not looked at."""
    sim = with_table(simulate, 5, {}, {}, {"dmin_A": 12.0})
    expected, _ = by_hand(sim)
    assert torch.allclose(sim.run(), expected, rtol=1e-9, atol=1e-12)


def test_masked_pixels_do_not_end_it(simulate):
    """Only the middle is looked at: everything there lies inside the table."""
    sim = with_table(simulate, 4)
    sim.detector.mask = torch.zeros(5, 6)
    sim.detector.mask[2, 3] = 1
    masked = sim.run()
    free = with_table(simulate, 30)
    assert sim.scene().plan.interpolate_before[0] > 10**9
    assert masked[2, 3] > 0
    assert free.scene().plan.interpolate_before[0] > 10**9


def test_sample_by_sample_where_that_is_asked_for(simulate):
    """outside="nearest": what can be interpolated is, whatever came before."""
    sim = with_table(simulate, 4, {"outside": "nearest"})
    image = sim.run()
    off = with_table(simulate, 4, {"interpolate": False}).run()
    scene = sim.scene()
    assert scene.plan.interpolate_each
    changed = (image - off).abs() > 1e-9 * off.max()
    assert changed.any()
    assert not changed.all()


@pytest.mark.parametrize(("cells", "expected"), [((2, 9, 9), True), ((3, 3, 3), False), ((9, 9, 1), True)])
def test_the_rule(simulate, cells, expected):
    assert with_table(simulate, 5, {"interpolate": None, "N_cells": cells}).crystal.interpolates() is expected
    assert simulate({"N_cells": cells}).crystal.interpolates() is False, "no table, nothing to interpolate"
