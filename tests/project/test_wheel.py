"""The two distributions, built and tried: what they hold, and that they run without the tree."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_PACKAGE = {"pyproject.toml", "hatch_build.py", "README.md", "LICENSE"}
"""What describes the simulator's distribution and lies in the folder of its package."""
RENDER = """
import simulator
from simulator import Crystal, CrystalConfig, Detector, DetectorConfig, Simulator
detector = Detector(config=DetectorConfig(fpixels=4, spixels=4))
image = Simulator(Crystal(CrystalConfig(default_F=100.0)), detector).run()
print(tuple(image.shape), simulator.__file__)
"""
OWN = ("triage", "simulator", "_triage", "_editable", "__editable")
"""How names in site-packages begin that lead back to this tree."""

pytestmark = pytest.mark.slow


def build(project: Path, into: Path, kind: str = "wheel") -> Path:
    """Build a distribution with the backend alone: no network, no isolated environment."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(into)]
    # Wheels with a kernel have their own tests (tests/simulator/test_prebuilt.py).
    environ = {**os.environ, "SIMULATOR_PREBUILD": "none"}
    subprocess.run(command, cwd=project, check=True, capture_output=True, timeout=120, env=environ)
    return next(into.glob("*.whl" if kind == "wheel" else "*.tar.gz"))


def names(wheel: Path) -> set[str]:
    """The files of a wheel, without its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def metadata(wheel: Path) -> set[str]:
    """The metadata files of a wheel, named from its dist-info folder."""
    with zipfile.ZipFile(wheel) as archive:
        return {name.partition(".dist-info/")[2] for name in archive.namelist() if ".dist-info/" in name}


def files_below(folder: Path) -> set[str]:
    """Files of the tree, relative to `folder`, without what Python leaves there."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in found if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def triage_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("triage-wheel"))


@pytest.fixture(scope="module")
def simulator_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT / "simulator", tmp_path_factory.mktemp("simulator-wheel"))


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dependencies as they are installed here, by links, without anything that leads back to the tree."""
    folder = tmp_path_factory.mktemp("libraries")
    for site in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(site).iterdir():
            if not entry.name.startswith(OWN) and entry.suffix != ".pth":
                (folder / entry.name).symlink_to(entry)
    return folder


class Venv:
    """A virtual environment of its own, with wheels in it and libraries beside it."""

    def __init__(self, folder: Path, libraries: Path, wheels: Sequence[Path]) -> None:
        self.python = folder / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
        site = next(folder.glob("lib/python*/site-packages"))
        (site / "libraries.pth").write_text(f"{libraries}\n", encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(self.python)]
        install = [*pip, "install", "--no-deps", "--no-index", "--quiet", *map(str, wheels)]
        subprocess.run(install, check=True, capture_output=True, timeout=120)

    def run(self, cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """A program of the environment (its first word), in `cwd`, as a user with no settings runs it."""
        unwanted = ("PYTHON", "PYTEST", "TRIAGE", "COVERAGE")
        environ = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
        command = [str(self.python.parent / words[0]), *words[1:]]
        return subprocess.run(
            command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=240, check=False
        )


@pytest.fixture(scope="module")
def triage_alone(tmp_path_factory: pytest.TempPathFactory, libraries: Path, triage_wheel: Path) -> Venv:
    return Venv(tmp_path_factory.mktemp("alone") / "venv", libraries, [triage_wheel])


@pytest.fixture(scope="module")
def simulator_alone(tmp_path_factory: pytest.TempPathFactory, libraries: Path, simulator_wheel: Path) -> Venv:
    return Venv(tmp_path_factory.mktemp("simulator") / "venv", libraries, [simulator_wheel])


def test_triages_wheel_holds_triage_alone(triage_wheel: Path) -> None:
    expected = {f"triage/{name}" for name in files_below(ROOT / "triage")}
    expected |= {f"triage/_templates/{name}" for name in files_below(ROOT / "templates")}
    expected.add("triage/_docs/errors.md")
    assert names(triage_wheel) == expected
    assert "triage/py.typed" in expected
    assert metadata(triage_wheel) == {
        "METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE",
    }  # fmt: skip


def test_the_simulators_wheel_holds_the_simulator_alone(simulator_wheel: Path) -> None:
    here = files_below(ROOT / "simulator") - NOT_PACKAGE
    assert names(simulator_wheel) == {f"simulator/{name}" for name in here}
    assert {"py.typed", "engine/native/kernel.c"} <= here
    assert metadata(simulator_wheel) == {"METADATA", "RECORD", "WHEEL", "licenses/LICENSE"}


def test_the_simulators_sdist_makes_the_same_wheel(simulator_wheel: Path, tmp_path: Path) -> None:
    sdist = build(ROOT / "simulator", tmp_path / "sdist", "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    again = build(source, tmp_path / "again")
    assert (again.name, names(again)) == (simulator_wheel.name, names(simulator_wheel))


def test_both_licenses_are_the_projects() -> None:
    assert (ROOT / "simulator" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_triage_runs_a_suite_without_the_tree(triage_alone: Venv, tmp_path: Path) -> None:
    (tmp_path / "test_two.py").write_text("def test_good(): pass\ndef test_bad(): assert 1 == 2\n")
    where = triage_alone.run(tmp_path, "python", "-c", "import triage; print(triage.__file__)")
    assert Path(where.stdout.strip()).is_relative_to(triage_alone.python.parents[1]), where.stderr
    assert "Usage: triage" in triage_alone.run(tmp_path, "triage", "--help").stdout
    init = triage_alone.run(tmp_path, "triage", "init")
    assert init.returncode == 0, init.stdout + init.stderr
    run = triage_alone.run(tmp_path, "triage", "run")
    assert run.returncode == 1, run.stdout + run.stderr
    results = triage_alone.run(tmp_path, "triage", "results", "--json").stdout
    assert "test_two.py::test_good" in results
    assert "test_two.py::test_bad" in results
    assert "region-edited" in triage_alone.run(tmp_path, "triage", "help", "region-edited").stdout


def test_triage_brings_no_simulator(triage_alone: Venv, tmp_path: Path) -> None:
    outcome = triage_alone.run(tmp_path, "python", "-c", "import simulator")
    assert "No module named 'simulator'" in outcome.stderr


def test_the_demo_says_that_it_needs_the_simulator(triage_alone: Venv, tmp_path: Path) -> None:
    demo = triage_alone.run(tmp_path, "triage", "demo", "folder")
    assert demo.returncode == 2
    assert "pip install ./simulator" in demo.stderr
    assert demo.stderr.rstrip().endswith("[demo-needs-simulator]")
    assert not (tmp_path / "folder").exists()


def test_the_simulator_renders_without_the_tree(simulator_alone: Venv, tmp_path: Path) -> None:
    options = "-cell 100 100 100 90 90 90 -default_F 100 -lambda 1 -distance 100 -detpixels 8"
    render = simulator_alone.run(
        tmp_path, "python", "-m", "simulator", *options.split(), "-floatfile", "image.bin"
    )
    assert render.returncode == 0, render.stdout + render.stderr
    assert (tmp_path / "image.bin").stat().st_size == 8 * 8 * 4
    library = simulator_alone.run(tmp_path, "python", "-c", RENDER)
    assert library.returncode == 0, library.stderr
    assert library.stdout.startswith(f"(4, 4) {simulator_alone.python.parents[1]}")
    assert "No module named 'triage'" in simulator_alone.run(tmp_path, "python", "-c", "import triage").stderr
