"""What must stay the same when the description changes and the experiment does not, and what must scale."""

import math

import pytest
import torch

from simulator.geometry.arrays import stacked
from simulator.geometry.rotation import about_axis

PANEL = {"fpixels": 24, "spixels": 18, "pixel_size_mm": 3.0, "distance_mm": 100.0}


def turned(vector, turn):
    return tuple((turn @ torch.tensor(vector, dtype=torch.float64)).tolist())


@pytest.mark.parametrize("axis", [(1.0, 0.0, 0.0), (0.3, -0.8, 0.52), (0.0, 0.6, 0.8)])
@pytest.mark.parametrize("engine", ["auto", "torch"])
def test_turning_everything_changes_nothing(simulate, axis, engine):
    """Crystal, detector, beam, polarisation and spindle turned together: the same image."""
    turn = about_axis(
        torch.nn.functional.normalize(torch.tensor(axis, dtype=torch.float64), dim=0),
        torch.tensor(0.7, dtype=torch.float64),
    )
    frame = {
        "fast_vector": (0.0, 0.0, 1.0),
        "slow_vector": (0.0, -1.0, 0.0),
        "normal_vector": (1.0, 0.0, 0.0),
        "beam_vector": (1.0, 0.0, 0.0),
        "polarization_vector": (0.0, 0.0, 1.0),
        "spindle_vector": (0.0, 0.0, 1.0),
    }
    common = {
        "beam_x_mm": 30.0,
        "beam_y_mm": 25.0,
        "pivot": "BEAM",
        "thickness_um": 400.0,
        "attenuation_um": 300.0,
    }
    spin = {"phi_start_deg": 3.0, "phi_steps": 2, "osc_range_deg": 1.0}
    beam = {"polarization": 0.6}
    still = simulate({**spin, "exact_cell": True}, {**PANEL, **frame, **common}, beam, engine=engine)
    _, reciprocal = still.crystal.vectors()
    rows = (reciprocal @ turn.T).tolist()
    moved = simulate(
        {**spin, "matrix": tuple(map(tuple, rows)), "misset_deg": (0.0, 0.0, 0.0)},
        {**PANEL, **{name: turned(vector, turn) for name, vector in frame.items()}, **common},
        beam,
        engine=engine,
    )
    first, second = still.run(), moved.run()
    assert torch.allclose(first, second, rtol=1e-8, atol=1e-10 * first.max().item())


def test_equivalent_conventions(simulate):
    """DENZO is MOSFLM with the centre half a pixel further; custom vectors spelled out are DENZO."""
    mosflm = simulate({}, {**PANEL, "beam_x_mm": 20.0, "beam_y_mm": 30.0}).run()
    denzo = simulate({}, {**PANEL, "convention": "DENZO", "beam_x_mm": 21.5, "beam_y_mm": 31.5}).run()
    assert torch.allclose(mosflm, denzo, rtol=1e-9)
    custom = simulate(
        {},
        {
            **PANEL,
            "fast_vector": (0, 0, 1),
            "slow_vector": (0, -1, 0),
            "normal_vector": (1, 0, 0),
            "beam_x_mm": 31.5,
            "beam_y_mm": 21.5,
        },
    ).run()
    assert torch.allclose(mosflm, custom, rtol=1e-9)


def test_xds_and_dials_differ_in_spindle_and_polarisation_only(simulate):
    """Without phi, polarisation and two-theta they make the same image."""
    images = [simulate({}, {**PANEL, "convention": name, "rotx_deg": 4.0}).run() for name in ("XDS", "DIALS")]
    assert torch.equal(*images)


def test_pivots_agree_where_nothing_is_tilted(simulate):
    beam = simulate(
        {}, {**PANEL, "convention": "XDS", "pivot": "BEAM", "org_x_px": 9.5, "org_y_px": 7.0}
    ).run()
    sample = simulate(
        {}, {**PANEL, "convention": "XDS", "pivot": "SAMPLE", "org_x_px": 9.5, "org_y_px": 7.0}
    ).run()
    assert torch.allclose(beam, sample, rtol=1e-9)


def test_photons_scale_with_fluence_and_flux(simulate):
    base = simulate({}, {}, {"fluence": 1e24}).run()
    assert torch.allclose(simulate({}, {}, {"fluence": 3e24}).run(), 3 * base, rtol=1e-12)
    flux = {"flux": 1e12, "exposure_s": 0.5, "beamsize_mm": 0.05}
    expected = base * (1e12 * 0.5 / (0.05e-3) ** 2 / 1e24)
    assert torch.allclose(simulate({}, {}, flux).run(), expected, rtol=1e-12)


def test_photons_scale_with_the_square_of_the_structure_factor(simulate):
    assert torch.allclose(
        simulate({"default_F": 30.0}).run(), 9 * simulate({"default_F": 10.0}).run(), rtol=1e-12
    )


@pytest.mark.parametrize("engine", ["auto", "torch"])
def test_panels_tile_a_detector(simulate, engine):
    """Four regions of interest add up to the whole."""
    whole = simulate({}, {"oversample": 2}, engine=engine).run()
    regions = [(0, 10, 0, 7), (11, 23, 0, 7), (0, 10, 8, 17), (11, 23, 8, 17)]
    parts = sum(simulate({}, {"roi": region, "oversample": 2}, engine=engine).run() for region in regions)
    assert torch.allclose(whole, parts, rtol=1e-12)


