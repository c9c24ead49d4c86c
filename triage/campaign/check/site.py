"""Check a site: its index and pages by their claims, its data by collecting it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from triage.campaign.check.folders import check_document
from triage.campaign.site.overview import DATA, VERSION, SiteOverview, overview
from triage.documents.claims import documents_in
from triage.documents.folder_check import Checked

_AGAIN = "write the site again with `triage report --site`"


def is_site(path: Path) -> bool:
    """Whether a folder holds a site."""
    return (path / DATA).is_file()


def check_site(output: Path, site: Path, templates: Mapping[str, str], checked: Checked) -> None:
    """Find what does not hold in a site beneath `output`."""
    name = (site / DATA).relative_to(output).as_posix()
    checked.files += 1
    try:
        stated = json.loads((site / DATA).read_bytes())
        document = SiteOverview.model_validate(stated)
    except ValueError as error:
        checked.fault(name, f"cannot be read: {str(error).partition(chr(10))[0]}")
        return
    if document.v != VERSION:
        checked.fault(name, f"is of version {document.v}, not {VERSION}: {_AGAIN}")
        return
    expected = overview(output, version=document.version, made_at=document.made_at)
    if expected.model_dump(mode="json") != stated:
        checked.fault(name, f"is not what evidence and journal give: {_AGAIN}")
    for page in documents_in(site):
        check_document(output, page, templates, checked)
    for campaign in document.campaigns:
        for run in campaign.runs:
            if run.page is not None and not (site / run.page).is_file():
                checked.fault(name, f"names the page {run.page}, which is missing: {_AGAIN}")
