"""What an image or a command line would keep to itself is said; what can fail is found before rendering."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest
import torch

from simulator.__main__ import main
from simulator.config import SimulatorError
from simulator.engine.native.noise import noisy
from simulator.io.command.parse import parse
from simulator.io.command.translate import translate
from simulator.io.smv import encode_header, read_smv
from simulator.physics.noise import poisson_image
from simulator.scene.remarks import check_image

CELL = "-cell 40 50 60 80 95 105 -misset 10 20 30 -lambda 1.5 -distance 100 -oversample 1"
SMALL = f"{CELL} -N 3 -default_F 100 -pixel 4.0 -detpixels_x 9 -detpixels_y 7"


@pytest.fixture
def said(tmp_path, monkeypatch, capsys):
    """words -> what a successful command says on stderr, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(words):
        code = main(f"{words} -nonoise -nopgm".split(), clock=1234)
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return captured.err

    return call


class TestDarkness:
    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ("-default_F 0", "default_F is 0 and there are no reflections"),
            ("-fluence 0", "the fluence is 0"),
            ("-flux 1e12 -exposure 0", "the fluence is 0"),
            ("-oversample_thick", "oversample_thick without a thickness"),
            ("-dmin 1000 -Xbeam 14 -Ybeam 14", "no sample of any pixel scatters"),
            ("-mask dark.img", "the mask leaves no pixel"),
            ("-hkl zeros.hkl -default_F 0", "default_F is 0 and there are no reflections"),
        ],
    )
    @pytest.mark.parametrize("engine", ["auto", "torch"])
    def test_a_command(self, said, options, reason, engine):
        Path("dark.img").write_bytes(b"{\nHEADER_BYTES=512;\nSIZE1=9;\nSIZE2=7;\n}\f".ljust(512) + bytes(126))
        Path("zeros.hkl").write_text("0 0 0 0\n1 2 3 0\n")
        warning = "warning: every pixel of the image is 0: "
        lines = said(f"{SMALL} {options} -engine {engine}").splitlines()
        assert [line for line in lines if line.startswith(warning)] == [
            line for line in lines if reason in line
        ]
        assert any(reason in line for line in lines), lines

    @pytest.mark.parametrize("engine", ["auto", "torch"])
    def test_in_python(self, simulate, engine):
        with pytest.warns(UserWarning, match="every pixel of the image is 0: default_F is 0"):
            simulate({"default_F": 0.0}, engine=engine).run()

    def test_light_is_no_reason_to_warn(self, simulate, recwarn):
        simulate().run()
        assert not recwarn.list

    def test_numbers_that_are_none(self, simulate):
        scene = simulate().scene()
        image = torch.ones(18, 24)
        image[3, 4] = torch.nan
        with pytest.raises(SimulatorError, match="pixels of nan photons"):
            check_image(image, scene)
        with pytest.raises(SimulatorError, match="pixels of inf photons"):
            check_image(np.array([1.0, np.inf]), scene)

    def test_darker_than_a_file_can_hold(self, said):
        assert "photons, which files of float32 hold as 0" in said(f"{SMALL} -fluence 1e-40")

    @pytest.mark.parametrize("seed", [-1, -4711, -(2**31), -(2**40) - 5, -(10**23)])
    def test_no_seed_leads_out_of_the_generators_table(self, seed):
        photons = np.linspace(0, 200, 30, dtype=np.float32).reshape(5, 6)
        assert np.array_equal(noisy(photons, seed), poisson_image(photons, seed))


class TestAbsentReflections:
    FEW = "0 0 0 5\n1 0 0 5\n0 1 1 5\n-1 -1 -1 4\n"

    def test_beyond_the_table(self, said):
        Path("few.hkl").write_text(self.FEW)
        words = f"{SMALL} -hkl few.hkl -nointerpolate"
        assert "beyond those given (h -1 ... 1, k -1 ... 1, l -1 ... 1)" in said(f"{words} -default_F 0")
        assert "beyond those given" not in said(words), "what is not given has a value here"
        assert "beyond those given" not in said(f"{words} -default_F 0 -dmin 60"), "dmin skips what is absent"

    def test_in_python(self, from_command, tmp_path):
        path = tmp_path / "few.hkl"
        path.write_text(self.FEW)
        sim = from_command(f"{SMALL} -hkl {path} -nointerpolate -default_F 0")
        with pytest.warns(UserWarning, match="beyond those given"):
            sim.run()


