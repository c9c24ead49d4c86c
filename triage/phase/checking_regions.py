"""Checking ledgers and plans: each region is what journal and evidence give."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from triage.cluster.book import Book
from triage.errors import TriageError
from triage.evidence.check import Checked
from triage.ledger.regions import Region, body, fitted, is_edited, scan
from triage.phase.ledgers import Ledger, render_regions
from triage.phase.plans import ACTIVE, ARCHIVE, REGION, designs, render_region

NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[-+]?\d+)?")
_TICK = re.compile(r"\[[ x]\]|\bresolved\b|\bnot met\b")


def check_ledger(
    root: Path, ledger: Ledger, book: Book, templates: Mapping[str, str], checked: Checked
) -> None:
    """Each region of a ledger is what the journal gives."""
    path = root / ledger.path
    if not path.is_file():
        return
    try:
        expected = render_regions(ledger, book, templates)
    except TriageError as error:
        checked.fault(ledger.path, error.what)
        return
    _regions(path, ledger.path, expected, "the journal", checked)


def check_plans(
    root: Path, book: Book, paths: Iterable[Path], templates: Mapping[str, str], checked: Checked
) -> None:
    """Each region of a plan is what its design and its verification give, wherever the plan was moved."""
    known = designs(book)
    for path in paths:
        name = path.relative_to(root).as_posix()
        try:
            here = {region.name for region in scan(path.read_bytes(), name)}
            own = [design for design in known if design.region in here]
            expected = {d.region: render_region(root, d, f"{ACTIVE}/{path.name}", templates) for d in own}
        except (TriageError, OSError) as error:
            checked.fault(name, getattr(error, "what", str(error)))
            continue
        for region in sorted(here - expected.keys()):
            if REGION.fullmatch(region):
                checked.fault(name, f"region {region!r} belongs to no design in the journal")
        _regions(path, name, expected, "its evidence", checked)


def _regions(path: Path, name: str, expected: Mapping[str, str], truth: str, checked: Checked) -> None:
    """Regions as they are against regions as they should be."""
    try:
        data = path.read_bytes()
        regions = {region.name: region for region in scan(data, name)}
    except (TriageError, OSError) as error:
        checked.fault(name, getattr(error, "what", str(error)))
        return
    for title, text in expected.items():
        region = regions.get(title)
        if region is None:
            continue
        checked.regions += 1
        if is_edited(data, region):
            checked.fault(name, f"region {title!r} was changed by hand", region.first_line)
        elif body(data, region) != fitted(text) and name.startswith(f"{ARCHIVE}/"):
            _archived(name, region, body(data, region), text, checked)
        elif body(data, region) != fitted(text):
            checked.fault(name, f"region {title!r} is not what {truth} gives", region.first_line)


def _archived(name: str, region: Region, stated: str, expected: str, checked: Checked) -> None:
    """An archived plan is never rendered again: later templates may word it otherwise, and no more."""
    told = [(Counter(NUMBER.findall(text)), Counter(_TICK.findall(text))) for text in (stated, expected)]
    if told[0] == told[1]:
        checked.notes.append(f"{name}: region {region.name!r} is worded otherwise than now")
    else:
        checked.fault(name, f"region {region.name!r} is not what its evidence gives", region.first_line)
