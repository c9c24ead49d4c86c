"""Random command lines over all options of the simulator, and the files that they read; seeds repeat them."""

import random
from pathlib import Path

import numpy as np

from tests.simulator.oracle_command import experiment
from tests.simulator.oracle_settings import Refused

MOST_STEPS = 12000
"""Steps of all pixels that a command may ask of the oracle: about a tenth of a second."""

FAULTY = 0.12
"""Share of the commands that get a fault, which both sides have to refuse."""

FAULTS = (
    "-distance -5",
    "-lambda 0",
    "-polar 2",
    "-fudge 0",
    "-beamsize 0",
    "-mosaic_spread -1",
    "-fluence -1",
    "-water -1",
    "-dispersion 250",
    "-hdivrange -1",
    "-dmin -1",
    "-detector_abs -3 -detector_thick 10",
    "-detector_thick 10 -thicksteps 0",
    "-roi 5 2 0 3",
    "-roi 90 95 0 3",
    "-pivot corner -pix0_vector 0 0 0",
    "-beam_vector 0 0 0",
    "-hkl nowhere.hkl",
    "-hkl words.hkl",
    "-sourcefile zero.txt",
    "-spectrum pink.txt -hdivsteps 2",
    "-spectrum pink.txt -sourcefile five.txt",
    "-xds -mosflm",
    "-round_xtal -gauss_xtal",
    "-interpolate -nointerpolate",
    "-lambda 1 -energy 12000",
    "-polar 0.5 -nopolar",
    "-use_stol -water 10",
    "-mask small.img -detpixels 9",
    "-floatfile a.bin -pgmfile a.bin",
    "-detector_roty 170",
    "-mosflm -detector_rotz 100",
    "-cell 40 50 60 120 120 120",
    "-cell 0 50 60 90 90 90",
    "-hdivsteps 1 -vdivsteps 1",
    "-N 5000 -oversample 0",
    "-energy 0",
)


def write_inputs(folder: Path) -> None:
    """The files that commands read."""
    draw = random.Random(1)
    box = [(h, k, m) for h in range(-6, 7) for k in range(-7, 6) for m in range(-5, 8)]
    kept = [index for index in box if draw.random() < 0.9]
    rows = [f"{h} {k} {m} {draw.uniform(1, 90):.3f}" for h, k, m in kept]
    (folder / "some.hkl").write_text("\n".join(rows) + "\n")
    (folder / "cut.hkl").write_text("\n".join([*rows[:300], "# a remark", *rows[300:]]) + "\n")
    wide = [
        f"{h} {k} {m} {draw.uniform(1, 90):.3f}" for h in range(-30, 31) for k in (-40, 40) for m in (-40, 40)
    ]
    (folder / "wide.hkl").write_text("\n".join(wide) + "\n")
    (folder / "words.hkl").write_text("h k l F\n")
    (folder / "one.mat").write_text("0.018 0.015 -0.0045\n-0.012 0.02025 0.006\n0.009 0.003 0.0249\n")
    (folder / "left.mat").write_text("0.018 0.015 0.0045\n-0.012 0.02025 -0.006\n0.009 0.003 -0.0249\n")
    (folder / "five.txt").write_text(
        "# X Y Z weight wavelength\n-10 0 0 1 1.5e-10\n-10 0.02 0.01 3 1.52e-10\n\n"
        "-10 -0.03 0.02 0.5\n-10 .1 0\n0 # here\n"
    )
    (folder / "pink.txt").write_text("8200 1.5\n8300 4\n8350 0.25\n")
    (folder / "zero.txt").write_text("0 0 0 1 1.5e-10\n")
    (folder / "liquid.txt").write_text("0 2.5\n0.1 3.5\n0.05 3\n0.3 1\n")
    geometry = {"PIXEL_SIZE": "6.5", "DISTANCE": "97", "WAVELENGTH": "1.31", "PHI": "12", "OSC_RANGE": "0.4"}
    centre = {"BEAM_CENTER_X": "21", "BEAM_CENTER_Y": "17.5", "XDS_ORGX": "3.2", "XDS_ORGY": "2.9"}
    write_smv(folder / "plain.img", 7, 5, geometry, np.ones((5, 7)))
    write_smv(folder / "centred.img", 7, 5, {**geometry, **centre, "CLOSE_DISTANCE": "95"}, np.ones((5, 7)))
    holes = np.random.default_rng(3).random((5, 7)) > 0.3
    write_smv(folder / "holes.img", 7, 5, {**geometry, **centre}, holes)
    write_smv(folder / "bare.img", 7, 5, {}, holes)
    write_smv(folder / "small.img", 3, 3, {}, np.ones((3, 3)))


