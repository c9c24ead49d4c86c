"""The simulator's commands against the oracle: exit codes, images and files of random command lines.

`python -m benchmarks simulator --commands 500` judges more of them. The oracle itself is held against figures
that were computed by the C program (`reference_figures.json`), and the judge against commands that are wrong.
"""

import pytest

from simulator.io.command.flags import FLAGS
from tests.simulator.oracle import image
from tests.simulator.oracle_command import experiment
from tests.simulator.oracle_judge import Bench
from tests.simulator.oracle_settings import ALIASES
from tests.simulator.random_commands import FAULTS, command, write_inputs

FEW, MANY = 25, 250
"""Commands of the ordinary test and of the slow one; some 20 a second."""

CASES = (
    "xds-rotations-twotheta",
    "custom-spindle",
    "sources-oversample-polar",
    "thick",
    "curved",
    "gauss",
)
"""Reference cases of which the oracle computes a corner."""

NEITHER_SIDE = {"-npyfile", "-nxfile", "-edffile", "-trace_pixel", "-trace_json", "-help"}
"""Options that the judge gives itself, and those that make no image."""


@pytest.fixture
def bench(tmp_path, monkeypatch):
    monkeypatch.delenv("NANOBRAGG_DISABLE_COMPILE", raising=False)
    return Bench(tmp_path)


def test_a_few_random_commands(bench):
    for number in range(FEW):
        assert bench.judge_number(number) is None


@pytest.mark.slow
def test_many_random_commands(bench):
    for number in range(FEW, MANY):
        assert bench.judge_number(number) is None


def test_every_option_takes_part(tmp_path):
    write_inputs(tmp_path)
    given = set()
    for number in range(MANY):
        words = command(number, tmp_path, clock=77)
        given |= {ALIASES.get(word, word) for word in words}
    missing = {flag.names[0] for flag in FLAGS} - given - NEITHER_SIDE
    assert not missing


@pytest.mark.parametrize("fault", [*FAULTS, "-sourcefile five.txt -hdivrange -1"])
def test_both_sides_refuse(bench, fault):
    base = "-cell 40 50 60 80 95 105 -N 3 -default_F 10 -detpixels 4 -pixel 5 -oversample 1"
    assert bench.judge([*base.split(), *fault.split()]) is None
    assert bench.refused


CRYSTAL = "-cell 50 60 70 80 95 105 -misset 10 20 30 -N 3 -default_F 10"
BASE = f"{CRYSTAL} -lambda 1.2 -detpixels 4 -pixel 9 -oversample 2"
CORNERS = (
    "-phi 0 -osc 1 -phisteps 3 -phi_carryover 2 -mosaic_spread 1 -mosaic_domains 2",
    "-gauss_xtal -Na 40 -Nb 3 -Nc 16 -misset -30 -33 55 -pixel 8.6 -oversample_polar -hdivrange 4.1",
    "-gauss_xtal -N 2 -fudge 9 -hkl some.hkl -interpolate -lambda 3 -oversample_polar",
    "-dmin 20 -water 100 -oversample_polar -Xbeam 3",
    "-oversample_omega -water 3000 -water_once",
    "-detector_thick 100 -oversample_thick -curved_det",
    "-polar_vector 1 0 0 -divergence 2",
    "-fdet_vector 1 0 0 -sdet_vector 0 1 0 -odet_vector 1 0 0",
    "-xds -twotheta 89 -ORGX 400",
    "-cell 3 4 5 -lambda 0.05",
    "-adc 70000 -fluence 1e33",
    "-detpixels 1 -roi 0 0 0 0",
    "-phistep .1 -osc .05",
)
"""Options in companies in which one of both sides was wrong, or might be."""


@pytest.mark.parametrize("options", CORNERS)
def test_corners(bench, options):
    assert bench.judge([*BASE.split(), *options.split()]) is None
    assert not bench.refused


@pytest.mark.parametrize("name", CASES)
def test_the_oracle_against_the_reference(figures, inputs, name):
    """The pixels of which the C program's values are known, one region of interest each."""
    figure = figures[name]
    width = figure["shape"][1]
    for spot, value in list(figure["pixels"].items())[:4]:
        slow, fast = divmod(int(spot), width)
        words = f"{figure['command']} -roi {fast} {fast} {slow} {slow}".split()
        expected, _ = experiment(words, inputs, clock=1)
        found = image(expected)[slow, fast]
        assert found == pytest.approx(value, rel=1e-7, abs=1e-9 * figure["max"])


class TestJudge:
    """What the judge has to find."""

    def complaint(self, bench, monkeypatch, name, replacement, options=""):
        monkeypatch.setattr(name, replacement)
        return bench.judge([*BASE.split(), *options.split()])

    def test_an_exit_code(self, bench, monkeypatch):
        found = self.complaint(bench, monkeypatch, "simulator.__main__.simulate", lambda words, clock: 2)
        assert found.startswith("exit code 2, expected 0")

    def test_a_command_that_should_have_been_refused(self, bench, monkeypatch):
        name = "tests.simulator.oracle_judge.main"
        found = self.complaint(bench, monkeypatch, name, lambda words, clock: 0, "-distance -5")
        assert found.startswith("exit code 0, expected 2")

    def test_a_file_of_another_name(self, bench, monkeypatch):
        found = self.complaint(bench, monkeypatch, "simulator.io.output.PGM_FILE", bench.folder / "other.pgm")
        assert "other.pgm" in found

    def test_a_byte(self, bench, monkeypatch):
        found = self.complaint(bench, monkeypatch, "simulator.io.images.FULL_SCALE", 54999.0)
        assert found.startswith("intimage.img holds other bytes")

    def test_a_digit_of_the_image(self, bench, monkeypatch):
        found = self.complaint(bench, monkeypatch, "simulator.beam.beam.R_E_SQR", 7.9407924981e-30)
        assert found.startswith("the image differs by")
