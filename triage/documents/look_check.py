"""Check the traced run of red tests against the results: it speaks of tests that ran."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from triage.model.look import DOCUMENT, LookDocument
from triage.model.run import RunRecord, keys_of


def check_look(folder: Path, record: RunRecord) -> Iterator[tuple[str, str]]:
    """Give the file name and the problem of everything in `look/` that does not agree; it may be absent."""
    path = folder / DOCUMENT
    if not path.is_file():
        return
    try:
        document = LookDocument.model_validate_json(path.read_bytes())
    except (ValidationError, OSError) as error:
        yield DOCUMENT, f"cannot be read: {str(error).splitlines()[0]}"
        return
    keys = keys_of([result.nodeid for result in record.results])
    outcomes = {key: result.outcome for key, result in zip(keys, record.results, strict=True)}
    for test in document.tests:
        outcome = outcomes.get((test.nodeid, test.nth))
        if outcome is None:
            yield DOCUMENT, f"{test.nodeid} has no result"
        elif test.failure is not None and not outcome.has_failures:
            yield DOCUMENT, f"{test.nodeid} has a failure that is traced, and did not fail"
        numbers = (*test.functions, *(test.failure.suspects if test.failure else ()))
        if any(not 0 <= number < len(document.functions) for number in numbers):
            yield DOCUMENT, f"{test.nodeid} names a function that the document does not have"
