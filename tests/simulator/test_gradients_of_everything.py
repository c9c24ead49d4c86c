"""gradcheck of every quantity that an image depends on, alone, together, and where something is singular."""

import math
import random

import pytest
import torch

from simulator.physics.table import Table

pytestmark = pytest.mark.slow

THICK = {"thickness_um": 500.0, "attenuation_um": 300.0, "thickness_steps": 3, "capture_from": "each"}
# Each pixel is an output of gradcheck, and takes a backward pass of its own.
SMALL = {
    "fpixels": 3,
    "spixels": 2,
    "pixel_size_mm": 2.0,
    "distance_mm": 60.0,
    "beam_x_mm": -8.0,
    "beam_y_mm": 17.0,
}
ROWS = [[-10.0, 0.0, 0.0, 1.0, 1.5], [-10.0, 0.2, 0.1, 3.0, 1.52], [-10.0, -0.3, 0.2, 0.5, 1.47]]


def scalar(part, name, value, **rest):
    """A quantity that is one field of one configuration, and the other options it needs to matter."""

    def options(tensor):
        made = {key: dict(values) for key, values in rest.items()}
        made.setdefault(part, {})[name] = tensor
        return made

    return options, value


QUANTITIES = {
    **{
        f"cell_{key}": scalar("crystal", f"cell_{key}", value)
        for key, value in zip("abc", (41.0, 52.0, 63.0), strict=True)
    },
    **{
        f"cell_{key}": scalar("crystal", f"cell_{key}", value)
        for key, value in zip(("alpha", "beta", "gamma"), (81.0, 95.0, 105.0), strict=True)
    },
    "misset": scalar("crystal", "misset_deg", [10.0, 20.0, 30.0]),
    "matrix": scalar(
        "crystal", "matrix", [[0.012, 0.002, 0.001], [-0.001, 0.013, 0.002], [0.003, -0.002, 0.014]]
    ),
    "mosaic spread": scalar("crystal", "mosaic_spread_deg", 0.7, crystal={"mosaic_domains": 4}),
    "phi": scalar("crystal", "phi_start_deg", 3.0),
    "osc": scalar("crystal", "osc_range_deg", 2.0, crystal={"phi_steps": 3}),
    "cell_a under the carry-over": scalar(
        "crystal", "cell_a", 41.0, crystal={"phi_steps": 3, "osc_range_deg": 2.0, "phi_carryover": 2}
    ),
    "N_cells": scalar("crystal", "N_cells", [4.0, 5.0, 3.0]),
    "fractional N_cells": scalar("crystal", "N_cells", [4.3, 5.6, 3.2]),
    "default_F": scalar("crystal", "default_F", 10.0),
    "fudge of a round crystal": scalar("crystal", "fudge", 1.2, crystal={"shape": "ROUND"}),
    "cell_a of a round crystal": scalar("crystal", "cell_a", 41.0, crystal={"shape": "ROUND"}),
    "N_cells of a round crystal": scalar("crystal", "N_cells", [4.0, 5.0, 3.0], crystal={"shape": "ROUND"}),
    "cell_b of Gaussian spots": scalar(
        "crystal", "cell_b", 52.0, crystal={"shape": "GAUSS", "N_cells": (2, 2, 2)}
    ),
    "fudge of Gaussian spots": scalar(
        "crystal", "fudge", 1.1, crystal={"shape": "GAUSS", "N_cells": (2, 2, 2)}
    ),
    "wavelength": scalar("beam", "wavelength_A", 1.5),
    "fluence": scalar("beam", "fluence", 2.0e29),
    "flux": scalar("beam", "flux", 3.0e21),
    "polarization": scalar("beam", "polarization", 0.4),
    "dispersion": scalar("beam", "dispersion", 0.02, beam={"dispersion_steps": 2, "dispersion_step": 0.02}),
    "divergence": scalar(
        "beam", "h_divergence_mrad", 4.0, beam={"h_divergence_steps": 2, "h_divergence_step_mrad": 4.0}
    ),
    "distance": scalar("detector", "distance_mm", 60.0),
    "close distance": scalar("detector", "close_distance_mm", 58.0),
    "beam centre X": scalar("detector", "beam_x_mm", -8.0),
    "beam centre Y": scalar("detector", "beam_y_mm", 17.0),
    "nearest point": scalar("detector", "org_x_px", 7.5, detector={"convention": "XDS"}),
    "pixel size": scalar("detector", "pixel_size_mm", 2.0),
    "rotation x": scalar("detector", "rotx_deg", 7.0),
    "rotation y": scalar("detector", "roty_deg", -5.0),
    "rotation z": scalar("detector", "rotz_deg", 11.0),
    "two-theta": scalar("detector", "twotheta_deg", 15.0),
    "thickness": scalar("detector", "thickness_um", 500.0, detector=THICK),
    "attenuation depth": scalar("detector", "attenuation_um", 300.0, detector=THICK),
    "distance of a curved detector": scalar("detector", "distance_mm", 60.0, detector={"curved": True}),
    "water": scalar("detector", "water_um", 3.0),
    "background": scalar(
        "detector", "background", [[0.05, 1.0], [0.2, 3.0], [0.5, 2.0]], detector={"water_um": 10.0}
    ),
    "sources": scalar("beam", "sources", ROWS, beam={"polarization": 0.3}),
}


