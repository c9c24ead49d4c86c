"""Every format once: what `triage import` reads and what `triage report` writes, a row a format.

A plugin adds to both tables through the hooks `triage_importers` and `triage_report_formats`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from triage.formats.allure import read_allure, recognizes_allure
from triage.formats.badge import render_badge
from triage.formats.comment import render_comment
from triage.formats.ctrf import read_ctrf, recognizes_ctrf, render_ctrf
from triage.formats.file_head import FileHead
from triage.formats.gitlab import render_gitlab
from triage.formats.imported_test import ImportedTest
from triage.formats.junit import read_junit, recognizes_junit
from triage.formats.junit_writer import render_junit
from triage.formats.limits import Limits, Notes
from triage.formats.otlp import render_otlp
from triage.formats.pytest_json import read_json_report, recognizes_json_report
from triage.formats.pytest_log import read_pytest_log, recognizes_pytest_log
from triage.formats.reported_run import ReportedRun
from triage.formats.reportlog import read_reportlog, recognizes_reportlog
from triage.formats.sarif import render_sarif
from triage.formats.tap import read_tap, recognizes_tap


class Reader(Protocol):
    """Reads the tests of one report from a stream that is at its beginning and can go back there.

    Damage is survived and counted in the notes; nothing is raised for what the file says.
    """

    def __call__(self, stream: BinaryIO, *, limits: Limits, notes: Notes) -> Iterator[ImportedTest]: ...


@dataclass(frozen=True)
class Importer:
    """A format that `triage import` reads."""

    name: str
    recognizes: Callable[[FileHead], bool]
    """Whether a file that begins so is of this format."""
    read: Reader
    folder_is_report: bool = False
    """Its files in one folder are parts of one report, so that rows of one test in them are reruns."""


@dataclass(frozen=True)
class ReportFormat:
    """A format that `triage report --format NAME=FILE` writes."""

    name: str
    title: str
    render: Callable[[ReportedRun], str]


# Asked in this order; the first that recognizes a file reads it. JSON formats come from the most telling keys
# to the least; a log is asked before TAP, because a test's own output may look like a line of TAP.
IMPORTERS = (
    Importer("JUnit XML", recognizes_junit, read_junit),
    Importer("pytest-reportlog", recognizes_reportlog, read_reportlog),
    Importer("CTRF", recognizes_ctrf, read_ctrf),
    Importer("pytest-json-report", recognizes_json_report, read_json_report),
    Importer("Allure", recognizes_allure, read_allure, folder_is_report=True),
    Importer("pytest's log", recognizes_pytest_log, read_pytest_log),
    Importer("TAP", recognizes_tap, read_tap),
)

REPORT_FORMATS = (
    ReportFormat("sarif", "SARIF 2.1.0", render_sarif),
    ReportFormat("ctrf", "Common Test Report Format", render_ctrf),
    ReportFormat("junit", "JUnit XML", render_junit),
    ReportFormat("otlp", "Spans of OpenTelemetry (OTLP, JSON)", render_otlp),
    ReportFormat("gitlab", "GitLab code quality", render_gitlab),
    ReportFormat("markdown", "Comment for a pull request", render_comment),
    ReportFormat("badge", "Badge (SVG)", render_badge),
)
