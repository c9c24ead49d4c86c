"""The HTML report as a person uses it: opened in Chromium, which runs its script under its own policy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.report_run import ATTACHMENTS, HOSTILE, PLAIN, PROPERTIES, PROSE, write_report_run
from triage.campaign.recorded import recorded_run
from triage.campaign.report import PageWriting, Report
from triage.campaign.site.build import SiteBuilder
from triage.documents.render import load_templates

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install playwright")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]
MILLISECONDS = 60_000
"""A busy machine may take long to draw a page."""


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run of 60 tests whose ids, messages, titles and files try to be markup."""
    root = tmp_path_factory.mktemp("project")
    (root / "CODEOWNERS").write_text("tests/ @acme/core\n")
    folder = write_report_run(root)
    environ = {"CI_PROJECT_URL": "https://git.corp/g/r"}
    report = Report(root, root, recorded_run(folder, root), load_templates(), environ)
    path = root / "report.html"
    writing = PageWriting(made_at="2026-11-23T09:00:00Z", redact=str)
    report.write_html(path, writing)
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        # the sandbox refuses to run as root; nothing but the page is opened
        running = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


class Opened:
    """A page in the browser, with what it complained of and what it asked for over the network."""

    def __init__(self, browser: Any, file: Path, **options: Any) -> None:
        self.file = file
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(MILLISECONDS)
        self.complaints: list[str] = []
        self.asked_for: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        self.page.on("request", lambda request: self.asked_for.append(request.url))

    def go(self, address: str = "") -> Any:
        self.page.goto("about:blank")  # another part of the same page would be shown some time later
        self.page.goto(self.file.as_uri() + address)
        self.page.wait_for_selector("#app[data-ready]")
        return self.page


@pytest.fixture(scope="module")
def wide(browser: Any, page_file: Path) -> Iterator[Opened]:
    opened = Opened(browser, page_file, viewport={"width": 1300, "height": 900})
    yield opened
    opened.context.close()


VIEWS = ("", "#C1", "#/tests", "#/timeline", "#/changes", "#/trends", "#/flaky", "#/hunt", "#/run")


def test_hostile_text_stays_text_in_every_view(wide: Opened) -> None:
    """Nothing of it becomes an element, runs, or asks the network; the policy has nothing to refuse."""
    page = wide.go()
    for address in (*VIEWS, *(f"#{nodeid}" for nodeid in HOSTILE)):
        page.evaluate("address => { location.hash = address }", address)
        page.wait_for_timeout(30)
        tags = set(page.evaluate("[...document.querySelectorAll('#app *')].map(node => node.tagName)"))
        assert not tags & {"SCRIPT", "IMG", "IFRAME", "OBJECT", "EMBED", "LINK", "FORM", "BASE", "B"}
        assert (
            page.evaluate(
                "document.querySelectorAll('#app [onerror], #app [onclick], #app [style*=url]').length"
            )
            == 0
        )
        targets = page.evaluate(
            "[...document.querySelectorAll('#app a')].map(link => link.getAttribute('href'))"
        )
        assert all(target is None or target.startswith(("#", "https://git.corp/")) for target in targets)
    assert page.evaluate("window.hijacked") is None
    assert "hijacked" not in page.title().replace("<script>window.hijacked=1</script>", "")
    assert wide.complaints == []
    assert {url.partition("#")[0] for url in wide.asked_for} == {wide.file.as_uri()}


def test_every_test_has_an_address(wide: Opened) -> None:
    page = wide.go()
    for nodeid in HOSTILE:
        page.evaluate("id => { location.hash = '#' + encodeURIComponent(id) }", nodeid)
        page.wait_for_function(
            "id => document.querySelector('h2.nodeid')?.textContent === id", arg=visible(nodeid)
        )
    # a node id as people paste it, without escapes
    wide.go("#tests/test_plain.py::test_07[a/b]")
    assert page.locator("h2.nodeid").inner_text() == "tests/test_plain.py::test_07[a/b]"
    wide.go("#tests/test_none.py::test_nowhere")
    assert "no test or cluster" in page.locator("main").inner_text()


def visible(text: str) -> str:
    """As the page shows characters that cannot be seen."""
    return text.replace("\u202e", "\\u202e").replace("\x1b", "\\x1b")


