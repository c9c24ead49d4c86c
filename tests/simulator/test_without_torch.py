"""The command without torch and numpy: not loaded where the kernel serves, and the image is the same."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from simulator.__main__ import main
from simulator.engine.native.shared import shared

pytestmark = pytest.mark.skipif(isinstance(shared(), str), reason="no compiler, so no kernel")

SMALL = "-cell 40 50 60 80 95 105 -misset 10 20 30 -N 5 -default_F 100 -lambda 1.5 -distance 100"
PANEL = "-pixel 1.0 -detpixels_x 30 -detpixels_y 20"
HANGS = 600
"""Seconds after which a process is given up; no measure of speed."""

VARIED = (
    "-oversample 2",
    "-oversample 2 -mosaic_spread 1 -mosaic_domains 5 -phi 3 -osc 1 -phisteps 3",
    "-oversample 1 -round_xtal -polar 0.7 -precision float32",
    "-oversample 1 -tophat_spots -divergence 5 -divsteps 3 -dispersion 2 -dispsteps 3",
    "-detector_rotx 5 -detector_roty -3 -detector_rotz 20 -twotheta 12 -detector_thick 300 -detector_abs 200",
    "-xds -ORGX 12 -ORGY 7 -dmin 3 -roi 3 20 2 15 -point_pixel",
    "-misset random -misset_seed 7 -N 60 -nopolar -flux 1e12 -beamsize 0.2",
    "-twotheta_axis 0 0 1 -spindle_axis 1 0.2 0 -phi 40 -fdet_vector 0 0 1 -sdet_vector 0 -1 0.01",
)


def picture(words, tmp_path, capsys):
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
    code = main([*words.split(), "-nonoise", "-nopgm", "-npyfile", str(path)], clock=1)
    said = capsys.readouterr().err
    assert code == 0, said
    return np.load(path), said.split("; ")[1].split(",")[0]


@pytest.mark.parametrize(("options", "loaded"), [("", []), ("-mask all.img", ["numpy"])])
def test_torch_is_not_loaded(options, loaded, tmp_path):
    """Of numpy only what a mask and a table of reflections need: a small experiment does without."""
    head = "{\nHEADER_BYTES=512;\nSIZE1=30;\nSIZE2=20;\n}\f".ljust(512).encode()
    (tmp_path / "all.img").write_bytes(head + b"\1\0" * 600)
    code = (
        "import sys; from simulator.__main__ import main; "
        f"code = main('{SMALL} {PANEL} {options} -oversample 2 -seed 1'.split(), clock=1); "
        "print([name for name in ('numpy', 'torch') if name in sys.modules], code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=HANGS,
        check=False,
        env={key: value for key, value in os.environ.items() if key != "NANOBRAGG_DISABLE_COMPILE"},
    )
    assert done.stdout.strip() == f"{loaded} 0", done.stderr
    assert "; kernel, " in done.stderr
    assert (tmp_path / "intimage.img").stat().st_size == 512 + 2 * 600


@pytest.mark.parametrize("options", VARIED)
def test_same_image_as_with_torch(options, tmp_path, monkeypatch, capsys, from_command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NANOBRAGG_DISABLE_COMPILE", raising=False)
    image, path = picture(f"{SMALL} {PANEL} {options}", tmp_path, capsys)
    assert path == "kernel"
    dtype = torch.float32 if "float32" in options else torch.float64
    other = from_command(f"{SMALL} {PANEL} {options}", dtype=dtype, engine="kernel").run().numpy()
    assert image.dtype == other.dtype
    assert np.abs(image - other).max() <= (1e-12 if dtype == torch.float64 else 1e-5) * other.max()


@pytest.mark.shared
def test_every_reference_command(golden, tmp_path, monkeypatch, capsys):
    """70 command lines, each against the reference program's image, most without torch."""
    monkeypatch.chdir(golden)
    monkeypatch.delenv("NANOBRAGG_DISABLE_COMPILE", raising=False)
    # The program leaves a cache of the structure factors where it runs: not among the reference data.
    monkeypatch.setattr("simulator.__main__.CACHE", tmp_path / "Fdump.bin")
    expected = np.load("images.npz")
    paths = {}
    for name, case in json.loads((golden / "cases.json").read_text()).items():
        (tmp_path / "Fdump.bin").unlink(missing_ok=True)
        carry = " -phi_carryover 2" if name == "phi-steps-from-zero" else ""
        words = f"{case['command']}{carry} -floatfile {tmp_path}/f.bin -intfile {tmp_path}/i.img"
        image, paths[name] = picture(words, tmp_path, capsys)
        off = np.abs(image - expected[name]).max() / max(expected[name].max(), 1e-300)
        assert off < 1e-6, f"{name}: off by {off:g} of the maximum"
    assert sum(path == "kernel" for path in paths.values()) >= 55, paths


@pytest.mark.slow
def test_without_a_compiler_the_plain_path_runs_and_the_line_says_why(tmp_path, monkeypatch):
    """A process in which no compiler is found and no kernel is cached."""
    keep = {key: value for key, value in os.environ.items() if key not in ("CC", "NANOBRAGG_DISABLE_COMPILE")}
    environ = {**keep, "PATH": str(tmp_path / "empty"), "SIMULATOR_CACHE": str(tmp_path / "cache")}
    words = f"{SMALL} {PANEL} -oversample 1 -seed 3".split()
    done = subprocess.run(
        [sys.executable, "-m", "simulator", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=HANGS,
        check=False,
        env=environ,
    )
    assert done.returncode == 0, done.stderr
    assert "; torch (no C compiler found), " in done.stderr
    plain = np.fromfile(tmp_path / "floatimage.bin", "f4")
    noise = (tmp_path / "noiseimage.img").read_bytes()
    monkeypatch.chdir(tmp_path)
    assert main(words, clock=1) == 0
    assert np.allclose(np.fromfile(tmp_path / "floatimage.bin", "f4"), plain, rtol=1e-5, atol=1e-5)
    assert (tmp_path / "noiseimage.img").read_bytes() == noise


def test_the_switch_runs_the_plain_path(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NANOBRAGG_DISABLE_COMPILE", "1")
    _, path = picture(f"{SMALL} {PANEL} -oversample 1", tmp_path, capsys)
    assert path == "torch"
