"""Check what the documents of a STAMP folder state, and that something vouches for each of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from triage.base.document import check_base
from triage.campaign.check.gate_report import check_gate_report
from triage.campaign.check.html_page import check_page, has_data
from triage.campaign.check.renames import rename_faults
from triage.documents.claims import documents_in, read_sidecar, sidecar_of
from triage.documents.folder_check import Checked, check_claims, check_folder
from triage.documents.ledgers import JOURNAL
from triage.documents.probe_page import page
from triage.documents.render import earlier_templates, render_again
from triage.documents.run_summary import summary_of
from triage.errors import TriageError
from triage.evidence import manifest
from triage.evidence.folder import EvidenceFolder
from triage.evidence.journal import Journal, JournalFile
from triage.evidence.packed import read_record_bytes
from triage.model.experiment import ProbeReport
from triage.model.journal import AttemptRecorded, CriterionMet, Event, RunRecorded, StatusChanged
from triage.process.git import Repository
from triage.process.git_history import committed_ids, id_of
from triage.text.pattern import pattern

NUMBER = pattern(
    r"\d+ (?:\.\d+)? (?:e[-+]?\d+)?",
    matches=["4", "0.014", "1e-08"],
    rejects=["none", "e-", "x."],
)


DOCUMENTS = frozenset({".md", ".html", ".htm"})
"""What people take for a report of triage's."""


class Vouchers:
    """What says of a sealed folder that it is the one that was written: the journal, or git."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @cached_property
    def journal(self) -> JournalFile:
        """The journal, read once for everything. Raises `UsageError` (bad-journal)."""
        return Journal(self._root / JOURNAL).load()

    def vouch_for(self, folder: EvidenceFolder) -> bool:
        """Whether the folder's manifest is the one that an event names, or that was committed."""
        name = folder.relative(self._root)
        try:
            digest = manifest.read(folder.path).digest
            data = (folder.path / manifest.NAME).read_bytes()
        except (TriageError, OSError):
            return False
        committed = self._committed.get(f"{name}/{manifest.NAME}")
        return (name, digest) in self._named or (
            committed is not None and id_of(data, committed) == committed
        )

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """The journal's; none where it cannot be read, which is a fault of its own."""
        try:
            return self.journal.events
        except TriageError:
            return ()

    @cached_property
    def _named(self) -> frozenset[tuple[str, str]]:
        citing = (AttemptRecorded, StatusChanged, CriterionMet, RunRecorded)
        seals = [event.manifests for event in self.events if isinstance(event, citing)]
        return frozenset(pair for seal in seals for pair in seal.items())

    @cached_property
    def _committed(self) -> dict[str, str]:
        repository = Repository.find(self._root)
        if repository is None or repository.head() is None:
            return {}
        return committed_ids(repository, "reports")


def check_evidence(
    root: Path, folder: EvidenceFolder, templates: Mapping[str, str], checked: Checked, vouchers: Vouchers
) -> None:
    """Check one folder: its seal, its sums, its record, its documents."""
    before = len(checked.problems)
    check_folder(root, folder, checked)
    if not folder.sealed:
        return
    faults = (
        *_summary_faults(folder, checked),
        *_probe_page_faults(folder, checked, vouchers),
        *_unclaimed_documents(folder),
        *check_base(folder.path),
        *rename_faults(root, folder),
        *(("gate.json", what) for what in check_gate_report(folder, vouchers.events)),
    )
    for name, what in faults:
        checked.fault(f"{folder.relative(root)}/{name}", what)
    if len(checked.problems) == before:
        for document in documents_in(folder.path):
            check_rendering(root, document, templates, checked, is_vouched=lambda: vouchers.vouch_for(folder))


def check_document(root: Path, document: Path, templates: Mapping[str, str], checked: Checked) -> None:
    """Check one document that lies in no STAMP folder: nothing vouches for it but its claims and template."""
    if not check_claims(root, document, checked):
        return
    if has_data(document):
        check_page(root, document, templates, checked)
    else:
        check_rendering(root, document, templates, checked, is_vouched=lambda: False)


def check_rendering(
    root: Path,
    document: Path,
    templates: Mapping[str, str],
    checked: Checked,
    *,
    is_vouched: Callable[[], bool],
) -> None:
    """A document is what the templates of its making give, to the byte: today's, or earlier ones.

    With unknown ones only its claims can be computed again. Its words, and digits that it calls its
    template's own, then need somebody who vouches for the document as it is.
    """
    sidecar = read_sidecar(sidecar_of(document))
    what = "was made with other templates"
    for known in (templates, *earlier_templates(templates)):
        try:
            rendered = render_again(root, sidecar, known).sidecar
        except TriageError as error:
            if known is templates:
                what = f"cannot be rendered again: {error.what}"
            continue
        if rendered.templates_sha256 == sidecar.templates_sha256:
            if rendered.sha256 != sidecar.sha256:
                checked.fault(sidecar.document, "is not what its template gives from its evidence")
            return
    if is_vouched():
        checked.notes.append(f"{sidecar.document} {what}; its claims were checked alone")
    else:
        checked.fault(sidecar.document, f"{what}, and neither journal nor git vouches for its words")


