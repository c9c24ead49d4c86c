"""What a stranger installs has everything that it needs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_every_template_is_shipped(wheel):
    here = {path.relative_to(ROOT).as_posix() for path in (ROOT / "templates").rglob("*") if path.is_file()}
    shipped = {name.replace("triage/_templates/", "templates/") for name in wheel.namelist()}
    assert {name for name in here if "__pycache__" not in name} - shipped == set()


def test_the_explanations_and_the_type_marks_are_shipped(wheel):
    assert {"triage/_docs/errors.md", "triage/py.typed", "simulator/py.typed"} <= set(wheel.namelist())


def test_only_the_two_packages_are_installed(wheel):
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"triage", "simulator"}
