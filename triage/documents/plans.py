"""Write a campaign's plan, `plans/active/<campaign>.md`; move it to `plans/archive/` when all is resolved.

For each design of phase C the plan has one region, named by cluster and STAMP, rendered from the design
and from the verification that followed it. Everything outside of the regions is the people's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from triage.cluster.registry import ClusterRegistry
from triage.documents.ledgers import read_ledger
from triage.documents.merge_conflicts import without_conflicts
from triage.documents.regions import splice
from triage.documents.render import load_templates, source_of
from triage.documents.template_engine import render
from triage.evidence.atomic import disk_error, locked, write_bytes
from triage.model.cluster import ClusterStatus
from triage.model.journal import AttemptRecorded

ACTIVE, ARCHIVE = "plans/active", "plans/archive"
TEMPLATE = "plan.md.j2"
REGION = re.compile(r"C[1-9][0-9]*\.[0-9]{8}T[0-9]{6}Z")


@dataclass(frozen=True)
class Designed:
    """One design that the journal knows, with the verification that came after it."""

    cluster: str
    campaign: str
    stamp: str
    design: str
    verifications: tuple[str, ...]
    """Oldest first."""
    resolved: bool

    @property
    def verification(self) -> str | None:
        """The latest."""
        return self.verifications[-1] if self.verifications else None

    def at_each_verification(self) -> Iterator[Designed]:
        """The design as it stood after each of its verifications, the latest first, and before the first."""
        for count in range(len(self.verifications), -1, -1):
            yield replace(self, verifications=self.verifications[:count])

    @property
    def region(self) -> str:
        """The name of its region."""
        return f"{self.cluster}.{self.stamp}"


def designs(registry: ClusterRegistry) -> tuple[Designed, ...]:
    """Every design on record, oldest first; of each cluster's, all but the last are superseded."""
    found: list[Designed] = []
    attempts = [
        event for event in registry.decisions if isinstance(event, AttemptRecorded) and event.evidence
    ]
    for position, design in enumerate(attempts):
        if design.phase != "c":
            continue
        later = [event for event in attempts[position + 1 :] if event.cluster == design.cluster]
        until_next_design = list(takewhile(lambda event: event.phase != "c", later))
        verifications = [event.evidence[0] for event in until_next_design if event.phase == "d"]
        superseded = len(until_next_design) < len(later)
        status = registry.cluster(design.cluster).status
        closed = status in (ClusterStatus.RESOLVED, ClusterStatus.MERGED)
        found.append(
            Designed(
                cluster=design.cluster,
                campaign=design.campaign,
                stamp=design.stamp,
                design=design.evidence[0],
                verifications=tuple(verifications),
                resolved=superseded or closed,
            )
        )
    return tuple(found)


def update_plans(
    root: Path, registry: ClusterRegistry, templates: Mapping[str, str] | None = None
) -> list[str]:
    """Render every active plan and archive those in which nothing is open; returns a line for each change."""
    texts = load_templates() if templates is None else templates
    known = designs(registry)
    lines: list[str] = []
    with locked(root / "plans"):
        for campaign in dict.fromkeys(design.campaign for design in known):
            own = [design for design in known if design.campaign == campaign]
            lines += _update(root, campaign, own, texts)
    return lines


def render_region(root: Path, designed: Designed, document: str, templates: Mapping[str, str]) -> str:
    """The text of a design's region in a plan. Raises `VoidError` where its evidence is missing."""
    sources = {"design": source_of(root, root / designed.design)}
    if designed.verification is not None:
        sources["verification"] = source_of(root, root / designed.verification)
    return render(TEMPLATE, sources, templates, document=document).text


def plan_files(root: Path) -> Iterator[Path]:
    """Every plan, active and archived."""
    for folder in (ACTIVE, ARCHIVE):
        yield from sorted((root / folder).glob("*.md"))


def _update(root: Path, campaign: str, own: list[Designed], templates: Mapping[str, str]) -> list[str]:
    name = f"{ACTIVE}/{campaign}.md"
    path = root / name
    open_ones = [design for design in own if not design.resolved]
    archived = _archived_regions(root, campaign)
    here = [design for design in own if design.region not in archived]
    if not here and not path.exists():
        return []
    old = read_ledger(path)
    start = _new_plan(campaign) if old is None else without_conflicts(old, name)
    contents = {design.region: render_region(root, design, name, templates) for design in here}
    new = splice(start, contents, name)
    lines = []
    if new != old:
        write_bytes(path, new, follow_symlink=True)
        lines.append(f"{name}: rendered")
    if not open_ones:
        lines.append(f"{name}: moved to {_archive(root, path, own[-1].stamp)}")
    return lines


def _archive(root: Path, path: Path, stamp: str) -> str:
    target = root / ARCHIVE / f"{path.stem}-{stamp}.md"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
    except OSError as error:
        raise disk_error(error, target) from error
    return target.relative_to(root).as_posix()


def _archived_regions(root: Path, campaign: str) -> set[str]:
    """Regions that an archived plan of the campaign holds already."""
    found: set[str] = set()
    for path in sorted((root / ARCHIVE).glob("*.md")):
        if path.stem.startswith(f"{campaign}-"):
            text = path.read_text(encoding="utf-8", errors="replace")
            found.update(re.findall(r"triage:begin (\S+)", text))
    return found


def _new_plan(campaign: str) -> bytes:
    hint = "Triage writes between the markers; every byte outside of them is yours."
    return f"# Plan of {campaign}\n\n{hint}\n".encode()
