"""Progress, interruption, going on where a run stopped, and memory that follows the tile, not the steps."""

import subprocess
import sys

import pytest
import torch

from simulator.config import SimulatorError
from simulator.simulator.budget import check_budget, needed_bytes
from simulator.simulator.engine import TorchEngine


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


@pytest.mark.slow
def test_gradients_of_many_steps_stay_in_bounds():
    """Five million steps with gradients by the plain path: memory does not follow the steps."""
    script = """
import resource, torch
from simulator import Crystal, CrystalConfig, Detector, DetectorConfig, Simulator
cell = torch.tensor(100.0, dtype=torch.float64, requires_grad=True)
config = CrystalConfig(cell_a=cell, N_cells=(5, 5, 5), default_F=1, mosaic_spread_deg=1.0, mosaic_domains=40)
detector = Detector(DetectorConfig(fpixels=512, spixels=256, oversample=1))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
Simulator(Crystal(config), detector, engine="torch").run().sum().backward()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=True
    )
    grown, plane = int(done.stdout) * 1024, 512 * 256 * 40 * 8
    assert grown < 6 * plane, f"grew by {grown} bytes: six stored numbers per step would be {6 * plane}"
