"""A way to repair what was found, before a run has shown that it helps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RepairEdit:
    """Files with other text, and what follows from them before the tests start."""

    title: str
    edits: Mapping[str, str | None]
    reason: str
    installs: Mapping[str, str] = field(default_factory=dict)
    """Versions of distributions that somebody who follows the edit installs."""
    sets: Mapping[str, str] = field(default_factory=dict)
    """Variables that runs of triage have with the edit."""
    unless: str = ""
    """Tried only where no repair of this file was found before."""
    leaves: str = ""
    """What stays as it is, as a clause: a reason to prefer another repair."""
