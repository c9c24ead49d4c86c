"""The refinement examples do what they say, with their plots."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HANGS = 900
"""Seconds after which the process is given up; no measure of speed."""

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(name, *words):
    command = [sys.executable, str(EXAMPLES / name), *words]
    # beside other tests a second thread waits more than it computes
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANGS, check=False, env=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_cell_is_recovered(tmp_path):
    """From 1 % off to 0.01 %, clean and noisy."""
    plot = tmp_path / "refine.svg"
    shown = run("refine_cell.py", "--images", "2", "--out", str(plot))
    lines = [line for line in shown.splitlines() if "image" in line]
    assert len(lines) == 2
    for line in lines:
        assert "from 1.00 %" in line
        assert float(line.split(" to ")[1].split(" %")[0]) < 0.01
    assert plot.read_text().count("<polyline") == 2


@pytest.mark.slow
def test_cell_orientation_and_spread_are_recovered_from_noisy_images(tmp_path):
    """From hundreds of standard errors off to what the noise explains; the example's exit code judges too."""
    plot = tmp_path / "refine.svg"
    shown = run("refine_crystal.py", "--out", str(plot))
    rows = [line.split() for line in shown.splitlines() if line.startswith(("cell", "misset", "mosaic"))]
    assert len(rows) == 10
    at_start = [abs(float(row[-4]) / float(row[-2])) for row in rows]
    at_end = [abs(float(row[-1])) for row in rows]
    assert min(at_start) > 50
    assert max(at_end) < 4.5
    assert plot.read_text().count("<polyline") == 10
