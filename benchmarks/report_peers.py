"""Reports of pytest-html and Allure, where they are installed, on as many tests with as many failures."""

from __future__ import annotations

import subprocess
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
        """Give the pages of the tools that are there; one run of the suite records for all of them."""
        suite = self.folder / "peer"
        suite.mkdir()
        (suite / "test_peer.py").write_text(_SUITE.format(tests=self.tests, every=self.tests // self.red))
        page, results, report = suite / "pytest-html.html", suite / "results", suite / "allure"
        options = []
        if self._has("pytest_html"):
            options += [f"--html={page}", "--self-contained-html"]
        if self.allure is not None and self._has("allure_pytest"):
            options += [f"--alluredir={results}"]
        if options:
            self._run("-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", *options, "peer")
        if page.is_file():
            ready = "() => document.querySelector('.results-table-row') !== null"
            yield PeerPage("pytest-html", page, ready, search=None)
        if self.allure is not None and results.is_dir():
            command = [self.allure, "awesome", str(results), "--output", str(report), "--single-file"]
            subprocess.run(command, cwd=suite, capture_output=True, check=True, timeout=_LIMIT_SECONDS)
            ready = (
                "() => document.querySelector('[data-testid=tree-leaf], [data-testid=tree-section]') !== null"
            )
            yield PeerPage("Allure 3", report / "index.html", ready, "[data-testid=search-input]")

    def _run(self, *words: str) -> int:
        """The exit code of Python with these arguments; that of a red suite says nothing."""
        command = [self.python, *words]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, check=False, timeout=_LIMIT_SECONDS
        )
        return done.returncode

    def _has(self, module: str) -> bool:
        return self._run("-c", f"import {module}") == 0
