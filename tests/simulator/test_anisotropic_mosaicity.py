"""Mosaic blocks with a spread of their own about each axis of the crystal."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from simulator import (
    BeamConfig,
    Crystal,
    CrystalConfig,
    Detector,
    DetectorConfig,
    DiffractionModel,
    Simulator,
    SimulatorError,
)
from simulator.geometry.rotation import by_vector
from simulator.physics.chance import Generator, draw_cap

BASE = CrystalConfig(
    cell_a=60.0,
    cell_b=75.0,
    cell_c=90.0,
    cell_alpha=88.0,
    cell_beta=97.0,
    cell_gamma=105.0,
    exact_cell=True,
    N_cells=(5, 6, 4),
    default_F=80.0,
    misset_deg=(11.0, -24.0, 37.0),
    mosaic_domains=5,
)
SMALL = DetectorConfig(fpixels=24, spixels=20, pixel_size_mm=2.0, distance_mm=90.0, oversample=1)
BEAM = BeamConfig(wavelength_A=1.1)


def image(crystal):
    return Simulator(Crystal(crystal), Detector(SMALL), beam_config=BEAM).run()


def weighted(spreads):
    """A number that depends on every pixel."""
    weights = torch.rand(20, 24, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    return (image(replace(BASE, mosaic_spread_deg=spreads)) * weights).sum()


def by_exponential(vector):
    """The rotation by a vector, as the exponential of its cross matrix."""
    x, y, z = vector
    matrix = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)
    return torch.linalg.matrix_exp(matrix)


class TestRotations:
    @pytest.mark.parametrize("size", [0.0, 1e-9, 1e-5, 9e-5, 1.1e-4, 0.3, 3.0])
    def test_by_vector_is_the_exponential(self, size):
        vector = torch.tensor([0.6, -0.48, 0.64], dtype=torch.float64) * size
        torch.testing.assert_close(by_vector(vector), by_exponential(vector.tolist()), rtol=0, atol=1e-15)
        np.testing.assert_allclose(by_vector(vector.numpy()), by_vector(vector).numpy(), rtol=0, atol=1e-16)

    @pytest.mark.parametrize("size", [0.0, 1e-5, 0.2])
    def test_gradients(self, size):
        vector = (torch.tensor([0.6, -0.48, 0.64], dtype=torch.float64) * size).requires_grad_()
        assert torch.autograd.gradcheck(by_vector, (vector,))


class TestImages:
    def test_the_image_is_the_mean_over_single_crystals(self):
        """Each block as a crystal of its own, given by a matrix that was turned here."""
        spreads = (0.4, 1.5, 3.0)
        phi = 20.0
        config = replace(BASE, mosaic_spread_deg=spreads, phi_start_deg=phi)
        found = image(config)
        real, reciprocal = Crystal(BASE).vectors()
        z = torch.linalg.cross(real[0], real[1])
        z, x = z / z.norm(), real[0] / real[0].norm()
        axes = torch.stack((x, torch.linalg.cross(z, x), z))
        spindle = by_exponential((0.0, 0.0, np.radians(phi)))
        generator = Generator(BASE.mosaic_seed)
        total = torch.zeros_like(found)
        for block in range(BASE.mosaic_domains):
            draw = draw_cap(generator)
            own = np.radians(spreads) * np.array(draw.axis) * float(draw.fraction)
            # Block 0 is not turned.
            in_lab = axes.T @ torch.tensor(own if block else np.zeros(3))
            turned = reciprocal @ (spindle @ by_exponential(in_lab.tolist())).T
            single = replace(BASE, misset_deg=(0.0, 0.0, 0.0), mosaic_domains=1, matrix=turned)
            total += image(single)
        torch.testing.assert_close(found, total / BASE.mosaic_domains, rtol=1e-8, atol=1e-9)

    def test_three_zeros_are_no_spread(self):
        still = image(replace(BASE, mosaic_domains=1))
        torch.testing.assert_close(image(replace(BASE, mosaic_spread_deg=(0.0, 0.0, 0.0))), still)

    def test_equal_spreads_turn_as_far_as_one(self):
        """The trace of a rotation tells its angle, whatever its axis."""
        one = Crystal(replace(BASE, mosaic_spread_deg=2.0)).orientations(torch.tensor([0.0, 0, 1]).double())[
            0
        ]
        three = Crystal(replace(BASE, mosaic_spread_deg=(2.0, 2.0, 2.0)))
        three = three.orientations(torch.tensor([0.0, 0, 1]).double())[0]
        start = torch.linalg.inv(one[0])
        traces = [torch.einsum("ij,nji->n", start, blocks) for blocks in (one, three)]
        torch.testing.assert_close(traces[0], traces[1], rtol=0, atol=1e-7)

    def test_without_torch(self):
        spindle = np.array([0.0, 0.0, 1.0])
        config = replace(BASE, mosaic_spread_deg=(0.4, 1.5, 3.0), phi_steps=2, osc_range_deg=1.0)
        plain = Crystal(config, xp=np).orientations(spindle)[0]
        with_torch = Crystal(config).orientations(torch.tensor(spindle))[0]
        np.testing.assert_allclose(plain, with_torch.numpy(), rtol=0, atol=1e-12)

    def test_gradients_by_all_three(self):
        start = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
        leaf = start.clone().requires_grad_()
        (slope,) = torch.autograd.grad(weighted(leaf), leaf)
        step = 1e-5
        for axis in range(3):
            moved = torch.zeros(3, dtype=torch.float64)
            moved[axis] = step
            difference = (weighted(start + moved) - weighted(start - moved)) / (2 * step)
            assert float(slope[axis]) == pytest.approx(float(difference), rel=1e-5)

    def test_a_spread_of_nothing_has_a_slope(self):
        leaf = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(weighted(leaf), leaf)
        assert torch.isfinite(slope).all()
        assert (slope != 0).all()

    def test_as_parameters_of_a_model(self):
        config = replace(BASE, mosaic_spread_deg=(0.4, 1.5, 3.0))
        model = DiffractionModel(config, BEAM, SMALL, parameters=("mosaic_spread_deg",))
        model().sum().backward()
        assert model.mosaic_spread_deg.grad.shape == (3,)
        torch.testing.assert_close(model().detach(), image(config))


class TestErrors:
    @pytest.mark.parametrize(
        ("spread", "says"),
        [((1.0, 2.0), "got 2"), ((1.0, -1.0, 0.0), "is -1"), ((1.0, float("nan"), 0.0), "is nan")],
    )
    def test_bad_spreads(self, spread, says):
        with pytest.raises(SimulatorError, match=f"mosaic_spread_deg.*{says}"):
            replace(BASE, mosaic_spread_deg=spread)

    def test_the_carry_over_has_one_spread(self):
        config = replace(BASE, mosaic_spread_deg=(1.0, 1.0, 1.0), phi_carryover=1, phi_steps=2)
        with pytest.raises(SimulatorError, match="one mosaic spread"):
            image(config)
