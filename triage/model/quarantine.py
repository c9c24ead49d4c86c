"""A failure that somebody vouches for until a day: the gate lets it pass and every view shows it."""

from __future__ import annotations

from datetime import date
from typing import Any

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

    def state_on(self, day: date) -> str:
        """Until or since when, as it stands on a day."""
        state = "in quarantine until" if self.holds_on(day) else "out of quarantine since"
        return f"{state} {self.until}"

    def in_words(self, day: date) -> str:
        """The same, with who answers for it, and why."""
        return f"{self.state_on(day)} ({self.owner}): {self.reason}"

    def as_shown(self, day: date) -> dict[str, Any]:
        """Its fields for documents, whether it has ended, and the sentence."""
        fields = self.model_dump(mode="json")
        return {**fields, "expired": not self.holds_on(day), "said": self.in_words(day)}

    def covers(self, nodeid: str) -> bool:
        """Whether it was pronounced for this test, or for the function, class, file or folder around it."""
        stem = (self.nodeid or "").rstrip("/")
        return bool(stem) and (nodeid == stem or nodeid.startswith((f"{stem}::", f"{stem}[", f"{stem}/")))
