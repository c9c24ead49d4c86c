"""The zoo: does the laboratory name the right kind and culprit, and never a wrong proof?

Usage: python -m benchmarks zoo [NAME...] [--jobs N] [--minutes M] [--json FILE]

`ZOO_VERBOSE=1` in the environment prints what was found of each plant.
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
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from zlib import crc32

from tests.planted.faults.api import Plant, all_plants, grow
from triage.cli import wiring
from triage.cli.context import App
from triage.cli.probe import DEFAULT_BUDGET, known_probes
from triage.evidence.folder import EvidenceFolder
from triage.lab.budget import Budget
from triage.model.base import Silent
from triage.model.experiment import ExperimentResult, ProbeReport
from triage.probe.investigate import Request, probe

_CULPRITS_SHOWN = 80
"""Characters of the culprits in the line of a plant."""


@dataclass(frozen=True)
class Row:
    """What a probe said of one plant, beside what it should have said."""

    name: str
    decoy: bool
    expected: str
    kind: str = ""
    confidence: str = ""
    claim: str | None = None
    culprits: tuple[str, ...] = ()
    reproduced: bool = False
    kind_right: bool = False
    culprit_right: bool = False
    wrong_proof: bool = False
    """The one thing that must not happen: something proven that is not so."""
    runs: int = 0
    seconds: float = 0.0
    processor_seconds: float = 0.0
    """Of this process and all that it waited for."""
    summary: str = ""
    notes: tuple[str, ...] = ()
    experiments: tuple[str, ...] = ()
    error: str = ""
    """What went wrong on the way; empty where nothing did."""

    @property
    def mark(self) -> str:
        """The verdict on the answer, in one word."""
        if self.error:
            return "ERROR"
        if self.wrong_proof:
            return "WRONG!"
        return "ok" if self.kind_right else "MISS"


def plants(names: Sequence[str] = ()) -> list[Plant]:
    """Every plant, or those whose name contains one of the words."""
    found = all_plants()
    if not names:
        return found
    return [plant for plant in found if any(word in plant.name for word in names)]


def measure(plant: Plant) -> Row:
    """Grow a plant, probe it, compare. What goes wrong on the way is a row, not the end of the run."""
    with tempfile.TemporaryDirectory(prefix="zoo-", ignore_cleanup_errors=True) as base:
        root = Path(base) / plant.name
        try:
            grow(plant, root)
            started, processor_before = time.perf_counter(), _processor_seconds()
            report = probed(plant.subject, root)
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            return Row(name=plant.name, decoy=plant.decoy, expected=plant.kinds[0], error=said)
        seconds, processor = time.perf_counter() - started, _processor_seconds() - processor_before
        return _compared(plant, report, seconds, processor)


def _processor_seconds() -> float:
    """What this process and its ended children have taken so far."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def probed(subject: str, root: Path, seconds: float = DEFAULT_BUDGET) -> ProbeReport:
    """What `triage probe` finds of a test of the project at this root."""
    app = App(str(root))
    services = wiring.services(app)
    object.__setattr__(services, "progress", Silent())  # a benchmark of many prints its own lines
    request = Request(subject=subject, probes=known_probes(), budget=Budget(seconds=seconds), workers=2)

    def folder() -> EvidenceFolder:
        return EvidenceFolder.create_free(root, "zoo", "b", app.world.stamp(), app.redact)

    return probe(services, request, folder)


def _compared(plant: Plant, report: ProbeReport, seconds: float, processor_seconds: float) -> Row:
    cause = report.root_cause
    kind_right = cause.kind in plant.kinds and report.reproduced
    culprit_named = plant.culprit is None or any(plant.culprit in text for text in cause.culprits)
    return Row(
        name=plant.name,
        decoy=plant.decoy,
        expected=plant.kinds[0],
        kind=cause.kind,
        confidence=cause.confidence,
        claim=cause.claim,
        culprits=cause.culprits,
        reproduced=report.reproduced,
        kind_right=kind_right,
        culprit_right=culprit_named and kind_right,
        wrong_proof=cause.confidence == "proven" and (plant.decoy or not kind_right),
        runs=report.runs,
        seconds=round(seconds, 1),
        processor_seconds=round(processor_seconds, 1),
        summary=cause.summary,
        notes=report.notes,
        experiments=tuple(_in_short(experiment) for experiment in report.experiments),
    )


