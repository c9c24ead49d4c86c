"""Progress, interruption, going on where a run stopped, and memory that follows the tile, not the steps."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from simulator.config import SimulatorError
from simulator.engine.engine import TorchEngine
from simulator.engine.native.shared import shared
from simulator.scene.budget import check_budget, needed_bytes


class Stop(Exception):
    pass


def stop_after(rows):
    def progress(done, total):
        if done >= rows:
            raise Stop

    return progress


def test_progress_counts_rows(simulate):
    seen = []
    simulate({}, {}, engine=TorchEngine(tile=100)).run(
        progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(4, 18), (8, 18), (12, 18), (16, 18), (18, 18)]


def test_an_interrupted_run_goes_on(simulate, tmp_path):
    path = tmp_path / "rows"
    expected = simulate().run()
    with pytest.raises(Stop):
        simulate({}, {}, engine=TorchEngine(tile=100)).run(progress=stop_after(8), resume=path)
    kept = path.stat().st_size
    seen = []
    image = simulate({}, {}, engine=TorchEngine(tile=100)).run(
        progress=lambda done, total: seen.append(done), resume=path
    )
    assert seen == [12, 16, 18], "the first eight rows were not computed again"
    assert torch.allclose(image, expected, rtol=1e-12)
    assert kept > 0
    assert not path.exists(), "a finished run leaves no file"


def test_half_a_row_is_dropped(simulate, tmp_path):
    path = tmp_path / "rows"
    with pytest.raises(Stop):
        simulate({}, {}, engine=TorchEngine(tile=100)).run(progress=stop_after(8), resume=path)
    with open(path, "ab") as file:
        file.write(b"torn")
    assert torch.allclose(simulate().run(resume=path), simulate().run(), rtol=1e-12)


def test_a_file_of_another_image_is_refused(simulate, tmp_path):
    path = tmp_path / "rows"
    with pytest.raises(Stop):
        simulate({}, {}, engine=TorchEngine(tile=100)).run(progress=stop_after(4), resume=path)
    with pytest.raises(SimulatorError, match="belongs to another image"):
        simulate({"cell_a": 41.5}).run(resume=path)
    path.write_bytes(b"something else")
    with pytest.raises(SimulatorError, match="not a file of finished rows"):
        simulate().run(resume=path)


def test_memory_is_estimated_before_it_is_spent(simulate):
    sim = simulate({}, {"fpixels": 4096, "spixels": 4096})
    scene = sim.scene()
    few = needed_bytes(scene, gradients=True)
    mosaic = simulate({"mosaic_spread_deg": 1.0, "mosaic_domains": 100}, {"fpixels": 4096, "spixels": 4096})
    many = needed_bytes(mosaic.scene(), gradients=True)
    assert many < 1.01 * few, "steps cost no memory"
    assert many < 2 << 30
    with pytest.raises(SimulatorError, match=r"4096 x 4096 px with gradients takes \d+ MiB, 64 MiB are free"):
        check_budget(scene, gradients=True, limit=64 << 20)
    with pytest.raises(SimulatorError, match="MiB are free"):
        simulate({}, {"fpixels": 4096, "spixels": 4096}, memory_limit=1 << 20).run()


PEAK = r"""
import re

