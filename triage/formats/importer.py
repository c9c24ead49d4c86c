"""Reports of any known format, and folders of them, as one recorded run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from triage.errors import UsageError
from triage.formats.allure import read_allure
from triage.formats.ctrf import read_ctrf
from triage.formats.detect import HEAD_BYTES, Format, sniff
from triage.formats.files import DAMAGE, Source, opened, sources
from triage.formats.imported_test import ImportedTest, failure_of
from triage.formats.input_text import as_utf8
from triage.formats.junit import read_junit
from triage.formats.limits import DEFAULT, Limits, Notes
from triage.formats.node_ids import NodeIds
from triage.formats.pytest_json import read_json_report
from triage.formats.pytest_log import read_pytest_log
from triage.formats.reportlog import read_reportlog
from triage.formats.tap import read_tap
from triage.formats.xml_stream import RefusedXml
from triage.model.failure import Failure
from triage.model.outcome import Outcome, Phase
from triage.model.run import RunRecord, TestResult

_COUNTS_SUBTESTS = re.compile(r"^contains \d+ failed subtests?$")


@dataclass
class _Test:
    nodeid: str
    is_collection_error: bool
    files: dict[str, list[ImportedTest]] = field(default_factory=dict)


class Merger:
    """Takes reports in reading order, gives results in the order of first appearance."""

    def __init__(self, names: NodeIds, limits: Limits, notes: Notes) -> None:
        self._names = names
        self._limits = limits
        self._notes = notes
        self._tests: dict[tuple[str, bool], _Test] = {}
        self._rows = 0

    def add(self, source: str, reports: Iterable[ImportedTest]) -> None:
        """All tests of one file."""
        for report in reports:
            self._rows += 1
            if self._rows > self._limits.results:
                self._notes.drop(f"rows beyond {self._limits.results:,}")
                continue
            nodeid = self._names.resolve(report.name, is_collection_error=report.is_collection_error)
            test = self._tests.setdefault(
                (nodeid, report.is_collection_error), _Test(nodeid, report.is_collection_error)
            )
            test.files.setdefault(source, []).append(report)

    def results(self, *, collection_errors: bool) -> Iterator[TestResult]:
        """The results of tests, or of what failed to collect."""
        for test in self._tests.values():
            if test.is_collection_error == collection_errors:
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

    def _telling(self, test: _Test, rows: list[ImportedTest]) -> tuple[Outcome, tuple[Failure, ...]]:
        """One file's outcome and failures of the test."""
        rows = sorted(rows, key=lambda row: row.when)
        teardown = [
            row for row in rows if row.failures and all(w.phase is Phase.TEARDOWN for w in row.failures)
        ]
        runs = [row for row in rows if row not in teardown] or teardown[:1]
        last = runs[-1]
        counted = [last, *(row for row in teardown if row is not last)]
        failures = _causes(
            failure_of(failure, test.nodeid, source=row.source, limits=self._limits)
            for row in counted
            for failure in row.failures
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


_ZIP = b"PK\x03\x04"
Reader = Callable[..., Iterator[ImportedTest]]
READERS: dict[Format, Reader] = {
    Format.JUNIT: read_junit,
    Format.JSON_REPORT: read_json_report,
    Format.REPORTLOG: read_reportlog,
    Format.CTRF: read_ctrf,
    Format.ALLURE: read_allure,
    Format.TAP: read_tap,
    Format.LOG: read_pytest_log,
}


def read(
    paths: Sequence[Path],
    *,
    root: Path,
    stamp: str,
    campaign: str = "import",
    collected: Iterable[str] = (),
    limits: Limits = DEFAULT,
) -> RunRecord:
    """All reports beneath the paths as the record of one run.

    `collected` are node ids of the suite, where it was collected: names are resolved against them. What
    was dropped is counted in the record's notes; a run whose reports say that they are cut short is not
    complete. Raises `UsageError` (no-report) where nothing that was named is a report.
    """
    notes = Notes()
    names = NodeIds(collected, is_file=lambda path: (root / path).is_file())
    merger = Merger(names, limits, notes)
    found = sources(paths, limits=limits, notes=notes)
    number = sum(_read_file(source, merger, limits, notes) for source in found)
    if not number:
        raise _nothing(paths, notes)
    notes.source = "names"
    if names.guessed:
        notes.drop("node ids told by pytest's naming rules alone", names.guessed)
    if names.unknown:
        notes.drop("tests that the collection does not have", names.unknown)
    results = tuple(merger.results(collection_errors=False))
    collect_errors = tuple(merger.results(collection_errors=True))
    return RunRecord(
        stamp=stamp,
        campaign=campaign,
        root=str(root),
        complete=not notes.incomplete,
        void=None if results or collect_errors else "the reports name no test",
        results=results,
        collect_errors=collect_errors,
        notes=(f"imported from {number} file(s)", *notes.incomplete, *notes.lines()),
        seconds=sum(result.duration or 0.0 for result in results),
    )


def collected_ids(path: Path) -> tuple[str, ...]:
    """Node ids of a file that has one a line, as `pytest --collect-only -q` prints them."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise UsageError("no-report", f"{path}: {error.strerror}", "name a file of node ids") from error
    return tuple(line.strip() for line in lines if "::" in line)


def _read_file(source: Source, merger: Merger, limits: Limits, notes: Notes) -> bool:
    """Whether the file was a report; what it lacks is noted, and a damaged file spoils no other."""
    notes.source = source.label
    kind = None
    try:
        with opened(source.path) as stream:
            head = stream.read(HEAD_BYTES)
            kind = sniff(head)
            if kind is None:
                packed = head.startswith(_ZIP)
                notes.drop("a zip archive: unpack it first" if packed else "no test report; left out")
                return False
            stream.seek(0)
            text = stream if kind is Format.JUNIT else as_utf8(stream)  # XML's reader knows more encodings
            label = source.label.rpartition("/")[0] if kind is Format.ALLURE else source.label
            merger.add(label, READERS[kind](text, limits=limits, notes=notes))
    except RefusedXml as refused:
        notes.drop(f"refused: {refused}")
        return False
    except DAMAGE as error:
        notes.cut_short(f"it cannot be read to its end: {str(error)[:200]}")
    return kind is not None


def _nothing(paths: Sequence[Path], notes: Notes) -> UsageError:
    named = ", ".join(str(path) for path in paths[:3])
    why = "; ".join((*notes.incomplete, *notes.lines())[:3])
    return UsageError(
        "no-report",
        f"no test report in {named}" + (f" ({why})" if why else ""),
        "name JUnit XML, pytest-json-report, pytest-reportlog, CTRF, Allure, TAP or pytest's log",
    )
