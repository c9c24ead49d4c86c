"""The HTML report as a person sees it: opened in a browser, which draws it and runs nothing of it."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]
SUITE = """
def test_good(): pass
def test_bad(): raise ValueError("<script>document.title = 'hijacked'</script><b id=bold>wrong</b>")
"""
# Nothing but the page: no network, no sandbox (it refuses to run as root), no graphics card.
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
)  # fmt: skip


def triage(root: Path, *words: str) -> int:
    command = [sys.executable, "-m", "triage", *words]
    return subprocess.run(command, cwd=root, capture_output=True, timeout=240, check=False).returncode


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run with one good and one bad test."""
    root = tmp_path_factory.mktemp("project")
    (root / "test_two.py").write_text(SUITE, encoding="utf-8")
    assert triage(root, "init") == 0
    assert triage(root, "run") == 1
    assert triage(root, "report", "--html", "report.html") == 0
    return root / "report.html"


def browse(page: Path, profile: Path, *flags: str) -> str:
    """What a headless browser prints of a page."""
    assert CHROMIUM is not None
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return shown.stdout


class Elements(HTMLParser):
    """Names and ids of a document's elements, and its text."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: set[str | None] = set()
        self.text = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids |= {value for name, value in attrs if name == "id"}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_browsers_document_says_what_failed_and_runs_nothing(page: Path, tmp_path: Path) -> None:
    document = browse(page, tmp_path / "profile", "--dump-dom")
    elements = Elements(document)
    assert "script" not in elements.tags
    assert "bold" not in elements.ids, "the message's markup became an element"
    assert "<script>document.title" in elements.text
    assert "test_two.py::test_bad" in elements.text
    title = re.search(r"<title>(.*?)</title>", document)
    assert title is not None
    assert title[1].endswith("the gate fails")


def test_the_page_is_drawn(page: Path, tmp_path: Path) -> None:
    """An empty page has rows of one colour only; text and bars give rows of several."""
    shot = tmp_path / "shot.png"
    browse(page, tmp_path / "profile", "--window-size=500,900", f"--screenshot={shot}")
    width, height, rows = pixels(shot)
    assert (width, height) == (500, 900)
    drawn = [row for row in rows if row.strip(row[:1]) and len(set(row)) > 4]
    assert len(drawn) > height // 4


def pixels(png: Path) -> tuple[int, int, list[bytes]]:
    """Width, height and the rows of a PNG as they are stored, each without its filter byte."""
    data = png.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    packed, position, width, height = b"", 8, 0, 0
    while position < len(data):
        (length,) = struct.unpack(">I", data[position : position + 4])
        kind, body = data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
        if kind == b"IHDR":
            width, height = struct.unpack(">II", body[:8])
        elif kind == b"IDAT":
            packed += body
        position += length + 12
    stored = zlib.decompress(packed)
    stride = len(stored) // height
    return width, height, [stored[n * stride + 1 : (n + 1) * stride] for n in range(height)]