def test_a_cause_shows_why_it_is_believed(wide: Opened) -> None:
    page = wide.go("#C1")
    assert "/-/commit/" in page.locator("header a").first.get_attribute("href")
    shown = page.locator(".cause-detail").inner_text()
    for words in (
        "4 of 4 failed",
        "0 of 4 failed",
        "0.014",
        "proven cause",
        "- return RATES[0]",
        "+ return RATES[1]",
        "python -m pytest",
        "parcel/quote.py:2",
    ):
        assert words in shown
    assert "parcel/quote.py:2-2" not in shown
    assert (
        page.locator(".cause-detail a.place")
        .first.get_attribute("href")
        .startswith("https://git.corp/g/r/-/blob/")
    )


def test_search_and_filters_stand_in_the_address(wide: Opened) -> None:
    page = wide.go("#/tests")
    assert "60 tests" in page.locator("[role=status]").first.inner_text()
    page.keyboard.press("/")
    page.keyboard.type("Market TEST_0")
    page.wait_for_function("location.hash.includes('q=Market')")
    found = page.locator(".test-row a.nodeid").all_inner_texts()
    assert found
    assert all("test_0" in text for text in found), "every word must be found, in id or message"
    page.keyboard.press("Escape")
    page.locator(".chip[data-outcome=failed]").click()
    page.wait_for_function("location.hash.includes('outcome=failed')")
    assert set(page.locator(".test-row .badge").all_inner_texts()) == {"✗ failed"}
    page.get_by_label("Remove q Market TEST_0").click()
    page.get_by_label("Filter by cluster").select_option("C2")
    page.wait_for_function("location.hash.includes('cluster=C2')")
    wide.go("#/tests?outcome=failed&cluster=C2&sort=slowest")
    rows = page.locator(".test-row")
    assert rows.count() == 3
    assert page.locator(".chip[data-outcome=failed]").get_attribute("aria-pressed") == "true"
    times = page.locator(".test-row .figure").all_inner_texts()
    assert times == sorted(times, key=lambda text: -float(text.split()[0]))


def wait_for_cause(page: Any, cluster: str) -> None:
    """The address changes at once, and what is shown a moment later: the next key acts on what is shown."""
    page.wait_for_function(
        "id => location.hash === '#' + id && "
        "document.querySelector('.cause-detail h2')?.textContent.startsWith(id)",
        arg=cluster,
    )


def test_keys_lead_through_causes_and_tests(wide: Opened) -> None:
    page = wide.go()
    page.keyboard.press("j")
    wait_for_cause(page, "C2")
    page.keyboard.press("k")
    wait_for_cause(page, "C1")
    page.keyboard.press("o")
    page.wait_for_selector("h2.nodeid")
    page.keyboard.press("e")
    wait_for_cause(page, "C1")
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")
    wide.go("#/tests")
    page.keyboard.press("j")
    page.wait_for_selector(".test-row.chosen[aria-posinset='1']")
    page.keyboard.press("j")
    page.wait_for_selector(".test-row.chosen[aria-posinset='2']")
    page.keyboard.press("o")
    page.wait_for_selector("h2.nodeid")


def test_colours_of_a_terminal_are_classes_and_other_escapes_go(wide: Opened) -> None:
    page = wide.go("#tests/test_plain.py::test_00")
    assert page.locator(".output .ansi-red").first.text_content() == "red"
    shown = page.locator(".output").first.inner_text()
    assert "\\x1b" not in shown
    assert "8;;http" not in shown, "a link of the terminal is no text"


def test_source_is_coloured_and_prose_is_not(wide: Opened) -> None:
    page = wide.go("#tests/test_plain.py::test_00")
    assert PROSE in page.locator(".traceback").inner_text()
    keywords = page.locator(".traceback .py-keyword").all_inner_texts()
    assert "def" in keywords
    assert "with" not in keywords
    assert page.locator(".traceback .py-number").count() == 0


def test_what_a_test_recorded_of_itself_is_text_or_a_safe_link(wide: Opened) -> None:
    page = wide.go(f"#{PLAIN[1]}")
    shown = page.locator("section", has_text="Recorded by the test").first
    for name, value in PROPERTIES:
        assert name in shown.inner_text()
        assert value in shown.inner_text()
    links = [link.get_attribute("href") for link in shown.locator("a[href]").all()]
    assert links[0] == "https://git.corp/T-17"
    assert links[1].endswith("/parcel/quote.py#L2")
    assert len(links) == 2


