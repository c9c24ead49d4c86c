"""pytest-json-report: read its document, and make a chunk's `report.json` of the same schema from the events.

A chunk's `report.json` is the plugin's own document where one process ran the whole chunk and lived to write
it; else it is made here from the record.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from triage.formats.collection_skips import skipped_as_a_whole
from triage.formats.completeness import Tally, count_of, shortfall
from triage.formats.file_head import FileHead
from triage.formats.imported_test import Facet, ImportedFailure, ImportedName, ImportedTest
from triage.formats.json_input import dict_of, list_of, read_document, seconds_of, text_of
from triage.formats.limits import Limits, Notes
from triage.model.failure import Failure
from triage.model.nodeid import file_of
from triage.model.outcome import Outcome, Phase
from triage.model.run import Key, TestResult

_STAGES = (Phase.SETUP, Phase.CALL, Phase.TEARDOWN)
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
_EXIT_CODES_OF_A_WHOLE_RUN = (0, 1, None)
"""All passed, some failed, not told; the others of pytest mean that it did not come to its end."""
_STAGE_OF_A_DEAD_WORKER = "???"
"""pytest-xdist reports the crash of a worker in no phase."""
_STAGE_KEYS_OF_TRIAGE = ("wasxfail", "log")
"""What the recorder's events have and the plugin's schema has not, or has otherwise."""


def recognizes_json_report(head: FileHead) -> bool:
    """Whether the text has the keys of the plugin's document; any but these can be left out."""
    text = head.text
    has_tests = any(key in text for key in ('"tests"', '"collectors"', '"exitcode"'))
    summarized = '"summary"' in text and has_tests
    timed = '"exitcode"' in text and '"duration"' in text
    return head.is_json and (summarized or timed)


def read_json_report(stream: BinaryIO, *, limits: Limits, notes: Notes) -> Iterator[ImportedTest]:
    """Read collection errors, then tests in the document's order."""
    document = read_document(stream, limits=limits, notes=notes, items="tests")
    if "tests" not in document:
        notes.cut_short("it has a summary and no tests")
    facets = _facets(document)
    shown = Tally()
    for collector in list_of(document.get("collectors")):
        if dict_of(collector).get("outcome") == "failed":
            shown.add(Tally(red=1))
            yield _collection_error(collector)
        elif dict_of(collector).get("outcome") == "skipped":
            nodeid, reason = text_of(collector.get("nodeid")), text_of(collector.get("longrepr"))
            yield skipped_as_a_whole(nodeid, reason, source="json-report")
    for test in list_of(document.get("tests")):
        if isinstance(test, dict) and isinstance(test.get("nodeid"), str):
            imported = _imported(test, facets, notes)
            shown.add(Tally(tests=1, red=int(imported.outcome.is_red)))
            yield imported
        else:
            notes.drop("tests without a node id")
            notes.cut_short("it has tests without a node id")
    _compare_counts(document, shown, notes)


def _compare_counts(document: dict[str, Any], shown: Tally, notes: Notes) -> None:
    """What the document says of the whole session, against its tests."""
    exit_code = document.get("exitcode")
    if exit_code not in _EXIT_CODES_OF_A_WHOLE_RUN:
        notes.cut_short(f"its pytest ended with exit code {exit_code}")
    elif exit_code == 1 and not shown.red:
        notes.cut_short("its pytest ended with exit code 1, and no failure is shown")
    summary = dict_of(document.get("summary"))
    selected = count_of(summary.get("collected")) - count_of(summary.get("deselected"))
    counted = Tally(
        tests=max(count_of(summary.get("total")), selected),
        red=count_of(summary.get("failed")) + count_of(summary.get("error")),
    )
    if missing := shortfall(counted, shown):
        notes.cut_short(missing)


def _facets(document: dict[str, Any]) -> tuple[Facet, ...]:
    """The interpreter and the platform, which a matrix of jobs differs in."""
    environment = dict_of(document.get("environment"))
    pairs = [(key.lower(), text_of(environment.get(key))) for key in ("Python", "Platform")]
    return tuple(Facet(kind, value) for kind, value in pairs if value)


