"""What is known of a run as a whole: its figures, machine, packages, environment, processes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from triage.campaign.html_report.document import AttemptEntry, RunFacts
from triage.campaign.html_report.history import counts_of
from triage.campaign.recorded import RecordedRun

_MOST_COMMANDS = 200_000
"""Characters of `commands.txt`: every test of a run is named in it."""
_MOST_CHANGED = 200
_MOST_ATTEMPTS = 5000


def run_facts(run: RecordedRun, summary: Mapping[str, Any]) -> RunFacts:
    """The facts of a run; what an older version or an import did not record is empty."""
    folder = run.folder.path
    preflight = preflight_of(folder)
    return RunFacts(
        stamp=run.record.stamp,
        campaign=run.record.campaign,
        verdict=summary["verdict"],
        trouble=run.trouble,
        counts=counts_of(summary["counts"]),
        seconds=summary["seconds"],
        commit=summary["commit"],
        subject=run.record.subject,
        dirty=summary["dirty"],
        changed=tuple((preflight.get("git") or {}).get("changed", ()))[:_MOST_CHANGED],
        shard=summary["shard"],
        durations_from=summary["durations_from"],
        limits=summary["limits"] or {},
        base=summary["base"],
        gate=summary["gate"],
        notes=tuple(summary["notes"]),
        hints=tuple(summary["hints"]),
        machine=preflight.get("machine") or {},
        interpreter=preflight.get("interpreter") or {},
        packages=preflight.get("packages") or {},
        environment=_object(folder / "env.json"),
        commands=_text(folder / "commands.txt")[:_MOST_COMMANDS],
    )


def attempt_entries(run: RecordedRun) -> tuple[AttemptEntry, ...]:
    """Every process of the run."""
    return tuple(
        AttemptEntry(
            chunk=attempt.chunk,
            number=attempt.number,
            began=attempt.began,
            seconds=round(attempt.seconds, 3),
            ended=attempt.ended,
            signal=attempt.signal,
            culprit=attempt.culprit,
            note=attempt.note,
        )
        for attempt in run.record.attempts[:_MOST_ATTEMPTS]
    )


def preflight_of(folder: Path) -> dict[str, Any]:
    """What a run found before it began; empty for an import."""
    return _object(folder / "preflight.json")


def _object(path: Path) -> dict[str, Any]:
    """A JSON object; empty where the file is not there or is none."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
