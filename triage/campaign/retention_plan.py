"""What `triage prune` removes and what it keeps; apart from the decision: who only shows it loads little."""

from __future__ import annotations

from triage.model.base import Value


class KeptFolder(Value):
    """A folder that stays."""

    folder: str
    reason: str


class PrunedFolder(Value):
    """A folder that goes, or went."""

    folder: str
    digest: str
    """Of its manifest: whoever has a copy can tell that it is this one."""
    bytes: int


class RetentionPlan(Value):
    """What goes and what stays, each oldest first."""

    pruned: tuple[PrunedFolder, ...]
    kept: tuple[KeptFolder, ...]
