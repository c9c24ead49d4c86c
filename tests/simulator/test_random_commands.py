"""Random command lines: every option in any company. Each makes the image that the plain path makes, or is
refused in one line; none ends in a traceback."""

import random
import re
from pathlib import Path

import numpy as np
import pytest

from simulator.__main__ import main
from simulator.io.command.flags import FLAGS
from simulator.io.smv import encode_header

BASE = "-cell 40 50 60 80 95 105 -default_F 50 -N 4 -detpixels 8 -pixel 8 -oversample 1"
HKL = "".join(
    f"{h} {k} {m} {10 + (7 * h + 3 * k + m) % 11}\n"
    for h in range(-4, 5)
    for k in range(-4, 5)
    for m in range(-5, 6)
)
CHOICES = {
    "cell": ["40 50 60 80 95 105", "35", "30 40 50"],
    "mat": ["orientation.mat"],
    "misset": ["random", "10 -20 30"],
    "misset_seed": ["3", "99"],
    "Na": ["1", "17"],
    "Nb": ["3", "0"],
    "Nc": ["2", "-1"],
    "N": ["1", "5", "20"],
    "xtalsize": ["1e-5", "2e-5", "0"],
    "xtal_thick": ["2e-5"],
    "xtal_width": ["2e-5"],
    "xtal_height": ["2e-5"],
    "hkl": ["some.hkl"],
    "default_F": ["0", "100", "-5"],
    "mosaic_spread": ["0", "0.1", "5"],
    "mosaic_domains": ["0", "1", "4"],
    "mosaic_seed": ["12"],
    "phi": ["0", "10", "-30"],
    "osc": ["0.5", "1"],
    "phistep": ["0.25", "0"],
    "phisteps": ["0", "1", "3"],
    "fudge": ["0.5", "2"],
    "lambda": ["0.5", "6.2"],
    "energy": ["5000", "12000"],
    "fluence": ["1e24"],
    "flux": ["1e12", "0"],
    "exposure": ["0.1"],
    "beamsize": ["0.05"],
    "polar": ["-1", "0", "0.5"],
    "dispersion": ["0.5", "0"],
    "dispsteps": ["1", "3"],
    "divergence": ["1", "5"],
    "hdivrange": ["0", "2"],
    "vdivrange": ["3"],
    "hdivstep": ["1"],
    "vdivstep": ["2"],
    "divsteps": ["1", "3"],
    "hdivsteps": ["2"],
    "vdivsteps": ["3"],
    "sourcefile": ["sources.txt"],
    "spectrum": ["spectrum.txt"],
    "dmin": ["1", "10"],
    "detpixels": ["5", "8"],
    "detpixels_x": ["1", "7"],
    "detpixels_y": ["1", "6"],
    "detsize": ["20.3"],
    "detsize_f": ["9"],
    "detsize_s": ["11"],
    "pixel": ["1", "8.5"],
    "distance": ["50", "300"],
    "close_distance": ["60"],
    "Xbeam": ["-10", "31.7"],
    "Ybeam": ["55"],
    "Xclose": ["12.3"],
    "Yclose": ["-4"],
    "ORGX": ["-5", "3.3"],
    "ORGY": ["15"],
    "pivot": ["beam", "sample", "BEAM"],
    "detector_rotx": ["5", "-20"],
    "detector_roty": ["15"],
    "detector_rotz": ["45", "90"],
    "twotheta": ["10", "-30"],
    "fdet_vector": ["0 0.1 1"],
    "sdet_vector": ["0 -1 0.1"],
    "odet_vector": ["1 0 0", "2 0 0.1"],
    "beam_vector": ["1 0.05 0"],
    "polar_vector": ["0 0.1 1"],
    "spindle_axis": ["0.1 0 1"],
    "twotheta_axis": ["0 1 0"],
    "pix0_vector": ["1 2 3"],
    "detector_abs": ["100", "inf"],
    "detector_thick": ["0", "300"],
    "detector_thicksteps": ["1", "4"],
    "oversample": ["0", "2"],
    "roi": ["0 3 1 4", "2 2 2 2", "-1 100 0 100"],
    "img": ["mask.img"],
    "mask": ["mask.img"],
    "water": ["0", "100"],
    "stol": ["liquid.txt"],
    "4stol": ["liquid.txt"],
    "Q": ["liquid.txt"],
    "scale": ["2"],
    "pgmscale": ["3"],
    "adc": ["0"],
    "seed": ["5"],
    "phi_carryover": ["", "2"],
    "threads": ["1", "2"],
    "precision": ["float64"],
}
ELSEWHERE = {"trace_pixel", "trace_json", "resume", "device", "engine", "help"} | {
    flag.key for flag in FLAGS if flag.key.endswith("file")
} - {"sourcefile"}
"""Options that do not make an image, or name a file to write: other tests have them."""

