"""Turn pytest's reports of one test into data: its outcome, its stages and its failures.

Stages and their fields are named as pytest-json-report names them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from triage.recorder.exceptions import text_of
from triage.text.learned_values import LearnedValues
from triage.text.redact import Redactor
from triage.text.remembered import RememberedTexts
from triage.text.sanitize import capped, encodable

Data = dict[str, Any]
"""A part of an event, as it is written to JSON."""
_MARGIN = 16 * 1024
"""Characters beyond a cut that are redacted too, so that a secret that lies across the cut is recognised."""
_STREAMS = ("stdout", "stderr", "log")
_MOST_CLEAN = 4096
"""Texts without secrets that are remembered: keys, outcomes and paths recur in every test of a report."""
_LONGEST_CLEAN = 256
"""Characters of such a text: longer ones hardly recur."""


def last_attempt(reports: Sequence[Any]) -> tuple[list[Any], int]:
    """Return the reports after the last rerun, and how many reruns there were (pytest-rerunfailures)."""
    reruns = [index for index, report in enumerate(reports) if report.outcome == "rerun"]
    if not reruns:
        return list(reports), 0
    return list(reports[reruns[-1] + 1 :]), len(reruns)


def outcome_of(reports: Sequence[Any]) -> str:
    """Return the test's one outcome; a failed call outranks the error in teardown that follows it.

    Where nothing says that the test was called (`--setup-only`, a plugin that runs nothing) it did not run.
    """
    main = [report for report in reports if not is_of_subtest(report)]
    by_phase = {report.when: report for report in main}
    if any(report.failed for report in reports if report.when == "call"):
        return "failed"
    if any(report.failed for report in main):
        return "error"
    for phase in ("setup", "call"):
        report = by_phase.get(phase)
        if report is not None and report.skipped:
            return "xfailed" if hasattr(report, "wasxfail") else "skipped"
    call = by_phase.get("call")
    if call is None:
        return "not_run"
    return "xpassed" if hasattr(call, "wasxfail") else "passed"


def without_texts(reports: Sequence[Any]) -> Data:
    """Return outcome and failed phases alone, for reports whose texts cannot be read."""
    failures: list[Data] = []
    for report in reports:
        if report.failed:
            failures.append({"phase": getattr(report, "when", None) or "call", "chain": [], "longrepr": ""})
    return {"outcome": outcome_of(reports), "stages": {}, "failures": failures}


def is_complete(reports: Sequence[Any]) -> bool:
    """Tell whether setup and teardown, and call where setup passed, have all been reported."""
    phases = {report.when: report for report in reports if not is_of_subtest(report)}
    if "setup" not in phases or "teardown" not in phases:
        return False
    return not phases["setup"].passed or "call" in phases


def skip_reason(reports: Sequence[Any]) -> str | None:
    """Return why a test was skipped or was expected to fail; None where it was neither."""
    for report in reports:
        if report.skipped:
            expected = getattr(report, "wasxfail", None)
            if expected is not None:
                return str(expected).removeprefix("reason: ")
            if isinstance(report.longrepr, tuple):
                return str(report.longrepr[2]).removeprefix("Skipped: ")
    return None


def is_of_subtest(report: Any) -> bool:
    """Tell whether a report is of a subtest (pytest-subtests, or pytest 9) and not of the test itself."""
    return hasattr(report, "context")


class ReportSerializer:
    """Turns reports into data that may be written: each text capped, encodable and redacted."""

    def __init__(self, redact: Redactor, limit: int) -> None:
        """`limit` caps each field, in characters."""
        self.redact, self.limit = redact, limit
        self._learned = LearnedValues()
        self._clean: set[str] = set()
        """Texts that are no secrets and hold none, as long as nothing has been learned."""
        self._ids = RememberedTexts(redact.identifier)

    def text(self, value: object) -> str:
        """Return a value as a text that may be written."""
        # a subclass of `str` may raise wherever it is used
        text = value if type(value) is str else text_of(value)
        if len(text) <= self.limit + 2 * _MARGIN:
            return capped(self._redacted(encodable(text)), self.limit)
        # of a huge text only what is kept is redacted: head and tail
        half = self.limit // 2
        head = self._redacted(encodable(text[: half + _MARGIN]))
        tail = self._redacted(encodable(text[-half - _MARGIN :]))
        return f"{head[:half]}\n[... {len(text) - 2 * half} characters cut ...]\n{tail[-half:]}"

    def _redacted(self, text: str) -> str:
        if not self._learned.is_empty:
            return self.redact.following(text, self._learned)
        if text in self._clean:
            return text
        redacted = self.redact.following(text, self._learned)
        if redacted == text and len(text) <= _LONGEST_CLEAN and self._learned.is_empty:
            if len(self._clean) >= _MOST_CLEAN:
                self._clean.clear()
            self._clean.add(text)
        return redacted

    def _learn_from(self, report: Any) -> None:
        """Learn which values the traceback names as secrets: the message alone shows them without a name."""
        self._learned = LearnedValues()
        text = report.longreprtext if report.longrepr else ""
        if text:
            self._redacted(encodable(text[: self.limit + _MARGIN]))

    def deep(self, value: Any) -> Any:
        """Return a copy of `value` whose texts may be written; numbers that JSON lacks become text."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self._item(key, item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.deep(item) for item in value]
        if isinstance(value, float) and not math.isfinite(value):
            return repr(value)
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return self.text(value)

    def _item(self, key: object, value: Any) -> Any:
        """Return what stands under a key; a node id is written as it stands in every artifact."""
        if key == "nodeid" and isinstance(value, str):
            return self._ids[encodable(value)]
        return self.deep(value)

    def stages(self, reports: Sequence[Any]) -> Data:
        """Return the stages of a test by name; reports of subtests are none."""
        return {report.when: self.stage(report) for report in reports if not is_of_subtest(report)}

    def stage(self, report: Any) -> Data:
        """Return the data of one stage: setup, call or teardown."""
        self._learn_from(report)
        stage: Data = {"duration": _seconds(report.duration), "outcome": report.outcome}
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash is not None:
            stage["crash"] = self._location(crash)
            entries = getattr(getattr(report.longrepr, "reprtraceback", None), "reprentries", ())
            locations = [getattr(entry, "reprfileloc", None) for entry in entries]
            stage["traceback"] = [self._location(found) for found in locations if found is not None]
        stage.update(self._captured(report))
        longrepr = report.longreprtext if report.longrepr else ""
        if longrepr:
            stage["longrepr"] = self.text(longrepr)
        wasxfail = getattr(report, "wasxfail", None)
        if wasxfail is not None:
            stage["wasxfail"] = self.text(wasxfail)
        return stage

    def _location(self, location: Any) -> Data:
        return {
            "path": self.text(location.path),
            "lineno": location.lineno,
            "message": self.text(location.message),
        }

    def _captured(self, report: Any) -> Data:
        return {stream: self.text(text) for stream, text in captured(report).items()}

    def failure(self, report: Any, chain: list[Data] | None) -> Data:
        """Return the data of a failed report; `subtest` names the subtest that failed."""
        self._learn_from(report)
        context = getattr(report, "context", None)
        return {
            "phase": getattr(report, "when", None) or "collect",
            "chain": self.deep(chain or []),
            "longrepr": self.text(report.longreprtext),
            "subtest": None if context is None else self.text(_subtest_name(context)),
            **self._captured(report),
        }


def captured(report: Any) -> dict[str, str]:
    """Return what this stage printed and logged; later stages carry the sections of earlier ones along."""
    found: dict[str, str] = {}
    when = getattr(report, "when", None)
    for title, content in report.sections:
        for stream in _STREAMS:
            if title == f"Captured {stream} {when}" and content:
                found[stream] = found.get(stream, "") + content
    return found


def _seconds(duration: Any) -> float:
    """Return a duration as time can go by; plugins and tests that turn the clock make others."""
    is_possible = isinstance(duration, (int, float)) and math.isfinite(duration) and duration > 0
    return float(duration) if is_possible else 0.0


def _subtest_name(context: Any) -> str:
    words = [text_of(context.msg)] if context.msg is not None else []
    words += [f"{text_of(name)}={text_of(value)}" for name, value in dict(context.kwargs).items()]
    return " ".join(words) or "<subtest>"
