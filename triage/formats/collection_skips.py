"""A file or class that was skipped as a whole: pytest counts it as one skipped test, and so does a run."""

from __future__ import annotations

from triage.formats.imported_test import ImportedName, ImportedTest
from triage.model.outcome import Outcome
from triage.text.pattern import pattern

_REASON = pattern(
    r""" , \s* \d+ , \s* ['"] (?: Skipped: [ ] )? (?P<reason> .* ) ['"] \) $""",
    matches=["('/srv/tests/test_a.py', 1, 'Skipped: no network')"],
    rejects=["Skipped: no network"],
)
"""pytest writes path, line and reason as a tuple of Python."""


def skipped_as_a_whole(nodeid: str, text: str, *, source: str) -> ImportedTest:
    """The skip of a file or class; `text` is the reason, perhaps with its place."""
    found = _REASON.search(text.strip())
    reason = found["reason"] if found else text.removeprefix("Skipped: ")
    return ImportedTest(
        name=ImportedName(nodeid=nodeid), outcome=Outcome.SKIPPED, note=reason or None, source=source
    )