def image_of(simulate, options):
    """The image that a gradient is taken of, scaled to numbers of the order of one."""
    detector = {**SMALL, "oversample": 2, **options.get("detector", {})}
    sim = simulate(options.get("crystal"), detector, options.get("beam"))
    return sim.run() / 10.0


# Which sub-pixel counts is a matter of detector and beam: no quantity of the crystal meets that code.
OF_THE_CRYSTAL = {name for name, (options, start) in QUANTITIES.items() if set(options(start)) == {"crystal"}}
CASES = [("each", name) for name in QUANTITIES]
CASES += [("first", name) for name in QUANTITIES if name not in OF_THE_CRYSTAL]


@pytest.mark.parametrize(("pick", "name"), CASES)
def test_gradcheck(simulate, name, pick):
    options, value = QUANTITIES[name]
    start = torch.tensor(value, dtype=torch.float64)
    # Finite differences need steps that suit the size of the quantity.
    unit = start.abs().max()

    def image(steps):
        made = options(start + steps * unit)
        chosen = {"omega_from": pick, "polarization_from": pick, "capture_from": pick}
        made["detector"] = {**chosen, **made.get("detector", {})}
        return image_of(simulate, made)

    steps = torch.zeros_like(start, requires_grad=True)
    (gradient,) = torch.autograd.grad(image(steps).sum(), steps)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().max() > 0, "the image does not depend on it"
    assert torch.autograd.gradcheck(image, (steps,), eps=1e-7, atol=2e-5, rtol=1e-5)


def drawn_experiment(seed):
    """Random choices over every row of options, as (crystal, detector, beam)."""
    pick = random.Random(seed).choice
    crystal = {
        "shape": pick(["SQUARE", "SQUARE", "ROUND", "GAUSS"]),
        "N_cells": pick([(4, 5, 3), (4.3, 5.6, 3.2), (1, 2, 7), (21, 3, 2)]),
        "exact_cell": pick([False, True]),
        "phi_steps": pick([1, 3]),
        "osc_range_deg": 2.0,
        "phi_start_deg": pick([0.0, 7.0]),
        "phi_carryover": pick([0, 2]),
        "mosaic_domains": pick([1, 3]),
        "mosaic_spread_deg": 0.6,
    }
    detector = {
        "convention": pick(["MOSFLM", "DENZO", "ADXV", "XDS", "DIALS"]),
        "oversample": pick([1, 2]),
        "curved": pick([False, False, True]),
        "point_pixel": pick([False, False, True]),
        "thickness_um": pick([0.0, 400.0]),
        "attenuation_um": 300.0,
        "thickness_steps": pick([1, 3]),
        "water_um": pick([0.0, 0.0, 3.0]),
        "water_counted_twice": pick([False, True]),
        "running_product": pick([False, False, True]),
        "rotx_deg": pick([0.0, 4.0]),
        "roty_deg": pick([0.0, -3.0]),
        **{
            name: pick(["first", "last", "each"])
            for name in ("omega_from", "polarization_from", "capture_from")
        },
    }
    beam = {
        "polarization": pick([0.0, 0.6]),
        "nopolar": pick([False, False, True]),
        "dispersion": 0.02,
        "dispersion_steps": pick([1, 2]),
        "dispersion_step": 0.02,
    }
    if detector["running_product"] and detector["thickness_um"] == 0:
        # Without a sensor this defect of the C program captures nothing.
        detector["capture_from"] = "first"
    return crystal, detector, beam


