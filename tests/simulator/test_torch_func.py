"""The image under torch's transforms: grad, jacrev, vmap, compile; and the experiment as a module."""

import copy
import io
import pickle

import pytest
import torch

from simulator import BeamConfig, CrystalConfig, DetectorConfig, DiffractionModel
from simulator.config import SimulatorError
from simulator.image.assemble import Job
from simulator.image.differentiate import Image, Rendering, keep

SMALL = {"fpixels": 6, "spixels": 5}
CRYSTAL = {"cell_a": 41.0, "cell_b": 52.0, "cell_beta": 95.0, "N_cells": (4, 5, 3), "default_F": 10.0}
DETECTOR = DetectorConfig(**SMALL, pixel_size_mm=3.0, oversample=1)

BATCHES = {
    "cells": ("crystal", "cell_a", [41.0, 42.0, 43.5]),
    "angles": ("crystal", "cell_gamma", [100.0, 95.0]),
    "orientations": ("crystal", "misset_deg", [[1.0, 2.0, 3.0], [40.0, 5.0, -6.0]]),
    "mosaic spreads": ("crystal", "mosaic_spread_deg", [0.2, 0.9]),
    "fluences": ("beam", "fluence", [1e29, 3e29]),
    "wavelengths": ("beam", "wavelength_A", [1.4, 1.5]),
    "distances": ("detector", "distance_mm", [100.0, 120.0]),
    "polarisations": ("beam", "polarization", [0.2, 0.7]),
    "divergences": ("beam", "h_divergence_mrad", [1.0, 2.0]),
    "water": ("detector", "water_um", [3.0, 5.0]),
    "rotations": ("detector", "rotx_deg", [1.0, 8.0]),
}


@pytest.fixture
def image(simulate):
    """(part, name, value, **detector options) -> the image of an experiment with that number."""

    def make(part, name, value, **panel):
        options = {"crystal": {"mosaic_domains": 3}, "beam": {}, "detector": {**SMALL, **panel}}
        options[part][name] = value
        return simulate(options["crystal"], options["detector"], options["beam"]).run()

    return make


def batch(name):
    part, field, values = BATCHES[name]
    return part, field, torch.tensor(values, dtype=torch.float64)


def gradients(function, values):
    """d function/d value by ordinary autograd, one value after the other."""
    found = []
    for value in values:
        leaf = value.clone().requires_grad_()
        found.extend(torch.autograd.grad(function(leaf), leaf))
    return torch.stack(found)


@pytest.mark.parametrize("name", BATCHES)
def test_vmap_and_grad(image, name):
    part, field, values = batch(name)

    def loss(value):
        return image(part, field, value).square().sum()

    single = torch.stack([image(part, field, value) for value in values])
    together = torch.func.vmap(lambda value: image(part, field, value))(values)
    assert together.shape == (len(values), 5, 6)
    assert torch.allclose(together, single, rtol=1e-12, atol=1e-12 * single.max().item())
    expected = gradients(loss, values)
    assert expected.abs().min() > 0
    assert torch.allclose(torch.func.grad(loss)(values[0]), expected[0], rtol=1e-10)
    assert torch.allclose(torch.func.vmap(torch.func.grad(loss))(values), expected, rtol=1e-10)


def test_jacrev_and_the_hessian(image, leaf):
    cell = torch.tensor(41.0, dtype=torch.float64)

    def pixels(value):
        return image("crystal", "cell_a", value)

    def loss(value):
        return pixels(value).square().sum()

    jacobian = torch.func.jacrev(pixels)(cell)
    step = 1e-5
    by_differences = (pixels(cell + step) - pixels(cell - step)) / (2 * step)
    assert torch.allclose(jacobian, by_differences, rtol=1e-5, atol=1e-5 * jacobian.abs().max().item())
    twice = leaf(41.0)
    (first,) = torch.autograd.grad(loss(twice), twice, create_graph=True)
    (second,) = torch.autograd.grad(first, twice)
    assert torch.func.jacrev(torch.func.grad(loss))(cell).item() == pytest.approx(second.item(), rel=1e-9)
    batched = torch.func.vmap(torch.func.jacrev(pixels))(torch.stack([cell, cell + 1]))
    assert torch.allclose(batched[0], jacobian, rtol=1e-10)


def test_forward_mode_is_refused_in_one_line(image):
    cell = torch.tensor(41.0, dtype=torch.float64)
    with pytest.raises(SimulatorError, match="forward mode"):
        torch.func.jacfwd(lambda value: image("crystal", "cell_a", value))(cell)


