"""Speed of the simulator against scalar C, per step of the inner loop, and what gradients cost on top.

The peer is the reference program where a `nanoBragg` is found on the path (whole commands), and a scalar
stand-in with six library sines a step, compiled with -O3, for the inner loop. Both sides are timed in
turns, the best of several rounds counts, and each ratio compares one thread with one thread unless it says
otherwise.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
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
ROUNDS = 7
COMMAND_ROUNDS = 4


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
    """The scalar stand-in, compiled with -O3: as a library for the inner loop, and as a whole command."""

    def __init__(self, folder: Path) -> None:
        cc = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if cc is None:
            sys.exit("a C compiler is needed for the peer")
        source = str(Path(__file__).with_name("simulator_peer.c"))
        library, self.command = folder / "peer.so", folder / "peer"
        subprocess.run([cc, "-O3", "-fPIC", "-shared", source, "-o", str(library), "-lm"], check=True)
        subprocess.run(
            [cc, "-O3", "-fopenmp", "-DCOMMAND", source, "-o", str(self.command), "-lm"], check=True
        )
        self._call = ctypes.CDLL(str(library)).peer_image
        self._call.restype = None

    def image(self, sim: Simulator, scene: Scene) -> torch.Tensor:
        """The same pixels as the kernel's, float64."""
        numbers, sizes = arguments(sim, scene)
        out = torch.empty((sizes[3], sizes[2]), dtype=torch.float64)
        origin, fast, slow, beam, _, real, spindle, cells, _, angles, blocks = (
            ctypes.c_void_p(part.data_ptr()) for part in numbers
        )
        pixel, close, wavelength = (ctypes.c_double(float(value)) for value in numbers[4])
        phi_steps, domains, *others = (ctypes.c_long(size) for size in sizes)
        vectors = (origin, fast, slow, beam, pixel, close, wavelength, real, spindle, angles, phi_steps)
        amplitude = ctypes.c_double(float(numbers[8]))
        self._call(*vectors, blocks, domains, cells, *others, amplitude, ctypes.c_void_p(out.data_ptr()))
        return out

    def write_numbers(self, path: Path, sim: Simulator) -> None:
        """What the whole command reads."""
        numbers, sizes = arguments(sim, sim.scene())
        body = b"".join(part.numpy().tobytes() for part in numbers)
        path.write_bytes(struct.pack("@5l", *sizes) + body)


def arguments(sim: Simulator, scene: Scene) -> tuple[list[torch.Tensor], list[int]]:
    """The numbers of `peer_image` in the order of its file, and its five sizes."""
    t, plan = scene.tensors, scene.plan
    angles, blocks = sim.crystal.spindle_angles(), sim.crystal.mosaic_blocks()
    numbers = [
        *(t.origin, t.fast, t.slow, t.directions[0]),
        torch.stack((t.pixel, t.close, t.wavelengths[0])),
        *(sim.crystal.vectors()[0], sim.detector.axes().spindle, t.cells),
        *(t.scale * t.default_F**2 / scene.steps, angles, blocks),
    ]
    sizes = [len(angles), len(blocks), len(plan.columns), len(plan.rows), plan.oversample]
    return [part.detach().contiguous() for part in numbers], sizes


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
    slow, double, single, pair, whole = best(
        lambda: peer.image(sims[torch.float64], scene),
        lambda: forward(sims[torch.float64], scene),
        lambda: forward(sims[torch.float32], scenes[torch.float32]),
        partial(pulled, trained),
        sims[torch.float64].run,
        rounds=2 if case.rows else ROUNDS,
    )
    (shared,) = best(lambda: forward(both, scene), clock=time.perf_counter)
    steps = scene.steps * len(scene.plan.rows) * len(scene.plan.columns)
    verdict = "ok" if slow / double >= case.floor and slow / single >= 2 * case.floor else "BELOW THE FLOOR"
    return (
        f"{case.title:42s} {slow / steps * 1e9:6.1f} {double / steps * 1e9:6.2f} {single / steps * 1e9:6.2f}"
        f" {slow / double:7.1f} {slow / single:7.1f} {slow / shared:7.1f} {pair / whole:6.2f}"
        f" {case.floor:5d} {verdict}"
    )


def whole(words: list[str], folder: Path, environ: dict[str, str]) -> Callable[[], object]:
    """A whole command, from the start of its process to its end."""
    return lambda: subprocess.run(words, cwd=folder, capture_output=True, check=True, env=environ)


def commands(peer: Peer) -> None:
    """Whole commands, on all processors: the reference program where it is installed, else the stand-in."""
    found = shutil.which("nanoBragg")
    print(
        f"\nwhole commands, process start to both files written, {os.cpu_count()} processors; "
        + ("against nanoBragg" if found else "no nanoBragg on the path: against the stand-in with OpenMP")
    )
    print(f"{'':42s}   wall: C   ours ratio    processor: C   ours ratio")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Byte code is cached as in any installation, wherever this one may not write it.
        environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environ["PYTHONPYCACHEPREFIX"] = str(folder / "code")
        for case in CASES[:6]:
            cell = " ".join(f"{value:g}" for value in case.cell)
            line = f"-cell {cell} -N 5 -default_F 100 -distance 100 -nonoise -nopgm {case.command}".split()
            full = replace(case, rows=case.detector.get("spixels") if case.rows else None)
            peer.write_numbers(folder / "numbers", simulator(full, torch.float64, 1))
            c = [found, *line] if found else [str(peer.command), "numbers", "floats", "smv"]
            ours = [sys.executable, "-m", "simulator", *line]
            runs = [whole(words, folder, environ) for words in (c, ours)] * (COMMAND_ROUNDS + 1)
            rounds = [timed(run) for run in runs]
            their_wall, their_work = (min(part) for part in zip(*rounds[2::2], strict=True))
            our_wall, our_work = (min(part) for part in zip(*rounds[3::2], strict=True))
            print(
                f"{case.title:42s}   {their_wall:7.2f} {our_wall:6.2f} {their_wall / our_wall:5.1f}"
                f"    {their_work:12.2f} {our_work:6.2f} {their_work / our_work:5.1f}",
                flush=True,
            )
        environ["SIMULATOR_CACHE"] = str(folder / "cache")
        wall, work = timed(whole([sys.executable, "-m", "simulator", *line[:-4]], folder, environ))
        print(f"first command, kernel built and checked against torch: {wall:.1f} s ({work:.1f} of work)")


def timed(run: Callable[[], object]) -> tuple[float, float]:
    """Wall seconds and processor seconds of the processes that `run` starts and waits for."""
    before, begin = os.times(), time.perf_counter()
    run()
    after, end = os.times(), time.perf_counter()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return end - begin, spent


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
        commands(peer)


if __name__ == "__main__":
    main()
