"""A pytest plugin: write which tests were red and green, and which functions each test file executed.

Loaded into suites of other projects (`-p red_tests`), so it imports nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from types import CodeType, FrameType
from typing import Any


class _Report:
    """What one session had to say."""

    def __init__(self, product: str | None) -> None:
        self.red: set[str] = set()
        self.green: set[str] = set()
        self.product = product
        """Folder whose functions are noted; None: none are."""
        self.files_of: dict[tuple[str, str], set[str]] = defaultdict(set)
        """(path, qualified name) of a function to the test files that executed it."""
        self.test_file = ""
        self.seen: set[CodeType] = set()

    def begin(self, nodeid: str) -> None:
        """From now on what is executed is this test's."""
        test_file = nodeid.partition("::")[0]
        if test_file != self.test_file:
            self.test_file, self.seen = test_file, set()

    def profile(self, frame: FrameType, event: str, argument: object) -> None:
        """Note the function that is entered; called by the interpreter."""
        code = frame.f_code
        if event != "call" or code in self.seen:
            return
        self.seen.add(code)
        if self.product is not None and code.co_filename.startswith(self.product):
            self.files_of[code.co_filename, code.co_qualname].add(self.test_file)

    def write(self, path: str) -> None:
        functions = [[*function, sorted(files)] for function, files in sorted(self.files_of.items())]
        found = {"red": sorted(self.red), "green": sorted(self.green - self.red), "functions": functions}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(found, file)


_report = _Report(os.environ.get("RED_TESTS_PRODUCT"))


def pytest_sessionstart() -> None:
    if _report.product is not None:
        sys.setprofile(_report.profile)


def pytest_runtest_logstart(nodeid: str) -> None:
    _report.begin(nodeid)


def pytest_collectreport(report: Any) -> None:
    if report.failed:
        _report.red.add(report.nodeid)


def pytest_runtest_logreport(report: Any) -> None:
    if report.failed:
        _report.red.add(report.nodeid)
    elif report.when == "call" and report.passed:
        _report.green.add(report.nodeid)


def pytest_sessionfinish() -> None:
    sys.setprofile(None)
    _report.write(os.environ["RED_TESTS_FILE"])
