"""The record of a run that never wrote one: its harness was killed, or still runs."""

from __future__ import annotations

from pathlib import Path

from triage.evidence.folder import EvidenceFolder
from triage.model.run import RunRecord
from triage.run.origins import Origins
from triage.run.reconcile import KnownOfRun
from triage.run.resume import read_evidence
from triage.run.run_store import EVENTS


def read_unfinished(folder: EvidenceFolder, root: Path, why: str) -> RunRecord:
    """Return what is known of a phase A run whose folder has no `results.json`, from its `events.jsonl`.

    A run that ends in any way but by `kill -9` writes `results.json` itself; a reader calls this function
    where the file is missing. Every planned test has a result: its outcome where the record holds one, else
    `not_run` with `why`. What did not collect, and what was skipped when collected, is there too. The record
    is void and `resumable`. Nothing is written, and a run that goes on is not disturbed; a torn last line is
    left out.
    """
    previous = read_evidence(folder.path, [folder.path / EVENTS], Path(), Origins(str(root)))
    known = KnownOfRun(
        chunks=previous.chunks(),
        plan=previous.plan,
        collect_errors=previous.collect_errors(),
        collect_skips=previous.collect_skips(),
    )
    like = RunRecord(
        stamp=folder.stamp,
        campaign=folder.campaign,
        root=str(root),
        complete=False,
        commit=previous.commit,
    )
    return known.record(void=why, why=why, resumable=True, like=like, seconds=0.0)
