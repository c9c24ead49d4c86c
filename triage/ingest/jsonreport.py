"""pytest-json-report: one document with stages of each test, as that plugin and triage itself write it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from triage.ingest.jsontext import dict_of, list_of, read_document, seconds_of, text_of
from triage.ingest.limits import Limits, Notes
from triage.ingest.reported import Name, Reported, Wrong
from triage.model.outcome import Outcome, Phase

_STAGES = (Phase.SETUP, Phase.CALL, Phase.TEARDOWN)
_OUTCOMES = {outcome.value: outcome for outcome in Outcome} | {"rerun": Outcome.FAILED}
_ENDED_WELL = {0, 1, None}


def read_json_report(stream: BinaryIO, *, limits: Limits, notes: Notes) -> Iterator[Reported]:
    """Collection errors, then tests in the document's order."""
    document = read_document(stream, limits=limits, notes=notes, items="tests")
    if "tests" not in document:
        notes.cut_short("it has a summary and no tests")
    exit_code = document.get("exitcode")
    if exit_code not in _ENDED_WELL:
        notes.cut_short(f"its pytest ended with exit code {exit_code}")
    for collector in list_of(document.get("collectors")):
        if dict_of(collector).get("outcome") == "failed":
            yield _collection_error(collector)
    for test in list_of(document.get("tests")):
        if isinstance(test, dict) and isinstance(test.get("nodeid"), str):
            yield _test(test, notes)
        else:
            notes.drop("tests without a node id")


def _collection_error(collector: dict[str, Any]) -> Reported:
    wrong = Wrong(text=text_of(collector.get("longrepr")), phase=Phase.COLLECT)
    return Reported(
        name=Name(nodeid=text_of(collector.get("nodeid"))),
        outcome=Outcome.ERROR,
        wrongs=(wrong,),
        collection=True,
        source="json-report",
    )


def _test(test: dict[str, Any], notes: Notes) -> Reported:
    stages = {phase: dict_of(test.get(phase.value)) for phase in _STAGES}
    wrongs = tuple(
        _wrong(phase, stage) for phase, stage in stages.items() if stage.get("outcome") in ("failed", "error")
    )
    outcome = _OUTCOMES.get(text_of(test.get("outcome")))
    if outcome is None:
        notes.drop("tests with an outcome that is none")
        outcome = Outcome.FAILED if wrongs else Outcome.NOT_RUN
    if outcome is Outcome.ERROR and stages[Phase.CALL].get("outcome") == "failed":
        outcome = Outcome.FAILED  # the plugin lets a teardown error hide the failure before it
    durations = [seconds_of(stage.get("duration")) or 0.0 for stage in stages.values() if stage]
    return Reported(
        name=Name(nodeid=test["nodeid"]),
        outcome=outcome,
        wrongs=wrongs if outcome.is_red else (),
        duration=sum(durations) if durations else None,
        source="json-report",
    )


def _wrong(phase: Phase, stage: dict[str, Any]) -> Wrong:
    crash = dict_of(stage.get("crash"))
    return Wrong(
        message=text_of(crash.get("message")),
        text=text_of(stage.get("longrepr")) or _traceback(stage),
        phase=phase,
        stdout=text_of(stage.get("stdout")),
        stderr=text_of(stage.get("stderr")),
        log=_log(stage.get("log")),
    )


def _traceback(stage: dict[str, Any]) -> str:
    """Where the long representation was left out: the traceback's places and the crash message."""
    entries = [dict_of(entry) for entry in list_of(stage.get("traceback"))]
    lines = [
        f"{entry.get('path')}:{entry.get('lineno')}: {entry.get('message') or ''}".rstrip()
        for entry in entries
    ]
    message = text_of(dict_of(stage.get("crash")).get("message"))
    return "\n".join([*(f"E   {line}" for line in message.splitlines()), *lines]) if message else ""


def _log(records: Any) -> str:
    if isinstance(records, str):
        return records
    lines = [f"{r.get('levelname', '')} {r.get('msg', '')}" for r in map(dict_of, list_of(records))]
    return "\n".join(lines)