def test_what_decides_must_agree_within_a_batch(image):
    """Automatic sub-pixels follow from the cell; a cell that is none is refused wherever it stands."""
    cells = torch.tensor([41.0, 300.0], dtype=torch.float64)
    with pytest.raises(SimulatorError, match="differs within a batch"):
        torch.func.vmap(lambda value: image("crystal", "cell_a", value, oversample=None))(cells)
    with pytest.raises(SimulatorError, match="cell_a is -300 A"):
        torch.func.vmap(lambda value: image("crystal", "cell_a", value))(cells * torch.tensor([1, -1]))


@pytest.mark.slow
def test_compile_traces_over_it(simulate):
    sim = simulate({}, SMALL)
    scene = sim.scene()
    rendering = Rendering(Job(sim.engine), scene)
    number = keep(rendering)
    # Dynamo takes no tensor twice.
    others = [tensor.clone() for tensor in scene.tensors.as_list()][1:]

    def doubled(real):
        return 2 * Image.apply(number, real * 1.0, *others)

    found = []
    for function in (doubled, torch.compile(doubled, fullgraph=True, backend="aot_eager")):
        real = scene.tensors.real.clone().requires_grad_()
        image = function(real)
        found.append((image, *torch.autograd.grad(image.square().sum(), real)))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.allclose(found[0][1], found[1][1], rtol=1e-12)


@pytest.fixture
def model():
    def make(**options):
        options = {"parameters": ("cell_a", "misset_deg"), **options}
        crystal = CrystalConfig(**CRYSTAL, misset_deg=(10.0, 20.0, 30.0))
        return DiffractionModel(crystal, BeamConfig(wavelength_A=1.5), DETECTOR, **options)

    return make


class TestModel:
    def test_parameters_and_buffers(self, model):
        module = model()
        assert {name for name, _ in module.named_parameters()} == {"cell_a", "misset_deg"}
        assert {"cell_gamma", "wavelength_A", "distance_mm", "default_F"} <= dict(
            module.named_buffers()
        ).keys()
        module().sum().backward()
        assert module.cell_a.grad.abs() > 0
        assert module.misset_deg.grad.shape == (3,)

    def test_copies_pickles_and_states(self, model):
        module, other = model(), model()
        image = module()
        assert torch.equal(copy.deepcopy(module)(), image)
        assert torch.equal(pickle.loads(pickle.dumps(module))(), image)
        with torch.no_grad():
            other.cell_a.fill_(50.0)
        assert not torch.equal(other(), image)
        file = io.BytesIO()
        torch.save(module.state_dict(), file)
        file.seek(0)
        other.load_state_dict(torch.load(file))
        assert torch.equal(other(), image)

    def test_precision(self, model):
        module = model()
        exact = module()
        single = module.to(torch.float32)()
        assert single.dtype == torch.float32
        assert torch.allclose(single.double(), exact, rtol=1e-3, atol=1e-3 * exact.max().item())

    def test_functional_call_under_transforms(self, model):
        module = model()
        given = {name: value.detach() for name, value in module.named_parameters()}

        def loss(values):
            return torch.func.functional_call(module, values, ()).sum()

        module().sum().backward()
        found = torch.func.grad(loss)(given)
        assert torch.allclose(found["cell_a"], module.cell_a.grad, rtol=1e-10)
        assert torch.allclose(found["misset_deg"], module.misset_deg.grad, rtol=1e-10)

    def test_structure_factors(self, model, tmp_path):
        path = tmp_path / "some.hkl"
        path.write_text(
            "".join(f"{h} {k} {m} {9 + h + k}\n" for h in (-1, 0, 1) for k in (-1, 0, 1) for m in (0, 1))
        )
        module = model(structure_factors=path)
        path.unlink()
        assert module.structure_factors.shape == (3, 3, 2)
        assert torch.equal(copy.deepcopy(module)(), module())
        assert not torch.equal(module(), model()())

    def test_a_name_that_is_none(self, model):
        with pytest.raises(SimulatorError, match="cell_d is no number of this experiment"):
            model(parameters=("cell_d",))

    def test_it_is_refined_like_any_module(self, model):
        module = model(parameters=("default_F",))
        with torch.no_grad():
            target = module() * 1.21
        optimiser = torch.optim.LBFGS(module.parameters(), max_iter=30, line_search_fn="strong_wolfe")

        def closure():
            optimiser.zero_grad()
            loss = (module() - target).square().mean()
            loss.backward()
            return loss

        optimiser.step(closure)
        assert module.default_F.item() == pytest.approx(11.0, rel=1e-4)