class TestNotes:
    @pytest.mark.parametrize(
        ("options", "note"),
        [
            ("-phistep .3 -phisteps 4", "-phisteps is not used"),
            ("-hdivstep 1 -hdivsteps 5", "-hdivsteps is not used"),
            ("-vdivstep 1 -divsteps 5 -hdivrange 1", "-divsteps is not used: -vdivstep"),
            ("-phisteps 0", "-phisteps 0 counts as not given"),
            ("-phistep -1", "-phistep -1 counts as not given"),
            ("-oversample 0", "-oversample 0 counts as not given"),
            ("-Nb 0", "-Nb 0 counts as 1 cell"),
            ("-mosaic_domains 5", "-mosaic_domains is not used without -mosaic_spread"),
            ("-dispsteps 3", "-dispsteps is not used"),
            ("-thicksteps 3", "-detector_thicksteps is not used"),
            ("-detector_abs inf -detector_thick 100", "-detector_thick is not used"),
            ("-xtalsize 0.0001 -beamsize 0.00005", "size along y, 0.0001 mm, is cut to that of the beam"),
            ("-roi 2 100 0 3", "-roi is cut to the detector of 9 x 7 px"),
            ("-divergence 5 -divsteps 4", "12 of 16 sources"),
            ("-sourcefile weights.txt", "the weights of the source file do not count"),
        ],
    )
    def test_what_is_not_taken_as_written(self, said, options, note):
        Path("weights.txt").write_text("-10 0 0 1\n-10 0 .1 2\n")
        assert note in said(f"{SMALL} {options}")

    def test_a_plain_command_has_none(self, said):
        assert "note" not in said(SMALL)

    def test_counts_that_do_not_fit(self, said):
        text = said(f"{SMALL} -scale 1e9")
        assert "pixels cut to 0 ... 65535" in text
        count = int(text.split(" pixels cut")[0].split()[-1])
        assert count == int((np.fromfile("intimage.img", "u2", offset=512) == 65535).sum())


class TestOrder:
    """Where two options set one number the last counts, as in the reference."""

    def words(self, extra):
        return translate(parse(f"{SMALL} {extra}".split()), clock=1)

    @pytest.mark.parametrize(
        ("extra", "expected"),
        [
            ("-hdivrange 3 -divergence 2 -hdivsteps 4 -divsteps 3", (3, 2.0)),
            ("-divsteps 3 -divergence 2 -hdivsteps 4 -hdivrange 3", (4, 3.0)),
        ],
    )
    def test_divergence(self, extra, expected):
        beam = self.words(extra).beam
        assert (beam.h_divergence_steps, beam.h_divergence_mrad) == expected

    def test_pixels_and_sizes(self):
        assert self.words("-detpixels 5").detector.fpixels == 5
        assert self.words("-detpixels 5 -detpixels_x 8").detector.fpixels == 8
        words = f"{CELL} -N 3 -pixel 1"
        sized = translate(parse(f"{words} -detsize_s 9 -detsize 12".split()), 1).detector
        assert (sized.fpixels, sized.spixels) == (12, 12)

    def test_polarisation(self):
        assert self.words("-nopolar -polar 0").beam.nopolar is False
        assert self.words("-polar 0 -nopolar").beam.nopolar is True

    def test_picture(self, said):
        assert "image.pgm" not in said(SMALL)
        assert main(f"{SMALL} -nonoise -nopgm -pgmfile a.pgm".split(), clock=1) == 0
        assert Path("a.pgm").exists()

    def test_spindle_range_of_0(self):
        crystal = self.words("-osc 0").crystal
        assert (crystal.phi_steps, crystal.phi_step_deg) == (2, 0.0)