def write_smv(path: Path, fast: int, slow: int, entries: dict[str, str], pixels: np.ndarray) -> None:
    """A header of 512 bytes and pixels [slow, fast]."""
    all_entries = {"HEADER_BYTES": "512", "SIZE1": str(fast), "SIZE2": str(slow), **entries}
    text = "{\n" + "".join(f"{key}={value};\n" for key, value in all_entries.items()) + "}\f"
    path.write_bytes(text.ljust(512).encode() + pixels.astype("<u2").tobytes())


class Draw:
    """Draws the words of one command."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.words: list[str] = []

    def number(self, low: float, high: float, digits: int = 4) -> str:
        return f"{self.random.uniform(low, high):.{digits}g}"

    def maybe(self, chance: float, *texts: str) -> bool:
        """With this chance one of the texts is added."""
        taken = self.random.random() < chance
        if taken:
            self.words += self.random.choice(texts).split()
        return taken

    def vector(self, axis: str) -> str:
        """A vector that leans a little from an axis, of any length."""
        parts = [self.random.uniform(-0.15, 0.15) for _ in range(3)]
        parts["xyz".index(axis[-1])] += -1 if axis.startswith("-") else 1
        length = self.random.choice([1, 1, 2.5])
        return " ".join(f"{length * part:.5g}" for part in parts)


def crystal_words(d: Draw) -> None:
    extreme = d.random.random() < 0.15
    edges = [d.number(*d.random.choice([(3, 6), (150, 400)] if extreme else [(30, 90)])) for _ in range(3)]
    angles = [d.number(65, 115) for _ in range(3)]
    cells = (" ".join(edges + angles), " ".join(edges), edges[0], f"{' '.join(edges)} 90 {angles[0]} 90")
    by_matrix = d.maybe(0.15, "-mat one.mat", "-mat left.mat")
    if not by_matrix or d.random.random() < 0.3:
        d.words += ["-cell", *d.random.choice(cells).split()]
    if not d.maybe(0.1, "-misset random -misset_seed 77", "-misset random", "-misset_seed 5 -misset random"):
        d.words += ["-misset", *(d.number(-170, 170) for _ in range(3))]
    d.maybe(0.1, "-exact_cell")
    d.words += d.random.choice(
        ["-N 3", "-N 5", "-N 2", "-N 17", "-Na 1 -Nb 4 -Nc 7", "-Na 40 -Nb 3 -Nc 16", "-N 4 -Nb 1"]
    ).split()
    d.maybe(
        0.08,
        "-xtalsize 2.13e-5",
        "-xtal_thick 3.1e-5",
        "-xtal_width 2e-5 -xtalsize 1.7e-5",
        "-height 1.9e-5 -beamsize 1.1e-5",
    )
    d.maybe(0.5, "-round_xtal", "-gauss_xtal", "-tophat_spots", "-square_xtal", "-binary_spots")
    d.maybe(0.3, f"-fudge {d.number(0.02, 2)}")
    d.maybe(0.9, "-default_F 100", "-default_F 13.7", "-default_F 0", "-default_F -20")
    if d.maybe(0.35, "-hkl some.hkl", "-hkl cut.hkl", "-hkl wide.hkl"):
        d.maybe(0.5, "-interpolate", "-nointerpolate")
        d.maybe(0.3, "-nearest_outside")
    d.maybe(
        0.2,
        "-mosaic_spread 0.7",
        "-mosaic 1.3 -mosaic_dom 3",
        "-mosaic_domains 4",
        "-mosaici 2 -mosaic_domains 5 -mosaic_seed 42",
    )
    d.maybe(0.4, f"-phi {d.number(-40, 40)}", "-phi 0")
    d.maybe(0.2, "-osc 0.8", "-osc 0", "-osc 1.25")
    d.maybe(0.15, "-phistep 0.3", "-phistep 0", "-phistep 0.7")
    d.maybe(0.2, "-phisteps 3", "-phisteps 1", "-phisteps 0", "-phisteps 4")
    d.maybe(0.1, "-phi_carryover", "-phi_carryover 2", "-phi_carryover 5")


def beam_words(d: Draw) -> None:
    if not d.maybe(0.25, f"-energy {d.number(4000, 20000)}", "-energy 150000", "-energy 900"):
        d.words += [d.random.choice(["-lambda", "-wave", "-wavelength"]), d.number(0.4, 3)]
    d.maybe(
        0.2,
        "-fluence 1e24",
        "-fluence 3.3e29",
        "-flux 1e12 -exposure 0.3",
        "-flux 2e13 -beamsize 0.03",
        "-flux 0",
    )
    d.maybe(
        0.5,
        f"-polar {d.number(-1, 1)}",
        "-nopolar",
        "-polar 0 -nopolar",
        "-nopolar -polar 0",
        "-polarization 0.99",
    )
    d.maybe(
        0.15,
        "-dispersion 2",
        "-dispersion 1.5 -dispsteps 3",
        "-dispsteps 2",
        "-dispersion 3 -dispsteps 1",
        "-dispersion 0",
    )
    d.maybe(0.15, "-divergence 4", "-divergence 3 -divsteps 3", "-divergence 5 -hdivstep 1.7")
    counts = [d.random.randint(2, 7) for _ in range(2)]
    d.maybe(0.08, f"-hdivrange 5 -vdivrange {d.number(3, 6)} -hdivsteps {counts[0]} -vdivsteps {counts[1]}")
    d.maybe(
        0.15,
        "-hdivrange 4.1",
        "-hdivrange 5 -hdivsteps 4",
        "-hdivrange 0",
        "-hdivrange 2.9 -hdivstep 1 -hdivsteps 2",
    )
    d.maybe(
        0.15,
        "-vdivstep 2",
        "-vdivstep 1.5 -vdivsteps 5",
        "-vdivrange 3 -vdivstep 1.1",
        "-vdivrange 3.3 -vdivsteps 1",
    )
    d.maybe(0.06, "-hdivsteps 3", "-divsteps 2", "-hdivsteps 4 -divsteps 2", "-vdivsteps 0")
    d.maybe(0.2, "-square_div", "-round_div")
    if d.maybe(0.12, "-sourcefile five.txt"):
        d.maybe(0.4, "-use_source_weights")
    else:
        d.maybe(0.06, "-spectrum pink.txt")
    d.maybe(0.15, f"-dmin {d.number(1.5, 12)}")


def detector_words(d: Draw) -> None:
    imported = d.maybe(
        0.15,
        "-img plain.img",
        "-img centred.img",
        "-mask holes.img",
        "-mask bare.img",
        "-mask holes.img -img plain.img",
    )
    if not imported or d.random.random() < 0.2:
        d.words += d.random.choice(
            [
                "-detpixels_x 7 -detpixels_y 5",
                "-detpixels 6",
                "-detpixels 4 -detpixels_f 8",
                "-detsize 33",
                "-detsize_f 47 -detsize_s 29",
                "-detpixels_x 3 -detsize 30",
                "-detpixels_s 2 -detpixels_x 9",
            ]
        ).split()
        d.words += ["-pixel", d.number(3, 9)]
    d.maybe(0.6, f"-distance {d.number(60, 250)}", f"-close_distance {d.number(60, 200)}")
    d.maybe(
        0.3,
        f"-Xbeam {d.number(-5, 40)}",
        f"-Ybeam {d.number(0, 40)}",
        f"-Xbeam {d.number(0, 40)} -Ybeam {d.number(0, 40)}",
    )
    d.maybe(0.12, f"-Xclose {d.number(0, 30)}", f"-Yclose {d.number(0, 30)} -Xclose 3")
    d.maybe(0.2, f"-ORGX {d.number(-2, 8)}", f"-ORGX {d.number(0, 8)} -ORGY {d.number(0, 8)}")
    d.maybe(0.6, "-mosflm", "-denzo", "-adxv", "-xds", "-dials")
    d.maybe(0.1, "-pivot beam", "-pivot sample", "-pivot SAMPLE")
    for axis in "xyz":
        d.maybe(0.3, f"-detector_rot{axis} {d.number(-25, 25)}")
    custom = (
        ("-fdet_vector", "z"), ("-sdet_vector", "-y"), ("-odet_vector", "x"), ("-beam_vector", "x"),
        ("-polar_vector", "z"), ("-spindle_axis", "z"), ("-twotheta_axis", "-z"), ("-pix0_vector", "x"),
    )  # fmt: skip
    if d.random.random() < 0.3:
        for name, axis in d.random.sample(custom, d.random.randint(1, 4)):
            d.words += [name, *d.vector(axis).split()]
        d.maybe(0.2, "-odet_vector 1 0 0")
    d.maybe(0.25, f"-twotheta {d.number(-25, 25)}")
    d.maybe(0.12, "-point_pixel")
    d.maybe(0.1, "-curved_det")
    if d.maybe(
        0.2,
        "-detector_thick 450",
        "-detector_thickness 320 -thicksteps 3",
        "-detector_thick 200 -detector_thicksteps 1",
    ):
        d.maybe(0.6, "-detector_abs 230", "-detector_abs inf")
    d.words += d.random.choice(
        ["-oversample 1"] * 4
        + ["-oversample 2"] * 4
        + ["-oversample 3", "-oversample 4", "-oversample 5", "-oversample 0", ""]
    ).split()
    if d.maybe(
        0.25,
        "-oversample_omega",
        "-oversample_polar",
        "-oversample_thick",
        "-oversample_omega -oversample_polar",
        "-oversample_thick -oversample_omega -oversample_polar",
    ):
        d.maybe(0.5, "-oversample_independent")
    d.maybe(0.15, "-roi 1 3 0 2", "-roi -2 3 1 100", "-roi 2 2 1 1")
    if d.maybe(0.15, "-water 10", "-water 3000", "-water 0"):
        d.maybe(
            0.4,
            "-water_once",
            "-use_stol -stol liquid.txt",
            "-use_stol -Q liquid.txt",
            "-stol liquid.txt -use_stol -4stol liquid.txt",
        )
    d.maybe(0.05, "-stol liquid.txt", "-Q liquid.txt -4stol liquid.txt")


def output_words(d: Draw) -> None:
    d.maybe(0.3, "-floatfile f.bin", "-intfile i.img", "-cbffile c.cbf", "-pgmfile p.pgm -intfile i.img")
    d.maybe(0.3, "-nonoise", "-noisefile n.img", "-nonoise -noise", "-noisefile n.img -nonoise")
    d.maybe(0.3, "-nopgm", "-nopgm -pgmfile p.pgm", "-pgmfile p.pgm -nopgm")
    d.maybe(0.2, "-scale 0.7", "-scale 1e5", "-scale 0")
    d.maybe(0.2, "-adc 0", "-adc 13.5", "-adc -20")
    d.maybe(0.15, "-pgmscale 0.2", "-pgmscale 0")
    d.maybe(0.5, "-seed 5", "-seed 0")
    d.maybe(0.1, "-noprogress", "-progress")
    d.maybe(0.2, "-threads 1", "-threads 2", "-precision float64", "-device cpu")
    d.maybe(0.2, "-engine torch")
    d.maybe(0.05, "-resume rows.part")


def command(seed: int, folder: Path, clock: int) -> list[str]:
    """The words of the command with this number, small enough for the oracle."""
    for attempt in range(1000):
        d = Draw(1000 * seed + attempt)
        parts = []
        for add in (crystal_words, beam_words, detector_words, output_words):
            d.words = []
            add(d)
            parts.append(d.words)
        d.random.shuffle(parts)
        words = [word for part in parts for word in part]
        if d.random.random() < FAULTY:
            words += d.random.choice(FAULTS).split()
        if affordable(words, folder, clock):
            return words
    raise AssertionError("no small command was found")


def affordable(words: list[str], folder: Path, clock: int) -> bool:
    """Whether the oracle computes it in a fraction of a second."""
    try:
        e, _ = experiment(words, folder, clock)
    except Refused:
        return True
    samples = e.oversample**2 * e.layers * len(e.sources) * len(e.angles) * len(e.blocks)
    return samples * e.fpixels * e.spixels <= MOST_STEPS
