"""Find the run that shows a test red: the order of its process and its conditions are evidence."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from triage.campaign.recorded import read_record
from triage.errors import VoidError
from triage.evidence.folder import EvidenceFolder
from triage.model.base import time_of_stamp
from triage.model.experiment import HUNT_FILE
from triage.model.nodeid import is_within
from triage.model.run import RerunHint, RunRecord
from triage.run.order import listed_ids

_MOST_RUNS = 20
"""Runs in which a red one is searched, newest first: of older ones the suite has changed too much."""


@dataclass(frozen=True)
class RecordedIn:
    """A run, and where it lies."""

    record: RunRecord
    folder: Path

    def order_of(self, nodeid: str) -> tuple[str, ...]:
        """The tests that shared the process of a test, in the order in which they ran; empty if unknown."""
        chunks = self.record.plan.chunks if self.record.plan is not None else ()
        return next((chunk.nodeids for chunk in chunks if nodeid in chunk.nodeids), ())

    def collection_killers(self, root: Path) -> dict[str, str]:
        """Files that ended or hung the process that imported them, not written since, with the reason.

        To find out again may cost the whole limit of a test, each time that the suite is collected.
        """
        begun = time_of_stamp(self.record.stamp).timestamp()
        killers = {}
        for error in self.record.collect_errors:
            path = root / error.nodeid
            if error.outcome.is_cut_short and path.is_file() and path.stat().st_mtime < begun:
                killers[error.nodeid] = f"{error.note or error.outcome.value} in {self.record.stamp}"
        return killers


def red_run(output: Path, first: RecordedIn | None, names: Collection[str]) -> RecordedIn | None:
    """The run that shows one of the named tests red: `first` where it does, else the newest.

    None where none does. `first` is the run that the caller works on; a name may be that of a file, a folder,
    a class or a test without its parameters.
    """
    for run in _candidates(output, first):
        results = (*run.record.results, *run.record.collect_errors)
        if any(result.outcome.has_failures and is_within(result.nodeid, names) for result in results):
            return run
    return None


def hunted_order(output: Path, nodeid: str) -> tuple[str, ...]:
    """The order in which the newest hunt saw the test red; empty where none did."""
    for folder in reversed(EvidenceFolder.all(output, phase="b")):
        path = folder.path / HUNT_FILE
        if not folder.sealed or not path.is_file():
            continue
        try:
            rows = json.loads(path.read_bytes())["latent"]
            names = [row["order"] for row in rows if nodeid in row["tests"] and row["order"]]
            texts = [(output / name).read_text(encoding="utf-8") for name in names]
        except (OSError, ValueError, KeyError, TypeError):
            continue  # `triage check` names it
        for text in texts:
            order = tuple(listed_ids(text))
            if nodeid in order:
                return order
    return ()


def _candidates(output: Path, first: RecordedIn | None) -> Iterator[RecordedIn]:
    if first is not None:
        yield first
    for folder in reversed(EvidenceFolder.all(output, phase="a")[-_MOST_RUNS:]):
        if not folder.sealed or (first is not None and folder.path == first.folder):
            continue
        try:
            yield RecordedIn(read_record(folder.path), folder.path)
        except VoidError:
            continue  # `triage check` names it


def needs_others(run: RecordedIn | None, nodeid: str) -> bool:
    """Whether the run's own reruns found the test green alone, and red behind what ran before it."""
    for result in run.record.results if run is not None else ():
        if result.nodeid == nodeid and result.reruns is not None:
            return result.reruns.hint is RerunHint.NEEDS_OTHERS
    return False
