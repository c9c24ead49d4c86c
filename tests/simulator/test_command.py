"""The command line: the reference's options, its files byte by byte, and what goes beyond it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from simulator.__main__ import main
from simulator.io.command.flags import FLAGS, usage
from simulator.io.command.parse import parse
from simulator.io.command.translate import translate
from simulator.io.smv import read_smv

CRYSTAL = "-cell 40 50 60 80 95 105 -misset 10 20 30 -N 5 -default_F 100"
BASE = f"{CRYSTAL} -lambda 1.5 -oversample 1 -pixel 1.0 -distance 100"
SMALL = f"{BASE} -detpixels_x 30 -detpixels_y 20"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """words -> (exit code, stdout, stderr) in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(words):
        code = main(words.split(), clock=1234)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def floats(path="floatimage.bin"):
    return np.fromfile(path, dtype=np.float32)


class TestFiles:
    def test_default_names(self, run, tmp_path):
        assert run(SMALL)[0] == 0
        assert {path.name for path in tmp_path.iterdir()} == {
            "floatimage.bin",
            "intimage.img",
            "image.pgm",
            "noiseimage.img",
        }

    def test_noise_and_picture_can_be_left_out(self, run, tmp_path):
        assert run(f"{SMALL} -nonoise -nopgm -floatfile a.bin -intfile b.img")[0] == 0
        assert {path.name for path in tmp_path.iterdir()} == {"a.bin", "b.img"}

    def test_float_image(self, run, from_command):
        run(f"{SMALL} -nonoise")
        image = from_command(SMALL).run().numpy()
        assert np.array_equal(floats().reshape(20, 30), image.astype(np.float32))

    def test_integer_image(self, run):
        """floor(float32(I scale + 40.5)) behind a header of 512 bytes, and back."""
        run(f"{SMALL} -nonoise")
        raw = Path("intimage.img").read_bytes()
        assert len(raw) == 512 + 2 * 600
        head = raw[:512].decode("ascii")
        assert head.startswith(
            "{\nHEADER_BYTES=512;\nDIM=2;\nBYTE_ORDER=little_endian;\nTYPE=unsigned_short;\n"
        )
        assert "}\f" in head
        assert head.rstrip(" ").endswith("}\f")
        photons = floats().astype(np.float64)
        expected = np.floor((photons * (55000 / photons.max()) + 40.5).astype(np.float32))
        assert np.array_equal(np.frombuffer(raw[512:], dtype=np.uint16), expected.astype(np.uint16))
        pixels, header = read_smv(Path("intimage.img"))
        assert pixels.shape == (20, 30)
        assert header.number("DISTANCE") == 100
        assert header.number("WAVELENGTH") == 1.5

    def test_header_keys_in_order(self, run):
        run(f"{SMALL} -nonoise")
        text = Path("intimage.img").read_bytes()[:512].decode("ascii")
        keys = [line.split("=")[0] for line in text.splitlines() if "=" in line]
        assert keys == [
            "HEADER_BYTES",
            "DIM",
            "BYTE_ORDER",
            "TYPE",
            "SIZE1",
            "SIZE2",
            "PIXEL_SIZE",
            "DISTANCE",
            "WAVELENGTH",
            "BEAM_CENTER_X",
            "BEAM_CENTER_Y",
            "ADXV_CENTER_X",
            "ADXV_CENTER_Y",
            "MOSFLM_CENTER_X",
            "MOSFLM_CENTER_Y",
            "DENZO_X_BEAM",
            "DENZO_Y_BEAM",
            "DIALS_ORIGIN",
            "XDS_ORGX",
            "XDS_ORGY",
            "CLOSE_DISTANCE",
            "PHI",
            "OSC_START",
            "OSC_RANGE",
            "TWOTHETA",
            "DETECTOR_SN",
            "BEAMLINE",
        ]
        origin = next(line for line in text.splitlines() if line.startswith("DIALS_ORIGIN"))
        assert not origin.endswith(";")

    def test_header_centres_follow_the_geometry(self, run):
        run(f"{SMALL} -nonoise -Xbeam 7 -Ybeam 11")
        header = read_smv(Path("intimage.img"))[1]
        assert header.number("BEAM_CENTER_X") == 7
        assert header.number("MOSFLM_CENTER_X") == pytest.approx(7)
        assert header.number("MOSFLM_CENTER_Y") == pytest.approx(11)
        assert header.number("DENZO_X_BEAM") == pytest.approx(7.5)
        assert header.number("ADXV_CENTER_X") == pytest.approx(11.5)
        assert header.number("ADXV_CENTER_Y") == pytest.approx(20 - 7.5)
        assert header.number("XDS_ORGX") == pytest.approx(12)

    def test_scale_and_offset(self, run):
        run(f"{SMALL} -nonoise -scale 2 -adc 10")
        expected = np.floor((floats().astype(np.float64) * 2 + 10.5).astype(np.float32)).clip(0, 65535)
        assert np.array_equal(
            np.fromfile("intimage.img", dtype=np.uint16, offset=512), expected.astype(np.uint16)
        )

    def test_picture(self, run):
        run(f"{SMALL} -nonoise")
        photons = floats().astype(np.float64)
        scale = 250 / (5 * photons.std(ddof=1))
        raw = Path("image.pgm").read_bytes()
        head = f"P5\n30 20\n# pixels scaled by {scale:g}\n255\n".encode()
        assert raw.startswith(head)
        assert np.array_equal(
            np.frombuffer(raw[len(head) :], dtype=np.uint8), np.minimum(255, photons * scale).astype(np.uint8)
        )

    def test_noise_by_seed(self, run):
        run(f"{SMALL} -fluence 1e29 -seed 7 -noisefile a.img")
        run(f"{SMALL} -fluence 1e29 -seed 7 -noisefile b.img")
        run(f"{SMALL} -fluence 1e29 -seed 8 -noisefile c.img")
        a, b, c = (np.fromfile(name, dtype=np.uint16, offset=512) for name in ("a.img", "b.img", "c.img"))
        assert np.array_equal(a, b)
        assert not np.array_equal(a, c)
        from simulator.physics.noise import poisson_image

        expected = poisson_image(floats(), -7) + np.float32(40)
        assert np.array_equal(a, expected.clip(0, 65535).astype(np.uint16))

    def test_noise_of_the_region_only(self, run):
        run(f"{SMALL} -roi 5 14 3 9 -seed 7")
        noise = np.fromfile("noiseimage.img", dtype=np.uint16, offset=512).reshape(20, 30)
        assert (noise[3:10, 5:15] >= 40).all()
        noise[3:10, 5:15] = 0
        assert not noise.any()

    def test_overloads_are_counted(self, run):
        _, _, said = run(f"{SMALL} -default_F 100000 -seed 3")
        assert "overloads" in said
        assert ", 0 overloads" not in said

    def test_numpy_keeps_float64(self, run, from_command):
        run(f"{SMALL} -nonoise -npyfile image.npy")
        expected = from_command(SMALL).run().numpy()
        assert np.allclose(np.load("image.npy"), expected, rtol=1e-12, atol=0)

    def test_cbf_bytes_decode(self, run):
        run(f"{SMALL} -nonoise -cbffile image.cbf")
        raw = Path("image.cbf").read_bytes()
        start = raw.index(b"\x0c\x1a\x04\xd5") + 4
        size = int(raw.split(b"X-Binary-Size: ")[1].split()[0])
        values, at, value = [], start, 0
        while at < start + size:
            step, at = int.from_bytes(raw[at : at + 1], "little", signed=True), at + 1
            if step == -128:
                step, at = int.from_bytes(raw[at : at + 2], "little", signed=True), at + 2
                if step == -32768:
                    step, at = int.from_bytes(raw[at : at + 4], "little", signed=True), at + 4
            value += step
            values.append(value)
        assert np.array_equal(values, np.fromfile("intimage.img", dtype=np.uint16, offset=512))

    def test_fabio_reads_them(self, run):
        fabio = pytest.importorskip("fabio")
        run(f"{SMALL} -cbffile image.cbf")
        expected = np.fromfile("intimage.img", dtype=np.uint16, offset=512).reshape(20, 30)
        for name in ("intimage.img", "image.cbf"):
            assert np.array_equal(fabio.open(name).data, expected)