def test_attachments_are_images_or_text(wide: Opened) -> None:
    page = wide.go(f"#{PLAIN[1]}")
    shown = page.locator("section", has=page.locator("h3:text('Attachments')"))
    images = shown.locator("img")
    assert images.count() == 1, "no other type is given to the browser as an image"
    assert images.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1
    assert images.get_attribute("alt") == ATTACHMENTS[0].name
    assert shown.locator(".output .ansi-red").inner_text() == "red"
    for words in (
        "shot <script>",
        "server.log (90 bytes)",
        "PHN2Zy8+",
        "archive.zip (6 bytes): it is neither",
    ):
        assert words in shown.inner_text()
    assert page.locator("#app script").count() == 0
    assert wide.complaints == []


def test_the_owners_of_a_file_are_shown_where_nobody_else_is_named(wide: Opened) -> None:
    page = wide.go("#tests/test_plain.py::test_40")
    assert "@acme/core" in page.locator(".test-view .facts").inner_text()
    wide.go("#/tests?owner=%40acme%2Fcore")
    assert page.locator(".test-row").count() > 0


CONTRAST = """
() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (node) => {
    for (let each = node; each; each = each.parentElement) {
      const colour = parse(getComputedStyle(each).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const weak = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || node.tagName === "TITLE" || node.offsetParent === null) continue;
    const [one, other] = [light(parse(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const words = node.textContent.trim().slice(0, 30);
    if (ratio < 4.5) weak.push(`${node.tagName}.${node.className} ${words} ${ratio.toFixed(2)}`);
  }
  return weak;
}
"""
NAMELESS = """
() => [...document.querySelectorAll("a, button, input, select, summary, dialog, [role=img], [role=region]")]
  .filter((node) => !(node.textContent.trim() || node.getAttribute("aria-label")))
  .map((node) => node.outerHTML.slice(0, 80))
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways_and_every_text_can_be_read(
    browser: Any, page_file: Path, scheme: str
) -> None:
    narrow = Opened(browser, page_file, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page = narrow.go()
    for address in (*VIEWS, f"#{HOSTILE[0]}", "#tests/test_plain.py::test_00"):
        page.evaluate("address => { location.hash = address }", address)
        page.wait_for_timeout(50)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
        assert page.evaluate(CONTRAST) == [], address
        assert page.evaluate(NAMELESS) == [], address
        assert page.evaluate("document.querySelectorAll('h1').length") == 1
    narrow.context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1300), ("dark", 390)])
def test_axe_finds_nothing(browser: Any, page_file: Path, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-core")
    opened = Opened(browser, page_file, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = opened.go()
    for address in (*VIEWS, "#tests/test_plain.py::test_00"):
        page.evaluate("address => { location.hash = address }", address)
        page.wait_for_timeout(50)
        found = axe.Axe().run(page).response["violations"]
        assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == [], address
    opened.context.close()


def test_the_index_of_a_site_leads_to_its_pages(browser: Any, page_file: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-core")
    root = page_file.parent
    writing = PageWriting(made_at="2026-11-23T09:00:00Z", redact=str)
    index = SiteBuilder(root, root, load_templates(), {}, writing).build(root / "public").index
    opened = Opened(browser, index, viewport={"width": 390, "height": 844}, color_scheme="dark")
    opened.page.goto(index.as_uri())
    found = axe.Axe().run(opened.page).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390
    opened.page.get_by_role("link", name="C1", exact=True).click()
    opened.page.wait_for_selector(".cause-detail h2")
    opened.page.get_by_role("link", name="← all runs").click()
    opened.page.wait_for_selector("h1:text('Test runs')")
    assert opened.complaints == []
    opened.context.close()


def test_print_keeps_causes_and_tracebacks(browser: Any, page_file: Path) -> None:
    opened = Opened(browser, page_file)
    page = opened.go("#/run")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    shown = page.locator("#print").inner_text()
    assert "4 of 4 failed" in shown
    assert "KeyError: 'market'" in shown
    assert not page.locator("main").is_visible()
    opened.context.close()


def test_without_script_it_is_one_plain_page(browser: Any, page_file: Path) -> None:
    opened = Opened(browser, page_file, java_script_enabled=False)
    opened.page.goto(page_file.as_uri())
    shown = opened.page.locator("body").inner_text()
    for words in ("the gate fails", "Clusters", "C1: proven cause", "confirmed: With the change", "KeyError"):
        assert words in shown
    assert opened.page.locator("main").is_visible()
    assert opened.complaints == []
    opened.context.close()
