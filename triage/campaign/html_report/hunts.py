"""The newest hunt for latent flaky tests, as the report shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from triage.campaign.html_report.document import Arm, HuntEntry, LatentEntry, SuspectedEntry
from triage.evidence.folder import EvidenceFolder
from triage.model.experiment import HUNT_FILE

_MOST = 200
"""Latent and suspected tests, and things not tried; `triage hunt` lists all."""


def newest_hunt(output: Path, campaign: str, as_of: str) -> HuntEntry | None:
    """The newest concluded hunt of a campaign at a moment; None where there was none."""
    latest = _stamp_of(as_of)
    for folder in reversed(EvidenceFolder.all(output, campaign=campaign, phase="b")):
        if folder.stamp <= latest and folder.sealed and (folder.path / HUNT_FILE).is_file():
            return _read(folder)
    return None


def _stamp_of(moment: str) -> str:
    """2026-11-30T13:44:34.291527Z as 20261130T134434Z."""
    whole_seconds = moment.partition(".")[0].removesuffix("Z")
    return whole_seconds.replace("-", "").replace(":", "") + "Z"


def _read(folder: EvidenceFolder) -> HuntEntry | None:
    """None where the document is damaged; `triage check` says so."""
    try:
        document = json.loads((folder.path / HUNT_FILE).read_bytes())
        return HuntEntry(
            stamp=folder.stamp,
            tests=document["tests"],
            seconds=document["cost"]["seconds"],
            processes=document["cost"]["processes"],
            latent=tuple(_latent(row) for row in document["latent"][:_MOST]),
            suspected=tuple(
                SuspectedEntry(nodeid=row["nodeid"], found_by=row["found_by"], reason=row["reason"])
                for row in document["suspected"][:_MOST]
            ),
            not_tried=tuple(document["not_tried"][:_MOST]),
            notes=tuple(document["notes"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _latent(row: Mapping[str, Any]) -> LatentEntry:
    experiment = row["experiment"]
    return LatentEntry(
        cluster=row["cluster"],
        dependence=row["dependence"],
        kind=row["kind"],
        tests=tuple(row["tests"]),
        culprits=tuple(row["culprits"]),
        writer=row["writer"],
        summary=row["summary"],
        command=row["command"],
        baseline=_arm(experiment["baseline"]),
        treated=_arm(experiment["treated"]),
        p_value=experiment["p_value"],
    )


def _arm(tally: Mapping[str, int]) -> Arm:
    return Arm(runs=tally["runs"], failed=tally["failed"])
