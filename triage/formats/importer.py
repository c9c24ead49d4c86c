"""Read reports of any known format, and folders of them, as one recorded run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from triage.errors import UsageError
from triage.formats.completeness import of_number
from triage.formats.file_head import HEAD_BYTES, FileHead
from triage.formats.files import DAMAGE, Source, opened, sources
from triage.formats.limits import DEFAULT, Limits, Notes
from triage.formats.merging import Merger
from triage.formats.node_ids import NodeIds
from triage.formats.registry import IMPORTERS, Importer
from triage.formats.xml_stream import RefusedXml
from triage.model.run import RunRecord, TestResult
from triage.text.plural import counted_noun

_SUFFIXES_OF_REPORTS = frozenset({".json", ".jsonl", ".tap", ".xml"})
"""Whatever a file is called means nothing, but for one that is empty."""
_SHOWN_REASONS = 3
"""Why a run is void, in one line: the notes have all reasons."""


def read(
    paths: Sequence[Path],
    *,
    root: Path,
    stamp: str,
    campaign: str = "import",
    collected: Iterable[str] = (),
    importers: Sequence[Importer] = IMPORTERS,
    limits: Limits = DEFAULT,
) -> RunRecord:
    """Read all reports beneath the paths as the record of one run.

    `collected` are node ids of the suite, where it was collected: names are resolved against them. Each file
    is read by the first of the `importers` that recognizes it. What was dropped is counted in the record's
    notes; a run whose reports say that they are cut short is not complete. Raises `UsageError` (no-report)
    where nothing that was named is a report.
    """
    notes = Notes()
    names = NodeIds(collected, is_file=lambda path: (root / path).is_file(), root=str(root))
    merger = Merger(names, limits, notes)
    files = sources(paths, limits=limits, notes=notes)
    read_files = sum(_read_file(file, importers, merger, limits, notes) for file in files)
    if not read_files:
        raise _no_report(paths, importers, notes)
    results = merger.results(collection_errors=False)
    collect_errors = merger.results(collection_errors=True)
    notes.source = "names"
    if names.guessed:
        notes.drop("node ids guessed by pytest's naming rules", names.guessed)
    if names.unknown:
        notes.drop("tests that the collection does not have", names.unknown)
    notes.source = "results"
    _note_what_is_missing(results, names, notes)
    return RunRecord(
        stamp=stamp,
        campaign=campaign,
        root=str(root),
        complete=not notes.incomplete,
        void=_void(results, collect_errors, notes),
        results=tuple(results),
        collect_errors=tuple(collect_errors),
        notes=(f"imported from {counted_noun(read_files, 'file')}", *notes.incomplete, *notes.lines()),
        seconds=sum(result.duration or 0.0 for result in results),
    )


def _note_what_is_missing(results: Sequence[TestResult], names: NodeIds, notes: Notes) -> None:
    """Tests that did not run, and tests that a report counts and does not show.

    pytest's JUnit counts passed subtests as tests: where each test of a collection has a result, none is
    missing.
    """
    has_all = names.has_collection and not names.missing(result.nodeid for result in results)
    if notes.uncounted and not has_all:
        notes.incomplete += notes.uncounted
    not_run = sum(not result.outcome.ran for result in results)
    if not_run:
        notes.cut_short(f"{of_number(not_run, 'test')} did not run, or not to the end")


def _void(results: Sequence[TestResult], collect_errors: Sequence[TestResult], notes: Notes) -> str | None:
    """Why the reports answer nothing; None for those of a whole run."""
    if not results and not collect_errors:
        return "; ".join(["the reports name no test", *notes.incomplete[:_SHOWN_REASONS]])
    if not notes.incomplete:
        return None
    shown = notes.incomplete[:_SHOWN_REASONS]
    more = len(notes.incomplete) - len(shown)
    return "; ".join([*shown, *([f"and {more} more reasons"] if more else [])])


def collected_ids(path: Path) -> tuple[str, ...]:
    """Read node ids from a file that has one a line, as `pytest --collect-only -q` prints them."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise UsageError("no-report", f"{path}: {error.strerror}", "name a file of node ids") from error
    return tuple(line.strip() for line in lines if "::" in line)


def _read_file(
    file: Source, importers: Sequence[Importer], merger: Merger, limits: Limits, notes: Notes
) -> bool:
    """Whether the file was a report; what it lacks is noted, and a damaged file spoils no other."""
    notes.source = file.label
    importer: Importer | None = None
    try:
        with opened(file.path) as stream:
            head = FileHead(stream.read(HEAD_BYTES))
            importer = next((each for each in importers if each.recognizes(head)), None)
            if importer is None:
                _note_unknown_file(file, head, notes)
                return False
            stream.seek(0)
            folder = file.label.rpartition("/")[0]
            report = folder if importer.folder_is_report else file.label
            merger.add(report, importer.read(stream, limits=limits, notes=notes))
    except RefusedXml as refused:
        notes.drop(f"refused: {refused}")
        return False
    except DAMAGE as error:
        notes.cut_short(f"it cannot be read to its end: {str(error)[:200]}")
    return importer is not None


def _note_unknown_file(file: Source, head: FileHead, notes: Notes) -> None:
    """A file that is no report is left out; one that may have become one is missing."""
    is_empty = not head.data and file.path.suffix in _SUFFIXES_OF_REPORTS
    if head.is_torn or is_empty:
        notes.cut_short("it is empty" if is_empty else "it breaks off before it says what it is")
    else:
        notes.drop("a zip archive: unpack it first" if head.is_zip else "no test report; left out")


def _no_report(paths: Sequence[Path], importers: Sequence[Importer], notes: Notes) -> UsageError:
    named = ", ".join(str(path) for path in paths[:3])
    reasons = "; ".join((*notes.incomplete, *notes.lines())[:3])
    what = f"no test report in {named}" + (f" ({reasons})" if reasons else "")
    return UsageError("no-report", what, f"name one of: {', '.join(each.name for each in importers)}")
