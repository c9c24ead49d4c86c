"""`triage hunt` on suites with planted latent flaky tests, beside the algorithms of other tools.

Usage: python -m benchmarks hunt [unseen] [ours] [order] [suite=NUMBER] [budget=SECONDS]

`ours`: without the other tools, which take longer; `order`: only what depends on the order, beside the other
tools; `suite=0`: only the first of the suites. The budget is that of each suite on a quiet machine; on a busy
one it is longer, by what two processes lose at the moment at which the suite is begun.

Prints, by kind of plant, what was found, with the right kind and the right culprits; sound tests that were
reported; test executions, seconds and processor seconds. For what depends on the order the same suites are
given to the algorithms of iPFlakies (shuffles, then each other test alone before a victim), of
pytest-randomly with a bisection, and of detect-test-pollution (a bisection of a red order for a victim that
is known). At last how the cost of a search grows with the suite.
"""

from __future__ import annotations

import json
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import hunt_peers
from tests.hunt import worlds
from tests.planted.latent.plants import Latent, files_of, halves
from triage.hunt.orders import mixed_order, reversed_files, square_order
from triage.hunt.search import find_culprits

_BUDGET = 150
_ASKED = "budget="
_ONE_SUITE = "suite="
_SUITE = 26
"""Plants of one suite."""
_WORKERS = 2
"""Processes of a hunt at once."""
_ONE_SECOND = "import time\nwhile time.process_time() < 1: pass"
_GROWTH = (100, 1000, 5000)
_FILE = 20
"""Tests of one file, in the figures of growth."""


