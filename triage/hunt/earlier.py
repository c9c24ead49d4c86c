"""What earlier hunts on the same suite have covered, and the runs of one that was cut short."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from triage.errors import UsageError
from triage.evidence.folder import EvidenceFolder
from triage.hunt.document import DOCUMENT, NO_TIME, RUNS, HuntReport, Suspected
from triage.hunt.seen import ALONE, SeenRun

_AGAIN = ("file order", "new interpreter", "square")
"""Beginnings of arms that every hunt runs: for comparison, or with other orders."""


@dataclass(frozen=True)
class Earlier:
    """What needs not be tried again while the suite's files are the same."""

    arms: frozenset[str] = frozenset()
    factors: tuple[str, ...] = ()
    alone: frozenset[str] = frozenset()
    twice: int = 0
    runs: tuple[SeenRun, ...] = ()
    unproven: tuple[Suspected, ...] = ()
    """What was red, and what no hunt has had the time to prove."""
    next_square: int = 0
    """The first row of squares that no hunt has run; it goes on where files have changed too."""

    def with_done(self, arms: set[str], alone: set[str]) -> Earlier:
        """The same, with arms and tests alone of a hunt that was cut short."""
        return replace(self, arms=self.arms | arms, alone=self.alone | alone)


def read_earlier(output: Path, fingerprint: str, tests: Sequence[str]) -> Earlier:
    """What sealed hunts covered; with other files than today's only the number of squares counts."""
    arms: set[str] = set()
    alone: set[str] = set()
    factors: dict[str, None] = {}
    all_runs: list[SeenRun] = []
    unproven: dict[tuple[str, str], Suspected] = {}
    next_square = twice = 0
    for folder, report in _reports(output):
        next_square = max(next_square, report.coverage.next_square)
        if report.fingerprint != fingerprint:
            continue
        runs = read_runs(folder.path / RUNS, tests)
        all_runs += runs
        alone |= {run.order[0] for run in runs if len(run.order) == 1}
        arms |= {arm.name for arm in report.arms if not arm.name.startswith(_AGAIN)}
        factors.update(dict.fromkeys(report.coverage.factors))
        twice = max(twice, report.coverage.twice)
        answered = {nodeid for latent in report.latent for nodeid in latent.tests}
        answered |= {suspect.nodeid for suspect in report.suspected}
        unproven = {key: suspect for key, suspect in unproven.items() if suspect.nodeid not in answered}
        for suspect in report.suspected:
            if suspect.reason == NO_TIME:
                unproven[suspect.nodeid, suspect.found_by] = suspect
    if not set(tests) <= alone:
        arms.discard(ALONE)
    return Earlier(
        arms=frozenset(arms),
        factors=tuple(factors),
        alone=frozenset(alone),
        twice=twice,
        runs=tuple(all_runs),
        unproven=tuple(unproven.values()),
        next_square=next_square,
    )


def find_cut_short(output: Path) -> EvidenceFolder:
    """The newest hunt, where it was not sealed and is over. Raises `UsageError` where there is none."""
    for folder in reversed(EvidenceFolder.all(output, phase="b")):
        if folder.sealed and (folder.path / DOCUMENT).is_file():
            break  # one that ended since has taken over what was cut short, or has tried all of it
        if not folder.sealed and not folder.in_use and (folder.path / RUNS).is_file():
            return folder
    raise UsageError("nothing-to-resume", "no hunt was cut short", "start one without --resume")


def read_cut_short(folder: EvidenceFolder, tests: Sequence[str]) -> list[SeenRun]:
    """The runs of a hunt that was cut short, but for those in file order, which every hunt makes anew."""
    return [run for run in read_runs(folder.path / RUNS, tests) if not run.arm.startswith("file order")]


def read_runs(path: Path, tests: Sequence[str]) -> list[SeenRun]:
    """The runs in a file, those of tests that are gone left out; a line that was cut short ends it."""
    found = []
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for line in lines:
        try:
            data = json.loads(line)
            data["order"] = [tests[number] for number in data["order"] if number >= 0]
            found.append(SeenRun.model_validate(data))
        except (ValueError, ValidationError, KeyError, IndexError, TypeError):
            break
    return found


def _reports(output: Path) -> Iterator[tuple[EvidenceFolder, HuntReport]]:
    for folder in EvidenceFolder.all(output, phase="b"):
        path = folder.path / DOCUMENT
        if not folder.sealed or not path.is_file():
            continue
        try:
            yield folder, HuntReport.model_validate_json(path.read_bytes())
        except ValidationError:
            continue  # `triage check` names it
