"""Errors that a person can act on: one line that says what, where and what to do next.

Each error has a slug, and each slug a section in `docs/errors.md`, which `triage help SLUG` prints; a test
compares the two. Anything that is not a `TriageError` is a bug in triage (exit code 4) and keeps its
traceback.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

SCHEMA_VERSION = 1
"""Of the documents of --json: rises where a field goes away or changes its meaning, not for a further one."""


class ExitCode(IntEnum):
    """What the process says to the shell."""

    OK = 0
    """Nothing new: all green, or only failures that match an open cluster by reason."""
    FAILURES = 1
    """New or regressed failures, an unmet criterion, or a claim that does not hold."""
    USAGE = 2
    """The command or the configuration is wrong."""
    VOID = 3
    """The run cannot answer: incomplete, no tests, infrastructure."""
    BUG = 4
    """A bug in triage."""
    INTERRUPTED = 130


class TriageError(Exception):
    """A problem that the user can mend.

    `what` says what is wrong and where; `next_step` says what to do about it.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, slug: str, what: str, next_step: str) -> None:
        super().__init__(what)
        self.slug = slug
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.what}; {self.next_step} [{self.slug}]"


class UsageError(TriageError):
    """The command, a setting or an input file is wrong (exit 2)."""


class VoidError(TriageError):
    """There is no answer to be had from this run or machine (exit 3)."""

    exit_code: ClassVar[ExitCode] = ExitCode.VOID


class CheckError(TriageError):
    """Something that was checked does not hold (exit 1)."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILURES
