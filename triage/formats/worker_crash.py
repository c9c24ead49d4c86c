"""Recognise what pytest-xdist reports for a worker that died, in whatever format it was written."""

from __future__ import annotations

from dataclasses import replace

from triage.formats.imported_test import ImportedFailure, ImportedName, ImportedTest
from triage.model.failure import CRASHED
from triage.model.outcome import Outcome, Phase
from triage.text.pattern import pattern

_CRASH = pattern(
    r"""
    (?: \[ gw\d+ \] [^\n]* \n+ )?                                   # the worker and its interpreter
    (?: failed[ ]on[ ](?: setup | teardown )[ ]with[ ] )? "?        # JUnit gives it a phase
    (?P<what> worker [ ] '[^'\n]+' [ ] crashed [ ] while [ ] running [ ] ' (?P<nodeid> [^\n]+ ) ' )
    "? \s*
    """,
    matches=[
        "worker 'gw0' crashed while running 'test_a.py::test_b'",
        "[gw0] linux -- Python 3.11.7 /python\nworker 'gw0' crashed while running 'test_a.py::test_b'",
    ],
    rejects=["E   worker 'gw0' crashed while running 'test_a.py::test_b'", "worker 'gw0' crashed"],
    how="fullmatch",
)


def crashed_test(text: str) -> str | None:
    """The node id of the test that a worker ran when it died; None for any other text."""
    found = _CRASH.fullmatch(text.strip())
    return found["nodeid"] if found else None


def told_as_crash(row: ImportedTest) -> ImportedTest:
    """The row itself, or a crash of the test that the worker ran, which only its text names for certain."""
    if not row.outcome.is_red or len(row.failures) != 1:
        return row
    (failure,) = row.failures
    found = _CRASH.fullmatch(failure.text.strip()) or _CRASH.fullmatch(failure.message.strip())
    if found is None:
        return row
    crash = ImportedFailure(
        exception=CRASHED,
        message="the worker died while it ran the test",
        text=found["what"],
        phase=Phase.CALL,
        stdout=failure.stdout,
        stderr=failure.stderr,
        log=failure.log,
    )
    name = row.name
    if name.nodeid and name.nodeid != found["nodeid"]:
        name = ImportedName(nodeid=found["nodeid"])
    return replace(row, name=name, outcome=Outcome.CRASHED, failures=(crash,))
