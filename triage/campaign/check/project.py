"""`triage check`: recompute everything that documents state from evidence and journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from triage.campaign.check.checked_before import CheckedBefore
from triage.campaign.check.folders import Vouchers, check_document, check_evidence
from triage.campaign.check.history import check_history
from triage.campaign.check.journal import check_journal
from triage.campaign.check.layout import strangers
from triage.campaign.check.ledgers import check_ledger, check_plans
from triage.campaign.check.pruned import PrunedEvidence
from triage.campaign.check.site import check_site, is_site
from triage.campaign.journal_snapshot import SNAPSHOT, snapshot_faults
from triage.documents.claims import sidecar_of
from triage.documents.folder_check import Checked
from triage.documents.ledgers import JOURNAL, LEDGERS
from triage.documents.plans import plan_files
from triage.errors import UsageError
from triage.evidence.folder import REPORTS, EvidenceFolder
from triage.evidence.journal import Journal
from triage.evidence.places import STATE


def check_project(root: Path, templates: Mapping[str, str], before: CheckedBefore | None = None) -> Checked:
    """Everything: each STAMP folder and what lies beside them, the journal, ledgers, plans, git's history.

    Folders that are as an earlier check found them in order (`before`) are counted and not read again.
    """
    checked = Checked()
    folders = EvidenceFolder.all(root)
    vouchers = Vouchers(root)
    for folder in folders:
        known = before.known(folder) if before is not None else None
        if known is not None:
            checked.add_known(known.files, known.documents, known.claims)
            continue
        alone = Checked()
        check_evidence(root, folder, templates, alone, vouchers)
        checked.add(alone)
        if before is not None and not alone.problems and not alone.notes:
            before.remember(folder, alone)
    for name, what in strangers(root, folders):
        checked.fault(name, what)
    check_history(root, checked, PrunedEvidence.of(vouchers.events))
    registry = check_journal(root, checked, vouchers)
    if registry is not None:
        for what in snapshot_faults(root, Journal(root / JOURNAL), registry):
            checked.fault(f"{STATE}/{SNAPSHOT}", what)
        for ledger in LEDGERS:
            check_ledger(root, ledger, registry, templates, checked)
        check_plans(root, registry, plan_files(root), templates, checked)
    if before is not None:
        before.save()
    return checked


def check_paths(root: Path, paths: Iterable[Path], templates: Mapping[str, str]) -> Checked:
    """The named things alone: STAMP folders, folders that hold some, sites, documents, ledgers, the journal.

    Raises `UsageError` for a path that is none of these.
    """
    checked = Checked()
    for path in paths:
        _check_path(root, path.absolute(), templates, checked)
    return checked


def _check_path(root: Path, path: Path, templates: Mapping[str, str], checked: Checked) -> None:
    below = path.is_relative_to(root)
    folders = [f for f in EvidenceFolder.all(root) if below and f.path.is_relative_to(path)]
    name = path.relative_to(root).as_posix() if below else str(path)
    ledgers = [ledger for ledger in LEDGERS if ledger.path == name]
    if path.is_dir() and folders:
        vouchers = Vouchers(root)
        for folder in folders:
            check_evidence(root, folder, templates, checked, vouchers)
    elif path.is_dir() and below and is_site(path):
        check_site(root, path, templates, checked)
    elif ledgers:
        registry = check_journal(root, checked)
        if registry is not None:
            check_ledger(root, ledgers[0], registry, templates, checked)
    elif path in plan_files(root):
        registry = check_journal(root, checked)
        if registry is not None:
            check_plans(root, registry, [path], templates, checked)
    elif name == JOURNAL:
        check_journal(root, checked)
    elif sidecar_of(path).is_file():
        check_document(root, path, templates, checked)
    else:
        raise UsageError(
            "nothing-to-check",
            f"{path} is no STAMP folder, site, ledger, journal or document with claims",
            f"name one below {root / REPORTS} or plans/, or none for everything",
        )
