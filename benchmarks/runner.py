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
from pathlib import Path
from typing import NamedTuple

_HARNESS = """
import os, sys, time
from datetime import UTC, datetime
from pathlib import Path
from triage.evidence.folder import EvidenceFolder
from triage.process.local import LocalExecutor
from triage.model.run import Suite
from triage.model.base import Silent, World
from triage.run.suite import run_suite
from triage.text.redact import Redactor
root, workers, isolation, chunks = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
world = World(now=lambda: datetime.now(UTC), monotonic=time.monotonic, environ=dict(os.environ))
folder = EvidenceFolder.create_free(root, "bench", "a", world.stamp(), Redactor.of(os.environ))
suite = Suite(root=str(root), workers=workers, isolation=isolation, chunks=chunks or None)
record = run_suite(
    suite, folder=folder, executor=LocalExecutor(), world=world, durations={}, progress=Silent()
)
assert record.complete and record.counts.passed == record.counts.collected, record.void
"""
_PER_FILE = 200


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


def _trivial(place: Path, sizes: list[int], rounds: int) -> None:
    print(f"wall time, best of {rounds}; x is the ratio to plain pytest, and for two workers to pytest -n 2")
    print("  tests  pytest -q  triage, 1 worker  pytest -n 2  triage, 2 workers   1 worker, us a test")
    costs: dict[int, dict[str, Cost]] = {}
    for size in sizes:
        suite = _suite(place / f"n{size}", size)
        costs[size] = best = _best(_commands(suite), rounds, suite)
        plain, one, two = (best[name].wall for name in ("plain", "triage 1", "triage 2"))
        xdist = best["xdist 2"].wall if "xdist 2" in best else None
        peer = f"{xdist:10.2f} s" if xdist else f"{'-':>12}"
        ratio = f"{two / xdist:4.2f} x" if xdist else "      "
        print(
            f"{size:>7} {plain:>8.2f} s {one:>7.2f} s {one / plain:4.2f} x {peer} {two:>7.2f} s {ratio}"
            f"   {plain / size * 1e6:7.0f} -> {one / size * 1e6:.0f}",
            flush=True,
        )
    if len(sizes) > 1:
        _slopes(costs, min(sizes), max(sizes))


def _slopes(costs: dict[int, dict[str, Cost]], small: int, large: int) -> None:
    """What one more test costs: start-up falls out of the difference between two sizes."""
    print(f"\nwhat one more test costs, from {small} to {large} tests: wall, processor time (us)")
    slopes = {}
    for name in costs[large]:
        low, high = costs[small][name], costs[large][name]
        wall, processor = ((b - a) / (large - small) * 1e6 for a, b in zip(low, high, strict=True))
        slopes[name] = processor
        print(f"  {name:<10} {wall:8.1f} {processor:8.1f}")
    extra = slopes["triage 1"] - slopes["plain"]
    print(f"  recording, all of it, 1 worker: {extra:+.1f} us of processor time a test")


_HOOKS = """
import os, sys, time
import pytest
from _pytest.runner import runtestprotocol
from triage.recorder.plugin import Recorder
from triage.recorder.settings import Settings

class Loop:
    def pytest_runtestloop(self, session):
        item, = session.items
        reports = runtestprotocol(item, log=False, nextitem=None)
        recorder = Recorder(Settings(record=sys.argv[2], key="00" * 32, field_chars=65536))
        recorder.announce([item])
        best = float("inf")
        for _ in range(9):
            started = time.process_time()
            for _ in range(2000):
                recorder.position = 0
                hook = recorder.pytest_runtest_protocol(item)
                next(hook)
                for report in reports:
                    recorder.pytest_runtest_logreport(report)
                try:
                    hook.send(True)
                except StopIteration:
                    pass
            best = min(best, (time.process_time() - started) / 2000)
        print(f"{best * 1e6:.1f}", file=sys.stderr)
        return True

sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", sys.argv[1]], plugins=[Loop()]))
"""