class TestStructureFactorCache:
    HKL = "\n".join(
        f"{h} {k} {last} {10 + h + 2 * k + 3 * last}"
        for h in range(-3, 4)
        for k in range(-2, 3)
        for last in range(-4, 2)
    )

    def test_written_after_a_read_and_read_without_one(self, run, tmp_path):
        (tmp_path / "some.hkl").write_text(self.HKL)
        run(f"{SMALL} -hkl some.hkl -nonoise -floatfile a.bin")
        raw = (tmp_path / "Fdump.bin").read_bytes()
        head, _, body = raw.partition(b"\f")
        assert head == b"-3 3 -2 2 -4 1\n"
        assert len(body) == 8 * 8 * 6 * 7
        assert np.frombuffer(body).reshape(8, 6, 7)[0, 0, 1] == 10 - 3 - 4 - 9
        (tmp_path / "some.hkl").unlink()
        _, _, said = run(f"{SMALL} -nonoise -floatfile b.bin")
        assert "Fdump.bin" in said
        assert np.array_equal(floats("a.bin"), floats("b.bin"))

    def test_a_broken_cache_is_named(self, run, tmp_path):
        (tmp_path / "Fdump.bin").write_bytes(b"1 2 3\n\f")
        code, _, said = run(SMALL)
        assert code == 2
        assert "Fdump.bin is not a structure-factor cache" in said