HOSTILE = (
    "nan",
    "inf",
    "-inf",
    "-1",
    "0",
    "1e400",
    "-5",
    "1e-300",
    "1e300",
    "abc",
    "",
    "1e9",
    "-0.0",
    "\u0663",
    "1_000",
    "0x10",
)


@pytest.fixture
def bench(inputs, monkeypatch, capsys):
    """(words) -> (exit code, image or None, what was said), in a folder with every kind of input file."""
    monkeypatch.delenv("NANOBRAGG_DISABLE_COMPILE", raising=False)
    Path("some.hkl").write_text(HKL)
    Path("liquid.txt").write_text("0 2.5\n0.1 3\n0.3 1\n")
    size = [("BYTE_ORDER", "little_endian"), ("TYPE", "unsigned_short")]
    shape = [("SIZE1", "8"), ("SIZE2", "8"), ("PIXEL_SIZE", "8"), ("DISTANCE", "100"), ("WAVELENGTH", "1.1")]
    kept = np.ones((8, 8), dtype="<u2")
    kept[2:4, 3] = 0
    Path("mask.img").write_bytes(encode_header(size + shape) + kept.tobytes())

    def run(words):
        Path("Fdump.bin").unlink(missing_ok=True)
        code = main([*words, "-nonoise", "-nopgm", "-npyfile", "o.npy"], clock=7)
        said = capsys.readouterr().err
        return code, np.load("o.npy") if code == 0 else None, said

    return run


def a_command(chance, *, hostile):
    words = BASE.split()
    for flag in chance.sample([flag for flag in FLAGS if flag.key not in ELSEWHERE], chance.randint(1, 9)):
        values = chance.choice(CHOICES[flag.key]).split() if flag.most else []
        if hostile and values and flag.kind is not str and chance.random() < 0.5:
            values[chance.randrange(len(values))] = chance.choice(HOSTILE)
        words += [chance.choice(flag.names), *values]
    return words


def test_every_option_takes_part():
    missing = {flag.key for flag in FLAGS if flag.most and flag.key not in ELSEWHERE} - set(CHOICES)
    assert not missing


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_kernel_and_plain_path_agree(bench, seed):
    chance, drawn = random.Random(seed), 0
    for _ in range(25):
        words = a_command(chance, hostile=False)
        code, image, said = bench(words)
        if code:
            assert one_clear_line(said), (words, said)
            continue
        drawn += 1
        assert np.isfinite(image).all(), words
        code, other, _ = bench([*words, "-engine", "torch"])
        assert code == 0, words
        assert image.shape == other.shape
        assert np.abs(image - other).max() <= 1e-10 * np.abs(other).max(), words
    assert drawn >= 10


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_hostile_values_end_in_one_line(bench, seed):
    chance, refused = random.Random(100 + seed), 0
    for _ in range(40):
        words = a_command(chance, hostile=True)
        code, image, said = bench(words)
        assert code in (0, 2), (words, said)
        if code:
            refused += 1
            assert one_clear_line(said), (words, said)
        else:
            assert np.isfinite(image).all(), words
    assert refused >= 10


def one_clear_line(said):
    lines = [line for line in said.splitlines() if not re.match(r"(note|warning): ", line)]
    return len(lines) == 1 and lines[0].startswith("error: ") and len(lines[0]) > 20


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("-hdivstep 1e-300 -xds", None),
        ("-mosaic_spread 1e300 -mosaic_domains 2", "comes out as"),
        ("-pixel 1e300", "too large"),
        ("-mosaic_spread 1 -mosaic_domains 1e9", "at most 1000000"),
        ("-phisteps 1e9", "at most 1000000"),
        ("-phisteps 1e5 -mosaic_spread 1 -mosaic_domains 1e5", "at most 10000000"),
        ("-oversample 1e9", "at most 1000"),
        ("-detector_thick 10 -thicksteps 1e9", "at most 10000"),
        ("-hdivrange 1 -hdivsteps 1e4 -vdivrange 1 -vdivsteps 1e4", "at most 1000000"),
        ("-detpixels 1e9", "at most 1000000"),
        ("-N 1_000", "takes a number"),
        ("-distance \u0663", "takes a number"),
        ("-threads 0", "in 1 ... 1024"),
        ("-threads 100000", "in 1 ... 1024"),
        ("-noise -seed 2147483647", "starts no random numbers"),
        ("-mosaic_spread 1 -mosaic_domains 2 -mosaic_seed 4294967294", "starts no random numbers"),
        ("-noise -seed 99999999999999999999999", None),
        ("-engine compile", "it must be one of auto, kernel, torch"),
        ("-precision half", "it must be one of float64, float32"),
    ],
)
def test_numbers_that_fit_alone_and_not_together(bench, words, line):
    code, _, said = bench([*BASE.split(), *words.split()])
    assert code == (0 if line is None else 2), said
    if line is not None:
        assert one_clear_line(said)
        assert line in said
