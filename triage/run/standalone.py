"""The record that `pytest --triage-record DIR` left, as a run."""

from __future__ import annotations

import json
from pathlib import Path

from triage.errors import UsageError
from triage.model.failure import CRASHED
from triage.model.outcome import Outcome, Phase
from triage.model.run import RunRecord, TestResult
from triage.run import results
from triage.run.origins import Origins
from triage.run.record_reader import RecordReader
from triage.run.recorded_failures import failure_of_death, failures_before_teardown

EVENTS = "events.jsonl"


def read_recorded(folder: Path, *, root: Path, stamp: str, campaign: str) -> RunRecord:
    """Every collected test with its outcome; the test that ran when the session died is `crashed`.

    Raises `UsageError` where the folder holds no such record.
    """
    reader = _read(folder / EVENTS)
    if reader.collected is None:
        raise UsageError(
            "no-record", f"{folder / EVENTS} has no collection in it", "let pytest collect first"
        )
    origins = Origins(str(reader.begin.get("rootdir", root)))
    found: list[TestResult] = []
    for key in reader.keys:
        event = reader.finished.get(key)
        if event is not None:
            found.append(results.result_of_event(key, event, None, 1, origins))
        elif reader.end is None and key == reader.culprit:
            note = "the session died while it ran"
            earlier = failures_before_teardown(key[0], reader, origins)
            phase = Phase.TEARDOWN if earlier else None
            death = failure_of_death(key[0], CRASHED, note, origins=origins, phase=phase)
            failures = (*earlier, death)
            found.append(TestResult(nodeid=key[0], outcome=Outcome.CRASHED, failures=failures, note=note))
        else:
            found.append(results.result_not_run(key, None, "the session ended before it"))
    missing = sum(result.outcome is Outcome.NOT_RUN for result in found)
    void = f"{missing} of {len(found)} collected tests have no outcome" if missing else None
    return RunRecord(
        stamp=stamp,
        campaign=campaign,
        root=str(root),
        complete=void is None,
        void=void if found or reader.collect_errors else "no tests were collected",
        results=(*found, *results.collect_skips(reader)),
        collect_errors=tuple(results.collect_errors(reader, origins)),
        notes=("recorded by a plain pytest session",),
    )


def _read(path: Path) -> RecordReader:
    reader = RecordReader(b"")
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
            reader.take(event)
    return reader
