"""A failure that somebody vouches for until a day: the gate lets it pass and every view shows it."""

from __future__ import annotations

from datetime import date

from triage.model.base import Value


class Quarantine(Value):
    """Until when a cluster or a test does not fail the gate, who answers for it, and why."""

    cluster: str | None = None
    nodeid: str | None = None
    """A test, a file or a folder, where no cluster is named; parameters are taken along."""
    until: date
    """The last day; from the day after the gate fails while the failure is seen."""
    owner: str
    reason: str
    by: str
    at: str

    @property
    def subject(self) -> str:
        """What is in quarantine: `C7`, or the node id."""
        return self.cluster or self.nodeid or ""

    def holds_on(self, day: date) -> bool:
        """Whether it still holds on a day; `until` is the last one."""
        return day <= self.until

    def covers(self, nodeid: str) -> bool:
        """Whether it was pronounced for this test, or for the function, class, file or folder around it."""
        stem = (self.nodeid or "").rstrip("/")
        return bool(stem) and (nodeid == stem or nodeid.startswith((f"{stem}::", f"{stem}[", f"{stem}/")))