def _in_short(experiment: ExperimentResult) -> str:
    factor = experiment.factor.spelled() if experiment.factor else "-"
    return f"{experiment.probe} {factor} {experiment.status.value}"


def _rows(chosen: Sequence[Plant], jobs: int, seconds: float) -> Iterator[Row]:
    """Rows as they come, each plant in a process apart; none is begun when the seconds are over."""
    waiting = list(reversed(chosen))
    until = time.monotonic() + seconds
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        running: set[Future[Row]] = set()
        while True:
            while waiting and len(running) < jobs and time.monotonic() < until:
                running.add(pool.submit(measure, waiting.pop()))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()


def _print_row(row: Row) -> None:
    if row.error:
        print(f"{row.mark:<6} {row.name}: {row.error}", flush=True)
        return
    missed = " (culprit missed)" if row.kind_right and not row.culprit_right else ""
    culprits = ", ".join(row.culprits)[:_CULPRITS_SHOWN]
    print(
        f"{row.mark:<6} {row.name:<26} {row.kind} ({row.confidence}){missed} "
        f"{row.claim} {row.runs} runs {row.seconds} s ({row.processor_seconds} of a processor) {culprits}",
        flush=True,
    )


def _print_details(row: Row) -> None:
    print("   ", row.summary, *row.experiments, *row.notes, sep="\n      ", flush=True)


def _print_figures(rows: Sequence[Row], jobs: int) -> None:
    planted = [row for row in rows if not row.decoy]
    decoys = [row for row in rows if row.decoy]
    right_kinds = sum(row.kind_right for row in planted)
    right_culprits = sum(row.culprit_right for row in planted)
    honest = sum(row.kind_right for row in decoys)
    print(f"planted causes: {len(planted)}, right kind: {_share(right_kinds, len(planted))}")
    print(f"right culprit: {_share(right_culprits, len(planted))}")
    print(f"decoys: {len(decoys)}, honest answer: {_share(honest, len(decoys))}")
    claims = Counter(row.claim or "none" for row in planted)
    print(f"claims of planted causes: {', '.join(f'{number} {claim}' for claim, number in claims.items())}")
    print(f"wrong proofs in all: {sum(row.wrong_proof for row in rows)}")
    beside = "" if jobs == 1 else f" ({jobs} subjects ran at once: alone each takes less)"
    print(f"seconds a subject: median {statistics.median(row.seconds for row in rows):.1f}{beside}")
    processor = statistics.median(row.processor_seconds for row in rows)
    print(f"processor seconds a subject: median {processor:.1f}")
    print(f"runs a subject: median {statistics.median(row.runs for row in rows):.0f}")


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.1%})" if whole else "0"


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks zoo")
    parser.add_argument("names", nargs="*", help="parts of the names of plants; all of them without")
    parser.add_argument("--json", dest="file")
    parser.add_argument("--jobs", type=int, default=1, help="plants that are probed at once")
    parser.add_argument("--minutes", type=float, help="begin no plant later; which ones come is mixed then")
    options = parser.parse_args(argv)
    if options.jobs < 1:
        parser.error("--jobs takes 1 or more")
    options.plants = plants(options.names)
    if not options.plants:
        parser.error("no plant has such a name")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Measure all plants; the last lines are the figures."""
    options = _options(argv)
    chosen: list[Plant] = options.plants
    seconds = math.inf
    if options.minutes is not None:
        seconds = options.minutes * 60
        chosen.sort(key=lambda plant: crc32(plant.name.encode()))  # mixed, and alike in every run
    rows: list[Row] = []
    for row in _rows(chosen, options.jobs, seconds):
        rows.append(row)
        _print_row(row)
        if os.environ.get("ZOO_VERBOSE"):
            _print_details(row)
        if options.file:
            text = json.dumps([asdict(row) for row in rows], indent=1)
            Path(options.file).write_text(text, encoding="utf-8")
    if len(rows) < len(chosen):
        print(f"time was up: {len(chosen) - len(rows)} of {len(chosen)} plants were not probed")
    if rows:
        _print_figures(rows, options.jobs)
    return int(any(row.wrong_proof for row in rows))


if __name__ == "__main__":
    sys.exit(main())
