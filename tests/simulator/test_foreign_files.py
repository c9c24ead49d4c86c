"""Files of other libraries: NeXus by h5py, EDF and masks by fabio; read back, and missing libraries."""

import sys
from datetime import datetime

import fabio
import h5py
import numpy as np
import pytest

from simulator import Detector
from simulator.__main__ import main
from simulator.io.command.parse import parse
from simulator.io.command.translate import translate

COMMAND = (
    "-cell 40 50 60 80 95 105 -N 3 -default_F 10 -lambda 1.2 -distance 90 -detpixels_f 12 -detpixels_s 9 "
    "-pixel 3 -oversample 1 -misset 10 20 30 -phi 5 -osc 2 -phisteps 4 -nonoise -nopgm -npyfile a.npy"
)
TILTED = "-detector_rotx 4 -detector_roty -6 -detector_rotz 9 -twotheta 12"


@pytest.fixture
def made(tmp_path, monkeypatch):
    """(words) -> the image, the detector and crystal of the command, and the NeXus file."""
    monkeypatch.chdir(tmp_path)

    def make(words):
        line = f"{COMMAND} {words}".split()
        assert main([*line, "-nxfile", "a.nxs"], clock=1) == 0
        experiment = translate(parse(line), clock=1)
        return np.load("a.npy"), experiment, h5py.File("a.nxs")

    return make


def in_space(module, slow, fast):
    """The place of a pixel's middle in the McStas frame by the chain of transformations alone, m."""
    name, place = "fast_pixel_direction", np.zeros(3)
    steps = {"fast_pixel_direction": fast + 0.5, "slow_pixel_direction": slow + 0.5, "module_offset": 1.0}
    while name != ".":
        axis = module[name]
        assert axis.attrs["transformation_type"] == "translation"
        place = place + axis.attrs["vector"] * axis[()] * steps[name.rpartition("/")[2]]
        name = axis.attrs["depends_on"]
    return place


@pytest.mark.parametrize(
    "convention", ["", "-mosflm", "-xds", "-adxv", "-dials", "-beam_vector 0 1 0 -mosflm"]
)
def test_nexus_has_the_pixels_and_where_they_are(made, convention):
    image, experiment, file = made(f"{TILTED} {convention}")
    assert np.array_equal(file["entry/data/data"][0], image)
    assert np.array_equal(file["entry/instrument/detector/data"][0], image)
    detector = Detector(experiment.detector, xp=np)
    panel, edge = detector.panel(), detector.pixel()
    axes = detector.axes()
    module = file["entry/instrument/detector/module"]
    spots, lab = [], []
    for slow, fast in ((0, 0), (8, 0), (0, 11), (8, 11)):
        spots.append(in_space(module, slow, fast))
        lab.append(panel.origin + edge * ((fast + 0.5) * panel.fast + (slow + 0.5) * panel.slow))
    spots, lab = np.array(spots), np.array(lab)
    # A rotation from lab to McStas: lengths, angles and handedness stay, the beam becomes z.
    assert np.allclose(spots @ spots.T, lab @ lab.T, rtol=1e-12)
    assert np.linalg.det(spots[:3]) == pytest.approx(np.linalg.det(lab[:3]), rel=1e-9)
    assert np.allclose(spots[:, 2], lab @ axes.beam, rtol=1e-12)
    spindle = file["entry/sample/transformations/phi"].attrs["vector"]
    assert np.allclose(spots @ spindle, lab @ axes.spindle, rtol=1e-9, atol=1e-12)
    assert spindle[0] < 0, "x stands against the spindle"


def test_nexus_has_the_experiment(made):
    _, _, file = made("-flux 1e12 -exposure 0.1 -beamsize 0.1 -polar 0.8 -detector_thick 450")
    beam, detector = file["entry/instrument/beam"], file["entry/instrument/detector"]
    assert file["entry/definition"][()] == b"NXmx"
    assert beam["incident_wavelength"][()] == 1.2
    assert beam["incident_wavelength"].attrs["units"] == "angstrom"
    assert beam["fluence"][()] == pytest.approx(1e11 / 1e-8)
    assert beam["incident_polarization_stokes"][1] == 0.8
    assert detector["distance"][()] == pytest.approx(0.09)
    assert detector["sensor_thickness"][()] == pytest.approx(450e-6)
    assert detector["count_time"][()] == 0.1
    assert not detector["pixel_mask"][()].any()
    sample = file["entry/sample"]
    assert np.allclose(sample["unit_cell"], [40, 50, 60, 80, 95, 105], rtol=1e-3)
    assert np.allclose(sample["transformations/phi"], [5, 5.5, 6, 6.5])
    real = np.linalg.inv(sample["ub_matrix"][()])
    assert np.allclose(np.linalg.norm(real, axis=1), [40, 50, 60], rtol=2e-3)
    classes = []
    file.visititems(lambda name, found: classes.append(found.attrs.get("NX_class")))
    assert {"NXentry", "NXdata", "NXinstrument", "NXbeam", "NXdetector", "NXdetector_module"} <= set(classes)


