"""The zoo: does the laboratory name the right kind and culprit, and never a wrong proof?

Usage: python -m benchmarks zoo [NAME...] [--jobs N] [--minutes M] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any
from zlib import crc32

from tests.planted.faults.api import Plant, all_plants, grow
from triage.cli import wiring
from triage.cli.context import App
from triage.cli.probe import DEFAULT_BUDGET, known_probes
from triage.evidence.folder import EvidenceFolder
from triage.lab.budget import Budget
from triage.model.base import Silent
from triage.model.experiment import ProbeReport
from triage.probe.investigate import Request, probe


def plants(names: Sequence[str] = ()) -> list[Plant]:
    """Every plant, or those whose name contains one of the words."""
    found = all_plants()
    return [p for p in found if not names or any(word in p.name for word in names)]


def measure(one: Plant) -> dict[str, Any]:
    """Grow a plant, probe it, compare. What goes wrong on the way is a row, not the end of the run."""
    with tempfile.TemporaryDirectory(prefix="zoo-", ignore_cleanup_errors=True) as base:
        root = Path(base) / one.name
        started = time.perf_counter()
        try:
            grow(one, root)
            started = time.perf_counter()
            report = _probed(one, root)
        except Exception as error:
            return {
                "name": one.name,
                "error": f"{type(error).__name__}: {error}",
                "decoy": one.decoy,
                "kind_right": False,
                "wrong_proof": False,
                "seconds": 0.0,
            }
        return _compared(one, report, time.perf_counter() - started)


def _probed(one: Plant, root: Path) -> ProbeReport:
    app = App(str(root))
    services = wiring.services(app)
    object.__setattr__(services, "progress", Silent())
    budget = Budget(seconds=DEFAULT_BUDGET)
    return probe(
        services,
        Request(subject=one.subject, probes=known_probes(), budget=budget, workers=2),
        lambda: EvidenceFolder.create_free(root, "zoo", "b", app.world.stamp(), app.redact),
    )


def _compared(one: Plant, report: ProbeReport, seconds: float) -> dict[str, Any]:
    cause = report.root_cause
    kind_right = cause.kind in one.kinds and report.reproduced
    culprit_right = one.culprit is None or any(one.culprit in text for text in cause.culprits)
    return {
        "name": one.name,
        "decoy": one.decoy,
        "expected": one.kinds[0],
        "kind": cause.kind,
        "confidence": cause.confidence,
        "culprits": list(cause.culprits),
        "reproduced": report.reproduced,
        "kind_right": kind_right,
        "culprit_right": culprit_right and kind_right,
        "wrong_proof": cause.confidence == "proven" and (one.decoy or not kind_right),
        "runs": report.runs,
        "seconds": round(seconds, 1),
        "summary": cause.summary,
        "notes": list(report.notes),
        "experiments": [
            f"{e.probe} {e.factor.spelled() if e.factor else '-'} {e.status.value}"
            for e in report.experiments
        ],
    }


def _line(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"ERROR  {row['name']}: {row['error']}"
    mark = "WRONG!" if row["wrong_proof"] else "ok    " if row["kind_right"] else "MISS  "
    at = "" if row["culprit_right"] or not row["kind_right"] else " (culprit missed)"
    return (
        f"{mark} {row['name']:<26} {row['kind']} ({row['confidence']}){at} "
        f"{row['runs']} runs {row['seconds']} s {', '.join(row['culprits'])[:80]}"
    )


def _outcomes(found: Sequence[Plant], jobs: int, seconds: float) -> Iterator[dict[str, Any]]:
    """Rows as they come, each plant in a process apart; none is begun when the seconds are over."""
    waiting, until = iter(found), time.monotonic() + seconds
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        running: set[Future[dict[str, Any]]] = set()
        while True:
            while len(running) < jobs and time.monotonic() < until and (one := next(waiting, None)):
                running.add(pool.submit(measure, one))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)


def _verbose(row: dict[str, Any]) -> None:
    lines = (row.get("summary"), *row.get("experiments", []), *row.get("notes", []))
    print("   ", *lines, sep="\n      ", flush=True)


def _figures(rows: Sequence[dict[str, Any]], jobs: int) -> None:
    planted = [row for row in rows if not row.get("decoy")]
    decoys = [row for row in rows if row.get("decoy")]
    print(f"planted causes: {len(planted)}, right kind: {_share(planted, 'kind_right')}")
    print(f"right culprit: {_share(planted, 'culprit_right')}")
    print(f"decoys: {len(decoys)}, honest answer: {_share(decoys, 'kind_right')}")
    print(f"wrong proofs in all: {sum(row['wrong_proof'] for row in rows)}")
    beside = "" if jobs == 1 else f" ({jobs} subjects ran at once: alone each takes less)"
    print(f"seconds a subject: median {statistics.median(row['seconds'] for row in rows):.1f}{beside}")


def _share(rows: Sequence[dict[str, Any]], key: str) -> str:
    right = sum(bool(row.get(key)) for row in rows)
    return f"{right} ({right / len(rows):.1%})" if rows else "0"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure all plants; the last lines are the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks zoo")
    parser.add_argument("names", nargs="*", help="parts of the names of plants; all of them without")
    parser.add_argument("--json", dest="file")
    parser.add_argument("--jobs", type=int, default=1, help="plants that are probed at once")
    parser.add_argument("--minutes", type=float, help="begin no plant later; which ones come is mixed then")
    options = parser.parse_args(argv)
    found = plants(options.names)
    if not found or options.jobs < 1:
        parser.error("no plant has such a name" if not found else "--jobs takes 1 or more")
    if options.minutes is not None:
        found.sort(key=lambda one: crc32(one.name.encode()))
    rows = []
    for row in _outcomes(found, options.jobs, math.inf if options.minutes is None else options.minutes * 60):
        rows.append(row)
        print(_line(row), flush=True)
        if os.environ.get("ZOO_VERBOSE"):
            _verbose(row)
    if len(rows) < len(found):
        print(f"time was up: {len(found) - len(rows)} of {len(found)} plants were not probed")
    if rows:
        _figures(rows, options.jobs)
    if options.file:
        Path(options.file).write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return int(any(row["wrong_proof"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
