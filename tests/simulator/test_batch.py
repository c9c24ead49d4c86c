"""Batches of crystals: one call into the kernel, the images and gradients of single runs."""

import pytest
import torch

from simulator import BeamConfig, Crystal, CrystalConfig, Detector, DetectorConfig, run_batch
from simulator.config import SimulatorError
from simulator.engine.choose import choose_engine
from simulator.engine.native.pieces import STEPS_PER_CALL
from simulator.engine.native.shared import shared
from simulator.physics.table import Table
from simulator.simulate import Simulator

CPU = torch.device("cpu")
needs_kernel = pytest.mark.skipif(isinstance(shared(), str), reason=f"no kernel here: {shared()}")
BEAM = BeamConfig(wavelength_A=1.3, polarization=0.4)
PANEL = DetectorConfig(fpixels=23, spixels=11, pixel_size_mm=2.0, oversample=2, roi=(3, 20, 1, 9))
CELLS = (41.0, 43.5, 47.25)

ENGINES = [pytest.param("kernel", marks=needs_kernel), "torch"]
CHOICES = {
    "few cells": {"N_cells": (5, 4, 3)},
    "many cells and mosaic blocks": {"N_cells": (20, 31, 16), "mosaic_domains": 3, "mosaic_spread_deg": 1.0},
    "round": {"shape": "ROUND", "phi_steps": 2, "osc_range_deg": 1.0},
    "flat spots": {"shape": "TOPHAT"},
    "Gaussian spots": {"shape": "GAUSS"},
}


class Counting:
    """A library that counts the images of each call."""

    def __init__(self):
        self.library = shared()
        self.how = self.library.how
        self.rendered, self.pulled = [], []

    def image(self, batch, **named):
        self.rendered.append(len(batch))
        self.library.image(batch, **named)

    def pullback(self, batch, **named):
        self.pulled.append(len(batch))
        return self.library.pullback(batch, **named)


@pytest.fixture
def counting():
    """A kernel's engine with the calls into its library."""
    engine = choose_engine("kernel", device=CPU, threads=2)
    engine.library = engine.kernel.library = Counting()
    return engine


def crystals(values=CELLS, **options):
    """One crystal a cell edge, each turned otherwise."""
    made = []
    for number, value in enumerate(values):
        turn = (10.0 * number, 20.0, -30.0)
        given = {"N_cells": (5, 5, 5), **options}
        made.append(
            Crystal(CrystalConfig(cell_a=value, cell_beta=95.0, misset_deg=turn, default_F=9.0, **given))
        )
    return made


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("masked", [False, True])
def test_a_batch_is_its_single_images(engine, name, masked):
    generator = torch.Generator().manual_seed(3)
    mask = torch.rand(11, 23, generator=generator) > 0.3 if masked else None
    detector = Detector(PANEL, mask=mask)
    batch = crystals(**CHOICES[name])
    images = run_batch(batch, detector, BEAM, engine=engine)
    assert images.shape == (3, 11, 23)
    for image, crystal in zip(images, batch, strict=True):
        assert torch.equal(image, Simulator(crystal, detector, beam_config=BEAM, engine=engine).run())


@pytest.mark.parametrize("engine", ENGINES)
def test_gradients(engine, leaf):
    """Of a cell, an intensity and a length of the beam, the last of which all share."""
    found = []
    for together in (True, False):
        edges = [leaf(value) for value in CELLS]
        factor, spread = leaf(9.0), leaf(0.7)
        batch = crystals(edges, mosaic_spread_deg=spread, mosaic_domains=2)
        beam = BeamConfig(wavelength_A=1.3, fluence=(fluence := leaf(1e29)) * factor)
        if together:
            images = run_batch(batch, Detector(PANEL), beam, engine=engine)
        else:
            runs = [Simulator(one, Detector(PANEL), beam_config=beam, engine=engine) for one in batch]
            images = torch.stack([run.run() for run in runs])
        weights = torch.linspace(1, 2, images.numel(), dtype=torch.float64).reshape(images.shape)
        leaves = [*edges, factor, spread, fluence]
        found.append(torch.stack(torch.autograd.grad((images * weights).sum(), leaves)))
    assert found[1].abs().min() > 0
    assert torch.allclose(found[0], found[1], rtol=1e-10)


@pytest.mark.slow
def test_gradcheck(leaf):
    def images(edges, angle):
        batch = [
            Crystal(CrystalConfig(cell_a=edge, cell_gamma=angle, N_cells=(4, 3, 2), default_F=2.0))
            for edge in edges
        ]
        panel = DetectorConfig(fpixels=4, spixels=3, pixel_size_mm=5.0, oversample=1)
        return run_batch(batch, Detector(panel), BeamConfig(wavelength_A=1.3, fluence=1e27))

    edges, angle = leaf([41.0, 43.5]), leaf(97.0)
    assert torch.autograd.gradcheck(images, (edges, angle), eps=1e-5, rtol=1e-4)
    assert torch.autograd.gradgradcheck(images, (edges, angle), eps=1e-5, rtol=1e-3, atol=1e-4)


