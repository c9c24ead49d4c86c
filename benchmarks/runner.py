"""The runner against plain pytest and pytest-xdist, measured in turn on the same machine.

`python -m benchmarks runner` prints, for 100 to 20,000 trivial tests, ratios of wall time (the best of
several rounds; rounds are interleaved, so that a busy machine is busy for all) and how the cost grows;
what recording costs a test, twice: in the process under test alone (its hooks, called in a loop), and
all of it (processor time of harness and processes, the slope between two sizes); what a heavy import
costs in ten chunks; how near a plan comes to the best makespan. SIZES=100,1000 ROUNDS=5 in the
environment change that. pytest-xdist is compared where it is installed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from triage.model.run import Chunk, Suite
from triage.run.grouping import Item
from triage.run.plan import longest_first, plan

_HERE = Path(__file__).parent
_PYTEST = (sys.executable, "-m", "pytest", "-q")
# -P: this folder has a module `secrets`, which must not hide that of the standard library
_HARNESS = (sys.executable, "-P", str(_HERE / "runner_harness.py"))
_HOOKS = (sys.executable, "-P", str(_HERE / "runner_hooks.py"))
_CHUNKS_BY_PLAN = "0"
_PER_FILE = 200
"""Tests in one module."""
_MICROSECONDS = 1e6


def main() -> None:
    """Measure and print."""
    sizes = [int(word) for word in os.environ.get("SIZES", "100,1000,10000,20000").split(",")]
    rounds = int(os.environ.get("ROUNDS", "3"))
    with tempfile.TemporaryDirectory(prefix="triage-bench-") as name:
        place = Path(name)
        _trivial(place, sizes, rounds)
        _hooks(place)
        _heavy_import(place, rounds)
    _makespan()


class Cost(NamedTuple):
    """The best of several rounds, seconds; each figure on its own."""

    wall: float
    processor: float
    """User and system time of the command and all below it."""

    def best(self, other: Cost) -> Cost:
        """The lesser of each figure."""
        return Cost(min(self.wall, other.wall), min(self.processor, other.processor))


Costs = dict[str, Cost]
"""By the name of the command."""


def _trivial(place: Path, sizes: list[int], rounds: int) -> None:
    print(f"wall time, best of {rounds}; x is the ratio to plain pytest, and for two workers to pytest -n 2")
    print("  tests  pytest -q  triage, 1 worker  pytest -n 2  triage, 2 workers   1 worker, us a test")
    costs: dict[int, Costs] = {}
    for size in sizes:
        suite = _suite(place / f"n{size}", size)
        costs[size] = _best(_commands(suite), rounds, suite)
        print(_row(size, costs[size]), flush=True)
    if len(sizes) > 1:
        _slopes(costs, min(sizes), max(sizes))


def _row(size: int, costs: Costs) -> str:
    plain, one, two = costs["plain"].wall, costs["triage 1"].wall, costs["triage 2"].wall
    if "xdist 2" in costs:
        xdist = costs["xdist 2"].wall
        peer, ratio = f"{xdist:10.2f} s", f"{two / xdist:4.2f} x"
    else:
        peer, ratio = f"{'-':>12}", "      "
    plain_each = plain / size * _MICROSECONDS
    one_each = one / size * _MICROSECONDS
    return (
        f"{size:>7} {plain:>8.2f} s {one:>7.2f} s {one / plain:4.2f} x {peer} {two:>7.2f} s {ratio}"
        f"   {plain_each:7.0f} -> {one_each:.0f}"
    )


def _slopes(costs: dict[int, Costs], small: int, large: int) -> None:
    """What one more test costs: start-up falls out of the difference between two sizes."""
    print(f"\nwhat one more test costs, from {small} to {large} tests: wall, processor time (us)")
    tests = large - small
    processor_of: dict[str, float] = {}
    for name in costs[large]:
        low, high = costs[small][name], costs[large][name]
        wall = (high.wall - low.wall) / tests * _MICROSECONDS
        processor = (high.processor - low.processor) / tests * _MICROSECONDS
        processor_of[name] = processor
        print(f"  {name:<10} {wall:8.1f} {processor:8.1f}")
    extra = processor_of["triage 1"] - processor_of["plain"]
    print(f"  recording, all of it, 1 worker: {extra:+.1f} us of processor time a test")


def _hooks(place: Path) -> None:
    """What the recorder's hooks cost in the process under test."""
    suite = place / "one"
    suite.mkdir()
    (suite / "test_one.py").write_text("def test_one(): pass\n")
    command = [*_HOOKS, str(suite / "test_one.py"), str(place / "record")]
    done = subprocess.run(command, cwd=suite, check=True, capture_output=True, text=True)
    print(f"  recording, in the process under test alone: {done.stderr.split()[-1]} us a test")


