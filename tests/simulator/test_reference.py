"""Images against those of the C program: figures carried here, and whole images where they are at hand."""

import json
import os

import numpy as np
import pytest
import torch

CARRY_OVER = " -phi_carryover 2"
"""That image was made on two threads; the defect spares the first pixel of each."""


def words_of(name, command):
    return command + CARRY_OVER if name == "phi-steps-from-zero" else command


def test_figures_of_each_case(figure, inputs, from_command, request):
    name = request.node.callspec.id
    image = from_command(words_of(name, figure["command"])).run().numpy()
    assert list(image.shape) == figure["shape"]
    assert image.sum() == pytest.approx(figure["sum"], rel=1e-9)
    assert image.max() == pytest.approx(figure["max"], rel=1e-9)
    for spot, value in figure["pixels"].items():
        assert image.reshape(-1)[int(spot)] == pytest.approx(value, rel=1e-7, abs=1e-9 * figure["max"])


def test_plain_path_makes_the_same_figures(figure, inputs, from_command, request):
    name = request.node.callspec.id
    if name == "oversample-auto":
        pytest.skip("5329 sub-pixels: the plain path takes a minute")
    image = from_command(words_of(name, figure["command"]), engine="torch").run().numpy()
    assert image.sum() == pytest.approx(figure["sum"], rel=1e-9)
    assert image.max() == pytest.approx(figure["max"], rel=1e-9)


@pytest.mark.shared
@pytest.mark.slow
def test_whole_images(golden, from_command, monkeypatch):
    """Every pixel of every case: 1e-6 of the maximum at most (1e-9 is reached), the sums too."""
    monkeypatch.chdir(golden)
    cases, images = json.loads((golden / "cases.json").read_text()), np.load(golden / "images.npz")
    for name, case in cases.items():
        image = from_command(words_of(name, case["command"])).run().numpy()
        expected = images[name]
        assert np.abs(image - expected).max() <= 1e-9 * expected.max(), name
        assert image.sum() == pytest.approx(expected.sum(), rel=1e-9), name


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("engine", ["auto", "torch"])
def test_whole_images_in_float32(golden, from_command, monkeypatch, engine):
    monkeypatch.chdir(golden)
    cases, images = json.loads((golden / "cases.json").read_text()), np.load(golden / "images.npz")
    for name, case in cases.items():
        if engine == "torch" and name == "oversample-auto":
            continue
        image = (
            from_command(words_of(name, case["command"]), dtype=torch.float32, engine=engine).run().numpy()
        )
        correlation = np.corrcoef(image.astype(np.float64).reshape(-1), images[name].reshape(-1))[0, 1]
        assert correlation >= 0.99999, (name, correlation)


@pytest.mark.shared
def test_the_right_phi_steps_are_the_default(golden, from_command, monkeypatch):
    """Without the defect the first of ten steps is the start orientation: the image is a mean of ten."""
    monkeypatch.chdir(golden)
    command = json.loads((golden / "cases.json").read_text())["phi-steps-from-zero"]["command"]
    single = command.replace("-phi 0 -osc 1 -phisteps 10", "-phi {}")
    mean = sum(from_command(single.format(step / 10)).run() for step in range(10)) / 10
    image = from_command(command).run()
    assert torch.allclose(image, mean, rtol=1e-10, atol=0)
    assert not os.path.exists("Fdump.bin")
