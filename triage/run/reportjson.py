"""A chunk's `report.json`: pytest-json-report's own document, or the same schema made from the events."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from triage.model.outcome import Outcome
from triage.model.run import TestResult
from triage.run.seen import Key

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
    tests = [_test(key, result, event, lines.get(key)) for key, result, event in rows]
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


def _test(key: Key, result: TestResult, event: Mapping[str, Any] | None, line: int | None) -> dict[str, Any]:
    test: dict[str, Any] = {"nodeid": key[0], "lineno": line, "outcome": _word(result.outcome)}
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


def _word(outcome: Outcome) -> str:
    return "error" if outcome in (Outcome.CRASHED, Outcome.TIMEOUT) else outcome.value


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
