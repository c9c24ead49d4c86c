"""Small looks at items, reports and errors of pytest, each of which may be of any kind."""

from __future__ import annotations

from typing import Any

from triage.recorder.raised import text_of


class Beside:
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
