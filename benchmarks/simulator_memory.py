"""Memory and time of the largest image asked for: 4096 x 4096, 100 blocks x 10 spindle steps, with gradients.

1.7e10 steps. SIMULATOR_ROWS=N cuts the image to N rows for a quicker look.
"""

from __future__ import annotations

import os
import resource
import time

import torch

from simulator import Simulator
from simulator.config import BeamConfig, CrystalConfig, DetectorConfig
from simulator.crystal import Crystal
from simulator.detector import Detector
from simulator.scene.budget import needed_bytes

NAMES = ("cell_a", "cell_b", "cell_c", "cell_alpha", "cell_beta", "cell_gamma")
LIMIT_MIB = 2048
"""Resident memory that the run may take."""

EDGE = 4096
"""Pixels along an edge."""

STEPS = 1000
"""100 mosaic blocks x 10 spindle steps."""


def main() -> None:
    """Run it once and print what it took."""
    rows = int(os.environ.get("SIMULATOR_ROWS", str(EDGE)))
    values = (100.0, 100.0, 100.0, 90.0, 90.0, 90.0)
    cell = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in values]
    config = CrystalConfig(
        **dict(zip(NAMES, cell, strict=True)),
        N_cells=(5, 5, 5),
        default_F=100.0,
        mosaic_spread_deg=1.0,
        mosaic_domains=100,
        phi_start_deg=0.5,
        phi_steps=10,
        osc_range_deg=1.0,
    )
    roi = (0, EDGE - 1, 0, rows - 1)
    detector = Detector(
        DetectorConfig(fpixels=EDGE, spixels=EDGE, pixel_size_mm=0.025, oversample=1, roi=roi)
    )
    simulator = Simulator(Crystal(config), detector, beam_config=BeamConfig(wavelength_A=1.0))
    estimate = needed_bytes(simulator.scene(), gradients=True) / 2**20
    begin = time.perf_counter()
    image = simulator.run()
    middle = time.perf_counter()
    image.sum().backward()  # type: ignore[no-untyped-call]
    end = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    steps = rows * EDGE * STEPS
    print(
        f"{simulator.path}: {steps:.2e} steps, forward {middle - begin:.1f} s, backward {end - middle:.1f} s"
    )
    print(
        f"peak resident memory {peak:.0f} MiB (limit {LIMIT_MIB}), estimated for the image {estimate:.0f} MiB"
    )
    assert peak <= LIMIT_MIB, "above the limit"


if __name__ == "__main__":
    main()
