"""`triage check`: recompute everything that documents state from evidence and journal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from triage.cluster.registry import ClusterRegistry
from triage.documents.claims import documents_in, read_sidecar, sidecar_of
from triage.documents.folder_check import Checked, check_claims, check_folder
from triage.documents.ledgers import JOURNAL, LEDGERS, Ledger, render_regions
from triage.documents.plans import ACTIVE, ARCHIVE, REGION, designs, plan_files, render_region
from triage.documents.probe_page import page
from triage.documents.regions import Region, body, fitted, is_edited, scan
from triage.documents.render import render_again
from triage.documents.run_summary import summary_of
from triage.errors import TriageError, UsageError
from triage.evidence import manifest
from triage.evidence.folder import REPORTS, EvidenceFolder
from triage.evidence.journal import Journal
from triage.model.cluster import ClusterStatus
from triage.model.experiment import ProbeReport
from triage.model.journal import AttemptRecorded, CriterionMet, StatusChanged
from triage.text.pattern import pattern

NUMBER = pattern(
    r"\d+ (?:\.\d+)? (?:e[-+]?\d+)?",
    matches=["4", "0.014", "1e-08"],
    rejects=["none", "e-", "x."],
)
_STATEMENT = pattern(
    r"\[[ x]\] | \bresolved\b | \bnot[ ]met\b",
    matches=["- [x] targeted", "- [ ] chunk", "C2 is resolved", "not met: chunk"],
    rejects=["[y]", "unresolvedly", "met"],
)
"""What a plan states of a criterion or a cluster, beside numbers."""
_STAMP_DEPTH = 4
"""reports/<campaign>/phase_<letter>/<STAMP>: the parts of a path down to its folder of evidence."""


def check_project(root: Path, templates: Mapping[str, str]) -> Checked:
    """Everything: each STAMP folder, the journal, the ledgers, the plans."""
    checked = Checked()
    for folder in EvidenceFolder.all(root):
        _check_folder(root, folder, templates, checked)
    registry = _check_journal(root, checked)
    if registry is not None:
        for ledger in LEDGERS:
            check_ledger(root, ledger, registry, templates, checked)
        check_plans(root, registry, plan_files(root), templates, checked)
    return checked


def check_paths(root: Path, paths: Iterable[Path], templates: Mapping[str, str]) -> Checked:
    """The named things alone: STAMP folders, folders that hold some, documents, ledgers, the journal.

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
        for folder in folders:
            _check_folder(root, folder, templates, checked)
    elif ledgers:
        registry = _check_journal(root, checked)
        if registry is not None:
            check_ledger(root, ledgers[0], registry, templates, checked)
    elif path in plan_files(root):
        registry = _check_journal(root, checked)
        if registry is not None:
            check_plans(root, registry, [path], templates, checked)
    elif name == JOURNAL:
        _check_journal(root, checked)
    elif sidecar_of(path).is_file():
        _check_document(root, path, templates, checked)
    else:
        raise UsageError(
            "nothing-to-check",
            f"{path} is no STAMP folder, ledger, journal or document with claims",
            f"name one below {root / REPORTS} or plans/, or none for everything",
        )


def _check_folder(root: Path, folder: EvidenceFolder, templates: Mapping[str, str], checked: Checked) -> None:
    before = len(checked.problems)
    check_folder(root, folder, checked)
    if not folder.sealed:
        return
    faults = (
        *_summary_faults(folder, checked),
        *_probe_page_faults(folder, checked),
        *_unclaimed_documents(folder),
    )
    for name, what in faults:
        checked.fault(f"{folder.relative(root)}/{name}", what)
    if len(checked.problems) == before:
        for document in documents_in(folder.path):
            _check_rendering(root, document, templates, checked)


def _check_document(root: Path, document: Path, templates: Mapping[str, str], checked: Checked) -> None:
    if check_claims(root, document, checked):
        _check_rendering(root, document, templates, checked)


def _check_rendering(root: Path, document: Path, templates: Mapping[str, str], checked: Checked) -> None:
    """While the templates are those of its making, a document is what they give, to the byte."""
    sidecar = read_sidecar(sidecar_of(document))
    try:
        rendered = render_again(root, sidecar, templates)
    except TriageError as error:
        checked.notes.append(f"{sidecar.document} cannot be rendered again: {error.what}")
        return
    if rendered.sidecar.templates_sha256 != sidecar.templates_sha256:
        checked.notes.append(
            f"{sidecar.document} was made with other templates; its claims were checked alone"
        )
    elif rendered.sidecar.sha256 != sidecar.sha256:
        checked.fault(sidecar.document, "is not what its template gives from its evidence")


def _summary_faults(folder: EvidenceFolder, checked: Checked) -> Iterator[tuple[str, str]]:
    """`summary.json` computed again from what the run recorded."""
    if not (folder.path / "results.json").is_file():
        return
    try:
        stated = json.loads((folder.path / "summary.json").read_bytes())
        computed = json.loads(json.dumps(summary_of(folder.path)))
    except (TriageError, OSError, ValueError) as error:
        yield "summary.json", f"cannot be computed again: {error}"
        return
    if not isinstance(stated, dict) or stated.get("v") != computed["v"]:
        checked.notes.append(
            f"{folder.path / 'summary.json'} is of another version: only its sums were checked"
        )
        return
    pointer = _difference(stated, computed)
    if pointer is not None:
        yield "summary.json", f"is not what results, failures and clusters give, at {pointer}"


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


