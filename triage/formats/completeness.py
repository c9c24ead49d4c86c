"""Compare what a report counts with what it shows: a report that shows less is of an unfinished run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_MOST = 10**12
"""Of a count that is believed: more tests than that are a damaged number."""


@dataclass
class Tally:
    """How many tests there are, and how many of their failures."""

    tests: int = 0
    red: int = 0
    """Failures and errors together: writers differ in what they call which."""
    skipped: int = 0
    """Some writers count skipped tests and have no rows for them."""

    def add(self, other: Tally) -> None:
        """Count what a part of the report has."""
        self.tests += other.tests
        self.red += other.red
        self.skipped += other.skipped

    def at_least(self, other: Tally) -> Tally:
        """The greater of each number."""
        return Tally(max(self.tests, other.tests), max(self.red, other.red), max(self.skipped, other.skipped))


def shortfall(counted: Tally, shown: Tally) -> str | None:
    """What a report counts and does not show; None where it shows at least as much.

    Showing more is no fault: a failure in the call and one in the teardown are two rows of one test.
    """
    missing = []
    skipped_without_rows = max(0, counted.skipped - shown.skipped)
    if counted.tests - skipped_without_rows > shown.tests:
        missing.append(_missing("test", counted.tests - skipped_without_rows, shown.tests))
    if counted.red > shown.red:
        missing.append(_missing("failure", counted.red, shown.red))
    return "; ".join(missing) or None


def _missing(what: str, counted: int, shown: int) -> str:
    number = counted - shown
    verb = "is" if number == 1 else "are"
    return f"{of_number(number, what)} {verb} missing: it counts {counted:,} and shows {shown:,}"


def of_number(number: int, what: str) -> str:
    """`1 test`, `2 tests`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def count_of(value: Any) -> int:
    """A count as reports have it: a number, or text with separators between thousands; 0 where it is none."""
    if isinstance(value, bool):
        return 0
    try:
        number = float(value.replace(",", "")) if isinstance(value, str) else float(value)
    except (TypeError, ValueError, OverflowError):
        return 0
    return int(number) if 0 <= number <= _MOST else 0