@pytest.mark.parametrize("seed", range(16))
def test_gradcheck_of_random_experiments(simulate, seed):
    """Of a length, an angle, an orientation, a distance, a wavelength and a fluence together."""
    crystal, detector, beam = drawn_experiment(seed)
    units = torch.tensor([41.0, 95.0, 10.0, 60.0, 1.5, 1.0], dtype=torch.float64)

    def image(steps):
        a, beta, turn, distance, wavelength, fluence = units * (1 + steps)
        turned = {
            **crystal,
            "cell_a": a,
            "cell_beta": beta,
            "misset_deg": torch.stack([turn, 2 * turn, 3 * turn]),
        }
        panel = {**SMALL, **detector, "distance_mm": distance}
        options = {"crystal": turned, "detector": panel, "beam": {**beam, "wavelength_A": wavelength}}
        return image_of(simulate, options) * fluence

    steps = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    # Numbers of the order of one, whatever was drawn.
    top = image(steps).detach().abs().max()
    assert top > 0
    assert torch.autograd.gradcheck(
        lambda steps: image(steps) / top, (steps,), eps=1e-7, atol=2e-5, rtol=1e-4
    )


def varied_table(shape, weights):
    """A table that moves along five random directions: gradients of all entries at the price of five."""
    generator = torch.Generator().manual_seed(3)
    directions = torch.rand(5, *shape, dtype=torch.float64, generator=generator)
    return 2 + torch.tensordot(weights, directions, dims=1)


def test_structure_factors_of_a_table(simulate, leaf):
    def image(weights):
        sim = simulate({"interpolate": False}, {**SMALL, "beam_x_mm": 3.0, "beam_y_mm": 4.0})
        table = varied_table((7, 8, 9), weights)
        sim.crystal.table = Table(table, (-3, -4, -4), torch.tensor(2.0, dtype=torch.float64))
        return sim.run()

    start = leaf([0.1, 0.2, 0.3, 0.4, 0.5])
    assert torch.autograd.gradcheck(image, (start,), eps=1e-6, atol=1e-5, rtol=1e-5)


def test_structure_factors_between_reflections(simulate, leaf):
    def image(weights, cell):
        detector = {**SMALL, "fpixels": 2, "spixels": 2, "beam_x_mm": 3.0, "beam_y_mm": 4.0}
        sim = simulate({"interpolate": True, "outside": "nearest", "cell_a": cell}, detector)
        table = varied_table((20, 20, 20), weights)
        sim.crystal.table = Table(table, (-10, -10, -10), torch.tensor(2.0, dtype=torch.float64))
        return sim.run()

    start = (leaf([0.1, 0.2, 0.3, 0.4, 0.5]), leaf(41.0))
    assert torch.autograd.gradcheck(image, start, eps=1e-6, atol=1e-5, rtol=1e-5)


def test_all_together_with_many_parts(simulate, leaf):
    """One joint check through cell, missetting, spread, detector and beam."""
    start = (41.0, 95.0, 10.0, 0.7, 60.0, 7.0, 1.5, 0.4)

    def image(*values):
        a, beta, twist, spread, distance, tilt, wavelength, kahn = values
        return image_of(
            simulate,
            {
                "crystal": {
                    "cell_a": a,
                    "cell_beta": beta,
                    "misset_deg": (twist, 20.0, 30.0),
                    "mosaic_spread_deg": spread,
                    "mosaic_domains": 3,
                },
                "detector": {"distance_mm": distance, "rotx_deg": tilt},
                "beam": {"wavelength_A": wavelength, "polarization": kahn},
            },
        )

    assert torch.autograd.gradcheck(image, tuple(map(leaf, start)), eps=1e-7, atol=1e-4, rtol=1e-5)


def test_second_order_of_cell_and_wavelength(simulate, leaf):
    def total(a, gamma, wavelength):
        made = {"crystal": {"cell_a": a, "cell_gamma": gamma}, "beam": {"wavelength_A": wavelength}}
        return image_of(simulate, made).sum()

    start = tuple(map(leaf, (41.0, 105.0, 1.5)))
    assert torch.autograd.gradgradcheck(total, start, eps=1e-6, atol=1e-2, rtol=1e-5)


