"""What cannot be simulated is refused in one line that names the value and its unit, with exit code 2."""

import math

import pytest
import torch

from simulator import Simulator
from simulator.__main__ import main
from simulator.config import BeamConfig, CrystalConfig, DetectorConfig, SimulatorError
from simulator.crystal import Crystal
from simulator.crystal.hkl import read_cache, read_hkl

GOOD = "-cell 40 50 60 80 95 105 -N 2 -default_F 1 -detpixels 8 -pixel 5 -oversample 1 -nonoise -nopgm"

LINES = {
    "": "no unit cell",
    "-cell 0 50 60 90 90 90": "cell_a is 0 A",
    "-cell -40 50 60 90 90 90": "cell_a is -40 A",
    "-cell 40 50 60 90 90 200": "cell_gamma is 200 degrees",
    "-cell 40 50 60 120 120 120": "cell angles 120, 120, 120 degrees enclose no volume",
    "-cell 40 50 60 20 30 90": "enclose no volume",
    "-cell nan 50 60 90 90 90": "-cell is nan",
    "-cell": "-cell takes 1 to 6 value(s)",
    f"{GOOD} -lambda -1": "wavelength_A is -1 A",
    f"{GOOD} -lambda 0": "wavelength_A is 0 A",
    f"{GOOD} -energy -5": "-energy is -5 eV",
    f"{GOOD} -distance -100": "distance_mm is -100 mm",
    f"{GOOD} -distance nan": "-distance is nan",
    f"{GOOD} -distance abc": "-distance takes a number",
    f"{GOOD} -detector_roty 180": "behind the beam",
    f"{GOOD} -detector_rotz 90.5": "behind the beam",
    f"{GOOD} -xds -twotheta 100 -ORGX 500": "",
    f"{GOOD} -pixel 0": "pixel_size_mm is 0 mm",
    f"{GOOD} -detpixels 0 -detsize -4": "fpixels is 0",
    f"{GOOD} -hkl nowhere.hkl": "cannot read the HKL file nowhere.hkl",
    f"{GOOD} -hkl header.hkl": "holds no reflection",
    f"{GOOD} -hkl nan.hkl": "F of reflection 1 2 3 is nan electrons",
    f"{GOOD} -hkl huge.hkl": "more than a table can hold",
    f"{GOOD} -mat nowhere.mat": "cannot read the matrix file",
    f"{GOOD} -mat short.mat": "holds 3 numbers",
    f"{GOOD} -mat flat.mat": "determinant 0",
    f"{GOOD} -mat words.mat": "'a' is not a number",
    f"{GOOD} -sourcefile empty.txt": "holds no source",
    f"{GOOD} -sourcefile zero.txt": "source 1 stands at the sample",
    f"{GOOD} -sourcefile nowhere.txt": "cannot read the source file",
    f"{GOOD} -water 3 -use_stol": "-use_stol needs a file",
    f"{GOOD} -water 3 -use_stol -stol words.mat": "is not two numbers",
    f"{GOOD} -misset 1 2": "three angles",
    f"{GOOD} -misset one": "three angles",
    f"{GOOD} -roi 9 20 0 3": "lies outside the detector",
    f"{GOOD} -roi 5 2 0 3": "is empty",
    f"{GOOD} -mask nowhere.img": "cannot read the SMV image",
    f"{GOOD} -mask short.mat": "is not an SMV image",
    f"{GOOD} -mask cut.img": "is cut short",
    f"{GOOD} -mosaic_spread -1": "mosaic_spread_deg is -1 degrees",
    f"{GOOD} -polar 3": "polarization is 3",
    f"{GOOD} -polar 1 -polar_vector 1 0 0": "lies along the beam",
    f"{GOOD} -xds -polar 0.5 -sourcefile aside.txt": "along the beam of source 2",
    f"{GOOD} -fluence 1e75": "do not fit into the files",
    f"{GOOD} -beam_vector 0 0 0": "zero vector",
    f"{GOOD} -fluence -1": "fluence is -1 photons/m^2",
    f"{GOOD} -beamsize 0": "beamsize_mm is 0 mm",
    f"{GOOD} -dispersion 300 -dispsteps 3": "dispersion is 300 %",
    f"{GOOD} -detector_abs -3 -detector_thick 100": "attenuation_um is -3 um",
    f"{GOOD} -detector_abs thin": "-detector_abs is 'thin'",
    f"{GOOD} -fudge 0": "fudge is 0",
    f"{GOOD} -nosuchoption": "unknown option '-nosuchoption'",
    f"{GOOD} -distanse 100": "did you mean -distance?",
    f"{GOOD} 17": "unexpected value '17'",
    f"{GOOD} -phisteps 2.5": "-phisteps is 2.5: it must be a whole number",
    f"{GOOD} -xds -mosflm": "-xds contradicts -mosflm",
    f"{GOOD} -round_xtal -gauss_xtal": "-round_xtal contradicts -gauss_xtal",
    f"{GOOD} -interpolate -nointerpolate": "-interpolate contradicts -nointerpolate",
    f"{GOOD} -lambda 1 -energy 12000": "-lambda contradicts -energy",
    f"{GOOD} -polar 0.9 -nopolar": "-polar contradicts -nopolar",
    f"{GOOD} -pivot corner -pix0_vector 0 0 0": "-pivot is 'corner'",
    f"{GOOD} -engine abacus": "engine is 'abacus'",
    f"{GOOD} -precision float16": "-precision is 'float16'",
    f"{GOOD} -floatfile no/such/folder/a.bin": "cannot write no/such/folder/a.bin",
    f"{GOOD} -npyfile .": "cannot write .: it is a folder",
    f"{GOOD} -cbffile words.mat/a.cbf": "cannot write words.mat/a.cbf",
    f"{GOOD} -floatfile {'x' * 250}": "File name too long",
    f"{GOOD} -floatfile a.bin -intfile ./a.bin": "two images would be written to a.bin",
    f"{GOOD} -trace_pixel 1 1 -trace_json no/such/t.json": "cannot write no/such/t.json",
    f"{GOOD} -twotheta 90": "the detector plane passes through the sample",
    f"{GOOD} -device abacus": "the device abacus cannot be used",
    f"{GOOD} -device cuda:99": "the device cuda:99 cannot be used",
    f"{GOOD} -xtalsize 1 2 3": "unexpected value '2'",
    f"{GOOD} -hdivrange -3": "a range must not be negative",
    f"{GOOD} -dispersion -3": "a range must not be negative",
    f"{GOOD} -mask small.img -detpixels 9": "the mask is (8, 8) px",
    f"{GOOD} -trace_pixel 9 0": "pixel slow 9 fast 0 lies outside the detector",
    f"{GOOD} -osc 100 -phistep 0.000001": "makes 100000000 points",
    "compare": "compare takes two images, got 0",
    "compare a.img b.img": "cannot read",
    "compare -png": "-png takes a file",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with broken files, as the current directory."""
    files = {
        "header.hkl": "h k l F\n1 2 3 4.0\n",
        "nan.hkl": "1 2 3 nan\n",
        "huge.hkl": "0 0 0 1\n100000 100000 100000 1\n",
        "short.mat": "1 2 3\n",
        "flat.mat": "1 2 3 2 4 6 0 0 1\n",
        "words.mat": "a b c\n",
        "empty.txt": "# nothing\n\n",
        "aside.txt": "0 0 -10\n-10 0 0\n",
        "zero.txt": "0 0 0 1 1.5e-10\n",
        "small.img": "{\nHEADER_BYTES=512;\nSIZE1=8;\nSIZE2=8;\n}\f".ljust(512) + "\1" * 128,
        "cut.img": "{\nHEADER_BYTES=512;\nSIZE1=8;\nSIZE2=8;\n}\f".ljust(512),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "words", [words for words, line in LINES.items() if line], ids=lambda words: words[-40:] or "-"
)
def test_one_clear_line(words, folder, capsys):
    before = sorted(path.name for path in folder.iterdir())
    code = main(words.split(), clock=1)
    captured = capsys.readouterr()
    errors = [line for line in captured.err.splitlines() if line.startswith("error: ")]
    assert code == 2, captured.err
    assert len(errors) == 1
    assert LINES[words] in errors[0]
    assert "Traceback" not in captured.err
    if "no/such" not in words:
        assert sorted(path.name for path in folder.iterdir()) == before, "nothing is left half written"


def test_a_good_line_next_to_the_bad_ones(folder):
    assert main(GOOD.split(), clock=1) == 0


class TestConfigurations:
    @pytest.mark.parametrize(
        ("kind", "options", "line"),
        [
            (CrystalConfig, {"cell_a": math.nan}, "cell_a is nan A"),
            (CrystalConfig, {"cell_a": torch.tensor(math.inf)}, "cell_a is inf A"),
            (CrystalConfig, {"cell_a": "wide"}, "cell_a must be one number in A"),
            (CrystalConfig, {"cell_a": torch.ones(2)}, "cell_a must be one number in A"),
            (CrystalConfig, {"N_cells": (1, 2)}, "three numbers in cells, got 2"),
            (CrystalConfig, {"N_cells": 5}, "three numbers in cells"),
            (CrystalConfig, {"misset_deg": (0, math.nan, 0)}, "misset_deg is nan degrees"),
            (CrystalConfig, {"default_F": math.nan}, "default_F is nan electrons"),
            (CrystalConfig, {"mosaic_domains": 0}, "mosaic_domains is 0"),
            (CrystalConfig, {"mosaic_domains": 2.5}, "mosaic_domains is 2.5"),
            (CrystalConfig, {"cell_a": "70"}, "cell_a must be one number in A, got '70'"),
            (CrystalConfig, {"cell_a": True}, "cell_a must be one number in A, got True"),
            (CrystalConfig, {"cell_a": None}, "cell_a must be one number in A, got None"),
            (CrystalConfig, {"cell_a": torch.tensor(1j)}, "cell_a must be one number in A"),
            (CrystalConfig, {"misset_deg": "123"}, "misset_deg must be one number"),
            (CrystalConfig, {"mosaic_seed": 1.5}, "mosaic_seed is 1.5: a seed is a whole number"),
            (CrystalConfig, {"misset_seed": "7"}, "misset_seed is '7': a seed is a whole number"),
            (CrystalConfig, {"exact_cell": 1}, "exact_cell is 1: it must be True or False"),
            (CrystalConfig, {"interpolate": "yes"}, "interpolate is 'yes': it must be True or False"),
            (BeamConfig, {"nopolar": 0.0}, "nopolar is 0.0: it must be True or False"),
            (DetectorConfig, {"oversample": 2.0}, "oversample is 2.0: it must be a whole number"),
            (DetectorConfig, {"fpixels": "8"}, "fpixels is '8': it must be a whole number"),
            (DetectorConfig, {"curved": "no"}, "curved is 'no': it must be True or False"),
            (DetectorConfig, {"roi": (0, 1.5, 0, 3)}, "roi must be four pixel numbers"),
            (DetectorConfig, {"roi": 5}, "roi must be four pixel numbers"),
            (CrystalConfig, {"shape": "STAR"}, "must be one of SQUARE, ROUND, GAUSS, TOPHAT"),
            (BeamConfig, {"wavelength_A": -1}, "wavelength_A is -1 A"),
            (BeamConfig, {"flux": math.inf}, "flux is inf photons/s"),
            (DetectorConfig, {"fpixels": -3}, "fpixels is -3"),
            (DetectorConfig, {"convention": "IMAGINARY"}, "convention is 'IMAGINARY'"),
            (DetectorConfig, {"pixel_size_mm": 0}, "pixel_size_mm is 0 mm"),
            (DetectorConfig, {"omega_from": "middle"}, "must be one of first, last, each"),
            (DetectorConfig, {"roi": (1, 2, 3)}, "roi must be four pixel numbers"),
        ],
    )
    def test_refused(self, kind, options, line):
        with pytest.raises(SimulatorError) as caught:
            kind(**options)
        assert line in str(caught.value)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("dtype", [torch.int32, torch.float16, torch.complex128, torch.bool, "float64"])
    def test_pixels_of_another_type(self, simulate, dtype):
        with pytest.raises(SimulatorError, match=r"pixels are torch\.float64 or torch\.float32"):
            simulate(dtype=dtype)

    def test_a_configuration_in_place_of_what_it_describes(self, simulate):
        sim = simulate()
        with pytest.raises(SimulatorError, match="crystal must be a Crystal, got a CrystalConfig"):
            Simulator(CrystalConfig(), sim.detector)
        with pytest.raises(SimulatorError, match="detector must be a Detector, got a DetectorConfig"):
            Simulator(sim.crystal, DetectorConfig())
        with pytest.raises(SimulatorError, match="the configuration must be a CrystalConfig, got a dict"):
            Crystal({"cell_a": 70.0})

    def test_a_kernel_off_the_cpu(self, simulate):
        with pytest.raises(SimulatorError, match="the kernel runs on a CPU, the device is meta"):
            simulate(engine="kernel", device="meta")

    def test_they_are_frozen(self):
        with pytest.raises(AttributeError):
            CrystalConfig().cell_a = 3.0

    def test_a_mask_of_another_shape(self, simulate):
        sim = simulate()
        sim.detector.mask = torch.ones(3, 4)
        with pytest.raises(SimulatorError, match=r"the mask is \(3, 4\) px \[slow, fast\]"):
            sim.run()

    def test_negative_source_weights(self, simulate):
        with pytest.raises(SimulatorError, match="must not be negative"):
            simulate({}, {}, {"sources": [[-10, 0, 0, -1, 1.5]]}).run()

    def test_nan_in_a_table_is_not_read(self, tmp_path):
        path = tmp_path / "Fdump.bin"
        path.write_bytes(b"0 0 0 0 0 0\n\f" + b"\0" * 8)
        with pytest.raises(SimulatorError, match="not a structure-factor cache"):
            read_cache(path, 0.0)


class TestBrokenReflections:
    def test_reading_stops_at_the_first_bad_line_and_says_so(self, tmp_path):
        path = tmp_path / "some.hkl"
        path.write_text("1 0 0 5\n0 1 0 6\n# a remark\n0 0 1 7\n")
        with pytest.warns(UserWarning, match="stops at '#' after 2 reflections"):
            table = read_hkl(path, 3.0)
        assert table.values.shape == (2, 2, 1)
        assert table.values[1, 0, 0] == 5
        assert table.values[0, 0, 0] == 3

    def test_fractional_indices_end_the_list(self, tmp_path):
        path = tmp_path / "some.hkl"
        path.write_text("1 0 0 5\n0.5 1 0 6\n")
        with pytest.warns(UserWarning, match="stops at '0.5'"):
            assert read_hkl(path, 0.0).values.size == 1

    def test_the_default_keeps_its_gradient(self, tmp_path, leaf):
        path = tmp_path / "some.hkl"
        path.write_text("1 0 0 5\n-1 0 0 5\n")
        default = leaf(2.0)
        crystal = Crystal(CrystalConfig(default_F=default, hkl_path=str(path)))
        assert crystal.table is not None
        crystal.table.values.sum().backward()
        assert default.grad.item() == 1
