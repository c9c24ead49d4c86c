"""What the simulator's tests share: scenes from few numbers, command lines in process, reference data."""

import json
from pathlib import Path

import pytest
import torch

from simulator import Simulator
from simulator.config import BeamConfig, CrystalConfig, DetectorConfig
from simulator.crystal import Crystal
from simulator.detector import Detector
from simulator.io.command.parse import parse
from simulator.io.command.translate import translate

SHARED = Path(__file__).resolve().parents[3] / "shared" / "golden"

# Test processes share the processors: threads of torch that wait for each other in all of them at once take
# a quarter more processor time. test_kernel.py has images of several threads.
torch.set_num_threads(1)

FIGURES = Path(__file__).parent / "reference_figures.json"
DEAR = frozenset({"oversample-auto"})
"""Cases of thousands of sub-pixels: left to `make test`."""

MATRIX = """ 0.018000000 0.015000000 -0.004500000
 -0.012000000 0.020250000 0.006000000
 0.009000000 0.003000000 0.024900000
"""
SOURCES = """-10 0 0 1.0 1.5e-10
-10 0.02 0.01 3.0 1.52e-10
-10 -0.03 0.02 0.5 1.47e-10
"""


@pytest.fixture
def simulate():
    """(crystal, detector, beam options, **simulator options) -> Simulator of a small image."""

    def make(crystal=None, detector=None, beam=None, **options):
        cell = {"cell_a": 41.0, "cell_b": 52.0, "cell_c": 63.0}
        cell |= {"cell_alpha": 81.0, "cell_beta": 95.0, "cell_gamma": 105.0}
        base = {"N_cells": (4, 5, 3), "default_F": 10.0, "misset_deg": (10.0, 20.0, 30.0), **cell}
        panel = {"fpixels": 24, "spixels": 18, "pixel_size_mm": 3.0, "oversample": 1}
        return Simulator(
            Crystal(CrystalConfig(**{**base, **(crystal or {})})),
            Detector(DetectorConfig(**{**panel, **(detector or {})})),
            beam_config=BeamConfig(**{"wavelength_A": 1.5, **(beam or {})}),
            **options,
        )

    return make


@pytest.fixture
def from_command():
    """(words, **simulator options) -> Simulator of the command line."""

    def make(words, **options):
        given = parse(words.split())
        experiment = translate(given, clock=1)
        crystal = Crystal(experiment.crystal)
        if given.has("hkl"):
            crystal.load_hkl(given.text("hkl"))
        detector = Detector(experiment.detector, mask=experiment.mask)
        return Simulator(crystal, detector, beam_config=experiment.beam, **options)

    return make


@pytest.fixture
def golden():
    """The folder of reference images; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the reference images are not beside this checkout")
    return SHARED


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    """A folder with the small input files of the reference cases, as the current directory."""
    (tmp_path / "orientation.mat").write_text(MATRIX)
    (tmp_path / "sources.txt").write_text(SOURCES)
    (tmp_path / "spectrum.txt").write_text("9000 1\n9200 2\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def figures():
    """Figures of all reference cases by their names."""
    return json.loads(FIGURES.read_text())


@pytest.fixture
def leaf():
    """value -> a float64 tensor that asks for its gradient."""
    return lambda value: torch.tensor(value, dtype=torch.float64, requires_grad=True)


def pytest_generate_tests(metafunc):
    """`figure`: one case of the carried reference figures at a time."""
    if "figure" in metafunc.fixturenames:
        figures = json.loads(FIGURES.read_text())
        cases = []
        for name, figure in figures.items():
            marks = [pytest.mark.slow] if name in DEAR else []
            cases.append(pytest.param(figure, id=name, marks=marks))
        metafunc.parametrize("figure", cases)