def _collection_error(collector: dict[str, Any]) -> ImportedTest:
    failure = ImportedFailure(text=text_of(collector.get("longrepr")), phase=Phase.COLLECT)
    return ImportedTest(
        name=ImportedName(nodeid=text_of(collector.get("nodeid"))),
        outcome=Outcome.ERROR,
        failures=(failure,),
        is_collection_error=True,
        source="json-report",
    )


def _imported(test: dict[str, Any], facets: tuple[Facet, ...], notes: Notes) -> ImportedTest:
    stages = {phase: dict_of(test.get(phase.value)) for phase in _STAGES}
    stages[Phase.CALL] = stages[Phase.CALL] or dict_of(test.get(_STAGE_OF_A_DEAD_WORKER))
    failed = {phase: stage for phase, stage in stages.items() if stage.get("outcome") in ("failed", "error")}
    failures = tuple(_failure(phase, stage) for phase, stage in failed.items())
    by_triage = dict_of(dict_of(test.get("metadata")).get("triage"))  # crashed, timeout: see `_written`
    outcome = _OUTCOMES.get(text_of(by_triage.get("outcome")))
    outcome = outcome or _outcome(text_of(test.get("outcome")), stages, notes)
    durations = [seconds_of(stage.get("duration")) or 0.0 for stage in stages.values() if stage]
    was_running = outcome is Outcome.NOT_RUN and bool(stages[Phase.SETUP])
    return ImportedTest(
        name=ImportedName(nodeid=test["nodeid"]),
        outcome=outcome,
        failures=failures if outcome.is_red else (),
        duration=sum(durations) if durations else None,
        note="it was running when the session ended" if was_running else None,
        facets=facets,
        source="json-report",
    )


def _outcome(word: str, stages: Mapping[Phase, dict[str, Any]], notes: Notes) -> Outcome:
    """The outcome that the plugin wrote, as far as the stages do not say otherwise."""
    told = _OUTCOMES.get(word)
    shown = _outcome_of_stages(stages)
    if told is None and shown is None:
        notes.drop("tests with an unknown outcome")
        return Outcome.NOT_RUN
    if word == "rerun" and (shown is None or not shown.is_red):
        return Outcome.FLAKY  # its last run passed: of one that failed in the end the plugin writes so
    if told is None or shown is None:
        return told or shown or Outcome.NOT_RUN
    if shown.is_red:
        return shown  # the plugin lets an error of the teardown hide the failure before it
    if shown is Outcome.NOT_RUN and not told.is_red:
        return shown  # of a test that was interrupted in its call the plugin writes that it passed
    return told


def _outcome_of_stages(stages: Mapping[Phase, dict[str, Any]]) -> Outcome | None:
    """None where the stages were left out of the document."""
    words = {phase: stage.get("outcome") for phase, stage in stages.items()}
    if words[Phase.CALL] in ("failed", "error"):
        return Outcome.FAILED
    if not {"failed", "error"}.isdisjoint(words.values()):
        return Outcome.ERROR
    if "skipped" in words.values():
        return Outcome.SKIPPED
    if words[Phase.CALL] == "passed":
        return Outcome.PASSED
    return Outcome.NOT_RUN if words[Phase.SETUP] == "passed" else None


def _failure(phase: Phase, stage: dict[str, Any]) -> ImportedFailure:
    crash = dict_of(stage.get("crash"))
    return ImportedFailure(
        message=text_of(crash.get("message")),
        text=text_of(stage.get("longrepr")) or _traceback(stage),
        phase=phase,
        stdout=text_of(stage.get("stdout")),
        stderr=text_of(stage.get("stderr")),
        log=_log(stage.get("log")),
    )


