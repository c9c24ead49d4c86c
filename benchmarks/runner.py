"""The runner against plain pytest and pytest-xdist, measured in turn on the same machine.

Prints ratios of wall time (the best of several rounds; rounds are interleaved, so that a busy machine
is busy for all), what recording costs a test, and how the cost grows with the number of tests.
`python -m benchmarks runner` runs 100, 1,000 and 10,000 tests; SIZES=20000 ROUNDS=5 in the environment
change that. pytest-xdist is compared where it is installed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_HARNESS = """
import os, sys, time
from datetime import UTC, datetime
from pathlib import Path
from triage.evidence.folder import EvidenceFolder
from triage.executor.local import LocalExecutor
from triage.model.suite import Suite
from triage.model.world import Silent, World
from triage.run.suite import run_suite
from triage.wire.redact import Redactor
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
    sizes = [int(word) for word in os.environ.get("SIZES", "100,1000,10000").split(",")]
    rounds = int(os.environ.get("ROUNDS", "3"))
    with tempfile.TemporaryDirectory(prefix="triage-bench-") as name:
        place = Path(name)
        _trivial(place, sizes, rounds)
        _heavy_import(place, rounds)
    _makespan()


def _trivial(place: Path, sizes: list[int], rounds: int) -> None:
    print("wall time; x is the ratio to plain pytest, and for two workers to pytest-xdist")
    print("  tests  pytest -q  triage, 1 worker  pytest -n 2  triage, 2 workers")
    for size in sizes:
        suite = _suite(place / f"n{size}", size)
        best = _best(_commands(suite), rounds, suite)
        plain, one, two = best["plain"], best["triage 1"], best["triage 2"]
        xdist = best.get("xdist 2")
        peer = f"{xdist:10.2f} s" if xdist else f"{'-':>12}"
        ratio = f"{two / xdist:4.2f} x" if xdist else "      "
        print(
            f"{size:>7} {plain:>8.2f} s {one:>7.2f} s {one / plain:4.2f} x {peer} {two:>7.2f} s {ratio}"
            f"   {(one - plain) / size * 1e6:+.0f} us a test"
        )


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
    for name, label in (("warm", "warm parent"), ("fresh", "--isolation fresh")):
        print(f"  {label:<20} {best[name]:6.2f} s = {best[name] / best['plain']:4.2f} x plain pytest")


def _makespan() -> None:
    """Chunks taken longest first, against the lower bound, on recorded durations of a real suite."""
    from triage.model.suite import Suite
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


def _best(commands: dict[str, list[str]], rounds: int, suite: Path) -> dict[str, float]:
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, command in commands.items():
            shutil.rmtree(suite / "reports", ignore_errors=True)
            started = time.perf_counter()
            subprocess.run(command, cwd=suite, check=True, stdout=subprocess.DEVNULL)
            spent = time.perf_counter() - started
            best[name] = min(spent, best.get(name, spent))
    return best


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
