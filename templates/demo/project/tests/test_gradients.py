"""Gradients of the simulated image with respect to the unit cell."""

import pytest
import torch

from simulator import Simulator
from simulator.config import CrystalConfig, DetectorConfig
from simulator.crystal import Crystal
from simulator.detector import Detector

CELL = {
    "cell_a": 100.0,
    "cell_b": 100.0,
    "cell_c": 100.0,
    "cell_alpha": 90.0,
    "cell_beta": 90.0,
    "cell_gamma": 90.0,
}


class TestCellGradients:
    """Analytic against numerical derivatives, one parameter at a time, on a few pixels."""

    @pytest.mark.parametrize("name", sorted(CELL))
    def test_gradcheck(self, name):
        detector = Detector(
            config=DetectorConfig(fpixels=4, spixels=3, pixel_size_mm=10.0, oversample=1), dtype=torch.float64
        )

        def image_sum(value):
            config = CrystalConfig(**{**CELL, name: value}, N_cells=(3, 3, 3), default_F=100.0)
            crystal = Crystal(config=config, dtype=torch.float64)
            return Simulator(crystal, detector, dtype=torch.float64).run().sum()

        start = torch.tensor(CELL[name] * 1.01, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(image_sum, (start,), eps=1e-6, rtol=1e-3)


class TestAdvancedGradients:
    """The whole pipeline, from the cell to the loss."""

    def test_gradient_flow_simulation(self):
        """All six cell parameters must receive a gradient from the full simulation."""
        device = torch.device("cpu")
        dtype = torch.float64

        cell_a = torch.tensor(100.0, dtype=dtype, requires_grad=True)
        cell_b = torch.tensor(100.0, dtype=dtype, requires_grad=True)
        cell_c = torch.tensor(100.0, dtype=dtype, requires_grad=True)
        cell_alpha = torch.tensor(90.0, dtype=dtype, requires_grad=True)
        cell_beta = torch.tensor(90.0, dtype=dtype, requires_grad=True)
        cell_gamma = torch.tensor(90.0, dtype=dtype, requires_grad=True)

        config = CrystalConfig(
            cell_a=cell_a,
            cell_b=cell_b,
            cell_c=cell_c,
            cell_alpha=cell_alpha,
            cell_beta=cell_beta,
            cell_gamma=cell_gamma,
            mosaic_spread_deg=0.0,
            mosaic_domains=1,
            N_cells=(5, 5, 5),
        )

        crystal = Crystal(config=config, device=device, dtype=dtype)
        detector = Detector(device=device, dtype=dtype)
        simulator = Simulator(crystal, detector, crystal_config=config, device=device, dtype=dtype)

        loss = simulator.run().sum()
        loss.backward()

        gradients = {
            "cell_a": cell_a.grad,
            "cell_b": cell_b.grad,
            "cell_c": cell_c.grad,
            "cell_alpha": cell_alpha.grad,
            "cell_beta": cell_beta.grad,
            "cell_gamma": cell_gamma.grad,
        }
        for name, gradient in gradients.items():
            assert gradient is not None, f"{name} has no gradient"

        largest = max(abs(gradient.item()) for gradient in gradients.values())
        assert largest > 1e-10, "At least one gradient should be non-zero"