def _commands(suite: Path) -> dict[str, list[str]]:
    commands = {
        "plain": [*_PYTEST],
        "triage 1": [*_HARNESS, str(suite), "1", "warm", _CHUNKS_BY_PLAN],
    }
    if importlib.util.find_spec("xdist"):
        commands["xdist 2"] = [*_PYTEST, "-n", "2"]
    commands["triage 2"] = [*_HARNESS, str(suite), "2", "warm", _CHUNKS_BY_PLAN]
    return commands


def _heavy_import(place: Path, rounds: int) -> None:
    """A suite whose import takes a second, in ten chunks: paid once, or ten times."""
    suite = place / "heavy"
    suite.mkdir()
    for number in range(10):
        text = "import time\nif not hasattr(time, 'paid'):\n    time.sleep(1); time.paid = True\n"
        (suite / f"test_h{number}.py").write_text(text + "def test_one(): pass\n")
    commands = {
        "plain": [*_PYTEST],
        "warm": [*_HARNESS, str(suite), "1", "warm", "10"],
        "fresh": [*_HARNESS, str(suite), "1", "fresh", "10"],
    }
    best = _best(commands, min(rounds, 2), suite)
    print("\na suite that imports for 1 s, in ten chunks, one worker:")
    for name, label in (("warm", "fork server"), ("fresh", "--isolation fresh")):
        wall = best[name].wall
        print(f"  {label:<20} {wall:6.2f} s = {wall / best['plain'].wall:4.2f} x plain pytest")


def _makespan() -> None:
    """Chunks taken longest first, against the lower bound, on recorded durations of a real suite."""
    durations = recorded_durations()
    items = [Item(nodeid, nodeid.split("::")[0]) for nodeid in durations]
    total, longest = sum(durations.values()), max(durations.values())
    print(f"\nmakespan against max(total/workers, longest unit), {len(items)} recorded durations:")
    for workers in (2, 4, 8):
        suite = Suite(root="/", workers=workers, chunk_seconds=5.0)
        chunks = plan(items, suite, durations).chunks
        seconds = _seconds_of_workers(chunks, workers)
        bound = max(total / workers, longest)
        print(
            f"  {workers} workers, {len(chunks)} chunks: {max(seconds):.2f} s"
            f" = {max(seconds) / bound:.2f} x the bound"
        )


def _seconds_of_workers(chunks: Sequence[Chunk], workers: int) -> list[float]:
    """How long each worker is busy when the idle one always takes the longest chunk that is left."""
    seconds = [0.0] * workers
    for chunk in longest_first(chunks):
        idle = seconds.index(min(seconds))
        seconds[idle] += chunk.expected_seconds or 0.0
    return seconds


def recorded_durations() -> dict[str, float]:
    """Durations that a public project's suite really had; the file says whose."""
    text = (_HERE / "durations.json").read_text(encoding="utf-8")
    found: dict[str, float] = {}
    for module, durations in json.loads(text)["seconds"].items():
        for number, seconds in enumerate(durations):
            found[f"{module}::{number}"] = seconds
    return found


def _best(commands: dict[str, list[str]], rounds: int, suite: Path) -> Costs:
    """The best of the rounds; commands take turns, so that a busy machine is busy for all of them."""
    best: Costs = {}
    for _ in range(rounds):
        for name, command in commands.items():
            shutil.rmtree(suite / "reports", ignore_errors=True)
            spent = _cost_of(command, suite)
            best[name] = spent.best(best[name]) if name in best else spent
    return best


def _cost_of(command: list[str], suite: Path) -> Cost:
    processor, wall = _processor(), time.perf_counter()
    subprocess.run(command, cwd=suite, check=True, stdout=subprocess.DEVNULL)
    return Cost(time.perf_counter() - wall, _processor() - processor)


def _processor() -> float:
    """Processor time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _suite(root: Path, size: int) -> Path:
    root.mkdir()
    (root / "pytest.ini").write_text("[pytest]\n")
    for number in range(max(1, size // _PER_FILE)):
        count = min(size, _PER_FILE)
        text = f"import pytest\n@pytest.mark.parametrize('i', range({count}))\ndef test_t(i): pass\n"
        (root / f"test_m{number:03}.py").write_text(text)
    return root


if __name__ == "__main__":
    main()
