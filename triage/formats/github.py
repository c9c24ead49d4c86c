"""GitHub Actions: a step summary that is not dropped, and annotations that are not cut in silence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from triage.formats.rows import Row, rows
from triage.text.markup import github_data, github_property

SUMMARY_BYTES = 1024 * 1024
"""A longer step summary is dropped whole."""
ANNOTATIONS = 10
"""More of one kind in a step vanish without a word."""
_KINDS = {"new": "error", "regressed": "error", "unknown": "error", "known": "warning"}


def workflow_commands(summary: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Workflow commands, one a line: errors for what is new or regressed, warnings for what is known."""
    lines = []
    for kind in ("error", "warning"):
        own = [row for row in rows(summary, prefix) if _KINDS[row.level] == kind]
        if not own:
            continue
        shown = own if len(own) <= ANNOTATIONS else own[: ANNOTATIONS - 1]
        lines += [_command(kind, row) for row in shown]
        if len(shown) < len(own):
            rest = f"{len(own) - len(shown)} more are in the step summary and in `triage results`"
            lines.append(f"::{kind} title=triage::{github_data(rest)}")
    if summary["verdict"] == "void":
        reason = summary["void"] or "the run is incomplete"
        lines.insert(0, f"::notice title=triage: void::{github_data(reason)}")
    return lines


def step_summary(markdown: str, limit: int = SUMMARY_BYTES) -> str:
    """The document, cut at a paragraph where it would be dropped for its size, and saying so."""
    data = markdown.encode("utf-8", "backslashreplace")
    note = "\n\n**Cut here: the whole summary is in the artifacts.**\n"
    if len(data) <= limit:
        return data.decode("utf-8")
    kept = data[: limit - len(note.encode())].decode("utf-8", "ignore")
    return _whole_blocks(kept) + note


def _whole_blocks(text: str) -> str:
    """Up to the last blank line outside of a code fence."""
    open_fence, last, position = "", 0, 0
    for line in text.split("\n"):
        mark = line.lstrip()[:3]
        if not open_fence and mark in ("```", "~~~"):
            open_fence = line.lstrip()[: len(line.lstrip()) - len(line.lstrip().lstrip(mark[0]))]
        elif open_fence and line.strip() == open_fence:
            open_fence = ""
        if not line and not open_fence:
            last = position
        position += len(line) + 1
    return text[:last]


def _command(kind: str, row: Row) -> str:
    title = f"{row.cluster or 'no cluster'} {row.level}: {row.title or row.outcome}"
    properties: Iterable[tuple[str, str]] = (
        ("file", row.path),
        ("line", str(row.line)),
        ("title", title[:200]),
    )
    named = ",".join(f"{name}={github_property(value)}" for name, value in properties)
    return f"::{kind} {named}::{github_data(f'{row.nodeid}: {row.message}'[:2000])}"
