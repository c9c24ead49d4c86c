"""Checks against something that shares no code with what is checked: polynomials fitted through entries, a
generator written from its constants alone, a header put together by hand, another reader of images."""

import itertools
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from simulator.__main__ import main
from simulator.engine.native.noise import noisy
from simulator.io.compare import compare, read_image
from simulator.physics import structure
from simulator.physics.chance import Generator
from simulator.physics.table import Table

CELL = "-cell 40 50 60 80 95 105 -misset 10 20 30 -N 5 -default_F 100 -lambda 1.5 -distance 100 -oversample 1"
PANEL = "-pixel 1.0 -detpixels_x 30 -detpixels_y 20"


class TestTricubic:
    def test_a_rough_table_against_fitted_cubics(self):
        """Random entries, so that neighbours, weights and order all matter; numpy fits axis after axis."""
        chance = np.random.default_rng(3)
        values, lowest = chance.normal(100, 60, (9, 8, 10)), (-4, -2, 3)
        table = Table(torch.from_numpy(values), lowest, torch.tensor(7.0, dtype=torch.float64))
        high = [low + size - 3 for low, size in zip(lowest, values.shape, strict=True)]
        ends = list(zip(lowest, high, strict=True))
        points = np.array([[chance.uniform(low + 2, top) for low, top in ends] for _ in range(60)])
        found = structure.tricubic(table, torch.from_numpy(points.T.copy())).numpy()
        for point, value in zip(points, found, strict=True):
            block = values
            for low, x in zip(lowest, point, strict=True):
                nodes = np.arange(math.floor(x) - 1, math.floor(x) + 3)
                rows = block[nodes - low].reshape(4, -1)
                fitted = np.polyfit(nodes - x, rows, 3)[-1]
                block = fitted.reshape(block.shape[1:])
            assert value == pytest.approx(float(block), rel=1e-9)

    def test_it_is_not_the_spline_that_needs_slopes(self):
        """Catmull-Rom meets its neighbours' slopes; the rule here is the cubic through four entries."""
        line = torch.tensor([0.0, 0, 0, 1, 0, 0, 0, 0], dtype=torch.float64)
        table = Table(line[:, None, None].expand(8, 8, 8).contiguous(), (0, 0, 0), torch.tensor(0.0))
        middle = structure.tricubic(table, torch.tensor([[3.5], [4.0], [4.0]], dtype=torch.float64))
        assert middle.item() == pytest.approx(9 / 16)
        assert structure.tricubic(
            table, torch.tensor([[3.25], [4.0], [4.0]], dtype=torch.float64)
        ).item() == pytest.approx(1.25 * -0.75 * -1.75 / 2), "Catmull-Rom gives 0.8672"


class TestNoiseStream:
    def test_uniform_numbers_from_the_constants_alone(self):
        """x -> 16807 x mod (2^31 - 1), 8 dropped, 32 shuffled: a second writing of it, the Schrage way."""

        def advance(state):
            high, low = divmod(state, 127773)
            state = 16807 * low - 2836 * high
            return state + 2147483647 if state < 0 else state

        state, drawn = 4711, []
        for _ in range(40):
            state = advance(state)
            drawn.append(state)
        table = list(reversed(drawn[-32:]))
        output, expected = table[0], []
        for _ in range(500):
            state = advance(state)
            slot = output // 67108864
            output, table[slot] = table[slot], state
            expected.append(min(np.float32(output / 2147483647), np.float32(1 - 1.2e-7)))
        generator = Generator(-4711)
        assert [generator.uniform() for _ in range(500)] == expected

    @pytest.mark.parametrize("mean", [0.02, 0.7, 5.0, 11.9, 12.1, 80.0, 4e3, 2e6])
    def test_moments_in_each_range_of_the_mean(self, mean):
        """Mean, variance and skewness of a Poisson law, within five standard errors of each."""
        count = 20000
        found = noisy(np.full(count, mean, np.float32), -91).astype(float)
        assert abs(found.mean() - mean) < 5 * math.sqrt(mean / count)
        spread = math.sqrt((mean + 2 * mean**2) / count)
        assert abs(found.var() - mean) < 5 * spread
        skew = ((found - mean) ** 3).mean() / mean**1.5
        assert abs(skew - 1 / math.sqrt(mean)) < 5 * math.sqrt((15 + 25 / mean + 100 / mean**2) / count)
        assert (found >= 0).all()

    def test_small_counts_follow_the_law(self):
        """Chi-square over the counts 0 ... 9 of a mean of 3; 27.9 is passed once in a thousand."""
        found = noisy(np.full(30000, 3.0, np.float32), -17).astype(int)
        law = [math.exp(-3) * 3**k / math.factorial(k) for k in range(10)]
        chi = sum(((found == k).sum() - 30000 * p) ** 2 / (30000 * p) for k, p in enumerate(law))
        assert chi < 27.9


