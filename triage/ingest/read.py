"""Reports of any known format, and folders of them, as one recorded run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from triage.errors import UsageError
from triage.ingest.allure import read_allure
from triage.ingest.ctrf import read_ctrf
from triage.ingest.files import DAMAGE, Source, opened, sources
from triage.ingest.jsonreport import read_json_report
from triage.ingest.junit import read_junit
from triage.ingest.limits import DEFAULT, Limits, Notes
from triage.ingest.merge import Merger
from triage.ingest.nodeids import NodeIds
from triage.ingest.pytestlog import read_pytest_log
from triage.ingest.recode import as_utf8
from triage.ingest.reported import Reported
from triage.ingest.reportlog import read_reportlog
from triage.ingest.sniff import HEAD_BYTES, Format, sniff
from triage.ingest.tap import read_tap
from triage.ingest.xml_stream import RefusedXml
from triage.model.run import RunRecord

_ZIP = b"PK\x03\x04"
Reader = Callable[..., Iterator[Reported]]
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
    results = tuple(merger.results(collection=False))
    collect_errors = tuple(merger.results(collection=True))
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
