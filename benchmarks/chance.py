"""The gate on a suite with one test that fails half the time: `python -m benchmarks chance --n 20 --seeds 5`.

Each seed is a project of its own: steady tests, and one whose colour is drawn anew in each execution. It is
run `--n` times with `triage run`. Expected of every run in which the drawn test was red and green, and of
every run in which it was red after it is on record as flaky: exit 0, and the word flaky. Printed are the
runs of each seed, a letter an execution, with the exit code and a mark at those that break the rule; exit 1
where one did. `--rate` changes how often the test fails, `--without-history` deletes the history before
each run, as in a clone of continuous integration, which has the journal alone.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

_SUITE = """
import os, pathlib, random

def test_steady_1():
    pass

def test_drawn():
    drawn = pathlib.Path({drawn!r})
    letters = drawn.read_text() if drawn.exists() else ""
    red = random.Random({seed!r} + str(len(letters))).random() < {rate}
    drawn.write_text(letters + ("r" if red else "g"))
    assert not red

def test_steady_2():
    pass
"""
_TEST = "test_drawn.py::test_drawn"


@dataclass(frozen=True)
class GateRun:
    """One run of the gate."""

    letters: str
    """Colours of the executions of the drawn test, g and r, in their order."""
    exit_code: int
    outcome: str
    state: str | None
    """Of its cluster; None before there is one."""
    on_record: bool
    """Whether an earlier run had called it flaky."""

    @property
    def is_right(self) -> bool:
        """Whether the run is as the rule has it; the rule is silent about red alone before the first time."""
        if "r" not in self.letters:
            return self.exit_code == 0
        if "g" not in self.letters and not self.on_record:
            return True
        return self.exit_code == 0 and "flaky" in (self.outcome, self.state)

    def __str__(self) -> str:
        mark = "" if self.is_right else "!"
        return f"{self.letters}:{self.exit_code}{mark}"


def main(words: list[str]) -> int:
    """Run every seed and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks chance")
    parser.add_argument("--n", type=int, default=20, help="gate runs of each seed")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.5, help="how often the drawn test fails")
    parser.add_argument("--without-history", action="store_true")
    options = parser.parse_args(words)
    runs: list[GateRun] = []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        with tempfile.TemporaryDirectory(prefix="triage-chance-") as name:
            own = _gate_runs(Path(name), seed, options)
        print(f"seed {seed}: {' '.join(map(str, own))}", flush=True)
        runs += own
    _print_sums(runs)
    return 0 if all(run.is_right for run in runs) else 1


def _print_sums(runs: list[GateRun]) -> None:
    red = [run for run in runs if "r" in run.letters]
    green_too = [run for run in red if "g" in run.letters]
    on_record = [run for run in red if run.on_record]
    print(f"gate runs: {len(runs)}; the test was red in {len(red)}")
    print(f"red and green in one run: {len(green_too)}, of these flaky with exit 0: {_right(green_too)}")
    print(f"red while on record as flaky: {len(on_record)}, of these flaky with exit 0: {_right(on_record)}")
    print(f"red alone before that: {len([run for run in red if run not in green_too and not run.on_record])}")
    executions = sum(len(run.letters) for run in runs)
    print(f"executions of the test: {executions / len(runs):.2f} a run")


def _right(runs: list[GateRun]) -> int:
    return sum(run.is_right for run in runs)


def _gate_runs(place: Path, seed: int, options: argparse.Namespace) -> list[GateRun]:
    suite, drawn = place / "suite", place / "drawn"
    suite.mkdir()
    text = _SUITE.format(drawn=str(drawn), seed=f"{seed}-", rate=options.rate)
    (suite / "test_drawn.py").write_text(text)
    (suite / "pyproject.toml").write_text("[tool.triage]\n")
    found: list[GateRun] = []
    before = 0
    for _ in range(options.n):
        if options.without_history:
            (suite / ".triage" / "history.sqlite").unlink(missing_ok=True)
        on_record = any(run.outcome == "flaky" for run in found)
        exit_code, outcome, state = _triage_run(suite)
        letters = drawn.read_text()
        found.append(GateRun(letters[before:], exit_code, outcome, state, on_record))
        before = len(letters)
    return found


def _triage_run(suite: Path) -> tuple[int, str, str | None]:
    """Exit code, outcome of the drawn test, state of its cluster."""
    environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "CI": "true"}
    command = [sys.executable, "-m", "triage"]
    run = subprocess.run(
        [*command, "run", "--json"], cwd=suite, env=environ, capture_output=True, text=True, check=False
    )
    if not run.stdout:
        raise SystemExit(f"triage run ended with {run.returncode}: {run.stderr[-2000:]}")
    document = json.loads(run.stdout)
    shown = subprocess.run(
        [*command, "results", "--json"], cwd=suite, env=environ, capture_output=True, text=True, check=True
    )
    rows = {row["nodeid"]: row for row in json.loads(shown.stdout)["results"]}
    clusters = document["clusters"]
    return run.returncode, rows[_TEST]["outcome"], clusters[0]["state_in_run"] if clusters else None
