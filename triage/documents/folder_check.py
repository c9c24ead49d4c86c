"""Check a folder of evidence: its manifest, its sums, the claims of its documents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from triage.documents.claims import Problem, check_document, documents_in
from triage.documents.experiment_check import check_experiments
from triage.documents.record_check import check_record
from triage.documents.sums import RESULTS, check_sums
from triage.errors import TriageError
from triage.evidence import manifest
from triage.evidence.folder import EvidenceFolder
from triage.evidence.record_rows import read_run_record

_FLAWS = {
    "missing": "is in the manifest and missing",
    "changed": "is not as the manifest recorded it",
    "not in the manifest": "is not in the manifest: evidence is written once",
}


_LAST_DOCUMENTS = defaultdict(
    tuple[str, ...],
    {"a": ("summary.md",), "b": ("summary.md", "probe.json"), "c": ("design.json",), "d": ("verify.json",)},
)
"""By phase, what is written when everything has been run; the seal follows at once."""


@dataclass
class Checked:
    """What was checked, and what does not hold."""

    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    folders: int = 0
    unchanged: int = 0
    """Those of the folders that are as an earlier check found them, and were not read again."""
    files: int = 0
    documents: int = 0
    claims: int = 0
    regions: int = 0

    def fault(self, path: str, what: str, line: int = 0) -> None:
        """Add something that does not hold."""
        self.problems.append(Problem(path=path, line=line, what=what))

    def add(self, other: Checked) -> None:
        """Add what was checked apart."""
        self.problems += other.problems
        self.notes += other.notes
        self.folders += other.folders
        self.files += other.files
        self.documents += other.documents
        self.claims += other.claims
        self.regions += other.regions

    def add_known(self, files: int, documents: int, claims: int) -> None:
        """Count a folder that is as an earlier check found it."""
        self.folders += 1
        self.unchanged += 1
        self.files += files
        self.documents += documents
        self.claims += claims


def check_folder(root: Path, folder: EvidenceFolder, checked: Checked) -> None:
    """Check one folder; a run that was cut short has no seal, which is only noted."""
    name = folder.relative(root)
    checked.folders += 1
    if not folder.sealed:
        for what in _unsealed_faults(folder):
            checked.fault(name, what)
        checked.notes.append(f"{name} is not sealed: its run did not finish")
        return
    try:
        checked.files += len(manifest.read(folder.path).files)
        flaws = manifest.compare(folder.path)
    except TriageError as error:
        checked.fault(f"{name}/{manifest.NAME}", error.what)
        return
    for flaw in flaws:
        checked.fault(f"{name}/{flaw.path}", _FLAWS[flaw.problem])
    for file, what in (*check_sums(folder.path), *check_experiments(folder.path)):
        checked.fault(f"{name}/{file}", what)
    for document in documents_in(folder.path):
        check_claims(root, document, checked)


def _unsealed_faults(folder: EvidenceFolder) -> Iterator[str]:
    """Why a folder without a seal is no run that was cut short: it holds what is written last."""
    present = [name for name in _LAST_DOCUMENTS[folder.phase] if (folder.path / name).is_file()]
    if folder.phase != "a":
        if present:
            yield f"holds {present[0]} and no {manifest.NAME}: that was removed, or the phase died at its end"
        return
    try:
        record = read_run_record(folder.path / RESULTS)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        yield f"{RESULTS} cannot be read: {str(error).splitlines()[0]}"
        return
    if record.complete and record.void is None and present:
        yield f"holds results that are called complete and no {manifest.NAME}: that was removed"
    for file, what in check_record(folder.path, record):
        yield f"{file}: {what}"


def check_claims(root: Path, document: Path, checked: Checked) -> bool:
    """Compute every claim of a document again; gives whether all hold."""
    problems, claims = check_document(root, document)
    checked.documents += 1
    checked.claims += claims
    checked.problems += problems
    return not problems