class TestSingularPoints:
    """Geometries at which a formula written carelessly divides by 0: gradients stay finite and right."""

    ON_BEAM = {
        "fpixels": 3,
        "spixels": 3,
        "pixel_size_mm": 0.1,
        "distance_mm": 100.0,
        "oversample": 1,
        "beam_x_mm": 0.1,
        "beam_y_mm": 0.1,
    }

    def test_the_middle_pixel_is_on_the_beam(self, simulate):
        """There h = k = l = 0 and the scattering vector and sin(2 theta) vanish: normal incidence."""
        tensors = simulate({}, self.ON_BEAM).trace_pixel(1, 1)
        found = {entry.name: entry.value for entry in tensors}
        assert found["hkl"] == [0.0, 0.0, 0.0]
        assert found["F_latt_squared"] == (4 * 5 * 3) ** 2

    @pytest.mark.parametrize("shape", ["SQUARE", "ROUND", "GAUSS"])
    @pytest.mark.parametrize("cells", [(4, 5, 3), (20, 30, 40)], ids=["small", "large"])
    @pytest.mark.parametrize("engine", ["auto", "torch"])
    def test_cell_and_polarization_on_the_beam(self, simulate, leaf, shape, cells, engine):
        def image(a, gamma, kahn):
            crystal = {"cell_a": a, "cell_gamma": gamma, "shape": shape, "N_cells": cells}
            return simulate(crystal, self.ON_BEAM, {"polarization": kahn}, engine=engine).run() / 1e4

        start = tuple(map(leaf, (41.0, 105.0, 0.3)))
        for gradient in torch.autograd.grad(image(*start).sum(), start):
            assert torch.isfinite(gradient)
        assert torch.autograd.gradcheck(image, start, eps=1e-5, atol=1e-5, rtol=1e-4)

    @pytest.mark.parametrize("name", ["N_cells", "wavelength", "distance", "rotation x", "misset"])
    def test_other_quantities_on_the_beam(self, simulate, name):
        options, value = QUANTITIES[name]
        start = torch.tensor(value, dtype=torch.float64)
        steps = torch.zeros_like(start, requires_grad=True)

        def image(steps):
            made = options(start + steps)
            detector = {**self.ON_BEAM, **made.get("detector", {})}
            return simulate(made.get("crystal"), detector, made.get("beam")).run()

        assert torch.isfinite(torch.autograd.grad(image(steps).sum(), steps)[0]).all()

    def test_zero_rotations_spread_and_phi(self, simulate, leaf):
        """Every angle at 0: rotations start from the identity with the right slope."""

        def image(rotx, twotheta, twist, spread, phi):
            return image_of(
                simulate,
                {
                    "crystal": {
                        "misset_deg": (twist, 0.0, 0.0),
                        "mosaic_spread_deg": spread,
                        "mosaic_domains": 3,
                        "phi_start_deg": phi,
                    },
                    "detector": {"rotx_deg": rotx, "twotheta_deg": twotheta},
                },
            )

        start = tuple(leaf(0.0) for _ in range(5))
        # The spread cannot be negative: its difference is one-sided, so only its finiteness is asked here.
        gradients = torch.autograd.grad(image(*start).sum(), start)
        assert all(math.isfinite(gradient.item()) for gradient in gradients)
        fixed = torch.tensor(0.0, dtype=torch.float64)
        assert torch.autograd.gradcheck(
            lambda a, b, c, d: image(a, b, c, fixed, d),
            (*start[:3], start[4]),
            eps=1e-6,
            atol=1e-5,
            rtol=1e-5,
        )

    def test_slope_of_the_spread_at_zero(self, simulate, leaf):
        def total(spread):
            made = {"crystal": {"mosaic_spread_deg": spread, "mosaic_domains": 5}}
            return image_of(simulate, made).sum()

        spread = leaf(0.0)
        (gradient,) = torch.autograd.grad(total(spread), spread)
        ahead = [total(torch.tensor(step, dtype=torch.float64)).item() for step in (0.0, 1e-5, 2e-5)]
        one_sided = (-3 * ahead[0] + 4 * ahead[1] - ahead[2]) / 2e-5
        assert gradient.item() == pytest.approx(one_sided, rel=1e-5)

    def test_right_angles_second_order(self, simulate, leaf):
        """At 90 degrees sin(gamma*) is at its top, where a clamp would take the curvature away."""

        def total(alpha, beta, gamma):
            made = {"crystal": {"cell_alpha": alpha, "cell_beta": beta, "cell_gamma": gamma}}
            return image_of(simulate, made).sum()

        start = tuple(leaf(90.0) for _ in range(3))
        assert torch.autograd.gradgradcheck(total, start, eps=1e-5, atol=1e-3, rtol=1e-5)


@pytest.mark.parametrize("shape", ["TOPHAT", "GAUSS"])
def test_other_shapes_by_the_spread_alone(simulate, leaf, shape):
    """Only the lattice vectors ask for a gradient: the kernel has none for these shapes, and leaves it."""
    found = []
    for engine in ("auto", "torch"):
        spread = leaf(2.0)
        crystal = {"mosaic_spread_deg": spread, "mosaic_domains": 4, "shape": shape, "fudge": 0.01}
        simulate(crystal, {}, engine=engine).run().sum().backward()
        found.append(spread.grad.item())
    assert found[0] == pytest.approx(found[1], rel=1e-9)
    assert (found[1] == 0) == (shape == "TOPHAT")