def _summary_faults(folder: EvidenceFolder, checked: Checked) -> Iterator[tuple[str, str]]:
    """`summary.json` computed again from what the run recorded."""
    if not (folder.path / "results.json").is_file():
        return
    try:
        stated = json.loads(read_record_bytes(folder.path / "summary.json"))
        computed = json.loads(json.dumps(summary_of(folder.path)))
    except (TriageError, OSError, ValueError) as error:
        yield "summary.json", f"cannot be computed again: {error}"
        return
    is_older = isinstance(stated, dict) and stated.get("v") != computed["v"]
    if is_older:
        stated, computed = _shared(stated, computed)
    pointer = _difference(stated, computed)
    if pointer is not None:
        yield "summary.json", f"is not what results, failures and clusters give, at {pointer}"
    elif is_older:
        checked.notes.append(
            f"{folder.path / 'summary.json'} is of another version: what both know was checked"
        )


def _shared(one: Any, other: Any) -> tuple[Any, Any]:
    """Both documents without what only one of two versions knows, and without the number of the version."""
    if isinstance(one, dict) and isinstance(other, dict):
        pairs = {key: _shared(one[key], other[key]) for key in one if key in other and key != "v"}
        return {key: pair[0] for key, pair in pairs.items()}, {key: pair[1] for key, pair in pairs.items()}
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        rows = [_shared(*pair) for pair in zip(one, other, strict=True)]
        return [row[0] for row in rows], [row[1] for row in rows]
    return one, other


def _difference(stated: Any, computed: Any, pointer: str = "") -> str | None:
    """JSON pointer to the first value in which two documents differ; None where they are equal."""
    if isinstance(stated, dict) and isinstance(computed, dict):
        keys = [*stated, *(key for key in computed if key not in stated)]
        pairs = [(stated.get(key), computed.get(key), key) for key in keys]
    elif isinstance(stated, list) and isinstance(computed, list) and len(stated) == len(computed):
        pairs = [(one, other, index) for index, (one, other) in enumerate(zip(stated, computed, strict=True))]
    else:
        return None if stated == computed else pointer or "/"
    for one, other, name in pairs:
        found = _difference(one, other, f"{pointer}/{name}")
        if found is not None:
            return found
    return None


def _probe_page_faults(
    folder: EvidenceFolder, checked: Checked, vouchers: Vouchers
) -> Iterator[tuple[str, str]]:
    """The page of phase B has no claims of its own: it must be what its JSON gives.

    To the byte, or, where another version of triage worded it and somebody vouches for its words, with
    exactly the same numbers.
    """
    path, document = folder.path / "probe.json", folder.path / "summary.md"
    if not path.is_file() or not document.is_file() or sidecar_of(document).is_file():
        return
    try:
        expected = page(ProbeReport.model_validate_json(path.read_bytes()))
        stated = document.read_bytes().decode("utf-8", "replace")
    except (OSError, ValueError) as error:
        yield "probe.json", f"cannot be read: {str(error).splitlines()[0]}"
        return
    if stated == expected:
        return
    expected_numbers = Counter(NUMBER.findall(expected))
    stated_numbers = Counter(NUMBER.findall(stated))
    if stated_numbers == expected_numbers:
        if vouchers.vouch_for(folder):
            checked.notes.append(f"{document} is worded otherwise; its numbers are those of probe.json")
        else:
            yield (
                "summary.md",
                "is not what probe.json gives, and neither journal nor git vouches for its words",
            )
        return
    wrong = [*(stated_numbers - expected_numbers), *(expected_numbers - stated_numbers)][0]
    lines = enumerate(stated.split("\n"), 1)
    line = next((number for number, text in lines if wrong in NUMBER.findall(text)), 0)
    yield "summary.md", f"line {line}: the number {wrong} is not what probe.json gives"


def _unclaimed_documents(folder: EvidenceFolder) -> Iterator[tuple[str, str]]:
    """A document that nothing vouches for."""
    for document in sorted(path for path in folder.path.rglob("*") if path.suffix in DOCUMENTS):
        page_of_probe = document == folder.path / "summary.md" and (folder.path / "probe.json").is_file()
        if not page_of_probe and not sidecar_of(document).is_file():
            yield document.relative_to(folder.path).as_posix(), "states things without claims"
