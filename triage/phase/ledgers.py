"""The ledgers: markdown of the project in which triage owns marked regions, rendered from the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from triage.cluster.book import Book
from triage.evidence.atomic import disk_error, locked, write_bytes
from triage.ledger.regions import splice
from triage.ledger.values import ledger_values
from triage.model.claim import Artifact
from triage.phase.templates import load_templates
from triage.report.engine import Source, render

JOURNAL = "plans/journal.jsonl"
_HINT = (
    "Triage writes between the markers, from `plans/journal.jsonl`; every byte outside of them is yours.\n"
)


@dataclass(frozen=True)
class Ledger:
    """A document with its regions, in order, each with the heading and the template that it gets."""

    path: str
    title: str
    regions: tuple[tuple[str, str, str], ...]


LEDGERS = (
    Ledger(
        "plans/fix_plan.md",
        "Fix plan",
        (
            ("clusters", "Clusters", "ledger/clusters.md.j2"),
            ("attempts", "Attempts history", "ledger/attempts.md.j2"),
        ),
    ),
    Ledger(
        "reports/remediation_tracker.md",
        "Remediation tracker",
        (("tracker", "State of the clusters", "ledger/tracker.md.j2"),),
    ),
)


def update_ledgers(root: Path, book: Book, templates: Mapping[str, str] | None = None) -> list[str]:
    """Render every region of every ledger; returns a line for each file that changed.

    Nothing is written unless all can be: raises `UsageError` where a person changed a region or its
    markers are broken, `VoidError` where the disk refuses.
    """
    with locked(root / "plans"):
        changed = []
        for ledger in LEDGERS:
            path = root / ledger.path
            old = read_ledger(path)
            new = splice(
                _start(ledger) if old is None else old, render_regions(ledger, book, templates), ledger.path
            )
            if new != old:
                changed.append((path, new, ledger.path))
        for path, data, _ in changed:
            write_bytes(path, data, follow_symlink=True)
    return [f"{name}: rendered from {JOURNAL}" for _, _, name in changed]


def check_regions(root: Path) -> None:
    """Whether every ledger can take what triage writes; raises as `update_ledgers` does, writes nothing."""
    for ledger in LEDGERS:
        data = read_ledger(root / ledger.path)
        if data is not None:
            splice(data, {name: "" for name, _, _ in ledger.regions}, ledger.path)


def render_regions(ledger: Ledger, book: Book, templates: Mapping[str, str] | None = None) -> dict[str, str]:
    """The text of each region of a ledger as the journal demands it."""
    texts = load_templates() if templates is None else templates
    data = ledger_values(book.clusters.values(), book.events)
    source = Source(Artifact(path=JOURNAL, sha256=""), data)
    return {
        name: render(template, {"ledger": source}, texts, document=ledger.path).text
        for name, _, template in ledger.regions
    }


def _start(ledger: Ledger) -> bytes:
    """A ledger that nobody has written yet, its regions empty."""
    sections = [
        f"## {heading}\n\n<!-- triage:begin {name} -->\n<!-- triage:end {name} -->\n"
        for name, heading, _ in ledger.regions
    ]
    return "\n".join((f"# {ledger.title}\n", _HINT, *sections)).encode()


def read_ledger(path: Path) -> bytes | None:
    """The file as it is; None where nobody has written it yet. Raises `VoidError` where the disk refuses."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(error, path) from error
