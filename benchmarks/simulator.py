"""Speed of the simulator against scalar C, per step of the inner loop, and what gradients cost on top.

The peer is the reference program where a `nanoBragg` is found on the path (whole commands), and a scalar
stand-in with six library sines a step, compiled with -O3, for the inner loop. Both sides are timed in
turns, the best of several rounds counts, and each ratio compares one thread with one thread unless it says
otherwise.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from simulator.config import BeamConfig, CrystalConfig, DetectorConfig
from simulator.crystal import Crystal
from simulator.detector import Detector
from simulator.simulator import Simulator
from simulator.simulator.assemble import Job, assemble
from simulator.simulator.choose import choose_engine
from simulator.simulator.native.engine import KernelEngine
from simulator.simulator.native.library import Library
from simulator.simulator.scene import Scene

NAMES = ("cell_a", "cell_b", "cell_c", "cell_alpha", "cell_beta", "cell_gamma")
CUBIC = (100.0, 100.0, 100.0, 90.0, 90.0, 90.0)
TRICLINIC = (70.0, 80.0, 90.0, 75.0, 85.0, 95.0)
ROUNDS = 5


@dataclass(frozen=True)
class Case:
    """One row of the table: the crystal, the detector and the wavelength; `floor` is the ratio asked for."""

    title: str
    cell: tuple[float, ...]
    crystal: dict[str, Any]
    detector: dict[str, Any]
    wavelength: float
    floor: int
    command: str = ""
    rows: int | None = field(default=None)


MOSAIC = {"mosaic_spread_deg": 1.0, "mosaic_domains": 10}
CASES = (
    Case("1 cubic", CUBIC, {}, {}, 6.2, 10, "-lambda 6.2"),
    Case(
        "2 triclinic 512, oversample 2",
        TRICLINIC,
        {"misset_deg": (-89.968546, -31.328953, 177.753396)},
        {"fpixels": 512, "spixels": 512, "oversample": 2},
        1.0,
        10,
        "-misset -89.968546 -31.328953 177.753396 -detpixels 512 -oversample 2",
    ),
    Case("3 cubic, mosaic 10", CUBIC, MOSAIC, {}, 6.2, 30, "-lambda 6.2 -mosaic_spread 1 -mosaic_domains 10"),
    Case(
        "4 tilted detector",
        CUBIC,
        {},
        {"rotx_deg": 5.0, "roty_deg": 3.0, "rotz_deg": 2.0, "twotheta_deg": 15.0},
        6.2,
        10,
        "-lambda 6.2 -detector_rotx 5 -detector_roty 3 -detector_rotz 2 -twotheta 15",
    ),
    Case(
        "5 phi 10 x mosaic 10 x oversample 2, 256",
        TRICLINIC,
        {**MOSAIC, "phi_start_deg": 0.5, "phi_steps": 10, "osc_range_deg": 1.0},
        {"fpixels": 256, "spixels": 256, "oversample": 2},
        1.0,
        30,
        "-phi 0.5 -osc 1 -phisteps 10 -mosaic_spread 1 -mosaic_domains 10 -detpixels 256 -oversample 2",
    ),
    Case(
        "6 cubic 4096",
        CUBIC,
        {},
        {"fpixels": 4096, "spixels": 4096, "pixel_size_mm": 0.025},
        6.2,
        10,
        "-lambda 6.2 -detpixels 4096 -pixel 0.025",
        rows=512,
    ),
    Case(
        "N = 60, mosaic 10", CUBIC, {**MOSAIC, "N_cells": (60, 60, 60)}, {"oversample": 1}, 6.2, 10, rows=512
    ),
)


def simulator(case: Case, dtype: torch.dtype, threads: int, *, gradients: bool = False) -> Simulator:
    """The simulator of a case on the kernel."""
    cell = {
        name: torch.tensor(value, dtype=torch.float64, requires_grad=gradients)
        for name, value in zip(NAMES, case.cell, strict=True)
    }
    config = CrystalConfig(**cell, default_F=100.0, **{"N_cells": (5, 5, 5), **case.crystal})
    detector = dict(case.detector)
    if case.rows is not None:
        detector["spixels"] = case.rows
    engine = choose_engine("kernel", device=torch.device("cpu"), threads=threads)
    beam = BeamConfig(wavelength_A=case.wavelength)
    return Simulator(
        Crystal(config), Detector(DetectorConfig(**detector)), beam_config=beam, dtype=dtype, engine=engine
    )


class Peer:
    """The scalar stand-in, compiled with -O3."""

    def __init__(self, folder: Path) -> None:
        cc = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if cc is None:
            sys.exit("a C compiler is needed for the peer")
        target = folder / "peer.so"
        source = Path(__file__).with_name("simulator_peer.c")
        subprocess.run([cc, "-O3", "-fPIC", "-shared", str(source), "-o", str(target), "-lm"], check=True)
        self._call = ctypes.CDLL(str(target)).peer_image
        self._call.restype = None

    def image(self, sim: Simulator, scene: Scene) -> torch.Tensor:
        """The same pixels as the kernel's, float64."""
        t, plan = scene.tensors, scene.plan
        width, height = len(plan.columns), len(plan.rows)
        out = torch.empty((height, width), dtype=torch.float64)
        vectors = [x.contiguous() for x in (t.origin, t.fast, t.slow, t.directions[0])]
        spindle, cells = sim.detector.axes().spindle.contiguous(), t.cells.contiguous()
        real, angles = sim.crystal.vectors()[0].contiguous(), sim.crystal.spindle_angles().contiguous()
        blocks = sim.crystal.mosaic_blocks().contiguous()
        pointers = [ctypes.c_void_p(vector.data_ptr()) for vector in vectors]
        amplitude = float(t.scale * t.default_F**2) / scene.steps
        self._call(
            *pointers,
            *(ctypes.c_double(float(x)) for x in (t.pixel, t.close, t.wavelengths[0])),
            *(ctypes.c_void_p(x.data_ptr()) for x in (real, spindle, angles)),
            ctypes.c_long(len(angles)),
            ctypes.c_void_p(blocks.data_ptr()),
            ctypes.c_long(len(blocks)),
            ctypes.c_void_p(cells.data_ptr()),
            *(ctypes.c_long(n) for n in (width, height, plan.oversample)),
            ctypes.c_double(amplitude),
            ctypes.c_void_p(out.data_ptr()),
        )
        return out


