"""Tell by a failure whether its test may have waited for what another process held."""

from __future__ import annotations

import re

from triage.model.outcome import Outcome
from triage.model.run import TestResult
from triage.text.pattern import pattern

TAKEN = pattern(
    r"""
    Address [ ] already [ ] in [ ] use | Errno [ ] (?: 98 | 48 )
    | (?: database | table ) .{0,80} is [ ] locked
    | FileExistsError | Resource [ ] temporarily [ ] unavailable | BlockingIOError
    """,
    matches=["OSError: [Errno 98] Address already in use", "OperationalError: database is locked"],
    rejects=["Errno 2", "the door is locked"],
    flags=re.IGNORECASE,
)
"""What is said where somebody else holds what a test asks for."""


def waits_for_others(result: TestResult) -> bool:
    """Whether a red test hung, or was told that what it asks for is taken."""
    if result.outcome is Outcome.TIMEOUT:
        return True
    return any(TAKEN.search(failure.longrepr) for failure in result.failures)