def _probe_page_faults(folder: EvidenceFolder, checked: Checked) -> Iterator[tuple[str, str]]:
    """The page of phase B has no claims of its own: it must be what its JSON gives.

    To the byte, or, where another version of triage worded it, with exactly the same numbers.
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
        checked.notes.append(f"{document} is worded otherwise than now; its numbers are those of probe.json")
        return
    wrong = [*(stated_numbers - expected_numbers), *(expected_numbers - stated_numbers)][0]
    lines = enumerate(stated.split("\n"), 1)
    line = next((number for number, text in lines if wrong in NUMBER.findall(text)), 0)
    yield "summary.md", f"line {line}: the number {wrong} is not what probe.json gives"


def _unclaimed_documents(folder: EvidenceFolder) -> Iterator[tuple[str, str]]:
    """A document that nothing vouches for."""
    for document in sorted(folder.path.glob("*.md")):
        page_of_probe = document.name == "summary.md" and (folder.path / "probe.json").is_file()
        if not page_of_probe and not sidecar_of(document).is_file():
            yield document.name, "states things without claims"


def _check_journal(root: Path, checked: Checked) -> ClusterRegistry | None:
    """The journal must be readable, its ids unique, its evidence there, its resolutions earned."""
    try:
        registry = ClusterRegistry.of(Journal(root / JOURNAL).read())
    except TriageError as error:
        checked.fault(JOURNAL, error.what)
        return None
    for clash in registry.clashes:
        checked.fault(
            JOURNAL, f"{clash.cluster} was allotted twice; `triage doctor --mend` gives the younger a number"
        )
    for event in registry.events:
        if isinstance(event, AttemptRecorded | StatusChanged | CriterionMet):
            for path in event.evidence:
                for what in _evidence_faults(root, path):
                    checked.fault(JOURNAL, f"{event.cluster}: {what}")
    _check_resolutions(registry, checked)
    return registry


def _evidence_faults(root: Path, path: str) -> Iterator[str]:
    """Evidence that a decision rests on must be there, and finished."""
    if not (root / path).exists():
        yield f"evidence {path} is missing"
        return
    parts = Path(path).parts
    folder = root.joinpath(*parts[:_STAMP_DEPTH])
    in_folder = len(parts) >= _STAMP_DEPTH and parts[0] == REPORTS
    if in_folder and not (folder / manifest.NAME).is_file():
        yield f"evidence {path} is in a folder that is not sealed"


def _check_resolutions(registry: ClusterRegistry, checked: Checked) -> None:
    """A cluster is resolved by its criteria, not by a person's word."""
    met = {(event.cluster, event.stamp) for event in registry.events if isinstance(event, CriterionMet)}
    for event in registry.events:
        if not isinstance(event, StatusChanged) or event.status is not ClusterStatus.RESOLVED:
            continue
        if (event.cluster, event.stamp) not in met:
            checked.fault(JOURNAL, f"{event.cluster} was resolved at {event.at}, and no criterion was met")


def check_ledger(
    root: Path, ledger: Ledger, registry: ClusterRegistry, templates: Mapping[str, str], checked: Checked
) -> None:
    """Each region of a ledger is what the journal gives."""
    path = root / ledger.path
    if not path.is_file():
        return
    try:
        expected = render_regions(ledger, registry, templates)
    except TriageError as error:
        checked.fault(ledger.path, error.what)
        return
    _check_regions(path, ledger.path, expected, "the journal", checked)


def check_plans(
    root: Path,
    registry: ClusterRegistry,
    paths: Iterable[Path],
    templates: Mapping[str, str],
    checked: Checked,
) -> None:
    """Each region of a plan is what its design and its verification give, wherever the plan was moved."""
    known = designs(registry)
    for path in paths:
        name = path.relative_to(root).as_posix()
        try:
            regions = {region.name for region in scan(path.read_bytes(), name)}
            expected = {}
            for design in known:
                if design.region in regions:
                    document = f"{ACTIVE}/{path.name}"
                    expected[design.region] = render_region(root, design, document, templates)
        except (TriageError, OSError) as error:
            checked.fault(name, _what(error))
            continue
        for region in sorted(regions - expected.keys()):
            if REGION.fullmatch(region):
                checked.fault(name, f"region {region!r} belongs to no design in the journal")
        _check_regions(path, name, expected, "its evidence", checked)


def _check_regions(path: Path, name: str, expected: Mapping[str, str], truth: str, checked: Checked) -> None:
    """Regions as they are against regions as they should be."""
    try:
        data = path.read_bytes()
        regions = {region.name: region for region in scan(data, name)}
    except (TriageError, OSError) as error:
        checked.fault(name, _what(error))
        return
    for title, text in expected.items():
        region = regions.get(title)
        if region is None:
            continue
        checked.regions += 1
        if is_edited(data, region):
            checked.fault(name, f"region {title!r} was changed by hand", region.first_line)
        elif body(data, region) == fitted(text):
            continue
        elif name.startswith(f"{ARCHIVE}/"):
            _check_archived(name, region, body(data, region), text, checked)
        else:
            checked.fault(name, f"region {title!r} is not what {truth} gives", region.first_line)


def _check_archived(name: str, region: Region, stated: str, expected: str, checked: Checked) -> None:
    """An archived plan is never rendered again: later templates may word it otherwise, and no more."""
    if _statements(stated) == _statements(expected):
        checked.notes.append(f"{name}: region {region.name!r} is worded otherwise than now")
    else:
        checked.fault(name, f"region {region.name!r} is not what its evidence gives", region.first_line)


def _statements(text: str) -> tuple[Counter[str], Counter[str]]:
    """The numbers of a text, and what it states beside them; the wording is left out."""
    return Counter(NUMBER.findall(text)), Counter(_STATEMENT.findall(text))


def _what(error: TriageError | OSError) -> str:
    return error.what if isinstance(error, TriageError) else str(error)
