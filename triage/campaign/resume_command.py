"""Name the command that finishes what a STAMP folder's command began."""

from __future__ import annotations

from triage.evidence.folder import EvidenceFolder


def resume_command(folder: EvidenceFolder) -> str | None:
    """The command that finishes what a folder's command began; None where it has to start again."""
    if folder.phase != "a" or folder.sealed:
        return None
    if not folder.is_of_suite:
        finish = (folder.path / "results.json").is_file()
        return f"triage import --resume {folder.stamp}" if finish else None
    return f"triage run --resume {folder.stamp}"