class TestImport:
    def test_an_image_header_sets_the_geometry(self, run):
        run(f"{BASE} -detpixels_x 30 -detpixels_y 20 -Xbeam 9 -Ybeam 13 -phi 4 -nonoise -floatfile a.bin")
        words = "-cell 40 50 60 80 95 105 -misset 10 20 30 -N 5 -default_F 100 -oversample 1"
        run(f"{words} -img intimage.img -nonoise -floatfile b.bin")
        assert np.array_equal(floats("a.bin"), floats("b.bin"))

    def test_options_win_over_the_header(self, run):
        run(f"{SMALL} -nonoise")
        given = parse(f"{BASE} -img intimage.img -distance 150 -detpixels 12".split())
        detector = translate(given, 1).detector
        assert (detector.distance_mm, detector.close_distance_mm, detector.fpixels) == (150, None, 12)

    def test_a_mask_skips_its_zeros(self, run, tmp_path):
        run(f"{SMALL} -nonoise -floatfile a.bin")
        raw = bytearray((tmp_path / "intimage.img").read_bytes())
        raw[512 + 2 * 35 : 512 + 2 * 40] = bytes(10)
        (tmp_path / "mask.img").write_bytes(raw)
        run(f"{SMALL} -mask mask.img -Xbeam 10.5 -Ybeam 15.5 -nonoise -floatfile b.bin")
        a, b = floats("a.bin"), floats("b.bin")
        assert not b[35:40].any()
        b[35:40] = a[35:40]
        assert np.allclose(a, b, rtol=1e-6)


class TestReading:
    def words(self, extra):
        return translate(parse(f"{SMALL} {extra}".split()), clock=1234)

    def test_cell_with_less_than_six_numbers(self):
        crystal = translate(parse(["-cell", "80", "-N", "3"]), 1).crystal
        assert (crystal.cell_a, crystal.cell_b, crystal.cell_c) == (80, 80, 80)
        assert (crystal.cell_alpha, crystal.cell_gamma) == (90, 90)

    def test_size_of_the_crystal(self):
        crystal = self.words("-xtalsize 0.0000431").crystal
        assert crystal.N_cells == (11, 9, 8)
        sizes = "-xtal_thick 0.001 -xtal_width 0.9 -xtal_height 0.9"
        clipped = self.words(f"{sizes} -beamsize 0.002").crystal
        assert clipped.N_cells == (250, 400, 334)
        assert self.words(f"{sizes} -samplesize 0.0000431").crystal.N_cells == (11, 9, 8), "the last counts"
        assert self.words("-samplesize 0.0000431 -xtal_thick 0.001").crystal.N_cells == (250, 9, 8)

    def test_interpolation_follows_the_counts_as_given(self):
        assert self.words("-xtalsize 0.0000431 -Na 2").crystal.interpolate is True
        assert self.words("").crystal.interpolate is False
        assert self.words("-Nc 1 -nointerpolate").crystal.interpolate is False

    def test_mosaic_counts(self):
        assert self.words("-mosaic_spread 1").crystal.mosaic_domains == 10
        assert self.words("-mosaic_domains 7").crystal.mosaic_domains == 1
        assert self.words("-mosaic 1 -mosaic_dom 4 -mosaic_seed 9").crystal.mosaic_seed == -9

    def test_energy(self):
        assert translate(parse(["-cell", "80", "-energy", "9000"]), 1).beam.wavelength_A == pytest.approx(
            12398.42 / 9000
        )

    def test_detector_size_in_mm_keeps_its_fraction(self):
        detector = translate(parse(["-cell", "80", "-detsize", "10.03", "-pixel", "0.1"]), 1).detector
        assert (detector.fpixels, detector.size_fast_mm) == (100, 10.03)
        detector = translate(parse(["-cell", "80", "-detsize", "10.03", "-detpixels", "50"]), 1).detector
        assert (detector.fpixels, detector.size_fast_mm) == (50, None)
        detector = translate(parse(["-cell", "80", "-pixel", "0.2"]), 1).detector
        assert (detector.fpixels, detector.spixels) == (512, 512)

    def test_two_theta_axis_side_effects(self):
        detector = self.words("-twotheta 15 -twotheta_axis 0 0 -1").detector
        assert (detector.twotheta_deg, detector.pivot, detector.axes_convention()) == (0, "SAMPLE", "CUSTOM")
        detector = self.words("-twotheta_axis 0 0 -1 -twotheta 15").detector
        assert (detector.twotheta_deg, detector.pivot) == (15, "SAMPLE")

    def test_custom_pivot_is_the_last_one_implied(self):
        assert self.words("-pix0_vector 0 0 0 -close_distance 90").detector.pivot == "SAMPLE"
        assert self.words("-spindle_axis 0 1 0 -Xclose 3 -Xbeam 4").detector.pivot == "BEAM"
        assert self.words("-beam_vector 1 0 0 -pivot sample").detector.pivot == "SAMPLE"

    def test_random_orientation_without_a_seed_takes_the_clock(self):
        assert self.words("-misset random").crystal.misset_seed == -1234
        assert self.words("-misset random -misset_seed 77").crystal.misset_seed == -77

    def test_unused_files_are_said_to_be_unused(self):
        assert any("-stol" in note for note in self.words("-stol nowhere.txt").notes)

    def test_a_liquid_from_a_file(self, run):
        Path("liquid.Q").write_text("# Q F\n2.5 7\n0.5 3\n")
        detector = self.words("-water 5 -use_stol -Q liquid.Q").detector
        assert detector.background == [
            (pytest.approx(0.5 / 12.566370614), 3),
            (pytest.approx(2.5 / 12.566370614), 7),
        ]
        assert not detector.water_counted_twice

    def test_a_source_without_a_place_is_the_beam(self, run, from_command):
        Path("one.txt").write_text("# nothing but a remark\n0\n")
        plain, placed = from_command(SMALL).run(), from_command(f"{SMALL} -sourcefile one.txt").run()
        assert torch.allclose(plain, placed, rtol=1e-12)

    def test_the_last_of_two_counts(self):
        assert self.words("-distance 150 -distance 170").detector.distance_mm == 170
        assert self.words("-Na 3 -N 4 -Nc 6").crystal.N_cells == (4, 4, 6)

    def test_defects_by_default_and_by_option(self):
        plain = self.words("-oversample_omega -water 3")
        assert plain.detector.running_product
        assert plain.detector.water_counted_twice
        assert plain.beam.source_weights == "ignored"
        assert plain.crystal.phi_carryover == 0
        right = self.words(
            "-oversample_omega -water 3 -oversample_independent -water_once -use_source_weights"
        )
        assert not right.detector.running_product
        assert not right.detector.water_counted_twice
        assert right.beam.source_weights == "relative"

    def test_every_option_has_help(self):
        text = usage()
        for flag in FLAGS:
            assert flag.names[0] in text
            assert flag.says