def main(arguments: Sequence[str]) -> None:
    seen, unseen = halves()
    plants = unseen if "unseen" in arguments else seen
    if "order" in arguments:
        plants = [plant for plant in plants if plant.is_decoy or "order-dependent" in plant.kinds]
    budget = next((int(each[len(_ASKED) :]) for each in arguments if each.startswith(_ASKED)), _BUDGET)
    rows: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    wrong: list[str] = []
    totals = {"executions": 0, "processes": 0, "seconds": 0.0, "cpu": 0.0, "tests": 0}
    purposes: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0.0])
    proofs: list[int] = []
    peers: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0, 0, 0.0])
    wanted = [int(each[len(_ONE_SUITE) :]) for each in arguments if each.startswith(_ONE_SUITE)]
    # every suite gets some of each group
    for number in wanted or range(math.ceil(len(plants) / _SUITE)):
        dealt = plants[number :: math.ceil(len(plants) / _SUITE)]
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "suite"
            _write(root, files_of(dealt))
            only = ("--only", "order") if "order" in arguments else ()
            slow_down = _slow_down()
            print(f"  processors are {slow_down:.1f} times as slow as when quiet", flush=True)
            report, cpu = _hunted(root, round(budget * slow_down), *only)
            for name in ("executions", "processes", "seconds"):
                totals[name] += report["cost"][name]
            totals["cpu"] += cpu
            totals["tests"] += report["tests"]
            for row in report["cost"]["by_purpose"]:
                spent = purposes[row["purpose"]]
                for column, name in enumerate(("executions", "processes", "seconds")):
                    spent[column] += row[name]
            proofs += [row["processes"] for row in report["latent"] if row["dependence"] != "factor"]
            wrong += _score(dealt, report, rows)
            if "ours" in arguments:
                continue
            in_order = [plant for plant in dealt if "order-dependent" in plant.kinds]
            results = hunt_peers.compared(root, in_order)
            orders = report
            if not only:
                shutil.rmtree(root / "reports")  # what was covered would not be tried again
                orders, _ = _hunted(root, budget, "--only", "order")
            results["triage hunt --only order"] = _as_a_peer(orders, in_order)
            for name, result in results.items():
                peers[name] = [one + other for one, other in zip(peers[name], result, strict=True)]
    _print(rows, wrong, totals, proofs, peers)
    _print_purposes(purposes, int(totals["tests"]))
    _print_growth()


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _hunted(root: Path, budget: int, *options: str) -> tuple[dict[str, Any], float]:
    """What a hunt printed, and the processor seconds that it took with all its processes."""
    began, before = time.monotonic(), _children_seconds()
    words = ["hunt", "--root", str(root), "--budget", str(budget), *options, "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "triage", *words],
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "TRIAGE_ACTOR": "benchmark", "CI": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    cpu = _children_seconds() - before
    print(f"  a suite hunted in {time.monotonic() - began:.0f} s, {cpu:.0f} s of processors", flush=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report, cpu


def _slow_down() -> float:
    """How long two processes take for a second of a processor each, side by side: 1 on two quiet cores."""
    began = time.monotonic()
    workers = [subprocess.Popen([sys.executable, "-c", _ONE_SECOND]) for _ in range(_WORKERS)]
    for worker in workers:
        worker.wait()
    return max(1.0, time.monotonic() - began)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _as_a_peer(report: dict[str, Any], plants: Sequence[Latent]) -> hunt_peers.Result:
    """A hunt in the figures of the other tools."""
    culprits: dict[str, set[str]] = {}
    for row in report["latent"]:
        for nodeid in row["tests"]:
            culprits.setdefault(nodeid, set()).update(row["culprits"])
    red = culprits.keys() | {row["nodeid"] for row in report["suspected"]}
    right = sum(
        any(parts <= culprits.get(plant.subject, set()) for parts in plant.culprits) for plant in plants
    )
    found = sum(plant.subject in red for plant in plants)
    return len(plants), found, right, report["cost"]["executions"], report["cost"]["seconds"]


def _score(plants: list[Latent], report: dict[str, Any], rows: dict[str, list[int]]) -> list[str]:
    """Count planted, found, right kind, right culprits; name what is wrong."""
    wrong = []
    found = defaultdict(list)
    for row in report["latent"]:
        for nodeid in row["tests"]:
            found[nodeid].append(row)
    meant = {nodeid for plant in plants if not plant.is_decoy for nodeid in (plant.subject, *plant.others)}
    for plant in plants:
        mine = found[plant.subject]
        if plant.is_decoy:
            rows["decoys"][0] += 1
            continue
        kind = any(row["kind"] in plant.kinds for row in mine)
        culprit = any(
            all(any(part in each for each in row["culprits"]) for part in parts)
            for row in mine
            for parts in plant.culprits
        )
        for column, value in enumerate((True, bool(mine), kind, culprit)):
            rows[plant.group][column] += value
        if not culprit:
            said = "; ".join(row["summary"] for row in mine)
            why = [each["reason"] for each in report["suspected"] if each["nodeid"] == plant.subject]
            wrong.append(f"{plant.name}: {said or '; '.join(why) or 'not found'}")
    for nodeid, several in found.items():
        if several and nodeid not in meant:
            rows["decoys"][1] += 1
            wrong.append(f"sound, and reported: {nodeid}: {several[0]['summary']}")
    return wrong


def _print(
    rows: dict[str, list[int]],
    wrong: list[str],
    totals: dict[str, float],
    proofs: list[int],
    peers: dict[str, list[float]],
) -> None:
    print(f"{'kind of plant':<20} planted  found  kind  culprits")
    for group, (planted, found, kind, culprit) in sorted(rows.items()):
        print(f"{group:<20} {planted:7}  {found:5}  {kind:4}  {culprit:8}")
    ours = [row for group, row in rows.items() if group != "decoys"]
    planted, found, kind, culprit = (sum(column) for column in zip(*ours, strict=True))
    print(f"{'all':<20} {planted:7}  {found:5}  {kind:4}  {culprit:8}")
    for line in wrong:
        print(f"  {line}")
    middle = median(proofs) if proofs else 0
    print(
        f"hunt: {totals['executions']:.0f} test executions, {totals['processes']:.0f} processes, "
        f"{totals['seconds']:.0f} s, {totals['cpu']:.0f} s of processors; "
        f"median of a proof {middle} processes"
    )
    print(f"\n{'of what depends on the order':<34} planted  found  culprits  executions  seconds")
    for name, (planned, got, right, executions, seconds) in peers.items():
        print(f"{name:<34} {planned:7.0f}  {got:5.0f}  {right:8.0f}  {executions:10.0f}  {seconds:7.0f}")


def _print_purposes(purposes: dict[str, list[float]], tests: int) -> None:
    print(f"\n{'for what':<36} executions  a test  processes  seconds")
    for purpose, (executions, processes, seconds) in purposes.items():
        print(
            f"{purpose:<36} {executions:10.0f}  {executions / tests:6.1f}  {processes:9.0f}  {seconds:7.0f}"
        )
    total = sum(spent[0] for spent in purposes.values())
    print(f"{'all':<36} {total:10.0f}  {total / tests:6.1f}")


def _print_growth() -> None:
    """Orders and one search, simulated: executions beside n log n."""
    print(f"\n{'tests':>6}  orders  executions  search runs  search executions  executions / n log2 n")
    for size in _GROWTH:
        tests = tuple(f"tests/test_{number // _FILE:03}.py::test_{number}" for number in range(size))
        victim, polluter = tests[size // 3], tests[size * 4 // 5]
        world = worlds.World(tests, {victim: worlds.after(polluter)})
        orders = [tests, tests, tests[::-1], reversed_files(tests)]
        orders += [
            mixed_order(tests, number // 2, 1) if number % 2 else square_order(tests, number // 2, 1)
            for number in range(5)
        ]
        known = world.knowledge([*orders, (victim,)])
        runs, executions = world.runs, world.executions
        culprits = find_culprits(victim, known.places(victim), world.run, effect_is_red=True)
        assert culprits == (polluter,)
        per = world.executions / (size * math.log2(size))
        print(
            f"{size:6}  {len(orders):6}  {executions:10}  {world.runs - runs:11}  "
            f"{world.executions - executions:17}  {per:10.2f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
