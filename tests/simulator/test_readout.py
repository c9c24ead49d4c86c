"""Point spread, read-out and likelihoods, each against a computation of its own."""

import math

import numpy as np
import pytest
import torch

from simulator import SimulatorError
from simulator.readout import Response, gaussian_loss, poisson_loss
from simulator.readout.point_spread import FIBRE_FWHM, GAUSSIAN_FWHM, pixel_weights, quick_length, spread

DOUBLE = torch.float64
SHAPES = ("gaussian", "fibre")


def number(value):
    return torch.tensor(value, dtype=DOUBLE)


def density(shape, r, fwhm):
    """The two densities as their papers give them."""
    if shape == "gaussian":
        sigma = fwhm / (2 * math.sqrt(2 * math.log(2)))
        return np.exp(-(r**2) / (2 * sigma**2)) / (2 * math.pi * sigma**2)
    g = fwhm / (2 * math.sqrt(2 ** (2 / 3) - 1))
    return g / (2 * math.pi * (g**2 + r**2) ** 1.5)


def integrated(shape, row, column, fwhm, points=400):
    """The density's integral over one pixel, by the midpoint rule."""
    inside = (np.arange(points) + 0.5) / points - 0.5
    y, x = row + inside[:, None], column + inside[None, :]
    return density(shape, np.hypot(x, y), fwhm).mean()


class TestPointSpread:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_half_of_the_maximum_is_half_the_width_away(self, shape):
        assert density(shape, 0.75, 1.5) == pytest.approx(density(shape, 0.0, 1.5) / 2)
        assert pytest.approx(2.3548200450309493) == GAUSSIAN_FWHM
        assert pytest.approx(1.5328, abs=1e-4) == FIBRE_FWHM

    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 1), (2, -1), (-3, -3)])
    def test_a_pixels_share_is_the_densitys_integral(self, shape, row, column):
        weights = pixel_weights(5, 6, number(1.7), shape)
        assert float(weights[4 + row, 5 + column]) == pytest.approx(
            integrated(shape, row, column, 1.7), rel=1e-4
        )

    @pytest.mark.parametrize("shape", SHAPES)
    def test_the_image_is_the_sum_of_its_pixels_spread(self, shape):
        image = torch.rand(7, 5, generator=torch.Generator().manual_seed(3), dtype=DOUBLE)
        weights = pixel_weights(7, 5, number(2.2), shape).numpy()
        wanted = np.zeros((7, 5))
        for row in range(7):
            for column in range(5):
                moved = weights[6 - row : 13 - row, 4 - column : 9 - column]
                wanted += float(image[row, column]) * moved
        np.testing.assert_allclose(spread(image, number(2.2), shape).numpy(), wanted, rtol=0, atol=1e-14)

    def test_light_is_lost_over_the_edge_only(self):
        image = torch.zeros(61, 61, dtype=DOUBLE)
        image[30, 30] = 1000
        assert float(spread(image, number(3.0), "gaussian").sum()) == pytest.approx(1000, rel=1e-12)
        # The fibre's tails are long: of 1/r^2 what lies beyond the edge, g/R of the light for a disc.
        left = float(spread(image, number(3.0), "fibre").sum()) / 1000
        assert 1 - 3.0 / FIBRE_FWHM / 30.5 < left < 1 - 3.0 / FIBRE_FWHM / (30.5 * math.sqrt(2))

    @pytest.mark.parametrize("shape", SHAPES)
    def test_gradients(self, shape):
        image = torch.rand(4, 3, dtype=DOUBLE, requires_grad=True)
        fwhm = number(1.3).requires_grad_()
        assert torch.autograd.gradcheck(lambda i, f: spread(i, f, shape), (image, fwhm))

    def test_the_width_is_in_micrometres(self):
        image = torch.rand(6, 6, dtype=DOUBLE)
        seen = Response(fwhm_um=150.0).spread(image, 0.1)
        torch.testing.assert_close(seen, spread(image, number(1.5), "gaussian"))
        assert Response().spread(image, 0.1) is image

    def test_lengths_of_transforms(self):
        assert [quick_length(least) for least in (1, 7, 11, 31, 199, 257, 4999)] == [
            *(1, 8, 12, 32),
            *(200, 270, 5000),
        ]


