"""What pytest reported about one test, as data: stages (in pytest-json-report's words), failures, outcome."""

from __future__ import annotations

import errno
import math
import os
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from triage.recorder.exceptions import text_of
from triage.text.sanitize import capped, encodable

Data = dict[str, Any]
Chains = dict[int, list[Data]]
"""Exception chains by `id` of the report that they belong to."""


_MARGIN = 16 * 1024
"""So much beyond a cut is redacted too, so that a secret that lies across it is recognised."""


class ReportSerializer:
    """Turns reports into data: capped, encodable, redacted."""

    def __init__(self, redact: Callable[[str], str], limit: int) -> None:
        """`limit` caps each field, in characters."""
        self.redact, self.limit = redact, limit

    def text(self, value: object) -> str:
        """A field as it may be written."""
        text = value if type(value) is str else text_of(value)
        if len(text) <= self.limit + 2 * _MARGIN:
            return capped(self.redact(encodable(text)), self.limit)
        half = self.limit // 2
        head, tail = text[: half + _MARGIN], text[-half - _MARGIN :]
        head, tail = (self.redact(encodable(part)) for part in (head, tail))
        return f"{head[:half]}\n[... {len(text) - 2 * half} characters cut ...]\n{tail[-half:]}"

    def deep(self, value: Any) -> Any:
        """Every string below `value` as it may be written; numbers that JSON lacks become text."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.deep(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.deep(item) for item in value]
        if isinstance(value, float) and not math.isfinite(value):
            return repr(value)
        return value if value is None or isinstance(value, (bool, int, float)) else self.text(value)

    def stage(self, report: Any) -> Data:
        """One of setup, call, teardown."""
        stage: Data = {"duration": report.duration, "outcome": report.outcome}
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash is not None:
            stage["crash"] = self._place(crash)
            entries = getattr(getattr(report.longrepr, "reprtraceback", None), "reprentries", ())
            places = [getattr(entry, "reprfileloc", None) for entry in entries]
            stage["traceback"] = [self._place(place) for place in places if place is not None]
        stage.update({key: self.text(text) for key, text in captured(report).items()})
        longrepr = report.longreprtext if report.longrepr else ""
        if longrepr:
            stage["longrepr"] = self.text(longrepr)
        wasxfail = getattr(report, "wasxfail", None)
        if wasxfail is not None:
            stage["wasxfail"] = self.text(wasxfail)
        return stage

    def _place(self, place: Any) -> Data:
        return {"path": self.text(place.path), "lineno": place.lineno, "message": self.text(place.message)}

    def failure(self, report: Any, chain: list[Data] | None) -> Data:
        """A failed report with its exception chain; `subtest` names the subtest that failed."""
        context = getattr(report, "context", None)
        return {
            "phase": getattr(report, "when", None) or "collect",
            "chain": self.deep(chain or []),
            "longrepr": self.text(report.longreprtext),
            "subtest": None if context is None else self.text(_described(context)),
            **{key: self.text(text) for key, text in captured(report).items()},
        }


def captured(report: Any) -> dict[str, str]:
    """stdout, stderr and log of this stage alone: later stages carry the sections of earlier ones along."""
    found: dict[str, str] = {}
    when = getattr(report, "when", None)
    for title, content in report.sections:
        for stream in ("stdout", "stderr", "log"):
            if title == f"Captured {stream} {when}" and content:
                found[stream] = found.get(stream, "") + content
    return found


def _described(context: Any) -> str:
    words = [text_of(context.msg)] if context.msg is not None else []
    words += [f"{text_of(name)}={text_of(value)}" for name, value in dict(context.kwargs).items()]
    return " ".join(words) or "<subtest>"


def last_attempt(reports: Sequence[Any]) -> tuple[list[Any], int]:
    """The reports behind the last rerun, and how many reruns there were (pytest-rerunfailures)."""
    reruns = [index for index, report in enumerate(reports) if report.outcome == "rerun"]
    return list(reports[reruns[-1] + 1 :] if reruns else reports), len(reruns)


def outcome_of(reports: Sequence[Any]) -> str:
    """The test's one outcome; a failed call outranks the error in teardown that follows it.

    Where nothing says that the test was called (`--setup-only`, a plugin that runs nothing) it did not run.
    """
    main = [r for r in reports if not hasattr(r, "context")]
    by_phase = {r.when: r for r in main}
    if any(r.failed for r in reports if r.when == "call"):
        return "failed"
    if any(r.failed for r in main):
        return "error"
    for phase in ("setup", "call"):
        report = by_phase.get(phase)
        if report is not None and report.skipped:
            return "xfailed" if hasattr(report, "wasxfail") else "skipped"
    call = by_phase.get("call")
    if call is None:
        return "not_run"
    return "xpassed" if hasattr(call, "wasxfail") else "passed"


def bare(reports: Sequence[Any]) -> Data:
    """Outcome and phases alone, where the texts of the reports cannot be had."""
    failed = [getattr(report, "when", None) or "call" for report in reports if report.failed]
    failures: list[Data] = [{"phase": phase, "chain": [], "longrepr": ""} for phase in failed]
    return {"outcome": outcome_of(reports), "stages": {}, "failures": failures}


def is_complete(reports: Sequence[Any]) -> bool:
    """Whether setup and teardown, and call where setup passed, are all there."""
    phases = {r.when: r for r in reports if not hasattr(r, "context")}
    if "setup" not in phases or "teardown" not in phases:
        return False
    return not phases["setup"].passed or "call" in phases


class NextItem:
    """A stand-in for a next test beside the last one: what both would share stays up."""

    def __init__(self, item: Any) -> None:
        self._parents = item.listchain()[:-1]

    def listchain(self) -> list[Any]:
        """The shared parents."""
        return list(self._parents)


def packages() -> dict[str, str]:
    """Distributions that the suite's interpreter has."""
    from importlib.metadata import distributions

    found = {dist.metadata["Name"]: dist.version for dist in distributions()}
    return dict(sorted((str(name), version) for name, version in found.items() if name))


def lost_streams(error: BaseException) -> bool:
    """Whether pytest's own capturing broke: a test closed its descriptors, or its streams."""
    if isinstance(error, OSError) and error.errno == errno.EBADF:
        return True
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    place = "" if last is None else last.tb_frame.f_code.co_filename.replace(os.sep, "/")
    return isinstance(error, ValueError) and place.endswith("/_pytest/capture.py")


def left_while_collecting(collector: Any, error: BaseException) -> Any:
    """The report of a collector that pytest would end the session for."""
    text = "".join(traceback.format_exception(error))
    return pytest.CollectReport(collector.nodeid, "failed", text, [])


def line_of(item: Any) -> int | None:
    """Where pytest says that the item stands, counted from 0; None where it does not say."""
    try:
        number = item.location[1]
    except Exception:
        return None
    return number if isinstance(number, int) else None


def named(error: BaseException) -> str:
    """`Exit: reason`, on whatever terms the exception gives it."""
    text = text_of(getattr(error, "msg", None) or error)[:4096]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def skip_reason(reports: list[Any]) -> str | None:
    """Why a test was skipped, or was expected to fail."""
    for report in reports:
        if report.skipped:
            expected = getattr(report, "wasxfail", None)
            if expected is not None:
                return str(expected).removeprefix("reason: ")
            if isinstance(report.longrepr, tuple):
                return str(report.longrepr[2]).removeprefix("Skipped: ")
    return None


def only_counts(report: Any) -> bool:
    """pytest's own line that a test has failed subtests, beside the subtests' failures."""
    return isinstance(report.longrepr, str) and report.longrepr.startswith("contains ")
