"""Write labelled runs of the half that may be looked at, for whoever improves the rules."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from benchmarks.projects.catalogue import Half
from benchmarks.projects.mixture import LabelledRun


def dump(run: LabelledRun, folder: Path) -> None:
    """Write one run below a folder: its evidence, the code that ran, a line for each labelled failure.

    Raises `ValueError` for a project of the unseen half.
    """
    if run.project.half is not Half.LOOK:
        raise ValueError(f"{run.project.name} is in the unseen half")
    own = folder / run.project.name
    shutil.rmtree(own, ignore_errors=True)
    shutil.copytree(run.copy, own / "project", symlinks=True)
    rows = zip(run.failures, run.labels, run.clusters, strict=True)
    with (own / "labelled.jsonl").open("w", encoding="utf-8") as file:
        for slotted, label, cluster in rows:
            failure = slotted.failure.model_dump(mode="json")
            row = {"nodeid": slotted.slot[0], "label": label, "cluster": cluster, "failure": failure}
            file.write(json.dumps(row) + "\n")
    mutants = [mutant.model_dump() | {"label": mutant.label} for mutant in run.mutants]
    (own / "bugs.json").write_text(json.dumps(mutants, indent=1) + "\n", encoding="utf-8")
