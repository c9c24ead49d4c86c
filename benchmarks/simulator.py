"""Speed of the simulator against scalar C, per step of the inner loop, and what gradients cost on top.

The peer is the reference program where a `nanoBragg` is found on the path (whole commands), and a scalar
stand-in with six library sines a step, compiled with -O3, for the inner loop. Both sides are timed in
turns, the best of several rounds counts, and each ratio compares one thread with one thread unless it says
otherwise.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks import simulator_batches
from simulator import Simulator
from simulator.config import BeamConfig, CrystalConfig, DetectorConfig
from simulator.crystal import Crystal
from simulator.detector import Detector
from simulator.engine.choose import choose_engine
from simulator.engine.native.engine import KernelEngine
from simulator.engine.native.library import Library
from simulator.image.assemble import Job, assemble
from simulator.scene.scene import Scene

NAMES = ("cell_a", "cell_b", "cell_c", "cell_alpha", "cell_beta", "cell_gamma")
CUBIC = (100.0, 100.0, 100.0, 90.0, 90.0, 90.0)
TRICLINIC = (70.0, 80.0, 90.0, 75.0, 85.0, 95.0)

ROUNDS = 7
"""Rounds of timing, of which the best counts."""

FEW_ROUNDS = 2
"""Rounds for large images, whose times vary less."""

COMMAND_ROUNDS = 4
"""Rounds of timing a whole command, after one that warms the caches."""

TOLERANCE_OF_ORACLE = 1e-9
"""As in the judge of the tests, which is imported only where commands are judged."""

SAME_IMAGE = 1e-6
"""Largest difference between both sides' images, of the maximum, for a comparison to count."""


@dataclass(frozen=True)
class Case:
    """One row of the table.

    cell        six parameters, Angstrom and degrees
    crystal, detector   options of the configurations beside the defaults
    wavelength  Angstrom
    floor       the ratio to the peer that is asked for in float64; in float32 twice that
    command     options of the whole command beside the cell
    rows        rows of the image in the inner loop, where fewer than the whole are enough
    recorded    seconds that the reference program itself took, on one and on two cores of another machine
                (recorded when it was at hand; None: not recorded)
    """

    title: str
    cell: tuple[float, ...]
    crystal: dict[str, Any]
    detector: dict[str, Any]
    wavelength: float
    floor: int
    command: str = ""
    rows: int | None = field(default=None)
    recorded: tuple[float | None, float | None] = (None, None)


