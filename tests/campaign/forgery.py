"""What a forger does: edit evidence, seal it again, write the journal anew, render the views again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from triage.campaign.explanation import repairs_proposed
from triage.cluster.mending import mended
from triage.documents.ledgers import update_ledgers
from triage.documents.plans import update_plans
from triage.evidence import manifest
from triage.evidence.journal import Journal
from triage.model.journal import Event, content_id, with_evidence

JOURNAL = "plans/journal.jsonl"
Change = Callable[[Path], None]


def one(root: Path, pattern: str) -> Path:
    """The one file or folder of a pattern; the first where there are several."""
    found = sorted(root.glob(pattern))
    assert found, pattern
    return found[0]


def text(pattern: str, old: str, new: str) -> Change:
    """Replace a text in a file."""

    def change(root: Path) -> None:
        path = one(root, pattern)
        before = path.read_text()
        assert old in before, (pattern, old)
        path.write_text(before.replace(old, new, 1))

    return change


def document(pattern: str, edit: Callable[[Any], Any]) -> Change:
    """Edit a JSON document in place."""

    def change(root: Path) -> None:
        path = one(root, pattern)
        value = json.loads(path.read_text())
        edit(value)
        path.write_text(json.dumps(value, indent=1))

    return change


def lines(pattern: str, edit: Callable[[list[str]], list[str]]) -> Change:
    """Edit the lines of a file."""

    def change(root: Path) -> None:
        path = one(root, pattern)
        before = path.read_text().splitlines(keepends=True)
        after = edit(list(before))
        assert after != before, pattern
        path.write_text("".join(after))

    return change


def append(pattern: str, more: str) -> Change:
    """Add text to the end of a file."""

    def change(root: Path) -> None:
        path = one(root, pattern)
        path.write_text(path.read_text() + more)

    return change


def create(folder: str, name: str, content: str) -> Change:
    """Put a new file into the folder of a pattern."""

    def change(root: Path) -> None:
        path = one(root, folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    return change


def both(*changes: Change) -> Change:
    """One change after the other."""

    def change(root: Path) -> None:
        for each in changes:
            each(root)

    return change


def seal_again(root: Path) -> None:
    """Seal every folder that has a seal, as it lies there now."""
    for path in sorted(root.glob("reports/*/phase_*/*/manifest.json")):
        manifest.seal(path.parent)


def rewrite_journal(root: Path, edit: Callable[[list[Event]], list[Event]] = lambda events: events) -> None:
    """Write the journal anew as one sound chain whose events name the present seals; render the views."""
    path = root / JOURNAL
    events = []
    for event in edit(list(Journal(path).read())):
        seals = {name: manifest.read(root / name).digest for name in getattr(event, "manifests", ())}
        named = with_evidence(event, seals) if seals else event
        events.append(named.model_copy(update={"id": content_id(named)}) if named.v > 1 else named)
    path.unlink()
    Journal(path).append(events)
    render_views(root)


def render_views(root: Path) -> None:
    """Render ledgers and plans from the journal as it is."""
    registry = mended(Journal(root / JOURNAL).read())
    update_ledgers(root, registry, repairs=repairs_proposed(root, registry))
    update_plans(root, registry)


def forge(kind: Any, **fields: Any) -> Change:
    """Append an event that is a sound link of the chain, and render the views."""

    def change(root: Path) -> None:
        journal = Journal(root / JOURNAL)
        registry = mended(journal.read())
        factory = registry.event_factory("2026-12-24T12:00:00Z", "triage verify")
        event = factory.make(kind, **fields)
        evidence = getattr(event, "evidence", ())
        folders = {str(Path(name).parent) for name in evidence if (root / name).is_file()}
        seals = {name: manifest.read(root / name).digest for name in folders}
        journal.append([with_evidence(event, seals) if seals else event])
        render_views(root)

    return change


def without(keep: Callable[[Event], bool]) -> Change:
    """Take events out, and leave a sound chain and rendered views."""

    def change(root: Path) -> None:
        rewrite_journal(root, lambda events: [event for event in events if keep(event)])

    return change
