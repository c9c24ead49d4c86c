"""Gradients of the simulator: each cell parameter, all together, second order, and through a whole image."""

import math

import pytest
import torch

from simulator import Simulator
from simulator.config import BeamConfig, CrystalConfig, DetectorConfig
from simulator.crystal import Crystal
from simulator.detector import Detector

NAMES = ("cell_a", "cell_b", "cell_c", "cell_alpha", "cell_beta", "cell_gamma")
TRICLINIC = (70.0, 81.0, 93.0, 75.0, 86.0, 97.0)
CUBIC = (100.0, 100.0, 100.0, 90.0, 90.0, 90.0)

REFERENCE = {
    ("first", "first", None, 1.0): (
        983757.2693770926,
        7783.69601448,
        -2946.12089985,
        0.911510815501,
        5302.52389077,
    ),
    ("last", "each", None, 1.0): (
        983760.6858088241,
        7782.45144596,
        -2947.38060426,
        1.60560232906,
        5278.15563598,
    ),
    ("each", "each", None, 1.0): (
        983759.1042070639,
        7783.07344485,
        -2946.99389417,
        1.29568263943,
        5287.95669121,
    ),
    ("first", "first", 1, 1.0): (
        983749.4762558052,
        7803.43658889,
        -2896.92623561,
        1.51794994375,
        5497.38496279,
    ),
    ("first", "first", 1, 6.2): (
        923805.2729489321,
        -4065.47669308,
        -2476.50091082,
        0.69952431718,
        -547.934507332,
    ),
}
"""(solid angle of, polarisation of, oversample, wavelength): loss, d/da, d/db = d/dc, d/dalpha, d/dbeta =
-d/dgamma,
from complex-step derivatives of an independent implementation."""


@pytest.fixture(autouse=True)
def _plain_path(monkeypatch):
    """Derivatives of derivatives need the plain torch path."""
    monkeypatch.setenv("NANOBRAGG_DISABLE_COMPILE", "1")


def leaf(value):
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def small_image(cell, **crystal_options):
    """A 6 x 5 pixel detector off the beam: enough to see every parameter, small enough for finite
    differences."""
    options = {"N_cells": (3, 4, 2), "default_F": 10.0, "misset_deg": (11.0, -7.0, 23.0), **crystal_options}
    config = CrystalConfig(**dict(zip(NAMES, cell, strict=True)), **options)
    detector = DetectorConfig(
        fpixels=6,
        spixels=5,
        pixel_size_mm=2.0,
        distance_mm=60.0,
        beam_x_mm=-8.0,
        beam_y_mm=17.0,
        oversample=2,
    )
    return Simulator(Crystal(config), Detector(detector), beam_config=BeamConfig(wavelength_A=1.3)).run()


@pytest.mark.slow
class TestCellGradients:
    """Analytic against numeric derivatives, in float64."""

    @pytest.mark.parametrize("index", range(6), ids=NAMES)
    @pytest.mark.parametrize("cell", [TRICLINIC, CUBIC], ids=["triclinic", "cubic"])
    def test_gradcheck_of_each_parameter(self, cell, index):
        def image(value):
            return small_image([value if k == index else cell[k] for k in range(6)])

        assert torch.autograd.gradcheck(image, (leaf(cell[index]),), eps=1e-6, atol=1e-6, rtol=1e-6)

    @pytest.mark.parametrize("cell", [TRICLINIC, CUBIC], ids=["triclinic", "cubic"])
    def test_gradcheck_of_all_six_together(self, cell):
        assert torch.autograd.gradcheck(
            lambda *values: small_image(values), tuple(map(leaf, cell)), eps=1e-6, atol=1e-6, rtol=1e-6
        )

    @pytest.mark.parametrize("cell", [TRICLINIC, CUBIC], ids=["triclinic", "cubic"])
    def test_gradgradcheck_of_all_six_together(self, cell):
        assert torch.autograd.gradgradcheck(
            lambda *values: small_image(values).sum(), tuple(map(leaf, cell)), eps=1e-5, atol=1e-4, rtol=1e-5
        )


