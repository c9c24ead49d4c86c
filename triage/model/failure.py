"""One thing that went wrong in a test: phase, exception chain, frames, message, output."""

from __future__ import annotations

from typing import Literal

from triage.model.base import Value
from triage.model.outcome import Phase


class Frame(Value):
    """One level of a traceback, outermost first in its exception."""

    path: str
    """Relative to the suite's root (posix) where it lies beneath, absolute elsewhere."""
    lineno: int | None = None
    function: str | None = None
    code: str | None = None
    """The source line, stripped."""
    origin: Literal["product", "test", "library", "unknown"] = "unknown"


class Raised(Value):
    """One exception of a chain."""

    type: str
    """Qualified name without `builtins.`; empty where the source of the record has none."""
    message: str = ""
    relation: Literal["raised", "cause", "context", "member"] = "raised"
    frames: tuple[Frame, ...] = ()
    notes: tuple[str, ...] = ()


class Captured(Value):
    """What the test printed, capped and redacted."""

    stdout: str = ""
    stderr: str = ""
    log: str = ""


class Failure(Value):
    """One failure of one test; `chain[0]` is the exception that pytest reported."""

    nodeid: str
    phase: Phase
    chain: tuple[Raised, ...] = ()
    longrepr: str = ""
    captured: Captured = Captured()
    subtest: str | None = None
    """Which subtest of the test failed, where it has any."""
    source: str = "record"
    """Where it was read: record, junit, json-report, reportlog, ctrf, allure, tap, log."""

    @property
    def exception(self) -> str:
        """Type of the reported exception, or an empty string."""
        return self.chain[0].type if self.chain else ""

    @property
    def message(self) -> str:
        """Message of the reported exception, else the last line of the representation."""
        if self.chain:
            return self.chain[0].message
        return self.longrepr.strip().rsplit("\n", 1)[-1]
