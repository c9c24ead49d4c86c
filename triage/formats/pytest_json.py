"""A chunk's `report.json`: pytest-json-report's own document, or the same schema made from the events."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from triage.formats.imported_test import ImportedFailure, ImportedName, ImportedTest
from triage.formats.limits import Limits, Notes
from triage.model.outcome import Outcome, Phase
from triage.model.run import Key, TestResult

_PHASES = ("setup", "call", "teardown")


def from_plugin(path: Path) -> dict[str, Any] | None:
    """The document that the plugin left, marked; None where it left none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return {**document, "triage": {"made_from": "pytest-json-report"}} if isinstance(document, dict) else None


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
    """The same document from the record, marked with the reason why it was made so.

    Crashed and hung tests are in it with outcome `error` and a `call` stage that says what happened;
    pytest-json-report has no word for them.
    """
    tests = [_write_test(key, result, event, lines.get(key)) for key, result, event in rows]
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


def _write_test(
    key: Key, result: TestResult, event: Mapping[str, Any] | None, line: int | None
) -> dict[str, Any]:
    test: dict[str, Any] = {"nodeid": key[0], "lineno": line, "outcome": result.outcome.pytest_word}
    if event is None:
        test["call"] = _death_stage(result)
        test["metadata"] = {"triage": {"outcome": result.outcome.value, "note": result.note}}
        return test
    if "d" in event:
        for phase, duration in zip(_PHASES, event["d"], strict=True):
            test[phase] = {"duration": duration, "outcome": "passed"}
        return test
    if event.get("keywords"):
        test["keywords"] = event["keywords"]
    for phase, stage in event.get("stages", {}).items():
        test[phase] = {name: value for name, value in stage.items() if name not in ("wasxfail", "log")}
    if event.get("properties"):
        test["user_properties"] = [{name: value} for name, value in event["properties"]]
    subtests = [failure for failure in event.get("failures", ()) if failure.get("subtest")]
    if subtests:
        test["metadata"] = {"subtests": [{"msg": f["subtest"], "longrepr": f["longrepr"]} for f in subtests]}
    return test


def _death_stage(result: TestResult) -> dict[str, Any]:
    failure = result.failures[0] if result.failures else None
    message = failure.message if failure else (result.note or "")
    return {
        "duration": 0.0,
        "outcome": "failed",
        "crash": {"path": key_path(result.nodeid), "lineno": 0, "message": message},
        "longrepr": failure.longrepr if failure else message,
    }


def key_path(nodeid: str) -> str:
    """The file part of a node id."""
    return nodeid.split("::", 1)[0]


_DOCUMENT_BYTES = 128 * 1024 * 1024
_SPACES = re.compile(r"[\s,]*")


def read_document(stream: BinaryIO, *, limits: Limits, notes: Notes, items: str) -> dict[str, Any]:
    """A JSON object; of a damaged one at least its list `items`, as far as it can be read.

    Never raises for what the text says: a text that is no object gives an empty one, and is noted.
    """
    cap = min(limits.file_bytes, _DOCUMENT_BYTES)
    data = stream.read(cap + 1)
    if len(data) > cap:
        notes.cut_short(f"only its first {cap:,} bytes were read")
    text = data[:cap].decode("utf-8-sig", "replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        found = [*_salvaged(text, items)]
        notes.cut_short(f"no whole JSON ({str(error)[:80]}); {len(found):,} of its {items} were saved")
        return {items: found}
    if not isinstance(value, dict):
        notes.drop("JSON that is no object")
        return {}
    return value


def read_lines(stream: BinaryIO, *, limits: Limits, notes: Notes) -> Iterator[dict[str, Any]]:
    """The objects of a JSON-lines file; lines that are none are counted, a cut last line is normal."""
    taken, bad = 0, 0
    while line := stream.readline(limits.line_bytes):
        taken += len(line)
        if taken > limits.file_bytes:
            notes.cut_short(f"only its first {limits.file_bytes:,} bytes were read")
            return
        value = _object(line)
        if value is not None:
            yield value
        elif line.strip():
            bad += 1
            ended = line.endswith(b"\n")
            notes.drop("lines that are no JSON object" if ended else "a last line that is cut or too long")


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _salvaged(text: str, items: str) -> Iterator[dict[str, Any]]:
    """Objects of the list `items`, from its beginning to the damage."""
    start = re.search(rf'"{re.escape(items)}"\s*:\s*\[', text)
    if start is None:
        return
    decoder, position = json.JSONDecoder(), start.end()
    while True:
        position = _SPACES.match(text, position).end()  # type: ignore[union-attr]  # it matches always
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            return
        if isinstance(value, dict):
            yield value


def text_of(value: Any) -> str:
    """A string where one is due; lists of strings are lines."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(item for item in value if isinstance(item, str))
    return "" if value is None or isinstance(value, dict) else str(value)


def dict_of(value: Any) -> dict[str, Any]:
    """A dictionary where one is due."""
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """A list where one is due."""
    return value if isinstance(value, list) else []


def seconds_of(value: Any, scale: float = 1.0) -> float | None:
    """A duration where one is due; what is no time is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    seconds = value * scale
    return seconds if 0 <= seconds < 1e9 else None


_STAGES = (Phase.SETUP, Phase.CALL, Phase.TEARDOWN)
_OUTCOMES = {outcome.value: outcome for outcome in Outcome} | {"rerun": Outcome.FAILED}
_ENDED_WELL = {0, 1, None}


def read_json_report(stream: BinaryIO, *, limits: Limits, notes: Notes) -> Iterator[ImportedTest]:
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
            yield _read_test(test, notes)
        else:
            notes.drop("tests without a node id")


def _collection_error(collector: dict[str, Any]) -> ImportedTest:
    failure = ImportedFailure(text=text_of(collector.get("longrepr")), phase=Phase.COLLECT)
    return ImportedTest(
        name=ImportedName(nodeid=text_of(collector.get("nodeid"))),
        outcome=Outcome.ERROR,
        failures=(failure,),
        is_collection_error=True,
        source="json-report",
    )


def _read_test(test: dict[str, Any], notes: Notes) -> ImportedTest:
    stages = {phase: dict_of(test.get(phase.value)) for phase in _STAGES}
    failures = tuple(
        _failure(phase, stage)
        for phase, stage in stages.items()
        if stage.get("outcome") in ("failed", "error")
    )
    outcome = _OUTCOMES.get(text_of(test.get("outcome")))
    if outcome is None:
        notes.drop("tests with an outcome that is none")
        outcome = Outcome.FAILED if failures else Outcome.NOT_RUN
    if outcome is Outcome.ERROR and stages[Phase.CALL].get("outcome") == "failed":
        outcome = Outcome.FAILED  # the plugin lets a teardown error hide the failure before it
    durations = [seconds_of(stage.get("duration")) or 0.0 for stage in stages.values() if stage]
    return ImportedTest(
        name=ImportedName(nodeid=test["nodeid"]),
        outcome=outcome,
        failures=failures if outcome.is_red else (),
        duration=sum(durations) if durations else None,
        source="json-report",
    )


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
