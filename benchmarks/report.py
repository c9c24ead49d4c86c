"""The HTML report of 20,000 tests, 2,000 of them red: its size, and the time of opening and searching it.

Measured in headless Chromium through Playwright. Beside it pytest-html and Allure on as many tests,
where they are installed (`benchmarks/report_peers.py`).
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.report_peers import PeerPage, ReportPeers
from benchmarks.report_run import write_large_run
from triage.campaign.check.project import check_paths
from triage.campaign.recorded import recorded_run
from triage.campaign.report import PageWriting, Report
from triage.documents.render import load_templates

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
SEARCH = "invoice keyerror 12"
"""Typed a letter at a time; it ends in few tests, and its first letters in thousands."""
_LOADS = 3
_LOAD_MILLISECONDS = 120_000
"""A page that shows no test by then is of no use."""
_LETTER_MILLISECONDS = 250
"""Between two letters, as a person types; a search that waits for a pause is given one."""
_SETTLED_MILLISECONDS = 3000
_KEYSTROKE = """
async (letter) => {
  const field = document.querySelector("input[type=search]");
  field.focus();
  const begun = performance.now();
  field.value += letter;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  document.body.getBoundingClientRect();
  return performance.now() - begun;
}
"""
_READY = "() => document.querySelector('#app[data-ready]') !== null"


def main(arguments: Sequence[str]) -> int:
    """Print a row for each report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks report", description=__doc__)
    parser.add_argument("--tests", type=int, default=20_000)
    parser.add_argument("--red", type=int, default=2_000)
    parser.add_argument("--runs", type=int, default=5, help="of the history")
    parser.add_argument("--keep", type=Path, help="a folder that keeps the report, to look at it")
    parser.add_argument(
        "--peers-python", default=sys.executable, help="an interpreter with pytest-html and allure-pytest"
    )
    parser.add_argument("--allure", default=shutil.which("allure"), help="the command line of npm's allure")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        root = asked.keep or Path(temporary)
        page = _write_page(root, asked.tests, asked.red, asked.runs)
        if CHROMIUM is None or importlib.util.find_spec("playwright") is None:
            print("no Chromium or no Playwright: nothing is measured in a browser")
            return 0
        _measure_in_browser(page)
        peers = ReportPeers(Path(temporary), asked.tests, asked.red, asked.peers_python, asked.allure)
        for page in peers.write():
            _measure_peer(page)
    return 0


def _write_page(root: Path, tests: int, red: int, runs: int) -> Path:
    folder = write_large_run(root, tests=tests, red=red, runs=runs)
    page = root / "report.html"
    writing = PageWriting(made_at="2026-12-01T00:00:00Z", redact=str)
    begun = time.perf_counter()
    Report(root, root, recorded_run(folder, root), load_templates()).write_html(page, writing)
    written = time.perf_counter()
    problems = check_paths(root, [page], load_templates()).problems
    checked = time.perf_counter()
    size = page.stat().st_size / 1e6
    print(f"triage: {tests} tests, {red} red, {runs} runs: {size:.2f} MB")
    took = f"written in {written - begun:.1f} s, checked in {checked - written:.1f} s"
    print(f"  {took} ({len(problems)} problems)")
    return page


def _measure_in_browser(page: Path) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        before = _renderer_seconds(browser)
        loads = [_load(browser, page, _READY) for _ in range(_LOADS)]
        spent = (_renderer_seconds(browser) - before) / _LOADS
        print(f"  can be used after {min(loads):.0f} to {max(loads):.0f} ms", end="")
        print(f"; the page takes {spent * 1000:.0f} ms of a processor, which tells more on a busy machine")
        tab = browser.new_page(viewport={"width": 1400, "height": 900})
        tab.goto(page.as_uri())
        tab.wait_for_function(_READY)
        tab.wait_for_timeout(1000)  # a reader has not typed yet
        before = _renderer_seconds(browser)
        took = sorted(tab.evaluate(_KEYSTROKE, letter) for letter in SEARCH)
        spent = (_renderer_seconds(browser) - before) / len(SEARCH)
        shown = tab.locator("[role=status]").first.inner_text()
        print(
            f"  keystroke of a search: median {median(took):.0f} ms, at most {took[-1]:.0f} ms ({shown})",
            end="",
        )
        print(f"; {spent * 1000:.0f} ms of a processor")
        heap = tab.evaluate("performance.memory ? performance.memory.usedJSHeapSize : 0") / 1e6
        print(f"  nodes {tab.evaluate('document.querySelectorAll(`*`).length')}, script memory {heap:.0f} MB")
        browser.close()


def _measure_peer(peer: PeerPage) -> None:
    """Size, time until its tests are there, and what a letter in its search costs, where it has one."""
    from playwright.sync_api import sync_playwright

    print(f"{peer.name}: {peer.page.stat().st_size / 1e6:.2f} MB")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        before = _renderer_seconds(browser)
        took = _load_within_limit(browser, peer.page, peer.ready)
        spent = _renderer_seconds(browser) - before
        if took is None:
            seconds = _LOAD_MILLISECONDS / 1000
            print(f"  had shown no test after {seconds:.0f} s, {spent:.0f} s of them of a processor")
            browser.close()
            return
        print(f"  can be used after {took:.0f} ms; the page takes {spent * 1000:.0f} ms of a processor")
        if peer.search is None:
            print("  it has no search")
        else:
            before = _renderer_seconds(browser)
            tab = browser.contexts[0].pages[0]
            tab.locator(peer.search).first.press_sequentially(SEARCH, delay=_LETTER_MILLISECONDS)
            tab.wait_for_timeout(_SETTLED_MILLISECONDS)
            spent = (_renderer_seconds(browser) - before) / len(SEARCH)
            print(f"  a letter in its search takes {spent * 1000:.0f} ms of a processor")
        browser.close()


def _renderer_seconds(browser: Any) -> float:
    """Processor time that the browser's pages have taken so far."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return sum(float(each["cpuTime"]) for each in processes if each["type"] == "renderer")


def _load_within_limit(browser: Any, page: Path, is_ready: str) -> float | None:
    from playwright.sync_api import TimeoutError as TooLong

    try:
        return _load(browser, page, is_ready)
    except TooLong:
        return None


def _load(browser: Any, page: Path, is_ready: str) -> float:
    """Milliseconds from the navigation to the moment that the page says it is ready and was laid out."""
    tab = browser.new_page(viewport={"width": 1400, "height": 900})
    tab.goto(page.as_uri(), wait_until="commit", timeout=_LOAD_MILLISECONDS)
    tab.wait_for_function(is_ready, timeout=_LOAD_MILLISECONDS, polling=10)
    # the tab stays open: its process takes the account of its time along
    return float(tab.evaluate("() => { document.body.getBoundingClientRect(); return performance.now(); }"))