def _traceback(stage: dict[str, Any]) -> str:
    """Where the long representation was left out: the crash message and the places of the traceback."""
    message = text_of(dict_of(stage.get("crash")).get("message"))
    if not message:
        return ""
    lines = [f"E   {line}" for line in message.splitlines()]
    for entry in map(dict_of, list_of(stage.get("traceback"))):
        place = f"{entry.get('path')}:{entry.get('lineno')}: {entry.get('message') or ''}"
        lines.append(place.rstrip())
    return "\n".join(lines)


def _log(records: Any) -> str:
    """Log records as lines; some versions of the plugin have them as one text."""
    if isinstance(records, str):
        return records
    lines = [
        f"{record.get('levelname', '')} {record.get('msg', '')}" for record in map(dict_of, list_of(records))
    ]
    return "\n".join(lines)


def from_plugin(path: Path, *, seconds: float) -> dict[str, Any] | None:
    """Read the document that the plugin left and mark its origin; None where it left none.

    The plugin measures the whole by the clock on the wall, which may be set back meanwhile: `seconds` is what
    a monotonic clock says.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict):
        return None
    return {**document, "duration": seconds, "triage": {"made_from": "pytest-json-report"}}


def from_events(
    rows: Sequence[tuple[Key, TestResult, Mapping[str, Any] | None]],
    *,
    root: str,
    created: float,
    duration: float,
    exitcode: int | None,
    why: str,
    lines: Mapping[Key, int | None],
    environment: Mapping[str, Any],
) -> dict[str, Any]:
    """Make the same document from the record, marked with the reason why it was made so.

    `rows` are keys, results and the recorder's events, which crashed and hung tests lack. `created` is
    seconds since the epoch, `duration` seconds, `lines` 0-based. Crashed and hung tests have the outcome
    `error` and a `call` stage that says what happened; pytest-json-report has no word for them.
    """
    tests = [_written(key, result, event, lines.get(key)) for key, result, event in rows]
    tally = Counter(test["outcome"] for test in tests)
    return {
        "created": created,
        "duration": duration,
        "exitcode": exitcode,
        "root": root,
        "environment": dict(environment),
        "summary": {**tally, "total": len(tests), "collected": len(rows)},
        "tests": tests,
        "triage": {"made_from": "events", "why": why},
    }


def _written(
    key: Key, result: TestResult, event: Mapping[str, Any] | None, line: int | None
) -> dict[str, Any]:
    test: dict[str, Any] = {"nodeid": key[0], "lineno": line, "outcome": result.outcome.pytest_word}
    if event is None:
        # what had failed before a teardown that killed the process comes before that
        for failure in result.failures or (None,):
            stage = "call" if failure is None else failure.phase.value
            test[stage] = _stage_of_death(result, failure)
        test["metadata"] = {"triage": {"outcome": result.outcome.value, "note": result.note}}
        return test
    if "d" in event:  # the recorder's short form of a test that passed: durations alone
        for phase, duration in zip(_STAGES, event["d"], strict=True):
            test[phase.value] = {"duration": duration, "outcome": "passed"}
        return test
    if event.get("keywords"):
        test["keywords"] = event["keywords"]
    for phase_name, stage in event.get("stages", {}).items():
        test[phase_name] = {name: value for name, value in stage.items() if name not in _STAGE_KEYS_OF_TRIAGE}
    if event.get("properties"):
        test["user_properties"] = [{name: value} for name, value in event["properties"]]
    subtests = [failure for failure in event.get("failures", ()) if failure.get("subtest")]
    if subtests:
        messages = [{"msg": failure["subtest"], "longrepr": failure["longrepr"]} for failure in subtests]
        test["metadata"] = {"subtests": messages}
    return test


def _stage_of_death(result: TestResult, failure: Failure | None) -> dict[str, Any]:
    message = failure.message if failure else (result.note or "")
    file = file_of(result.nodeid)
    return {
        "duration": 0.0,
        "outcome": "failed",
        "crash": {"path": file, "lineno": 0, "message": message},
        "longrepr": failure.longrepr if failure else message,
    }