DEMANDED = {
    "NXentry": {"definition": "U", "start_time": "T", "end_time_estimated": "T"},
    "NXdata": {"data": "3"},
    "NXsample": {"name": "U", "depends_on": "U"},
    "NXinstrument": {"name": "U"},
    "NXdetector": {"depends_on": "U", "sensor_material": "U", "sensor_thickness": "length"},
    "NXdetector_module": {
        "data_origin": "2",
        "data_size": "2",
        "fast_pixel_direction": "axis",
        "slow_pixel_direction": "axis",
    },
    "NXbeam": {"incident_wavelength": "wavelength"},
    "NXsource": {"name": "U"},
}
"""What the application definition NXmx demands: by class the fields without minOccurs="0", and what they are.

U: a text; T: a date and time in ISO 8601; 2: two numbers; 3: three axes; a quantity: a number with a unit of
it; axis: a number with the attributes of a transformation.
"""

UNITS = {"length": {"m", "mm", "um"}, "wavelength": {"angstrom"}}


def demand(kind, field):
    """Whether a field is what NXmx demands."""
    if kind == "U":
        return bool(field.asstr()[()])
    if kind == "T":
        return datetime.fromisoformat(field.asstr()[()]).tzinfo is not None
    if kind == "axis":
        given = field.attrs
        turned = given["transformation_type"] in ("translation", "rotation") and given["units"] == "m"
        return turned and len(given["vector"]) == len(given["offset"]) == 3 and bool(given["depends_on"])
    if kind in UNITS:
        return field.attrs["units"] in UNITS[kind]
    return field.ndim == 3 if kind == "3" else field.shape == (2,)


def test_nexus_has_all_that_the_definition_demands(made):
    _, _, file = made(TILTED)
    names = []
    file.visit(names.append)
    groups = {file[name].attrs.get("NX_class"): file[name] for name in names}
    for name, fields in DEMANDED.items():
        for field, kind in fields.items():
            assert demand(kind, groups[name][field]), f"{name}/{field}"
    # Every chain of transformations ends, from the sample and from the detector.
    for group in (groups["NXsample"], groups["NXdetector"]):
        name, steps = group["depends_on"].asstr()[()], 0
        while name != ".":
            # A name without a slash in front is relative to the group.
            name = (file if name.startswith("/") else group)[name].attrs["depends_on"]
            steps += 1
        assert steps >= 1
    assert file["entry"].attrs["default"] == "data"
    assert file["entry/start_time"].asstr()[()] == "1970-01-01T00:00:01.000Z"
    assert file["entry/end_time_estimated"].asstr()[()] == "1970-01-01T00:00:02.000Z"


def test_nexus_marks_pixels_that_do_not_count(made):
    counted = np.ones((9, 12), dtype=np.uint8)
    counted[4, 5:8] = 0
    fabio.edfimage.EdfImage(data=counted).write("mask.edf")
    image, _, file = made("-mask mask.edf -roi 1 10 2 8")
    pixels = file["entry/instrument/detector/pixel_mask"][()]
    assert set(np.unique(pixels)) == {0, 1, 256}
    assert (pixels[4, 5:8] == 1).all()
    assert (pixels[:2] == 256).all()
    assert not image[pixels != 0].any()
    assert image[pixels == 0].all()


def test_nexus_has_every_wavelength(made):
    beam = made("-dispersion 10 -dispsteps 3")[2]["entry/instrument/beam"]
    assert np.allclose(beam["incident_wavelength"], [1.14, 1.2, 1.26])
    assert len(beam["incident_wavelength_weights"]) == 3


def test_edf_by_fabio(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*COMMAND.split(), "-edffile", "a.edf"], clock=1) == 0
    with fabio.open("a.edf") as image:
        assert np.array_equal(image.data, np.load("a.npy").astype(np.float32))
        assert float(image.header["WAVELENGTH"]) == 1.2


@pytest.mark.parametrize("suffix", ["edf", "cbf", "tif"])
def test_masks_by_fabio(tmp_path, monkeypatch, suffix):
    monkeypatch.chdir(tmp_path)
    counted = np.ones((9, 12), dtype=np.int32)
    counted[2, 3:6] = 0
    kinds = {"edf": fabio.edfimage.EdfImage, "cbf": fabio.cbfimage.CbfImage, "tif": fabio.tifimage.TifImage}
    kinds[suffix](data=counted).write(f"mask.{suffix}")
    assert main([*COMMAND.split(), "-mask", f"mask.{suffix}"], clock=1) == 0
    assert np.array_equal(np.load("a.npy") > 0, counted > 0)


@pytest.mark.parametrize(
    "content", [b"", b"no image", b"II*\0" + bytes(40), b"{\nHeaderID = 1;\nDim_1 = 99999999;\n}\n"]
)
@pytest.mark.parametrize("suffix", ["edf", "cbf", "tif"])
def test_damaged_masks_end_in_one_line(tmp_path, monkeypatch, capsys, suffix, content):
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"mask.{suffix}").write_bytes(content)
    assert main([*COMMAND.split(), "-mask", f"mask.{suffix}"], clock=1) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("note: ")]
    assert line.startswith("error: ")
    assert "mask" in line


def test_a_mask_that_is_absent(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*COMMAND.split(), "-mask", "gone.edf"], clock=1) == 2
    assert "cannot read the mask gone.edf: there is no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "library"),
    [("-nxfile a.nxs", "h5py"), ("-edffile a.edf", "fabio"), ("-mask mask.tif", "fabio")],
)
def test_without_the_library(tmp_path, monkeypatch, capsys, words, library):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mask.tif").write_bytes(b"")
    monkeypatch.setitem(sys.modules, library, None)
    assert main([*COMMAND.split(), *words.split()], clock=1) == 2
    assert f"need {library}, which is not installed: pip install {library}" in capsys.readouterr().err
    assert not (tmp_path / "a.npy").exists(), "found out before the image was computed"
