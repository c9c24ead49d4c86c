"""Read Allure results: a folder with a JSON file for each run of a test.

Files with one `historyId` are attempts of one test, and their starts are their order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from triage.formats.file_head import FileHead
from triage.formats.imported_test import Facet, ImportedFailure, ImportedName, ImportedTest
from triage.formats.json_input import dict_of, list_of, read_document, text_of, time_of
from triage.formats.limits import Limits, Notes
from triage.model.outcome import Outcome

_STATUS = {
    "passed": Outcome.PASSED,
    "failed": Outcome.FAILED,
    "broken": Outcome.FAILED,  # whatever is no assertion: pytest calls it a failure too
    "skipped": Outcome.SKIPPED,
}
_RESULT_KEYS = ("historyId", "testCaseId", "statusDetails", "fullName")
_CONTAINER_KEYS = frozenset({"children", "befores", "afters"})
_LABELS_OF_SURROUNDINGS = ("browser", "os", "host")
_MILLISECOND = 0.001
_UNFINISHED_STAGES = {"scheduled", "running", "pending", "interrupted"}


def recognizes_allure(head: FileHead) -> bool:
    """Whether the text is a result, or a container of fixtures."""
    text = head.text
    if not head.is_json:
        return False
    has_result_key = any(f'"{key}"' in text for key in _RESULT_KEYS)
    if has_result_key and ('"status"' in text or '"uuid"' in text):
        return True
    return _is_container(text)


def _is_container(text: str) -> bool:
    """Containers have no key of their own: only the whole document tells one."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and "uuid" in document and bool(document.keys() & _CONTAINER_KEYS)


def read_allure(stream: BinaryIO, *, limits: Limits, notes: Notes) -> Iterator[ImportedTest]:
    """Read the one test of a result file; containers (fixtures of tests in other files) have none."""
    document = read_document(stream, limits=limits, notes=notes, items="steps")
    if document.keys() & _CONTAINER_KEYS and "status" not in document:
        return
    name = _name(document)
    if not (name.name or name.nodeid):
        notes.drop("Allure results without a name")
        return
    details = dict_of(document.get("statusDetails"))
    failure = ImportedFailure(message=text_of(details.get("message")), text=text_of(details.get("trace")))
    outcome = _outcome(document, details, notes)
    start, stop = (time_of(document.get(key), _MILLISECOND) for key in ("start", "stop"))
    duration = None
    if start is not None and stop is not None and stop >= start:
        duration = round(stop - start, 3)
    yield ImportedTest(
        name=name,
        outcome=outcome,
        failures=(failure,) if outcome.is_red else (),
        duration=duration,
        started=start,
        retry_of=text_of(document.get("historyId")) or text_of(document.get("testCaseId")),
        facets=_facets(document),
        source="allure",
    )


def _facets(document: dict[str, Any]) -> tuple[Facet, ...]:
    """The labels that tell where a test ran."""
    labels = [dict_of(label) for label in list_of(document.get("labels"))]
    pairs = [(text_of(label.get("name")), text_of(label.get("value"))) for label in labels]
    return tuple(Facet(name, value) for name, value in pairs if name in _LABELS_OF_SURROUNDINGS and value)


def _outcome(document: dict[str, Any], details: dict[str, Any], notes: Notes) -> Outcome:
    status, stage = (text_of(document.get(key)).lower() for key in ("status", "stage"))
    if status not in _STATUS:
        if stage not in _UNFINISHED_STAGES:
            notes.drop("tests with an unknown status")
        return Outcome.NOT_RUN
    if status == "skipped" and text_of(details.get("message")).startswith("XFAIL"):
        return Outcome.XFAILED
    return _STATUS[status]


def _name(document: dict[str, Any]) -> ImportedName:
    """`tests.test_a.TestB#test_c` with the parameters of the shown name; hidden values stay hidden."""
    shown, full = text_of(document.get("name")), text_of(document.get("fullName"))
    if "::" in full:
        return ImportedName(nodeid=full)
    path, hash_mark, function = full.partition("#")
    if not hash_mark:
        return ImportedName(classname=full.rpartition(".")[0] if full.endswith(shown) else full, name=shown)
    if "[" in path:  # the writer took a parameter's `::` for a class
        path = path[: path.index("[")].rpartition(".")[0]
    bracket = shown[shown.index("[") :] if "[" in shown else _parameters(document)
    return ImportedName(classname=path, name=function + bracket)


def _parameters(document: dict[str, Any]) -> str:
    """The values in brackets, as pytest has them; excluded ones are in no name, hidden ones are not shown."""
    values: list[str] = []
    for parameter in map(dict_of, list_of(document.get("parameters"))):
        if parameter.get("excluded"):
            continue
        is_secret = text_of(parameter.get("mode")) in ("hidden", "masked")
        values.append("…" if is_secret else text_of(parameter.get("value")))
    return f"[{'-'.join(values)}]" if values else ""