@pytest.mark.slow
class TestReferenceGradients:
    """The loss and six gradients of one cubic image, for each choice of the sub-pixel whose factors count."""

    @pytest.mark.parametrize("row", REFERENCE, ids=lambda row: "-".join(map(str, row)))
    def test_loss_and_gradients(self, row):
        omega_from, polarization_from, oversample, wavelength = row
        loss, along_a, along_b, alpha, beta = REFERENCE[row]
        cell = [leaf(value) for value in CUBIC]
        config = CrystalConfig(**dict(zip(NAMES, cell, strict=True)), N_cells=(5, 5, 5), default_F=100.0)
        detector = DetectorConfig(
            omega_from=omega_from, polarization_from=polarization_from, oversample=oversample
        )
        beam = BeamConfig(wavelength_A=wavelength)
        total = Simulator(Crystal(config), Detector(detector), beam_config=beam).run().sum()
        total.backward()
        assert total.item() == pytest.approx(loss, rel=1e-12)
        found = [parameter.grad.item() for parameter in cell]
        for got, expected in zip(found, (along_a, along_b, along_b, alpha, beta, -beta), strict=True):
            assert got == pytest.approx(expected, rel=1e-7 if expected == alpha else 1e-9)

    def test_symmetry_of_the_cubic_cell(self):
        """b and c are alike, and beta mirrors gamma, because the image is symmetric about its diagonal."""
        cell = [leaf(value) for value in CUBIC]
        config = CrystalConfig(**dict(zip(NAMES, cell, strict=True)), N_cells=(5, 5, 5), default_F=100.0)
        Simulator(
            Crystal(config),
            Detector(DetectorConfig(fpixels=256, spixels=256, pixel_size_mm=0.4, oversample=1)),
        ).run().sum().backward()
        grads = dict(zip(NAMES, (parameter.grad.item() for parameter in cell), strict=True))
        assert grads["cell_b"] == pytest.approx(grads["cell_c"], rel=1e-10)
        assert grads["cell_beta"] == pytest.approx(-grads["cell_gamma"], rel=1e-10)


class TestAdvancedGradients:
    """Gradients through everything between a cell parameter and a loss."""

    def test_gradient_flow_simulation(self):
        """A loss over a whole image reaches all six cell parameters.

        The crystal needs scattering power for this to say anything: without a structure factor (default_F
        is 0
        unless set, and no reflection file is read) every pixel is 0 whatever the cell, and the derivative
        of a
        constant is 0, so the gradients vanish although nothing in the graph is broken.
        """
        device, dtype = torch.device("cpu"), torch.float64
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
            default_F=100.0,
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
            assert gradient is not None, f"no gradient reached {name}"
        magnitudes = [abs(gradient.item()) for gradient in gradients.values()]
        assert any(magnitude > 1e-10 for magnitude in magnitudes), "At least one gradient should be non-zero"

    def test_without_structure_factors_loss_and_gradients_are_exactly_zero(self):
        cell = [leaf(value) for value in CUBIC]
        config = CrystalConfig(**dict(zip(NAMES, cell, strict=True)), N_cells=(5, 5, 5))
        detector = Detector(DetectorConfig(fpixels=64, spixels=64, pixel_size_mm=1.6, oversample=1))
        loss = Simulator(Crystal(config), detector).run().sum()
        loss.backward()
        assert loss.item() == 0.0
        for name, parameter in zip(NAMES, cell, strict=True):
            assert parameter.grad is not None, name
            assert parameter.grad.item() == 0.0
            assert not math.isnan(parameter.grad.item())

    def test_gradients_do_not_depend_on_how_the_image_is_tiled(self):
        from simulator.engine.engine import TorchEngine

        found = []
        for tile in (1 << 20, 300):
            cell = [leaf(value) for value in TRICLINIC]
            config = CrystalConfig(**dict(zip(NAMES, cell, strict=True)), N_cells=(4, 5, 6), default_F=3.0)
            detector = Detector(DetectorConfig(fpixels=60, spixels=50, pixel_size_mm=1.0, oversample=2))
            Simulator(Crystal(config), detector, engine=TorchEngine(tile=tile)).run().sum().backward()
            found.append([parameter.grad.item() for parameter in cell])
        assert found[0] == pytest.approx(found[1], rel=1e-10)