MOSAIC = {"mosaic_spread_deg": 1.0, "mosaic_domains": 10}
CASES = (
    Case("1 cubic", CUBIC, {}, {}, 6.2, 10, "-lambda 6.2", recorded=(0.22, 0.14)),
    Case(
        "2 triclinic 512, oversample 2",
        TRICLINIC,
        {"misset_deg": (-89.968546, -31.328953, 177.753396)},
        {"fpixels": 512, "spixels": 512, "oversample": 2},
        1.0,
        10,
        "-misset -89.968546 -31.328953 177.753396 -detpixels 512 -oversample 2",
        recorded=(0.18, 0.10),
    ),
    Case(
        "3 cubic, mosaic 10",
        CUBIC,
        MOSAIC,
        {},
        6.2,
        30,
        "-lambda 6.2 -mosaic_spread 1 -mosaic_domains 10",
        recorded=(1.23, 0.71),
    ),
    Case(
        "4 tilted detector",
        CUBIC,
        {},
        {"rotx_deg": 5.0, "roty_deg": 3.0, "rotz_deg": 2.0, "twotheta_deg": 15.0},
        6.2,
        10,
        "-lambda 6.2 -detector_rotx 5 -detector_roty 3 -detector_rotz 2 -twotheta 15",
        recorded=(0.21, 0.13),
    ),
    Case(
        "5 phi 10 x mosaic 10 x oversample 2, 256",
        TRICLINIC,
        {**MOSAIC, "phi_start_deg": 0.5, "phi_steps": 10, "osc_range_deg": 1.0},
        {"fpixels": 256, "spixels": 256, "oversample": 2},
        1.0,
        30,
        "-phi 0.5 -osc 1 -phisteps 10 -mosaic_spread 1 -mosaic_domains 10 -detpixels 256 -oversample 2",
        recorded=(2.35, 1.43),
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
        recorded=(None, 2.4),
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
        given = arguments(sim, scene)
        out = torch.empty((given.rows, given.columns), dtype=torch.float64)
        pixel, close, wavelength = given.lengths.tolist()
        self._call(
            _address(given.origin),
            _address(given.fast),
            _address(given.slow),
            _address(given.beam),
            ctypes.c_double(pixel),
            ctypes.c_double(close),
            ctypes.c_double(wavelength),
            _address(given.real),
            _address(given.spindle),
            _address(given.angles),
            ctypes.c_long(len(given.angles)),
            _address(given.blocks),
            ctypes.c_long(len(given.blocks)),
            _address(given.cells),
            ctypes.c_long(given.columns),
            ctypes.c_long(given.rows),
            ctypes.c_long(given.oversample),
            ctypes.c_double(float(given.amplitude)),
            _address(out),
        )
        return out

    def write_numbers(self, path: Path, sim: Simulator) -> None:
        """Write the file that the whole command reads: five sizes, then the numbers."""
        given = arguments(sim, sim.scene())
        sizes = (len(given.angles), len(given.blocks), given.columns, given.rows, given.oversample)
        numbers = (
            given.origin,
            given.fast,
            given.slow,
            given.beam,
            given.lengths,
            given.real,
            given.spindle,
            given.cells,
            given.amplitude,
            given.angles,
            given.blocks,
        )
        body = b"".join(part.numpy().tobytes() for part in numbers)
        path.write_bytes(struct.pack("@5l", *sizes) + body)


@dataclass(frozen=True)
class Arguments:
    """The arguments of `peer_image`, contiguous and without a graph, and the sizes of its image."""

    origin: torch.Tensor
    fast: torch.Tensor
    slow: torch.Tensor
    beam: torch.Tensor
    lengths: torch.Tensor
    """[3] pixel and closest distance in m, wavelength in Angstrom."""
    real: torch.Tensor
    spindle: torch.Tensor
    cells: torch.Tensor
    amplitude: torch.Tensor
    angles: torch.Tensor
    blocks: torch.Tensor
    columns: int
    rows: int
    oversample: int


def arguments(sim: Simulator, scene: Scene) -> Arguments:
    """Collect the arguments of `peer_image` for a scene."""
    tensors, plan = scene.tensors, scene.plan
    real, _ = sim.crystal.vectors()
    return Arguments(
        origin=_plain(tensors.origin),
        fast=_plain(tensors.fast),
        slow=_plain(tensors.slow),
        beam=_plain(tensors.directions[0]),
        lengths=_plain(torch.stack((tensors.pixel, tensors.close, tensors.wavelengths[0]))),
        real=_plain(real),
        spindle=_plain(sim.detector.axes().spindle),
        cells=_plain(tensors.cells),
        amplitude=_plain(tensors.scale * tensors.default_F**2 / scene.steps),
        angles=_plain(sim.crystal.spindle_angles()),
        blocks=_plain(sim.crystal.mosaic_blocks()),
        columns=len(plan.columns),
        rows=len(plan.rows),
        oversample=plan.oversample,
    )


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().contiguous()


def _address(tensor: torch.Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())


def best(
    *runs: Callable[[], object], rounds: int = ROUNDS, clock: Callable[[], float] = time.thread_time
) -> list[float]:
    """Time each in turns; return the least seconds of all rounds.

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
    double = simulator(case, torch.float64, 1)
    single = simulator(case, torch.float32, 1)
    double_scene, single_scene = double.scene(), single.scene()
    expected = peer.image(double, double_scene)
    image = forward(double, double_scene)
    off = float((image - expected).abs().max() / expected.max())
    assert off < SAME_IMAGE, f"{case.title}: the peer disagrees by {off:g}"
    threaded = simulator(case, torch.float64, torch.get_num_threads())
    trained = simulator(case, torch.float64, 1, gradients=True)
    peer_s, double_s, single_s, trained_s, run_s = best(
        lambda: peer.image(double, double_scene),
        lambda: forward(double, double_scene),
        lambda: forward(single, single_scene),
        partial(pulled, trained),
        double.run,
        rounds=FEW_ROUNDS if case.rows else ROUNDS,
    )
    (threaded_s,) = best(lambda: forward(threaded, double_scene), clock=time.perf_counter)
    steps = double_scene.steps * len(double_scene.plan.rows) * len(double_scene.plan.columns)
    ns_a_step = [1e9 * seconds / steps for seconds in (peer_s, double_s, single_s)]
    ratio64, ratio32 = peer_s / double_s, peer_s / single_s
    reached = ratio64 >= case.floor and ratio32 >= 2 * case.floor
    verdict = "ok" if reached else "BELOW THE FLOOR"
    return (
        f"{case.title:42s} {ns_a_step[0]:6.1f} {ns_a_step[1]:6.2f} {ns_a_step[2]:6.2f}"
        f" {ratio64:7.1f} {ratio32:7.1f} {peer_s / threaded_s:7.1f} {trained_s / run_s:6.2f}"
        f" {case.floor:5d} {verdict}"
    )


def whole(words: list[str], folder: Path, environ: dict[str, str], cores: int) -> Callable[[], object]:
    """A whole command, from the start of its process to its end, on so many cores."""
    allowed = sorted(os.sched_getaffinity(0))[:cores]

    def run() -> object:
        return subprocess.run(
            words,
            cwd=folder,
            capture_output=True,
            check=True,
            env={**environ, "OMP_NUM_THREADS": str(cores)},
            preexec_fn=lambda: os.sched_setaffinity(0, allowed),
        )

    return run


def commands(peer: Peer) -> None:
    """Whole commands on one core and on two, against the reference program or the stand-in."""
    found = shutil.which("nanoBragg")
    print(
        "\nwhole commands, process start to both files written: "
        + ("C is nanoBragg" if found else "C is the stand-in (no nanoBragg on the path)")
        + "; recorded: seconds of nanoBragg on another machine's two cores"
    )
    print(f"{'':42s} cores   wall: C   ours ratio    processor: C   ours ratio    recorded")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Byte code is cached as in any installation, wherever this one may not write it.
        environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environ["PYTHONPYCACHEPREFIX"] = str(folder / "code")
        for case in CASES[:6]:
            line = _command(case)
            full = replace(case, rows=case.detector.get("spixels") if case.rows else None)
            peer.write_numbers(folder / "numbers", simulator(full, torch.float64, 1))
            c = [found, *line] if found else [str(peer.command), "numbers", "floats", "smv"]
            ours = [sys.executable, "-m", "simulator", *line]
            for cores, recorded in zip((1, 2), case.recorded, strict=True):
                theirs, our = _least_in_turns(
                    whole(c, folder, environ, cores), whole(ours, folder, environ, cores)
                )
                known = "" if recorded is None else f"{recorded:8.2f}"
                print(
                    f"{case.title:42s} {cores:5d}"
                    f"   {theirs.wall:7.2f} {our.wall:6.2f} {theirs.wall / our.wall:5.1f}"
                    f"    {theirs.work:12.2f} {our.work:6.2f} {theirs.work / our.work:5.1f}    {known}",
                    flush=True,
                )
        environ["SIMULATOR_CACHE"] = str(folder / "cache")
        first = timed(whole([sys.executable, "-m", "simulator", *_command(CASES[0])], folder, environ, 2))
        print(f"first command where the kernel is built: {first.wall:.1f} s ({first.work:.1f} of work)")


def _command(case: Case) -> list[str]:
    """The options of a case's whole command."""
    cell = " ".join(f"{value:g}" for value in case.cell)
    return f"-cell {cell} -N 5 -default_F 100 -distance 100 -nonoise -nopgm {case.command}".split()


@dataclass(frozen=True)
class Seconds:
    """Time by the wall clock, and processor time of the processes."""

    wall: float
    work: float


def _least_in_turns(first: Callable[[], object], second: Callable[[], object]) -> tuple[Seconds, Seconds]:
    """Time two commands in turns; the least of each clock, without the first round."""
    rounds = [(timed(first), timed(second)) for _ in range(COMMAND_ROUNDS + 1)][1:]
    firsts = [a for a, _ in rounds]
    seconds = [b for _, b in rounds]
    return _least(firsts), _least(seconds)


def _least(times: list[Seconds]) -> Seconds:
    return Seconds(min(one.wall for one in times), min(one.work for one in times))


def timed(run: Callable[[], object]) -> Seconds:
    """Time the processes that `run` starts and waits for."""
    before, begin = os.times(), time.perf_counter()
    run()
    after, end = os.times(), time.perf_counter()
    user = after.children_user - before.children_user
    system = after.children_system - before.children_system
    return Seconds(end - begin, user + system)


def judge_commands(count: int, first: int) -> int:
    """Compare so many random commands with the oracle of the tests; return 1 where any differs.

    `first` is the number, and so the seed, of the first of them.
    """
    from tests.simulator.oracle_judge import Bench

    wrong = refused = 0
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for number in range(first, first + count):
            complaint = bench.judge_number(number)
            refused += bench.refused
            if complaint is not None:
                wrong += 1
                print(complaint, flush=True)
    seconds = time.perf_counter() - begin
    print(
        f"{count - wrong} of {count} random commands agree with the oracle: exit codes ({refused} refused), "
        f"images to {TOLERANCE_OF_ORACLE} of the maximum, all files; {seconds:.0f} s"
    )
    return int(wrong > 0)


def main(arguments: Sequence[str]) -> int:
    """Print the table, or judge random commands."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks simulator", description=__doc__)
    parser.add_argument("--commands", type=int, metavar="N", help="compare N random commands with the oracle")
    parser.add_argument(
        "--first", type=int, default=0, metavar="N", help="the number (and seed) of the first command"
    )
    wanted = parser.parse_args(arguments)
    if wanted.commands is not None:
        return judge_commands(wanted.commands, wanted.first)
    print_table()
    return 0


def print_table() -> None:
    """Time all cases."""
    engine = choose_engine("kernel", device=torch.device("cpu"), threads=1)
    assert isinstance(engine, KernelEngine)
    assert isinstance(engine.library, Library)
    print(f"kernel: {engine.library.how}; torch {torch.__version__}; {torch.get_num_threads()} threads")
    print(f"{'inner loop, ns a step':42s} scalar    f64    f32 ratio64 ratio32 all thr  f+b/f floor")
    with tempfile.TemporaryDirectory() as folder:
        peer = Peer(Path(folder))
        for case in CASES:
            print(row(case, peer), flush=True)
        simulator_batches.main()
        commands(peer)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