def test_a_mask_is_a_hole(simulate):
    whole = simulate().run()
    sim = simulate()
    sim.detector.mask = torch.ones(18, 24)
    sim.detector.mask[3:5, 7:11] = 0
    image = sim.run()
    assert image[3:5, 7:11].abs().sum() == 0
    assert torch.equal(image[5:], whole[5:])


def test_sub_pixels_are_the_pixels_of_a_finer_detector(simulate):
    """With each sub-pixel's own factors a pixel is the mean of n x n finer pixels, times n^2 for its area."""
    picks = {"omega_from": "each", "polarization_from": "each"}
    coarse = simulate(
        {}, {**PANEL, **picks, "oversample": 3, "beam_x_mm": 20.0, "beam_y_mm": 30.0, "convention": "DENZO"}
    ).run()
    fine = simulate(
        {},
        {
            "fpixels": 72,
            "spixels": 54,
            "pixel_size_mm": 1.0,
            "distance_mm": 100.0,
            "oversample": 1,
            "beam_x_mm": 20.0,
            "beam_y_mm": 30.0,
            "convention": "DENZO",
        },
    ).run()
    assert torch.allclose(coarse, fine.reshape(18, 3, 24, 3).sum((1, 3)), rtol=1e-9)


def test_a_stack_of_thin_layers_is_the_captured_fraction(simulate):
    """No parallax to speak of: many layers far away capture 1 - exp(-thickness/depth) of the light."""
    panel = {"distance_mm": 5000.0, "capture_from": "each", "oversample": 1}
    bare = simulate({}, panel).run().sum()
    thick = (
        simulate({}, {**panel, "thickness_um": 90.0, "attenuation_um": 300.0, "thickness_steps": 10})
        .run()
        .sum()
    )
    assert (thick / bare).item() == pytest.approx(1 - math.exp(-100 / 300), rel=1e-3)


def test_source_weights_are_relative(simulate):
    rows, each = [[-10, 0, 0, 1, 1.5], [-10, 0.4, 0.1, 3, 1.52]], {"polarization_from": "each"}
    single = [simulate({}, each, {"sources": [row]}).run() for row in rows]
    both = simulate({}, each, {"sources": rows}).run()
    assert torch.allclose(both, (single[0] + 3 * single[1]) / 4, rtol=1e-9)
    equal = simulate({}, each, {"sources": rows, "source_weights": "ignored"}).run()
    assert torch.allclose(equal, (single[0] + single[1]) / 2, rtol=1e-9)


def test_water_once_does_not_depend_on_the_steps(simulate):
    fine = simulate({"default_F": 0.0}, {"water_um": 10.0, "oversample": 3}).run()
    coarse = simulate({"default_F": 0.0}, {"water_um": 10.0, "oversample": 1}).run()
    assert coarse.min() > 0
    assert fine.sum().item() == pytest.approx(coarse.sum().item(), rel=0.05)
    twice = simulate(
        {"default_F": 0.0}, {"water_um": 10.0, "oversample": 1, "water_counted_twice": True}
    ).run()
    assert torch.allclose(twice, coarse, rtol=1e-9), (
        "r_e^2 x fluence is 1 here, so counting twice is harmless"
    )


def test_a_liquid_by_its_table(simulate):
    """A table that is flat at water's structure factor is water; a slope follows sin(theta)/wavelength."""
    options = {"water_um": 10.0, "oversample": 1, "point_pixel": True}
    water = simulate({"default_F": 0.0}, options, {"nopolar": True}).run()
    flat = {**options, "background": [(0.0, 2.57), (0.4, 2.57)]}
    assert torch.allclose(simulate({"default_F": 0.0}, flat, {"nopolar": True}).run(), water, rtol=1e-12)
    slope = {**options, "background": [(0.0, 0.0), (1.0, 2.57)]}
    sloping = simulate({"default_F": 0.0}, slope, {"nopolar": True})
    stol = next(entry.value for entry in sloping.trace_pixel(4, 5) if entry.name == "sin_theta_over_lambda")
    assert (sloping.run()[4, 5] / water[4, 5]).item() == pytest.approx(stol**2, rel=1e-9)


def test_mosaic_blocks_average(simulate):
    """An image of n blocks is the mean of the images of its blocks."""
    sim = simulate({"mosaic_spread_deg": 1.5, "mosaic_domains": 3, "exact_cell": True})
    _, reciprocal = sim.crystal.vectors()
    parts = []
    for block in sim.crystal.mosaic_blocks():
        rows = tuple(map(tuple, (reciprocal @ block.T).tolist()))
        parts.append(simulate({"matrix": rows, "misset_deg": (0.0, 0.0, 0.0)}).run())
    assert torch.allclose(sim.run(), sum(parts) / 3, rtol=1e-7, atol=1e-9)


def test_one_cell_scatters_evenly(simulate):
    """N = 1: no lattice, only the solid angle and the polarisation vary."""
    image = simulate({"N_cells": (1, 1, 1)}, {}, {"nopolar": True}).run()
    sim = simulate({"N_cells": (1, 1, 1)}, {"point_pixel": True}, {"nopolar": True})
    distances = (100.0 / sim.run()).sqrt()
    expected = 100.0 * 0.003**2 * 0.1 / distances**3
    assert torch.allclose(image, expected, rtol=1e-9)


def test_tensors_and_numbers_are_the_same_configuration(simulate):
    numbers = simulate({"misset_deg": (1.0, 2.0, 3.0), "N_cells": (3, 4, 5)}).run()
    tensors = simulate({"misset_deg": stacked((1.0, 2.0, 3.0), torch), "N_cells": torch.tensor([3.0, 4, 5])})
    assert torch.allclose(numbers, tensors.run(), rtol=1e-12)
