"""Join what several reports say of the same tests into one result a test."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from triage.formats.imported_test import ImportedTest, failures_of
from triage.formats.limits import Limits, Notes
from triage.formats.node_ids import NodeIds
from triage.model.failure import Failure
from triage.model.outcome import Outcome, Phase
from triage.model.run import TestResult

_COUNTS_SUBTESTS = re.compile(r"^contains \d+ failed subtests?$")


@dataclass(frozen=True)
class _Account:
    """What one report says of one test."""

    outcome: Outcome
    failures: tuple[Failure, ...]

    @property
    def detail(self) -> tuple[int, int, bool]:
        """How much there is to read: frames, then text; JUnit takes an unexpected pass for a pass."""
        frames = sum(len(raised.frames) for failure in self.failures for raised in failure.chain)
        characters = sum(
            len(failure.longrepr) + len(failure.captured.stdout) + len(failure.captured.stderr)
            for failure in self.failures
        )
        return frames, characters, self.outcome is not Outcome.PASSED


@dataclass
class _Test:
    """The rows of one test, by the report that they are in."""

    nodeid: str
    is_collection_error: bool
    rows_of: dict[str, list[ImportedTest]] = field(default_factory=dict)

    @property
    def rows(self) -> Iterator[ImportedTest]:
        for rows in self.rows_of.values():
            yield from rows


class Merger:
    """Takes reports in reading order, gives results in the order in which the tests appeared first."""

    def __init__(self, names: NodeIds, limits: Limits, notes: Notes) -> None:
        self._names = names
        self._limits = limits
        self._notes = notes
        self._tests: dict[tuple[str, bool], _Test] = {}
        self._rows = 0

    def add(self, report: str, rows: Iterable[ImportedTest]) -> None:
        """Take all rows of one report; rows beyond the limit are counted only."""
        for row in rows:
            self._rows += 1
            if self._rows > self._limits.results:
                self._notes.drop(f"rows beyond {self._limits.results:,}")
                continue
            nodeid = self._names.resolve(row.name, is_collection_error=row.is_collection_error)
            key = (nodeid, row.is_collection_error)
            test = self._tests.setdefault(key, _Test(*key))
            test.rows_of.setdefault(report, []).append(row)

    def results(self, *, collection_errors: bool) -> Iterator[TestResult]:
        """Give the results of tests, or of what failed to collect."""
        for test in self._tests.values():
            if test.is_collection_error == collection_errors:
                yield self._result(test)

    def _result(self, test: _Test) -> TestResult:
        accounts = [self._account(test, rows) for rows in test.rows_of.values()]
        outcomes = [account.outcome for account in accounts]
        notes = [row.note for row in test.rows if row.note]
        if len({outcome.is_red for outcome in outcomes}) > 1:
            notes.append(f"several files disagree: {', '.join(outcomes)}; the last one counts")
        # Several formats may tell of the same run: of those that agree with the last, keep the fullest.
        agreeing = [account for account in accounts if account.outcome.is_red == outcomes[-1].is_red]
        fullest = max(agreeing, key=lambda account: account.detail)
        durations = [row.duration for row in test.rows if row.duration is not None]
        return TestResult(
            nodeid=test.nodeid,
            outcome=fullest.outcome,
            duration=max(durations, default=None),
            failures=fullest.failures if fullest.outcome.has_failures else (),
            note="; ".join(dict.fromkeys(notes)) or None,
        )

    def _account(self, test: _Test, rows: list[ImportedTest]) -> _Account:
        """One report's outcome and failures: those of the last run of the test, and of its tear-down."""
        rows = sorted(rows, key=lambda row: row.started)
        teardowns = [row for row in rows if _is_teardown_error(row)]  # pytest's JUnit has them as rows apart
        runs = [row for row in rows if row not in teardowns] or teardowns[:1]
        last = runs[-1]
        if len(runs) > 1:
            self._notes.drop("rows of tests that were run again; the last run counts", len(runs) - 1)
        counted = [last, *(row for row in teardowns if row is not last)]
        failures = [
            made
            for row in counted
            for failure in row.failures
            for made in failures_of(failure, test.nodeid, source=row.source, limits=self._limits)
        ]
        passed_until_teardown = bool(teardowns) and not last.outcome.is_red
        outcome = Outcome.ERROR if passed_until_teardown else last.outcome
        return _Account(outcome, _causes(failures))


def _is_teardown_error(row: ImportedTest) -> bool:
    phases = {failure.phase for failure in row.failures}
    return phases == {Phase.TEARDOWN}


def _causes(failures: list[Failure]) -> tuple[Failure, ...]:
    """The failures without the one that only counts failed subtests, where those are there themselves."""
    causes = [failure for failure in failures if not _COUNTS_SUBTESTS.search(failure.message)]
    return tuple(causes or failures)
