"""Spectra from files: each energy is an image of its own, and the image is their weighted mean."""

import numpy as np
import pytest

from simulator import SimulatorError
from simulator.__main__ import main
from simulator.io.spectrum import read_spectrum
from simulator.units import wavelength_from_energy

COMMAND = (
    "-cell 50 60 70 80 95 100 -N 4 -default_F 50 -distance 90 -detpixels 16 -pixel 2 -oversample 2 "
    "-misset 3 4 5 -nonoise -noprogress"
)


def image(folder, monkeypatch, *words):
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert main([*COMMAND.split(), "-floatfile", "image.bin", *words]) == 0
    return np.fromfile("image.bin", dtype=np.float32).astype(np.float64)


def test_the_image_is_the_weighted_mean_over_energies(tmp_path, monkeypatch):
    spectrum = tmp_path / "spectrum.txt"
    spectrum.write_text("# energy weight\n9000, 0\n9900 1.0\n10000 3.0  0.1\n\n10100 2.0\n")
    found = image(tmp_path / "all", monkeypatch, "-spectrum", str(spectrum))
    wanted = np.zeros_like(found)
    for energy, weight in ((9900, 1), (10000, 3), (10100, 2)):
        wanted += weight / 6 * image(tmp_path / str(energy), monkeypatch, "-energy", str(energy))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6 * wanted.max())


def test_rows_are_sources_along_the_beam(tmp_path):
    path = tmp_path / "spectrum.txt"
    path.write_text("12000 0.25\n11000 0\n")
    (row,) = read_spectrum(path)
    assert np.isnan(row[:3]).all()
    assert row[3:] == (0.25, wavelength_from_energy(12000))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no light"),
        ("9000 0\n", "holds no light"),
        ("9000\n", "line 1: '9000' is not an energy"),
        ("# ok\n9000 1\neV weight\n", "line 3"),
        ("-9000 1\n", "energy is -9000"),
        ("9000 -1\n", "weight is -1"),
        ("9000 inf\n", "weight is inf"),
        ("nan 1\n", "energy is nan"),
    ],
)
def test_bad_files(tmp_path, text, says):
    path = tmp_path / "spectrum.txt"
    path.write_text(text)
    with pytest.raises(SimulatorError, match=says):
        read_spectrum(path)


@pytest.mark.parametrize("other", ["-dispersion 1", "-sourcefile s.txt", "-divergence 2"])
def test_two_kinds_of_sources_contradict_each_other(tmp_path, monkeypatch, capsys, other):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spectrum.txt").write_text("9000 1\n")
    assert main([*COMMAND.split(), "-spectrum", "spectrum.txt", *other.split()]) == 2
    assert "-spectrum" in capsys.readouterr().err
