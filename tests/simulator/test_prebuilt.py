"""The kernel in the wheel: for all processors, chosen at run time, without a compiler on the machine."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from simulator.engine.engine import TorchEngine
from simulator.engine.native import library, verify
from simulator.engine.native.compile import LEVELS, compile_portable, compiler
from simulator.geometry.arrays import as_numpy
from simulator.scene.scene import NAMES

ROOT = Path(__file__).resolve().parents[2] / "simulator"
COMPILER = compiler(os.environ)
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler here")
COMMAND = ("-cell", "70", "80", "90", "75", "85", "95", "-N", "5", "-default_F", "100", "-lambda", "1")
SMALL = ("-distance", "100", "-detpixels", "16", "-pixel", "2", "-nonoise", "-nopgm")


@pytest.mark.parametrize("name", verify.PLANS)
def test_what_a_kernel_is_checked_with_is_what_the_plain_path_gives(name):
    """Written anew by hand where the physics of the two scenes changes: the difference says how."""
    expected = verify.expected()
    scene = verify.scene_of(verify.PLANS[name]).mapped(lambda array: torch.from_numpy(as_numpy(array)))
    image = torch.zeros(verify.ROWS, verify.COLUMNS, dtype=torch.float64)
    TorchEngine().rows(scene, 0, verify.ROWS, image)
    wanted = tuple(field == "real" for field in NAMES)
    upstream = torch.tensor(verify.upstream(), dtype=torch.float64).reshape(image.shape)
    gradient = TorchEngine().backward(scene, wanted, upstream)[0]
    for found, right in ((image, expected[f"{name} / image"]), (gradient, expected[f"{name} / gradient"])):
        numbers = torch.tensor(right, dtype=torch.float64)
        assert torch.allclose(found.reshape(-1), numbers, rtol=0, atol=1e-12 * numbers.abs().max().item())


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A wheel whose kernel has two levels, built by hatch's hook alone."""
    if COMPILER is None:
        pytest.skip("no C compiler here")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    environ = {**os.environ, "SIMULATOR_PREBUILD": "v2 v3"}
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=600, env=environ)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """The wheel, unpacked as pip does it."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder)
    return folder


def run(folder, tmp_path, *words, **variables):
    """A command of the unpacked wheel where there is no compiler on the path, and no kernel in the cache."""
    empty = tmp_path / "bin"
    empty.mkdir(exist_ok=True)
    environ = {"PATH": str(empty), "HOME": str(tmp_path), "PYTHONPATH": str(folder), **variables}
    command = [sys.executable, "-P", "-m", "simulator", *COMMAND, *SMALL, *words]
    return subprocess.run(
        command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.slow
class TestWheel:
    def test_it_belongs_to_a_platform_and_to_any_python(self, built):
        assert "-py3-none-" in built.name
        assert "-any" not in built.name
        with zipfile.ZipFile(built) as archive:
            names = archive.namelist()
        assert "simulator/engine/native/prebuilt.so" in names
        assert "simulator/engine/native/kernel.c" in names
        assert not [name for name in names if "hatch_build" in name]

    def test_no_compiler_is_needed(self, installed, tmp_path):
        done = run(installed, tmp_path)
        assert done.returncode == 0, done.stderr
        assert "; kernel, " in done.stderr
        assert not (tmp_path / ".cache").exists(), "nothing was built"

    def test_every_level_computes_the_same(self, installed):
        """The level of this processor by the library, and the image by the check of each process."""
        found = library.Library(installed / "simulator/engine/native/prebuilt.so", "prebuilt")
        assert found.level() in ("x86-64-v2", "x86-64-v3", "base")
        assert verify.complaint(found) is None

    def test_without_a_kernel_and_a_compiler_the_plain_path_says_why(self, installed, tmp_path):
        kernel = installed / "simulator/engine/native/prebuilt.so"
        aside = kernel.with_suffix(".aside")
        kernel.rename(aside)
        try:
            done = run(installed, tmp_path)
        finally:
            aside.rename(kernel)
        assert done.returncode == 0, done.stderr
        assert "torch (no C compiler found)" in done.stderr

    def test_a_damaged_kernel_is_no_obstacle(self, tmp_path, monkeypatch):
        broken = tmp_path / "prebuilt.so"
        broken.write_bytes(b"no library")
        monkeypatch.setattr(library, "PREBUILT", broken)
        assert library.prebuilt() is None


@needs_compiler
def test_a_level_that_the_processor_lacks_is_not_taken(tmp_path, monkeypatch):
    """A library of no usable level: its `level` says so, and the kernel is built as if there were none."""
    source = tmp_path / "none.c"
    source.write_text("const char *level(void) { return 0; }\n")
    made = tmp_path / "prebuilt.so"
    subprocess.run([COMPILER, "-shared", "-fPIC", str(source), "-o", str(made)], check=True)
    monkeypatch.setattr(library, "PREBUILT", made)
    assert library.prebuilt() is None


def test_the_compilers_message_is_given(tmp_path):
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho 'no such level' >&2\nexit 1\n")
    broken.chmod(0o755)
    message = compile_portable(str(broken), ROOT / "engine/native", tmp_path / "made.so", list(LEVELS))
    assert message == "no such level"
