"""Reports of pytest-html and Allure, where they are installed, on as many tests with as many failures."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SUITE = """
import pytest
@pytest.mark.parametrize("number", range({tests}))
def test_it(number):
    order = {{"id": number, "market": "north"}}
    assert number % {every}, f"{{order}} is not for sale"
"""
_LIMIT_SECONDS = 1800


@dataclass(frozen=True)
class PeerPage:
    """A report of another tool, and how a browser can tell what it does."""

    name: str
    page: Path
    seconds: float
    """What writing it took, beside the run where the two can be told apart."""
    ready: str
    """JavaScript that says whether its tests are there."""
    search: str | None
    """The selector of its search field; None where it has none."""


@dataclass(frozen=True)
class ReportPeers:
    """One run of a suite, written by each of them."""

    folder: Path
    tests: int
    red: int
    python: str
    """An interpreter that may have pytest-html and allure-pytest."""
    allure: str | None
    """The command line of Allure 3; None where there is none."""

    def write(self) -> Iterator[PeerPage]:
        """Give the pages of the tools that are there, each as soon as it is written."""
        suite = self.folder / "peer"
        suite.mkdir()
        (suite / "test_peer.py").write_text(_SUITE.format(tests=self.tests, every=self.tests // self.red))
        plain = self._run()
        if self._has("pytest_html"):
            page = suite / "pytest-html.html"
            took = self._run(f"--html={page}", "--self-contained-html")
            ready = "() => document.querySelectorAll('.results-table-row').length > 0"
            yield PeerPage("pytest-html", page, took - plain, ready, search=None)
        if self.allure is not None and self._has("allure_pytest"):
            results, report = suite / "results", suite / "allure"
            recorded = self._run(f"--alluredir={results}") - plain
            begun = time.perf_counter()
            command = [self.allure, "awesome", str(results), "--output", str(report), "--single-file"]
            subprocess.run(command, cwd=suite, capture_output=True, check=True, timeout=_LIMIT_SECONDS)
            took = recorded + time.perf_counter() - begun
            ready = (
                "() => document.querySelector('[data-testid=tree-leaf], [data-testid=tree-section]') !== null"
            )
            yield PeerPage("Allure 3", report / "index.html", took, ready, "[data-testid=search-input]")

    def _run(self, *options: str) -> float:
        """Seconds of a run of the suite; its tests fail, and so its exit code says nothing."""
        command = [self.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", *options]
        begun = time.perf_counter()
        subprocess.run(
            command, cwd=self.folder / "peer", capture_output=True, check=False, timeout=_LIMIT_SECONDS
        )
        return time.perf_counter() - begun

    def _has(self, module: str) -> bool:
        command = [self.python, "-c", f"import {module}"]
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