def _hooks(place: Path) -> None:
    """The recorder's hooks of one passing test, in a loop: two sealed lines, each written at once."""
    suite = place / "one"
    suite.mkdir()
    (suite / "test_one.py").write_text("def test_one(): pass\n")
    command = [sys.executable, "-c", _HOOKS, str(suite / "test_one.py"), str(place / "record")]
    done = subprocess.run(command, cwd=suite, check=True, capture_output=True, text=True)
    print(f"  recording, in the process under test alone: {done.stderr.split()[-1]} us a test")


def _commands(suite: Path) -> dict[str, list[str]]:
    pytest = [sys.executable, "-m", "pytest", "-q"]
    harness = [sys.executable, "-c", _HARNESS, str(suite)]
    commands = {"plain": pytest, "triage 1": [*harness, "1", "warm", "0"]}
    if importlib.util.find_spec("xdist"):
        commands["xdist 2"] = [*pytest, "-n", "2"]
    return commands | {"triage 2": [*harness, "2", "warm", "0"]}


def _heavy_import(place: Path, rounds: int) -> None:
    """A suite whose import takes a second, in ten chunks: paid once, or ten times."""
    suite = place / "heavy"
    suite.mkdir()
    for number in range(10):
        text = "import time\nif not hasattr(time, 'paid'):\n    time.sleep(1); time.paid = True\n"
        (suite / f"test_h{number}.py").write_text(text + "def test_one(): pass\n")
    harness = [sys.executable, "-c", _HARNESS, str(suite), "1"]
    commands = {
        "plain": [sys.executable, "-m", "pytest", "-q"],
        "warm": [*harness, "warm", "10"],
        "fresh": [*harness, "fresh", "10"],
    }
    best = _best(commands, min(rounds, 2), suite)
    print("\na suite that imports for 1 s, in ten chunks, one worker:")
    for name, label in (("warm", "fork server"), ("fresh", "--isolation fresh")):
        wall = best[name].wall
        print(f"  {label:<20} {wall:6.2f} s = {wall / best['plain'].wall:4.2f} x plain pytest")


def _makespan() -> None:
    """Chunks taken longest first, against the lower bound, on recorded durations of a real suite."""
    from triage.model.run import Suite
    from triage.run.plan import Item, longest_first, plan

    durations = recorded_durations()
    items = [Item(nodeid, nodeid.split("::")[0]) for nodeid in durations]
    print(f"\nmakespan against max(total/workers, longest unit), {len(items)} recorded durations:")
    for workers in (2, 4, 8):
        made = plan(items, Suite(root="/", workers=workers, chunk_seconds=5.0), durations)
        loads = [0.0] * workers
        for chunk in longest_first(made.chunks):
            hand = loads.index(min(loads))
            loads[hand] += chunk.expected_seconds or 0.0
        bound = max(sum(durations.values()) / workers, *durations.values())
        share = max(loads) / bound
        print(f"  {workers} workers, {len(made.chunks)} chunks: {max(loads):.2f} s = {share:.2f} x the bound")


def recorded_durations() -> dict[str, float]:
    """Durations that a public project's suite really had; the file says whose."""
    recorded = json.loads(Path(__file__).with_name("durations.json").read_text(encoding="utf-8"))["seconds"]
    return {f"{name}::{n}": seconds for name, tests in recorded.items() for n, seconds in enumerate(tests)}


def _best(commands: dict[str, list[str]], rounds: int, suite: Path) -> dict[str, Cost]:
    best: dict[str, Cost] = {}
    for _ in range(rounds):
        for name, command in commands.items():
            shutil.rmtree(suite / "reports", ignore_errors=True)
            before, started = _processor(), time.perf_counter()
            subprocess.run(command, cwd=suite, check=True, stdout=subprocess.DEVNULL)
            spent = Cost(time.perf_counter() - started, _processor() - before)
            best[name] = Cost(*map(min, spent, best.get(name, spent)))
    return best


def _processor() -> float:
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