class TestHeader:
    def test_every_entry_of_a_plain_experiment(self, tmp_path, monkeypatch):
        """Worked out on paper: MOSFLM, 30 x 20 px of 1 mm: the beam is at (S + p)/2, (F + p)/2."""
        monkeypatch.chdir(tmp_path)
        assert main(f"{CELL} {PANEL} -phi 5 -osc 0.5 -phisteps 2 -nonoise -nopgm".split(), clock=1) == 0
        raw = Path("intimage.img").read_bytes()
        assert len(raw) == 512 + 2 * 30 * 20
        head = raw[:512].decode("ascii")
        text = head[: head.index("\f") + 1]
        assert text.startswith("{\n")
        assert text.endswith("}\f")
        assert set(head[len(text) :]) == {" "}
        lines = (
            "HEADER_BYTES=512; DIM=2; BYTE_ORDER=little_endian; TYPE=unsigned_short; SIZE1=30; SIZE2=20; "
            "PIXEL_SIZE=1; DISTANCE=100; WAVELENGTH=1.5; BEAM_CENTER_X=10.5; BEAM_CENTER_Y=15.5; "
            "ADXV_CENTER_X=16; ADXV_CENTER_Y=9; MOSFLM_CENTER_X=10.5; MOSFLM_CENTER_Y=15.5; "
            "DENZO_X_BEAM=11; DENZO_Y_BEAM=16; "
            "DIALS_ORIGIN=-16,11,-100 XDS_ORGX=16.5; XDS_ORGY=11.5; CLOSE_DISTANCE=100; PHI=5; OSC_START=5; "
            "OSC_RANGE=0.5; "
            "TWOTHETA=0; DETECTOR_SN=000; BEAMLINE=fake;"
        )
        assert text == "{\n" + lines.replace(" ", "\n") + "\n}\f"

    def test_fabio_reads_it_back(self, tmp_path, monkeypatch):
        fabio = pytest.importorskip("fabio")
        monkeypatch.chdir(tmp_path)
        assert main(f"{CELL} {PANEL} -seed 3 -cbffile i.cbf".split(), clock=1) == 0
        floats = np.fromfile("floatimage.bin", np.float32).reshape(20, 30)
        scale = 55000 / float(floats.max())
        expected = np.floor((floats * scale + 40.5).astype(np.float32))
        for name in ("intimage.img", "i.cbf"):
            with fabio.open(name) as image:
                assert np.array_equal(image.data, expected), name
        with fabio.open("noiseimage.img") as image:
            assert image.header["WAVELENGTH"] == "1.5"
            assert abs(image.data.astype(float).sum() - floats.sum() - 40 * 600) < 6 * math.sqrt(floats.sum())


