"""Check a folder of evidence: its manifest, its sums, the claims of its documents."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from triage.documents.claims import Problem, check_document, documents_in
from triage.documents.sums import check_sums
from triage.errors import TriageError
from triage.evidence import manifest
from triage.evidence.folder import EvidenceFolder

_FLAWS = {
    "missing": "is in the manifest and missing",
    "changed": "is not as the manifest recorded it",
    "not in the manifest": "is not in the manifest: evidence is written once",
}


@dataclass
class Checked:
    """What was checked, and what does not hold."""

    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    folders: int = 0
    files: int = 0
    documents: int = 0
    claims: int = 0
    regions: int = 0

    def fault(self, path: str, what: str, line: int = 0) -> None:
        """Add something that does not hold."""
        self.problems.append(Problem(path=path, line=line, what=what))


def check_folder(root: Path, folder: EvidenceFolder, checked: Checked) -> None:
    """Check one folder; a folder whose run did not finish has no seal, which is only noted."""
    name = folder.relative(root)
    checked.folders += 1
    if not folder.sealed:
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
    for file, what in check_sums(folder.path):
        checked.fault(f"{name}/{file}", what)
    for document in documents_in(folder.path):
        check_claims(root, document, checked)


def check_claims(root: Path, document: Path, checked: Checked) -> bool:
    """Compute every claim of a document again; gives whether all hold."""
    problems, claims = check_document(root, document)
    checked.documents += 1
    checked.claims += claims
    checked.problems += problems
    return not problems
