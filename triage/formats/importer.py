"""Read reports of any known format, and folders of them, as one recorded run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from triage.errors import UsageError
from triage.formats.file_head import HEAD_BYTES, FileHead
from triage.formats.files import DAMAGE, Source, opened, sources
from triage.formats.limits import DEFAULT, Limits, Notes
from triage.formats.merging import Merger
from triage.formats.node_ids import NodeIds
from triage.formats.registry import IMPORTERS, Importer
from triage.formats.xml_stream import RefusedXml
from triage.model.run import RunRecord


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
    names = NodeIds(collected, is_file=lambda path: (root / path).is_file())
    merger = Merger(names, limits, notes)
    files = sources(paths, limits=limits, notes=notes)
    read_files = sum(_read_file(file, importers, merger, limits, notes) for file in files)
    if not read_files:
        raise _no_report(paths, importers, notes)
    notes.source = "names"
    if names.guessed:
        notes.drop("node ids guessed by pytest's naming rules", names.guessed)
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
        notes=(f"imported from {read_files} file(s)", *notes.incomplete, *notes.lines()),
        seconds=sum(result.duration or 0.0 for result in results),
    )


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
                notes.drop("a zip archive: unpack it first" if head.is_zip else "no test report; left out")
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


def _no_report(paths: Sequence[Path], importers: Sequence[Importer], notes: Notes) -> UsageError:
    named = ", ".join(str(path) for path in paths[:3])
    reasons = "; ".join((*notes.incomplete, *notes.lines())[:3])
    what = f"no test report in {named}" + (f" ({reasons})" if reasons else "")
    return UsageError("no-report", what, f"name one of: {', '.join(each.name for each in importers)}")
