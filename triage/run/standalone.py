"""The record that `pytest --triage-record DIR` left, as a run."""

from __future__ import annotations

import json
from pathlib import Path

from triage.errors import UsageError
from triage.model.outcome import Outcome
from triage.model.run import RunRecord, TestResult
from triage.run import results
from triage.run.record_reader import Seen
from triage.run.results import Origins, death

EVENTS = "events.jsonl"


def read_recorded(folder: Path, *, root: Path, stamp: str, campaign: str) -> RunRecord:
    """Every collected test with its outcome; the test that ran when the session died is `crashed`.

    Raises `UsageError` where the folder holds no such record.
    """
    seen = _read(folder / EVENTS)
    if seen.collected is None:
        raise UsageError(
            "no-record", f"{folder / EVENTS} has no collection in it", "let pytest collect first"
        )
    origins = Origins(str(seen.begin.get("rootdir", root)))
    found: list[TestResult] = []
    for key in seen.keys:
        event = seen.finished.get(key)
        if event is not None:
            found.append(results.finished(key, event, None, 1, origins))
        elif seen.end is None and key == seen.culprit:
            note = "the session died while it ran"
            failure = death(key[0], "Crashed", note, dump=None, log_tail="", origins=origins)
            found.append(TestResult(nodeid=key[0], outcome=Outcome.CRASHED, failures=(failure,), note=note))
        else:
            found.append(results.never(key, None, "the session ended before it"))
    missing = sum(result.outcome is Outcome.NOT_RUN for result in found)
    void = f"{missing} of {len(found)} collected tests have no outcome" if missing else None
    return RunRecord(
        stamp=stamp,
        campaign=campaign,
        root=str(root),
        complete=void is None,
        void=void if found or seen.collect_errors else "no tests were collected",
        results=tuple(found),
        collect_errors=tuple(results.collect_errors(seen, origins)),
        notes=("recorded by a plain pytest session",),
    )


def _read(path: Path) -> Seen:
    seen = Seen(b"", lambda _payload, _event: None)
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UsageError("no-record", f"{path} cannot be read", "name the DIR of --triage-record") from error
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            seen.take(event)
    return seen