def peak():
    '''Kilobytes; getrusage would count what the parent held before this program began.'''
    return int(re.search(r"VmHWM:\s+(\d+) kB", open("/proc/self/status").read())[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no peak of one program to read")
def test_gradients_of_many_steps_stay_in_bounds():
    """Five million steps with gradients by the plain path: memory does not follow the steps."""
    script = (
        PEAK
        + """
import torch
from simulator import Crystal, CrystalConfig, Detector, DetectorConfig, Simulator
cell = torch.tensor(100.0, dtype=torch.float64, requires_grad=True)
config = CrystalConfig(cell_a=cell, N_cells=(5, 5, 5), default_F=1, mosaic_spread_deg=1.0, mosaic_domains=40)
detector = Detector(DetectorConfig(fpixels=512, spixels=256, oversample=1))
before = peak()
Simulator(Crystal(config), detector, engine="torch").run().sum().backward()
print(peak() - before)
"""
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=HANGS, check=True
    )
    grown, plane = int(done.stdout) * 1024, 512 * 256 * 40 * 8
    assert grown < 6 * plane, f"grew by {grown} bytes: six stored numbers per step would be {6 * plane}"


LONG = (
    "-cell 40 50 60 80 95 105 -misset 10 20 30 -N 5 -default_F 100 -lambda 1.5 -detpixels 90 -pixel 1 "
    "-oversample 4 -mosaic_spread 1 -mosaic_domains 3000 -threads 1 -engine kernel -nonoise -nopgm"
)
"""4e8 steps in six pieces, each a fraction of a second."""

HANGS = 600
"""Seconds after which a process is given up; no measure of speed."""


def started(folder, name, *more):
    words = [sys.executable, "-m", "simulator", *LONG.split(), "-floatfile", name, *more]
    return subprocess.Popen(words, cwd=folder, stderr=subprocess.PIPE, text=True)


def rows_kept(path):
    return path.stat().st_size if path.exists() else 0


def wait_for_growth(path, beyond, run):
    """Until the file of finished rows is larger than `beyond`, or the run is over."""
    until = time.monotonic() + HANGS
    while rows_kept(path) <= beyond and run.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    return rows_kept(path)


@pytest.mark.slow
@pytest.mark.skipif(isinstance(shared(), str), reason="no compiler, so no kernel")
def test_a_killed_command_goes_on_to_the_same_bits(tmp_path):
    """Killed twice, at no chosen moment after new rows are on disk, then interrupted, then left alone."""
    rows, chance = tmp_path / "rows", random.Random(5)
    assert started(tmp_path, "whole.bin").wait(timeout=HANGS) == 0
    kept = len(rows.read_bytes()) if rows.exists() else 0
    for signal_, code in ((signal.SIGKILL, -9), (signal.SIGKILL, -9), (signal.SIGINT, 130)):
        run = started(tmp_path, "parts.bin", "-resume", "rows")
        grown = wait_for_growth(rows, max(kept, 200), run)
        time.sleep(chance.random() * 0.03)
        run.send_signal(signal_)
        said = run.communicate(timeout=HANGS)[1]
        if not rows.exists():
            # On a busy machine the run may end before the signal comes.
            break
        assert run.returncode == code, said
        assert "Traceback" not in said
        assert grown > kept, "rows were added before the signal"
        kept = rows_kept(rows)
    assert started(tmp_path, "parts.bin", "-resume", "rows").wait(timeout=HANGS) == 0
    assert (tmp_path / "parts.bin").read_bytes() == (tmp_path / "whole.bin").read_bytes()
    assert not rows.exists()


GROWTH = (
    PEAK
    + """
import sys, torch
from simulator import Crystal, CrystalConfig, Detector, DetectorConfig, Simulator
from simulator.scene.budget import needed_bytes
from simulator.engine.tiles import samples_at_once
engine, edge, gradients = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "True"
def run(edge):
    cell = torch.tensor(100.0, dtype=torch.float64, requires_grad=gradients)
    crystal = Crystal(CrystalConfig(cell_a=cell, N_cells=(5, 5, 5), default_F=1.0))
    panel = Detector(DetectorConfig(fpixels=edge, spixels=edge, pixel_size_mm=100 / edge, oversample=1))
    simulator = Simulator(crystal, panel, engine=engine)
    image = simulator.run()
    if gradients:
        image.sum().backward()
    scene = simulator.scene()
    tile = samples_at_once(simulator.device, scene.steps, gradients=gradients) if engine == "torch" else 0
    return needed_bytes(scene, gradients=gradients, tile=tile)
run(16)
before = peak()
needed = run(edge)
print(needed, (peak() - before) * 1024)
"""
)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no peak of one program to read")
@pytest.mark.parametrize(
    ("engine", "edge", "gradients"),
    [("auto", 2400, False), ("auto", 2400, True), ("torch", 1200, False), ("torch", 1200, True)],
)
def test_the_estimate_is_what_a_run_takes(engine, edge, gradients):
    """The estimate covers the measured growth; for the plain path it is at most four times as large."""
    words = [sys.executable, "-c", GROWTH, engine, str(edge), str(gradients)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=HANGS, check=True)
    needed, grown = (int(word) for word in done.stdout.split())
    assert grown <= 1.1 * needed, (grown, needed)
    if engine == "torch":
        assert needed <= 4 * grown, (grown, needed)