class TestReadOut:
    def test_mean_and_variance_are_those_promised(self):
        response = Response(gain=1.8, offset_adu=40.0, readout_adu=3.0)
        photons = torch.full((400, 400), 20.0, dtype=DOUBLE)
        seen = response.read_out(photons, torch.Generator().manual_seed(1))
        # 160,000 pixels: the mean is off by sqrt(variance / n) = 0.02, the variance by 0.4 % (one sigma).
        assert float(seen.mean()) == pytest.approx(1.8 * 20 + 40, abs=0.1)
        assert float(seen.var()) == pytest.approx(float(response.variance(photons)[0, 0]), rel=0.02)
        assert float(response.variance(photons)[0, 0]) == pytest.approx(1.8**2 * 20 + 9)

    def test_the_same_generator_draws_the_same(self):
        photons = torch.rand(5, 5, dtype=DOUBLE)
        first, second = (
            Response(readout_adu=1.0).read_out(photons, torch.Generator().manual_seed(9)) for _ in range(2)
        )
        assert torch.equal(first, second)

    def test_round_off_of_the_spread_is_no_light(self):
        image = torch.zeros(30, 30, dtype=DOUBLE)
        image[0, 0] = 1e6
        spread_out = Response(fwhm_um=100.0).spread(image, 0.1)
        assert float(spread_out.min()) > -1e-3
        assert float(Response().read_out(spread_out, torch.Generator().manual_seed(2)).min()) >= 0

    def test_less_than_no_light_is_an_error(self):
        with pytest.raises(SimulatorError, match="less than none"):
            Response().read_out(torch.tensor([[5.0, -1.0]]), torch.Generator())

    @pytest.mark.parametrize(
        ("settings", "says"),
        [
            ({"gain": 0.0}, "gain is 0"),
            ({"readout_adu": -1.0}, "readout_adu is -1"),
            ({"fwhm_um": 0.0}, "fwhm_um is 0"),
            ({"shape": "lorentz"}, "shape is 'lorentz'"),
        ],
    )
    def test_bad_numbers(self, settings, says):
        with pytest.raises(SimulatorError, match=says):
            Response(**settings)


class TestLikelihood:
    def test_differences_are_those_of_the_poisson_distribution(self):
        counts = torch.tensor([0.0, 3.0, 11.0], dtype=DOUBLE)
        models = [torch.tensor([0.5, 2.0, 10.0], dtype=DOUBLE), torch.tensor([1.0, 4.0, 9.0], dtype=DOUBLE)]
        losses = [poisson_loss(model, counts) for model in models]
        logs = [torch.distributions.Poisson(model).log_prob(counts).sum() for model in models]
        assert float(losses[1] - losses[0]) == pytest.approx(float(logs[0] - logs[1]), rel=1e-6)

    def test_differences_are_those_of_the_normal_distribution(self):
        response = Response(gain=2.0, offset_adu=10.0, readout_adu=1.5)
        measured = torch.tensor([12.0, 31.0], dtype=DOUBLE)
        models = [torch.tensor([1.0, 9.0], dtype=DOUBLE), torch.tensor([2.0, 12.0], dtype=DOUBLE)]
        losses, logs = [], []
        for model in models:
            losses.append(gaussian_loss(model, measured, response))
            normal = torch.distributions.Normal(2 * model + 10, torch.sqrt(4 * model + 2.25))
            logs.append(normal.log_prob(measured).sum())
        assert float(losses[1] - losses[0]) == pytest.approx(float(logs[0] - logs[1]), rel=1e-6)

    def test_gradients_of_model_and_response(self):
        photons = (torch.rand(3, 4, dtype=DOUBLE) + 0.5).requires_grad_()
        counts = torch.poisson(photons.detach())
        gain = number(1.4).requires_grad_()
        noise = number(0.7).requires_grad_()
        assert torch.autograd.gradcheck(lambda p: poisson_loss(p, counts), (photons,))
        assert torch.autograd.gradcheck(
            lambda p, g, n: gaussian_loss(p, counts, Response(gain=g, readout_adu=n)), (photons, gain, noise)
        )

    def test_masked_pixels_may_hold_anything(self):
        photons = torch.ones(2, 2, dtype=DOUBLE, requires_grad=True)
        counts = torch.tensor([[2.0, float("nan")], [1.0, 0.0]], dtype=DOUBLE)
        mask = torch.tensor([[1, 0], [1, 1]])
        loss = poisson_loss(photons, counts, mask=mask)
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(photons.grad).all()
        assert float(photons.grad[0, 1]) == 0

    def test_a_photon_where_none_is_expected_costs_much_and_stays_finite(self):
        dark, lit = torch.zeros(1, dtype=DOUBLE), torch.ones(1, dtype=DOUBLE)
        assert 15 < float(poisson_loss(dark, lit)) < 25
        assert torch.isfinite(gaussian_loss(dark, lit, Response()))

    def test_shapes_have_to_agree(self):
        with pytest.raises(SimulatorError, match="shape"):
            poisson_loss(torch.ones(2, 3), torch.ones(3, 2))
