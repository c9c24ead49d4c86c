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
    """The image, sample by sample in the reference's order, in plain Python.

    Only the amplitudes are read for all samples at once: between reflections up to the first sample that
    leaves the table, at the nearest reflection from there on.
    """
    scene = sim.scene()
    plan, tensors = scene.plan, scene.tensors
    table = Table(tensors.table, plan.lowest, tensors.default_F)
    n = plan.oversample
    image = torch.zeros(plan.spixels, plan.fpixels, dtype=torch.float64)
    indices, owners, polars = [], [], {}
    for slow in range(plan.spixels):
        for fast in range(plan.fpixels):
            for sub in range(n * n):
                f = tensors.pixel / n * (n * fast + sub % n + 0.5)
                s = tensors.pixel / n * (n * slow + sub // n + 0.5)
                place = tensors.origin + f * tensors.fast + s * tensors.slow
                ray = place / place.norm()
                for source in range(len(tensors.directions)):
                    q = (ray - tensors.directions[source]) / tensors.wavelengths[source]
                    if plan.dmin > 0 and q.norm() * plan.dmin > 1:
                        continue
                    cosine = ray @ tensors.directions[source]
                    polars.setdefault((slow, fast), (1 + cosine**2) / 2)
                    for real in tensors.real:
                        indices.append(real @ q)
                        owners.append((slow, fast))
    h = torch.stack(indices, dim=1)
    outside = torch.nonzero(~structure.reachable(table, h))
    end = int(outside[0]) if len(outside) else len(owners)
    smooth = structure.tricubic(table, h[:, :end])
    rough = structure.nearest(table, structure.nearest_index(h[:, end:]))
    waves = torch.sin(torch.pi * tensors.cells[:, None] * h) / torch.sin(torch.pi * h)
    terms = torch.cat((smooth, rough)) ** 2 * (waves**2).prod(0)
    for (slow, fast), term in zip(owners, terms, strict=True):
        image[slow, fast] += term
    for (slow, fast), polar in polars.items():
        first = tensors.pixel / n * (n * fast + 0.5) * tensors.fast
        first = first + tensors.pixel / n * (n * slow + 0.5) * tensors.slow + tensors.origin
        omega = tensors.pixel**2 * tensors.close / first.norm() ** 3
        image[slow, fast] *= tensors.scale / scene.steps * polar * omega
    return image, end == len(owners)


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
