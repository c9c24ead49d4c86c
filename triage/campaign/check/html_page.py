"""Check an HTML report: its page is what template and script give, its data what the evidence gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from triage.campaign.html_report.collect import collect
from triage.campaign.html_report.document import VERSION, PageDocument, PageEvidence, RunPoint
from triage.campaign.html_report.failures import shortened
from triage.campaign.html_report.page import whole_page
from triage.campaign.recorded import recorded_run
from triage.documents.claims import read_sidecar, sidecar_of
from triage.documents.folder_check import Checked
from triage.documents.html_app.embed import find_data_element, read_data
from triage.documents.render import render_again
from triage.documents.run_summary import summary_of
from triage.errors import TriageError
from triage.evidence.folder import EvidenceFolder
from triage.model.base import reason_of

_AGAIN = "write it again with `triage report --html`"


def has_data(path: Path) -> bool:
    """Whether a document is a report with data for its script."""
    return path.suffix == ".html" and find_data_element(path.read_text("utf-8", "replace")) is not None


def check_page(output: Path, path: Path, templates: Mapping[str, str], checked: Checked) -> None:
    """Find what does not hold; links, source lines and settings are no claims on the evidence."""
    sidecar = read_sidecar(sidecar_of(path))
    text = path.read_bytes().decode("utf-8")
    element = find_data_element(text) or ""
    try:
        document = PageDocument.model_validate(read_data(element))
    except (ValidationError, ValueError) as error:
        checked.fault(sidecar.document, f"its data cannot be read: {reason_of(error)}")
        return
    if document.v != VERSION:
        checked.fault(sidecar.document, f"its data is of version {document.v}, not {VERSION}: {_AGAIN}")
        return
    try:
        rendered = render_again(output, sidecar, templates).text
        expected = _collect_again(output, document)
    except TriageError as error:
        checked.fault(sidecar.document, f"cannot be made again: {error.what}")
        return
    if whole_page(rendered, document, element) != text:
        checked.fault(sidecar.document, "is not what template and script give from its evidence and data")
    for what in _differences(document.evidence, expected):
        checked.fault(sidecar.document, f"its {what} are not what the evidence gives: {_AGAIN}")
    lost = sorted(_stamps(document.evidence) - _stamps(expected))
    if lost:
        checked.notes.append(f"{sidecar.document} shows runs that are gone: {', '.join(lost)}")


def _collect_again(output: Path, document: PageDocument) -> PageEvidence:
    run = document.evidence.run
    folder = EvidenceFolder.find(output, run.stamp, campaign=run.campaign, phase="a")
    evidence = collect(output, recorded_run(folder, output), summary_of(folder.path), as_of=document.made_at)
    return shortened(evidence, document.text_chars)


def _differences(stated: PageEvidence, expected: PageEvidence) -> Iterator[str]:
    """Parts of the data that differ, by name; of the history, what both have."""
    for name in ("run", "tests", "failures", "clusters", "attempts", "flaky", "hunt"):
        if _plain(stated, name) != _plain(expected, name):
            yield f"data on {name}"
    known = {point.stamp: point for point in expected.history}
    if any(not _agrees(point, known) for point in stated.history):
        yield "data on earlier runs"
    if _stamps(stated) == _stamps(expected) and stated.gone != expected.gone:
        yield "data on tests that are gone"


def _agrees(point: RunPoint, known: Mapping[str, RunPoint]) -> bool:
    return point.stamp not in known or known[point.stamp] == point


def _plain(evidence: PageEvidence, name: str) -> object:
    """As JSON has it: what went through a page has lists for tuples and words for infinities."""
    return evidence.model_dump(mode="json", include={name})


def _stamps(evidence: PageEvidence) -> set[str]:
    return {point.stamp for point in evidence.history}