HOSTILE = {
    "empty.npy": b"",
    "text.npy": b"not an array",
    "objects.npy": None,
    "short.img": b"{\nHEADER_BYTES=512;\nSIZE1=9;\nSIZE2=9;\n}\f".ljust(512) + b"\0" * 20,
    "endless.img": b"{" + b"A=1;\n" * 50000,
    "negative.img": b"{\nHEADER_BYTES=-5;\nSIZE1=-9;\nSIZE2=9;\n}\f".ljust(600),
    "huge.img": b"{\nHEADER_BYTES=512;\nSIZE1=1e300;\nSIZE2=1e300;\n}\f".ljust(600),
    "nan.img": b"{\nHEADER_BYTES=nan;\nSIZE1=inf;\nSIZE2=3;\n}\f".ljust(600),
    "odd.bin": b"123",
    "oblong.bin": b"\0" * 4 * 7,
    "nan.bin": np.full(9, np.nan, np.float32).tobytes(),
    "folder": None,
    "missing.bin": None,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_compare_refuses_what_is_no_image_in_one_line(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("good.npy", np.ones((3, 3)))
    if name == "objects.npy":
        np.save(name, np.array([{"a": 1}], dtype=object))
    elif name == "folder":
        Path(name).mkdir()
    elif HOSTILE[name] is not None:
        Path(name).write_bytes(HOSTILE[name])
    for pair in ((name, "good.npy"), ("good.npy", name)):
        assert main(["compare", *pair], clock=1) == 2
        said = capsys.readouterr()
        assert re.fullmatch(r"error: [^\n]{10,300}\n", said.err), said.err
        assert said.out == ""


@pytest.mark.parametrize("shape", [(0,), (3,), (2, 3, 4), (0, 5), ()])
def test_compare_takes_pictures_only(shape, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", np.ones(shape))
    assert main(["compare", "a.npy", "a.npy"], clock=1) == 2
    assert re.fullmatch(r"error: [^\n]{10,300}\n", capsys.readouterr().err)


def test_compare_of_extremes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = {
        "zero": np.zeros((4, 5)),
        "one": np.ones((4, 5)),
        "spot": np.eye(4, 5),
        "big": np.eye(4, 5) * 1e200,
    }
    for (_, a), (_, b) in itertools.product(images.items(), repeat=2):
        result = compare(a, b).as_dict()
        assert all(
            np.isfinite(value) or np.isinf(value) for value in result.values() if isinstance(value, float)
        )
        assert -1.0000001 <= result["correlation"] <= 1.0000001
    np.save("x.npy", images["spot"])
    assert compare(read_image(Path("x.npy")), images["spot"]).correlation == pytest.approx(1)


def test_a_trace_can_be_computed_again_line_by_line(tmp_path, monkeypatch, capsys):
    """Each quantity follows from those above it, by the formulas of the specification written out here."""
    monkeypatch.chdir(tmp_path)
    words = f"{CELL} {PANEL} -polar 0.4 -trace_pixel 7 19 -trace_json t.json"
    assert main(words.split(), clock=1) == 0
    entries = json.loads(Path("t.json").read_text())
    value = {entry["name"]: entry["value"] for entry in entries}
    order = list(dict.fromkeys(entry["name"] for entry in entries))
    assert order == [
        *("pixel_slow_fast", "beam", "panel_origin", "fast", "slow", "normal", "pixel", "close_distance"),
        *(
            "distance",
            "r_e_sqr_fluence",
            "kahn_factor",
            "cells",
            "oversample",
            "steps",
            "position",
            "airpath",
        ),
        *(
            "diffracted",
            "solid_angle",
            "captured",
            "incident",
            "wavelength",
            "source_weight",
            "scattering_vector",
        ),
        *("sin_theta_over_lambda", "polarization", "real_vectors", "hkl", "nearest_hkl", "F_latt_squared"),
        *("F_cell_squared", "I_step", "photons"),
    ]
    p = value["pixel"]
    place = [
        origin + 19.5 * p * fast + 7.5 * p * slow
        for origin, fast, slow in zip(value["panel_origin"], value["fast"], value["slow"], strict=True)
    ]
    assert value["position"] == pytest.approx(place)
    far = math.dist((0, 0, 0), place)
    assert value["airpath"] == pytest.approx(far)
    ray = [part / far for part in place]
    assert value["diffracted"] == pytest.approx(ray)
    assert value["solid_angle"] == pytest.approx(p * p / far**2 * value["close_distance"] / far)
    q = [(d - i) / 1.5 for d, i in zip(ray, value["incident"], strict=True)]
    assert value["scattering_vector"] == pytest.approx(q)
    assert value["sin_theta_over_lambda"] == pytest.approx(math.dist((0, 0, 0), q) / 2)
    cosine, psi = ray[0], -math.atan2(-ray[1], ray[2])
    square = (1 + cosine**2 - 0.4 * math.cos(2 * psi) * (1 - cosine**2)) / 2
    assert value["polarization"] == pytest.approx(square)
    real = np.array(value["real_vectors"]).reshape(3, 3)
    assert value["hkl"] == pytest.approx(list(real @ np.array(q)))
    factor = math.prod(math.sin(5 * math.pi * h) / math.sin(math.pi * h) for h in value["hkl"]) ** 2
    assert value["F_latt_squared"] == pytest.approx(factor, rel=1e-8)
    assert value["I_step"] == pytest.approx(1e4 * factor, rel=1e-8)
    assert value["photons"] == pytest.approx(1e4 * factor * value["solid_angle"] * square, rel=1e-8)
    assert capsys.readouterr().out.count("\n") == len(entries)
