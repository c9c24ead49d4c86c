"""Documents of the committed campaign as GitHub renders them, through its own renderer."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.fixtures.report_run import HOSTILE, write_report_run

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "templates/demo/project"
DOCUMENTS = sorted(path for folder in ("reports", "plans") for path in (ROOT / folder).rglob("*.md"))
MARKUP = {
    "h1", "h2", "h3", "h4", "p", "ul", "ol", "li", "strong", "em", "a", "code", "pre", "br", "hr",
    "table", "thead", "tbody", "tr", "th", "td", "blockquote", "details", "summary",
    "input",  # the box of a task
}  # fmt: skip
LEFT_OVER = ("**", "](", "| ---", "```", "{{", "{%")
"""Signs of markdown or of a template: in text that is shown they were meant to be something else."""


class Rendered(HTMLParser):
    """What a reader gets: elements, text outside of code, links, and the cells of each table row."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.prose: list[str] = []
        self.code: list[str] = []
        self.links: list[str] = []
        self.rows: list[list[int]] = []
        """Of each table the number of cells of each row."""
        self._in_code = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag in ("code", "pre"):
            self._in_code += 1
        elif tag == "a":
            self.links += [value for name, value in attrs if name == "href" and value is not None]
        elif tag == "table":
            self.rows.append([])
        elif tag == "tr":
            self.rows[-1].append(0)
        elif tag in ("td", "th"):
            self.rows[-1][-1] += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in ("code", "pre"):
            self._in_code -= 1

    def handle_data(self, data: str) -> None:
        (self.code if self._in_code else self.prose).append(data)


@pytest.fixture(params=DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def document(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_documents_of_every_phase_are_tried() -> None:
    names = {path.name for path in DOCUMENTS}
    assert names >= {"summary.md", "design.md", "verify.md", "fix_plan.md", "remediation_tracker.md"}


def rendered(text: str) -> Rendered:
    cmarkgfm = pytest.importorskip("cmarkgfm", reason="no renderer of GitHub's: pip install cmarkgfm")
    found = Rendered()
    found.feed(cmarkgfm.github_flavored_markdown_to_html(text))
    return found


def check_markup(found: Rendered) -> None:
    assert found.tags <= MARKUP
    prose = "\n".join(found.prose)
    assert [sign for sign in LEFT_OVER if sign in prose] == []
    for table in found.rows:
        assert len(table) > 1, "a table without a row"
        assert len(set(table)) == 1


def test_nothing_of_the_markdown_is_left_and_every_link_leads_somewhere(document: Path) -> None:
    found = rendered(document.read_text(encoding="utf-8"))
    check_markup(found)
    for link in found.links:
        path = link.partition("#")[0]
        if path and "://" not in path:
            target = (document.parent / path).resolve()
            # sources are those of the repository that the demo made
            in_demo = DEMO / target.relative_to(ROOT)
            assert target.exists() or in_demo.exists(), link


def test_hostile_names_and_messages_are_shown_as_they_are(tmp_path: Path) -> None:
    folder = write_report_run(tmp_path)
    text = (folder.path / "summary.md").read_text(encoding="utf-8")
    found = rendered(text)
    check_markup(found)
    shown = "".join(found.code)
    for nodeid in HOSTILE[:5]:
        assert nodeid in shown
