"""The refinement example does what it says: from 1 % off to 0.01 %, clean and noisy, with a plot."""

import subprocess
import sys
from pathlib import Path

import pytest

HANGS = 900
"""Seconds after which the process is given up; no measure of speed."""

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "refine_cell.py"


@pytest.mark.slow
def test_a_cell_is_recovered(tmp_path):
    plot = tmp_path / "refine.svg"
    words = [sys.executable, str(EXAMPLE), "--images", "2", "--out", str(plot)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=HANGS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if "image" in line]
    assert len(lines) == 2
    for line in lines:
        assert "from 1.00 %" in line
        assert float(line.split(" to ")[1].split(" %")[0]) < 0.01
    assert plot.read_text().count("<polyline") == 2