class TestHeaders:
    TILTED = "-detector_rotx 12.3456 -detector_roty -7.654321 -detector_rotz 33.33333 -distance 123.4567"

    def test_a_long_header_takes_a_second_block(self, said):
        words = f"{SMALL} {self.TILTED} -phi 12.34567 -osc 0.1234567 -Xbeam 17.12345 -Ybeam 13.65432"
        said(words)
        raw = Path("intimage.img").read_bytes()
        assert raw.startswith(b"{\nHEADER_BYTES=1024;\n")
        assert len(raw) == 1024 + 2 * 63
        assert set(raw[raw.index(b"\f") + 1 : 1024]) == {ord(" ")}
        pixels, header = read_smv(Path("intimage.img"))
        assert header.number("HEADER_BYTES") == 1024
        photons = np.fromfile("floatimage.bin", "f4").astype(float)
        expected = np.floor((photons * (55000 / photons.max()) + 40.5).astype("f4"))
        assert np.array_equal(pixels.reshape(-1), expected)

    def test_fabio_reads_a_long_header(self, said):
        fabio = pytest.importorskip("fabio")
        said(f"{SMALL} {self.TILTED} -phi 12.34567 -osc 0.1234567 -Xbeam 17.12345 -Ybeam 13.65432")
        assert np.array_equal(fabio.open("intimage.img").data, read_smv(Path("intimage.img"))[0])

    @pytest.mark.parametrize("convention", ["-mosflm", "-denzo", "-adxv", "-xds", "-dials"])
    def test_dials_origin_of_an_upright_panel(self, said, convention):
        """The first pixel is on the left and up; in ADXV, whose rows run the other way, down."""
        said(f"{SMALL} {convention} -ORGX 5.5 -ORGY 4.5 -Xbeam 16 -Ybeam 16")
        x, y, z = (
            float(part) for part in read_smv(Path("intimage.img"))[1].entries["DIALS_ORIGIN"].split(",")
        )
        assert x < 0
        assert (y > 0) == (convention != "-adxv")
        assert z == -100

    def test_dials_origin_keeps_the_distance_of_the_corner(self, from_command):
        from simulator.io.header import dials_origin

        detector = from_command(
            f"{SMALL} {self.TILTED} -fdet_vector 0.3 0.1 1 -sdet_vector 0 -1 0.2"
        ).detector
        panel = detector.panel()
        length = sum(part**2 for part in dials_origin(detector, panel)) ** 0.5
        assert length == pytest.approx(float(panel.origin.norm()))

    def test_cbf_speaks_the_language_that_it_names(self, said):
        said(f"{SMALL} -cbffile a.cbf -detector_thick 300 -phi 5 -osc 0.5 -phisteps 2 -polar 0.9")
        head = Path("a.cbf").read_bytes().split(b"\x0c\x1a\x04\xd5")[0].decode("ascii")
        assert '_array_data.header_convention "SLS_1.0"' in head
        for line in (
            "# Pixel_size 0.004 m x 0.004 m",
            "# Silicon sensor, thickness 0.000300 m",
            "# Wavelength 1.5 A",
            "# Detector_distance 0.1 m",
            "# Beam_xy (5.50, 4.50) pixels",
            "# Start_angle 5.0000 deg.",
            "# Angle_increment 0.5000 deg.",
            "# Polarization 0.9",
        ):
            assert f"\r\n{line}\r\n" in head
        assert "DENZO" not in head


def test_an_entry_of_a_header_that_is_no_number(said):
    entries = [("SIZE1", "9"), ("SIZE2", "7"), ("DISTANCE", "far"), ("WAVELENGTH", "1.5")]
    Path("a.img").write_bytes(encode_header(entries) + bytes(2 * 63))
    note = "note: DISTANCE of the header is 'far', which is no number: ignored"
    assert note in said(f"{SMALL} -img a.img")


class TestFilesBeforeRendering:
    def test_nothing_is_computed_for_an_unwritable_file(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("simulator.__main__.expose", lambda *rest: pytest.fail("it was rendered"))
        assert main(f"{SMALL} -noisefile no/such/a.img".split(), clock=1) == 2
        assert "cannot write no/such/a.img" in capsys.readouterr().err

    def test_a_device_is_written_to_and_stays(self, said):
        said(f"{SMALL} -floatfile /dev/null -intfile /dev/null -npyfile a.npy")
        assert stat.S_ISCHR(os.stat("/dev/null").st_mode)

    def test_a_link_stays_a_link(self, said):
        Path("kept").mkdir()
        Path("a.npy").symlink_to("kept/b.npy")
        said(f"{SMALL} -npyfile a.npy")
        assert Path("a.npy").is_symlink()
        assert np.load("kept/b.npy").shape == (7, 9)


@pytest.mark.parametrize("engine", ["auto", "torch"])
@pytest.mark.parametrize("shape", ["-tophat_spots -fudge 0.3", "-gauss_xtal"])
def test_the_first_sample_gives_the_polarisation_whatever_its_lattice_factor(from_command, shape, engine):
    """Between flat spots the first sub-pixel's lattice factor is 0; its polarisation counts all the same."""
    words = f"{SMALL} {shape} -oversample 3 -polar 0.8"
    name = {"engine": engine}
    image = from_command(words, **name).run()
    bare = from_command(words.replace("-polar 0.8", "-nopolar"), **name).run()
    sim = from_command(words, **name)
    lit = bare > 0
    assert lit.any()
    factor = corner_polarisation(sim)
    assert torch.allclose(image[lit], (bare * factor)[lit], rtol=1e-12)


def corner_polarisation(sim):
    """P of the first of 3 x 3 sub-pixels of every pixel, MOSFLM axes: pol z, beam x."""
    panel, config = sim.detector.panel(), sim.detector.config
    edge = float(sim.detector.pixel())
    fast = (torch.arange(config.fpixels, dtype=torch.float64)[None, :, None] + 1 / 6) * edge
    slow = (torch.arange(config.spixels, dtype=torch.float64)[:, None, None] + 1 / 6) * edge
    place = panel.origin + fast * panel.fast + slow * panel.slow
    x, y, z = (place / place.norm(dim=-1, keepdim=True)).unbind(-1)
    return 0.5 * (1 + x**2 - 0.8 * (z**2 - y**2))
