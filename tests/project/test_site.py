"""The documentation is built as a site: strictly, offline, with its reference from the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

for needed in ("material", "mkdocstrings"):
    pytest.importorskip(needed, reason="the extra `docs` is not installed: make docs brings it")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_the_reference_has_what_the_code_has(site):
    from triage.cli.app import TABLE
    from triage.cli.json_documents.registry import DOCUMENTS
    from triage.config import Settings

    def headings(name):
        page = (site / "reference" / name).read_text(encoding="utf-8")
        return set(re.findall(r'<h2 id="([^"]+)"', page)), page

    assert {f"triage-{name}" for name in TABLE} <= headings("commands.html")[0]
    assert set(DOCUMENTS) <= headings("documents.html")[0]
    settings = headings("settings.html")[1]
    missing = [
        name for name in Settings.model_fields if f"<code>{name.replace('_', '-')}</code>" not in settings
    ]
    assert missing == []
    assert "cluster_opened" in headings("journal.html")[0]
    api = headings("python.html")[1]
    assert all(f'id="triage.api.Project.{name}"' in api for name in ("run", "probe", "verify"))
    assert "triage.testing.executors.ExecutorConformance" in api


@pytest.mark.slow
def test_a_page_fetches_nothing_from_elsewhere(site):
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        fetched = re.findall(r'<(?:script|img|iframe)[^>]* src="(https?:[^"]*)"', text)
        fetched += re.findall(r'<link[^>]* rel="stylesheet"[^>]* href="(https?:[^"]*)"', text)
        assert fetched == [], page
