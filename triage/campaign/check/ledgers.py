"""Check the regions of ledgers and plans against what journal and evidence give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from triage.campaign.check.folders import NUMBER
from triage.campaign.explanation import repairs_proposed
from triage.cluster.registry import ClusterRegistry
from triage.documents.folder_check import Checked
from triage.documents.ledgers import Ledger, render_regions
from triage.documents.merge_conflicts import conflicted_line
from triage.documents.plans import ACTIVE, ARCHIVE, REGION, Designed, designs, render_region
from triage.documents.regions import Region, body, fitted, is_edited, scan
from triage.documents.render import earlier_templates
from triage.errors import TriageError
from triage.text.pattern import pattern

_STATEMENT = pattern(
    r"\[[ x]\] | \bresolved\b | \bnot[ ]met\b",
    matches=["- [x] targeted", "- [ ] chunk", "C2 is resolved", "not met: chunk"],
    rejects=["[y]", "unresolvedly", "met"],
)
"""What a plan states of a criterion or a cluster, beside numbers."""


def check_ledger(
    root: Path, ledger: Ledger, registry: ClusterRegistry, templates: Mapping[str, str], checked: Checked
) -> None:
    """Each region of a ledger is what the journal gives."""
    path = root / ledger.path
    if not path.is_file():
        return
    try:
        data = path.read_bytes()
        regions = _regions(data, ledger.path)
        repairs = repairs_proposed(root, registry)
        expected = render_regions(ledger, registry, templates, repairs)
    except _UNREADABLE as error:
        checked.fault(ledger.path, _what(error), _line(error))
        return
    for region in regions:
        text = expected.get(region.name)
        if text is None or _is_edited(data, region, ledger.path, checked):
            continue
        found = body(data, region)
        # a ledger that nobody has rendered since an upgrade is as the templates of before give it
        if found != fitted(text) and not any(
            found == fitted(render_regions(ledger, registry, each, repairs)[region.name])
            for each in earlier_templates(templates)
        ):
            what = f"region {region.name!r} is not what the journal gives"
            checked.fault(ledger.path, what, region.first_line)


def check_plans(
    root: Path,
    registry: ClusterRegistry,
    paths: Iterable[Path],
    templates: Mapping[str, str],
    checked: Checked,
) -> None:
    """Each region of a plan is what its design and its verification give, wherever the plan was moved."""
    known = {design.region: design for design in designs(registry)}
    for path in paths:
        name = path.relative_to(root).as_posix()
        try:
            data = path.read_bytes()
            for region in _regions(data, name):
                design = known.get(region.name)
                if design is not None:
                    if not _is_edited(data, region, name, checked):
                        _check_plan_region(root, name, design, region, body(data, region), templates, checked)
                elif REGION.fullmatch(region.name):
                    checked.fault(name, f"region {region.name!r} belongs to no design in the journal")
        except _UNREADABLE as error:
            checked.fault(name, _what(error), _line(error))


def _check_plan_region(  # noqa: PLR0917
    root: Path,
    name: str,
    design: Designed,
    region: Region,
    stated: str,
    templates: Mapping[str, str],
    checked: Checked,
) -> None:
    """An archived plan is never rendered again.

    It stands as it was after one of its verifications, and later templates may word it otherwise, no more.
    """
    document = f"{ACTIVE}/{Path(name).name}"
    if not name.startswith(f"{ARCHIVE}/"):
        if stated != fitted(render_region(root, design, document, templates)):
            checked.fault(name, f"region {region.name!r} is not what its evidence gives", region.first_line)
        return
    for then in design.at_each_verification():
        expected = render_region(root, then, document, templates)
        if stated == fitted(expected):
            return
        if _statements(stated) == _statements(expected):
            checked.notes.append(f"{name}: region {region.name!r} is worded otherwise than now")
            return
    checked.fault(name, f"region {region.name!r} is not what its evidence gives", region.first_line)


def _regions(data: bytes, name: str) -> tuple[Region, ...]:
    """The regions of a document. Raises `_Conflict` where git left one in them."""
    line = conflicted_line(data, name)
    if line is not None:
        raise _Conflict(line)
    return scan(data, name)


class _Conflict(Exception):
    """Git could not merge a region."""

    def __init__(self, line: int) -> None:
        super().__init__("holds conflict marks of git; the next command that writes renders it again")
        self.line = line


_UNREADABLE = (TriageError, OSError, _Conflict)


def _is_edited(data: bytes, region: Region, name: str, checked: Checked) -> bool:
    checked.regions += 1
    if not is_edited(data, region):
        return False
    checked.fault(name, f"region {region.name!r} was changed by hand", region.first_line)
    return True


def _statements(text: str) -> tuple[Counter[str], Counter[str]]:
    """The numbers of a text, and what it states beside them; the wording is left out."""
    return Counter(NUMBER.findall(text)), Counter(_STATEMENT.findall(text))


def _what(error: Exception) -> str:
    return error.what if isinstance(error, TriageError) else str(error)


def _line(error: Exception) -> int:
    return error.line if isinstance(error, _Conflict) else 0