def best(
    *runs: Callable[[], object], rounds: int = ROUNDS, clock: Callable[[], float] = time.thread_time
) -> list[float]:
    """Seconds of each, taken in turns; the least of all rounds.

    One thread is timed by its own processor time, so that a busy machine does not count; whole commands and
    several threads by the wall clock.
    """
    found = [float("inf")] * len(runs)
    for _ in range(rounds):
        for index, run in enumerate(runs):
            begin = clock()
            run()
            found[index] = min(found[index], clock() - begin)
    return found


def forward(sim: Simulator, scene: Scene) -> torch.Tensor:
    """The kernel's pixels, without what prepares them."""
    return assemble(Job(sim.engine), scene)


def pulled(sim: Simulator) -> None:
    """Forward and backward of six cell parameters."""
    sim.run().sum().backward()  # type: ignore[no-untyped-call]


def row(case: Case, peer: Peer) -> str:
    """One line of the table, after a check that both sides made the same image."""
    sims = {dtype: simulator(case, dtype, 1) for dtype in (torch.float64, torch.float32)}
    scenes = {dtype: sim.scene() for dtype, sim in sims.items()}
    scene = scenes[torch.float64]
    expected = peer.image(sims[torch.float64], scene)
    image = forward(sims[torch.float64], scene)
    off = float((image - expected).abs().max() / expected.max())
    assert off < 1e-6, f"{case.title}: the peer disagrees by {off:g}"
    both = simulator(case, torch.float64, torch.get_num_threads())
    trained = simulator(case, torch.float64, 1, gradients=True)
    slow, double, single, pair = best(
        lambda: peer.image(sims[torch.float64], scene),
        lambda: forward(sims[torch.float64], scene),
        lambda: forward(sims[torch.float32], scenes[torch.float32]),
        partial(pulled, trained),
        rounds=2 if case.rows else ROUNDS,
    )
    (shared,) = best(lambda: forward(both, scene), clock=time.perf_counter)
    steps = scene.steps * len(scene.plan.rows) * len(scene.plan.columns)
    whole = best(sims[torch.float64].run)[0]
    verdict = "ok" if slow / double >= case.floor and slow / single >= 2 * case.floor else "BELOW THE FLOOR"
    return (
        f"{case.title:42s} {slow / steps * 1e9:6.1f} {double / steps * 1e9:6.2f} {single / steps * 1e9:6.2f}"
        f" {slow / double:7.1f} {slow / single:7.1f} {slow / shared:7.1f} {pair / whole:6.2f}"
        f" {case.floor:5d} {verdict}"
    )


def commands() -> None:
    """Whole commands against the reference program, where it is installed."""
    found = shutil.which("nanoBragg")
    if found is None:
        print("whole commands: no nanoBragg on the path, so nothing to compare with")
        return
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES[:6]:
            cell = " ".join(f"{value:g}" for value in case.cell)
            words = f"-cell {cell} -N 5 -default_F 100 -distance 100 -nonoise -nopgm {case.command}".split()
            theirs, ours = best(
                lambda words=words: subprocess.run(
                    [found, *words], cwd=folder, capture_output=True, check=True
                ),
                lambda words=words: subprocess.run(
                    [sys.executable, "-m", "simulator", *words], cwd=folder, capture_output=True, check=True
                ),
                rounds=3,
                clock=time.perf_counter,
            )
            print(f"{case.title:42s} reference {theirs:.2f} s, ours {ours:.2f} s: {theirs / ours:.1f} faster")


def main() -> None:
    """Print the table."""
    engine = choose_engine("kernel", device=torch.device("cpu"), threads=1)
    assert isinstance(engine, KernelEngine)
    assert isinstance(engine.library, Library)
    print(f"kernel: {engine.library.how}; torch {torch.__version__}; {torch.get_num_threads()} threads")
    print(f"{'inner loop, ns a step':42s} scalar    f64    f32 ratio64 ratio32 all thr  f+b/f floor")
    with tempfile.TemporaryDirectory() as folder:
        peer = Peer(Path(folder))
        for case in CASES:
            print(row(case, peer), flush=True)
    commands()


if __name__ == "__main__":
    main()
