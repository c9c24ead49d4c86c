"""The zoo: does the laboratory name the right kind and culprit, and never a wrong proof?

Usage: python -m benchmarks zoo [NAME...] [--jobs N] [--json FILE]
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from triage.cli import compose
from triage.cli.context import App
from triage.cli.probe import DEFAULT_BUDGET, known_probes
from triage.errors import TriageError
from triage.evidence.folder import EvidenceFolder
from triage.model.world import Silent
from triage.phase.probing.api import Request, probe
from triage.phase.probing.lab import Budget
from triage.testing.zoo import Plant, grow

_HOUSES = ("zoo_order", "zoo_world", "zoo_more", "zoo_numeric", "zoo_stuck", "zoo_places", "zoo_graph", "zoo_decoys")


def plants(names: Sequence[str] = ()) -> list[Plant]:
    """Every plant, or those whose name contains one of the words."""
    found = [p for house in _HOUSES for p in importlib.import_module(f"triage.testing.{house}").PLANTS]
    return [p for p in found if not names or any(word in p.name for word in names)]


def measure(one: Plant) -> dict[str, Any]:
    """Grow a plant, probe it, compare."""
    with tempfile.TemporaryDirectory(prefix="zoo-", ignore_cleanup_errors=True) as base:
        root = Path(base) / one.name
        grow(one, root)
        app = App(str(root))
        tools = compose.tools(app)
        object.__setattr__(tools, "progress", Silent())
        request = Request(
            subject=one.subject, probes=known_probes(), budget=Budget(seconds=DEFAULT_BUDGET), workers=2
        )
        started = time.perf_counter()
        try:
            report = probe(
                tools,
                request,
                lambda: EvidenceFolder.create_free(root, "zoo", "b", app.world.stamp(), app.redact),
            )
        except TriageError as error:
            return {
                "name": one.name,
                "error": str(error),
                "kind_right": False,
                "wrong_proof": False,
                "seconds": 0.0,
            }
        seconds = time.perf_counter() - started
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


def _outcomes(found: Sequence[Plant], jobs: int) -> Iterator[dict[str, Any]]:
    """Rows in the order of the plants; with several jobs each plant has a process of its own."""
    if jobs == 1:
        yield from map(measure, found)
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(measure, found)


def _verbose(row: dict[str, Any]) -> None:
    lines = (row.get("summary"), *row.get("experiments", []), *row.get("notes", []))
    print("   ", *lines, sep="\n      ", flush=True)


def _figures(rows: Sequence[dict[str, Any]], jobs: int) -> None:
    planted = [row for row in rows if not row.get("decoy")]
    decoys = [row for row in rows if row.get("decoy")]
    print(f"planted causes: {len(planted)}, right kind: {_share(planted, 'kind_right')}")
    print(f"right culprit: {_share(planted, 'culprit_right')}")
    print(f"decoys: {len(decoys)}, wrong proofs in all: {sum(row['wrong_proof'] for row in rows)}")
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
    options = parser.parse_args(argv)
    found = plants(options.names)
    if not found or options.jobs < 1:
        parser.error("no plant has such a name" if not found else "--jobs takes 1 or more")
    rows = []
    for row in _outcomes(found, options.jobs):
        rows.append(row)
        print(_line(row), flush=True)
        if os.environ.get("ZOO_VERBOSE"):
            _verbose(row)
    _figures(rows, options.jobs)
    if options.file:
        Path(options.file).write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return int(any(row["wrong_proof"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
