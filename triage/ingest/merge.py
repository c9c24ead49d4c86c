"""Reports of one run, from one file or many, to one result for each test; nothing is added, nothing lost.

Rows of one test within a file are phases of it (pytest writes a failure and a teardown error apart).
The same test in several files is the same test told twice - a log beside its XML - unless the files
disagree: then it was run again, and the outcome is the last one told, with a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from triage.ingest.limits import Limits, Notes
from triage.ingest.nodeids import NodeIds
from triage.ingest.reported import Reported, failure_of
from triage.model.failure import Failure
from triage.model.outcome import Outcome, Phase
from triage.model.run import TestResult

_COUNTS_SUBTESTS = re.compile(r"^contains \d+ failed subtests?$")


@dataclass
class _Test:
    nodeid: str
    collection: bool
    files: dict[str, list[Reported]] = field(default_factory=dict)


class Merger:
    """Takes reports in reading order, gives results in the order of first appearance."""

    def __init__(self, names: NodeIds, limits: Limits, notes: Notes) -> None:
        self._names = names
        self._limits = limits
        self._notes = notes
        self._tests: dict[tuple[str, bool], _Test] = {}
        self._rows = 0

    def add(self, source: str, reports: Iterable[Reported]) -> None:
        """All tests of one file."""
        for report in reports:
            self._rows += 1
            if self._rows > self._limits.results:
                self._notes.drop(f"rows beyond {self._limits.results:,}")
                continue
            nodeid = self._names.resolve(report.name, collection=report.collection)
            test = self._tests.setdefault((nodeid, report.collection), _Test(nodeid, report.collection))
            test.files.setdefault(source, []).append(report)

    def results(self, *, collection: bool) -> Iterator[TestResult]:
        """The results of tests, or of what failed to collect."""
        for test in self._tests.values():
            if test.collection == collection:
                yield self._result(test)

    def _result(self, test: _Test) -> TestResult:
        tellings = [self._telling(test, rows) for rows in test.files.values()]
        outcomes = [outcome for outcome, _ in tellings]
        notes = [row.note for rows in test.files.values() for row in rows if row.note]
        if len({outcome.is_red for outcome in outcomes}) > 1:
            notes.append(f"told differently by several files: {', '.join(outcomes)}; the last one counts")
        final, failures = _fullest([told for told in tellings if told[0].is_red == outcomes[-1].is_red])
        durations = [row.duration for rows in test.files.values() for row in rows if row.duration is not None]
        return TestResult(
            nodeid=test.nodeid,
            outcome=final,
            duration=max(durations, default=None),
            failures=failures,
            note="; ".join(dict.fromkeys(notes)) or None,
        )

    def _telling(self, test: _Test, rows: list[Reported]) -> tuple[Outcome, tuple[Failure, ...]]:
        """One file's outcome and failures of the test."""
        rows = sorted(rows, key=lambda row: row.when)
        teardown = [row for row in rows if row.wrongs and all(w.phase is Phase.TEARDOWN for w in row.wrongs)]
        runs = [row for row in rows if row not in teardown] or teardown[:1]
        last = runs[-1]
        counted = [last, *(row for row in teardown if row is not last)]
        failures = _causes(
            failure_of(wrong, test.nodeid, source=row.source, limits=self._limits)
            for row in counted
            for wrong in row.wrongs
        )
        outcome = last.outcome if last.outcome.is_red or not teardown else Outcome.ERROR
        if len(runs) > 1:
            self._notes.drop("rows of tests that were run again; the last run counts", len(runs) - 1)
        return outcome, failures


def _causes(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    """The failures without the one that only counts failed subtests, where those are told themselves."""
    told = tuple(failures)
    causes = tuple(failure for failure in told if not _COUNTS_SUBTESTS.search(failure.message))
    return causes or told


def _fullest(tellings: list[tuple[Outcome, tuple[Failure, ...]]]) -> tuple[Outcome, tuple[Failure, ...]]:
    """Of several tellings of one run of a test the one that says most; JUnit takes xpassed for passed."""
    outcome, failures = max(tellings, key=lambda told: (_richness(told[1]), told[0] is not Outcome.PASSED))
    return outcome, failures if outcome.is_red else ()


def _richness(failures: tuple[Failure, ...]) -> tuple[int, int]:
    """Of several tellings of one failure the one with most to read is kept."""
    frames = sum(len(raised.frames) for failure in failures for raised in failure.chain)
    texts = sum(len(f.longrepr) + len(f.captured.stdout) + len(f.captured.stderr) for f in failures)
    return frames, texts
