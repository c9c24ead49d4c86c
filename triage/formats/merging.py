"""Join what several reports say of the same tests into one result a test and surroundings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from triage.formats.accounts import Account, account_of, joint_account
from triage.formats.imported_test import ImportedName, ImportedTest
from triage.formats.limits import Limits, Notes
from triage.formats.node_ids import NodeIds
from triage.formats.variants import Part, Variant, labels_of, variants_of
from triage.formats.worker_crash import told_as_crash
from triage.model.failure import SURROUNDINGS_MARK
from triage.model.run import TestResult

_Rows = list[tuple[str, ImportedTest]]
"""Each with the name of its report."""


class Merger:
    """Takes reports in reading order, gives results in the order in which the tests appeared first."""

    def __init__(self, names: NodeIds, limits: Limits, notes: Notes) -> None:
        self._names = names
        self._limits = limits
        self._notes = notes
        self._rows_of: dict[tuple[ImportedName, bool], _Rows] = {}
        self._rows = 0

    def add(self, report: str, rows: Iterable[ImportedTest]) -> None:
        """Take all rows of one report; rows beyond the limit are counted only."""
        beyond = 0
        for row in rows:
            self._rows += 1
            if self._rows > self._limits.results:
                beyond += 1
                continue
            read = told_as_crash(row)
            self._names.observe(read.name)
            self._rows_of.setdefault((read.name, read.is_collection_error), []).append((report, read))
        if beyond:
            self._notes.cut_short(f"rows beyond {self._limits.results:,} ({beyond:,} times) were not read")

    def results(self, *, collection_errors: bool) -> list[TestResult]:
        """Give the results of tests, or of what failed to collect.

        What was read of them is let go on the way: the texts of 20,000 failures are not in memory twice.
        """
        by_nodeid: dict[str, _Rows] = {}
        for key in [key for key in self._rows_of if key[1] == collection_errors]:
            name, is_collection_error = key
            nodeid = self._names.resolve(name, is_collection_error=is_collection_error)
            by_nodeid.setdefault(nodeid, []).extend(self._rows_of.pop(key))
        results: list[TestResult] = []
        for nodeid in list(by_nodeid):
            results += self._results(nodeid, by_nodeid.pop(nodeid))
        return results

    def _results(self, nodeid: str, rows: _Rows) -> Iterator[TestResult]:
        variants = variants_of(rows)
        if len(variants) == 1:
            yield self._result(nodeid, variants[0])
            return
        for label, variant in zip(labels_of(variants), variants, strict=True):
            yield self._result(f"{nodeid}{SURROUNDINGS_MARK}{label}", variant)

    def _result(self, nodeid: str, variant: Variant) -> TestResult:
        accounts = [(part.report, self._account(nodeid, part)) for part in variant.parts]
        joint = joint_account(accounts)
        return TestResult(
            nodeid=nodeid,
            outcome=joint.outcome,
            duration=joint.duration,
            failures=joint.failures,
            note="; ".join(joint.notes) or None,
        )

    def _account(self, nodeid: str, part: Part) -> Account:
        self._notes.source = part.report
        return account_of(nodeid, part.rows, limits=self._limits, notes=self._notes)