class TestBeyond:
    def test_help(self, run):
        code, out, _ = run("-help")
        assert code == 0
        assert "-detector_thick" in out

    def test_trace_ends_in_the_photons_of_the_image(self, run, from_command):
        code, out, _ = run(f"{SMALL} -trace_pixel 7 11 -trace_json t.json")
        assert code == 0
        entries = json.loads(Path("t.json").read_text())
        names = [entry["name"] for entry in entries]
        order = [
            "panel_origin",
            "diffracted",
            "solid_angle",
            "incident",
            "scattering_vector",
            "polarization",
            "hkl",
            "nearest_hkl",
            "F_latt_squared",
            "F_cell_squared",
            "I_step",
            "photons",
        ]
        assert [name for name in names if name in order] == order
        image = from_command(SMALL).run()
        assert entries[-1]["value"] == pytest.approx(image[7, 11].item(), rel=1e-9)
        assert out.count("\n") == len(entries)

    def test_compare(self, run):
        run(f"{SMALL} -nonoise -npyfile a.npy")
        run(f"{SMALL} -nonoise -npyfile b.npy -distance 101")
        code, out, _ = run("compare a.npy a.npy --json")
        same = json.loads(out)
        assert code == 0
        assert (same["correlation"], same["sum_ratio"], same["largest_difference"]) == (
            pytest.approx(1),
            1,
            0,
        )
        assert same["peak_distance_px"] == 0
        assert same["peaks_a_slow_fast"] == same["peaks_b_slow_fast"]
        image = np.load("a.npy")
        assert same["peaks_a_slow_fast"][0] == list(np.unravel_index(image.argmax(), image.shape))
        code, out, _ = run("compare a.npy b.npy --json -png gap.png")
        other = json.loads(out)
        assert other["correlation"] < 0.999
        assert other["largest_difference"] > 0
        assert Path("gap.png").read_bytes().startswith(b"\x89PNG")

    def test_compare_reads_every_format(self, run):
        run(f"{SMALL} -nonoise -npyfile a.npy")
        assert run("compare a.npy floatimage.bin -shape 20 30")[0] == 0
        assert run("compare a.npy intimage.img")[0] == 0
        assert run("compare a.npy floatimage.bin")[0] == 2

    def test_float32_on_one_thread(self, run):
        threads = torch.get_num_threads()
        try:
            code, _, said = run(
                f"{SMALL} -nonoise -precision float32 -threads 1 -engine torch -npyfile a.npy"
            )
        finally:
            torch.set_num_threads(threads)
        assert code == 0
        assert "; torch," in said
        assert np.load("a.npy").dtype == np.float32
