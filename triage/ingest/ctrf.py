"""CTRF: the common test report format, JSON with times in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from triage.ingest.jsontext import dict_of, list_of, read_document, seconds_of, text_of
from triage.ingest.limits import Limits, Notes
from triage.ingest.reported import Name, Reported, Wrong
from triage.model.outcome import Outcome

_STATUS = {
    "passed": Outcome.PASSED,
    "failed": Outcome.FAILED,
    "skipped": Outcome.SKIPPED,
    "pending": Outcome.NOT_RUN,
    "other": Outcome.NOT_RUN,
}
_RAW = {
    "xfailed": Outcome.XFAILED,
    "xfail": Outcome.XFAILED,
    "xpassed": Outcome.XPASSED,
    "xpass": Outcome.XPASSED,
    "error": Outcome.ERROR,
    "broken": Outcome.ERROR,
    "crashed": Outcome.CRASHED,
    "timeout": Outcome.TIMEOUT,
    "timedout": Outcome.TIMEOUT,
    "not_run": Outcome.NOT_RUN,
}


def read_ctrf(stream: BinaryIO, *, limits: Limits, notes: Notes) -> Iterator[Reported]:
    """Tests in the document's order."""
    document = read_document(stream, limits=limits, notes=notes, items="tests")
    results = dict_of(document.get("results"))
    for test in list_of(document.get("tests") or results.get("tests")):
        if isinstance(test, dict) and isinstance(test.get("name"), str):
            yield _test(test, notes)
        else:
            notes.drop("tests without a name")


def _test(test: dict[str, Any], notes: Notes) -> Reported:
    raw = text_of(test.get("rawStatus")).lower().replace("-", "_")
    outcome = _RAW.get(raw) or _STATUS.get(text_of(test.get("status")).lower())
    if outcome is None:
        notes.drop("tests with a status that is none")
        outcome = Outcome.NOT_RUN
    if text_of(test.get("status")).lower() == "other" and raw == "":
        notes.drop("tests with the status other")
    retries = test.get("retries")
    wrong = Wrong(
        message=text_of(test.get("message")),
        text=text_of(test.get("trace")),
        stdout=text_of(test.get("stdout")),
        stderr=text_of(test.get("stderr")),
    )
    return Reported(
        name=_name(test),
        outcome=outcome,
        wrongs=(wrong,) if outcome.is_red else (),
        duration=seconds_of(test.get("duration"), 0.001),
        note=f"{retries} retries" if isinstance(retries, int) and retries > 0 else None,
        source="ctrf",
    )


def _name(test: dict[str, Any]) -> Name:
    name, file = test["name"], text_of(test.get("filePath"))
    extra = dict_of(test.get("extra"))
    if isinstance(extra.get("nodeid"), str):
        return Name(nodeid=extra["nodeid"])
    if "::" in name.split("[")[0]:
        return Name(nodeid=name)
    suite = test.get("suite")
    parts = [text_of(part) for part in suite] if isinstance(suite, list) else text_of(suite).split(" > ")
    classname = ".".join(part for part in parts if part and part != file)
    return Name(classname=classname, name=name, file=file)