@needs_kernel
def test_one_call_into_the_kernel(counting, leaf):
    library = counting.library
    edges = [leaf(value) for value in CELLS]
    images = run_batch(crystals(edges), Detector(PANEL), BEAM, engine=counting)
    images.sum().backward()
    assert (library.rendered, library.pulled) == ([3], [3])
    assert 3 * images[0].numel() < STEPS_PER_CALL


@needs_kernel
def test_vmap_is_one_call_too(counting):
    def image(edge):
        crystal = Crystal(CrystalConfig(cell_a=edge, N_cells=(5, 5, 5), default_F=9.0))
        return Simulator(crystal, Detector(PANEL), beam_config=BEAM, engine=counting).run()

    cells = torch.tensor(CELLS, dtype=torch.float64)
    library = counting.library
    torch.func.vmap(image)(cells)
    assert (library.rendered, library.pulled) == ([3], [])
    torch.func.vmap(torch.func.grad(lambda edge: image(edge).sum()))(cells)
    assert (library.rendered, library.pulled) == ([3, 3], [3])
    twice = torch.func.vmap(torch.func.vmap(image))(cells.reshape(3, 1).expand(3, 2) * 1.0)
    assert torch.equal(twice[1, 1], image(cells[1]))


@needs_kernel
def test_long_batches_go_in_pieces_of_rows(counting, monkeypatch):
    expected = run_batch(crystals(), Detector(PANEL), BEAM, engine=counting)
    monkeypatch.setattr("simulator.engine.native.pieces.STEPS_PER_CALL", 3 * 4 * 18 * 2)
    pieces = run_batch(crystals(), Detector(PANEL), BEAM, engine=counting)
    assert torch.equal(pieces, expected)
    assert counting.library.rendered == [3] + 5 * [3], "nine rows, two at a time"


@needs_kernel
def test_a_table_that_all_share_is_squared_once(monkeypatch):
    from simulator.engine.native import pack

    monkeypatch.delenv("NANOBRAGG_DISABLE_COMPILE", raising=False)  # single runs take the kernel, too
    table = Table(torch.rand(9, 9, 9, dtype=torch.float64), (-4, -4, -4), torch.tensor(7.0).double())
    batch = crystals()
    for crystal in batch:
        crystal.table = table
        object.__setattr__(crystal.config, "interpolate", False)
    squared = []
    squares = pack.squares
    monkeypatch.setattr(pack, "squares", lambda values: squared.append(1) or squares(values))
    images = run_batch(batch, Detector(PANEL), BEAM, engine="kernel")
    assert len(squared) == 1
    for image, crystal in zip(images, batch, strict=True):
        assert torch.equal(image, Simulator(crystal, Detector(PANEL), beam_config=BEAM).run())


def test_one_crystal_twice():
    (crystal,) = crystals((41.0,))
    images = run_batch([crystal, crystal], Detector(PANEL), BEAM)
    assert torch.equal(images[0], images[1])


class TestErrors:
    def test_no_crystal(self):
        with pytest.raises(SimulatorError, match="no crystal"):
            run_batch([], Detector(PANEL))

    def test_other_choices(self):
        with pytest.raises(SimulatorError, match="crystal 2 differs from the first in whole"):
            run_batch([*crystals((41.0,)), *crystals((42.0,), N_cells=(4, 5, 5))], Detector(PANEL))

    def test_other_orientations(self):
        other = crystals((42.0,), phi_steps=2, osc_range_deg=1.0)
        with pytest.raises(SimulatorError, match="number of orientations"):
            run_batch([*crystals((41.0,)), *other], Detector(PANEL))

    def test_memory(self):
        with pytest.raises(SimulatorError, match="a batch of 3 images of 11 x 23 px without gradients takes"):
            run_batch(crystals(), Detector(PANEL), memory_limit=1000)

    def test_a_file_of_rows_belongs_to_one_image(self, tmp_path):
        def image(edge):
            crystal = Crystal(CrystalConfig(cell_a=edge, N_cells=(5, 5, 5), default_F=9.0))
            return Simulator(crystal, Detector(PANEL)).run(resume=tmp_path / "rows")

        with pytest.raises(SimulatorError, match="cannot serve a batch"):
            torch.func.vmap(image)(torch.tensor(CELLS, dtype=torch.float64))
