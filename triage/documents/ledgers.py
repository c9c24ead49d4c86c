"""The ledgers: markdown of the project in which triage owns marked regions, rendered from the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from triage.cluster.registry import ClusterRegistry
from triage.documents.ledger_values import ledger_values
from triage.documents.merge_conflicts import without_conflicts
from triage.documents.regions import splice
from triage.documents.render import load_templates
from triage.documents.template_engine import Source, render
from triage.evidence.atomic import disk_error, locked, write_bytes
from triage.evidence.journal import JOURNAL as JOURNAL  # noqa: PLC0414 - ledgers are rendered from it
from triage.model.claim import Artifact

_HINT = (
    "Triage writes between the markers, from `plans/journal.jsonl`; every byte outside of them is yours.\n"
)


NOT_PROBED: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True)
class LedgerRegion:
    """A marked region, the heading that a new ledger gives it, and what it is rendered from."""

    name: str
    heading: str
    template: str


@dataclass(frozen=True)
class Ledger:
    """A document with its regions, in order."""

    path: str
    title: str
    regions: tuple[LedgerRegion, ...]


LEDGERS = (
    Ledger(
        "plans/fix_plan.md",
        "Fix plan",
        (
            LedgerRegion("clusters", "Clusters", "ledger/clusters.md.j2"),
            LedgerRegion("attempts", "Attempts history", "ledger/attempts.md.j2"),
        ),
    ),
    Ledger(
        "reports/remediation_tracker.md",
        "Remediation tracker",
        (LedgerRegion("tracker", "State of the clusters", "ledger/tracker.md.j2"),),
    ),
)


def update_ledgers(
    root: Path,
    registry: ClusterRegistry,
    templates: Mapping[str, str] | None = None,
    repairs: Mapping[str, int] = NOT_PROBED,
) -> list[str]:
    """Render every region of every ledger; returns a line for each file that changed.

    Nothing is written unless all can be: raises `UsageError` where a person changed a region or its
    markers are broken, `VoidError` where the disk refuses.
    """
    values = ledger_values(registry, repairs)
    with locked(root / "plans"):
        changed: dict[str, bytes] = {}
        for ledger in LEDGERS:
            old = read_ledger(root / ledger.path)
            start = _new_ledger(ledger) if old is None else without_conflicts(old, ledger.path)
            new = splice(start, _rendered(ledger, values, templates), ledger.path)
            if new != old:
                changed[ledger.path] = new
        for name, data in changed.items():
            write_bytes(root / name, data, follow_symlink=True)
    return [f"{name}: rendered from {JOURNAL}" for name in changed]


def check_regions(root: Path) -> None:
    """Check that every ledger can be written; raises as `update_ledgers` does and writes nothing."""
    for ledger in LEDGERS:
        data = read_ledger(root / ledger.path)
        if data is not None:
            settled = without_conflicts(data, ledger.path)
            splice(settled, {region.name: "" for region in ledger.regions}, ledger.path)


def render_regions(
    ledger: Ledger,
    registry: ClusterRegistry,
    templates: Mapping[str, str] | None = None,
    repairs: Mapping[str, int] = NOT_PROBED,
) -> dict[str, str]:
    """Render the text of each region of a ledger from the journal.

    `repairs` is how many repairs the latest probe of a cluster proposes: the next command depends on it.
    """
    return _rendered(ledger, ledger_values(registry, repairs), templates)


def _rendered(ledger: Ledger, data: Mapping[str, Any], templates: Mapping[str, str] | None) -> dict[str, str]:
    texts = load_templates() if templates is None else templates
    source = Source(Artifact(path=JOURNAL, sha256=""), data)
    return {
        region.name: render(region.template, {"ledger": source}, texts, document=ledger.path).text
        for region in ledger.regions
    }


def _new_ledger(ledger: Ledger) -> bytes:
    """A ledger that nobody has written yet, its regions empty."""
    sections = [
        f"## {region.heading}\n\n<!-- triage:begin {region.name} -->\n<!-- triage:end {region.name} -->\n"
        for region in ledger.regions
    ]
    return "\n".join((f"# {ledger.title}\n", _HINT, *sections)).encode()


def read_ledger(path: Path) -> bytes | None:
    """Read the file; None where nobody has written it yet. Raises `VoidError` where the disk refuses."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(error, path) from error
