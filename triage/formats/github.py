"""Write for GitHub Actions: workflow commands as annotations, and a step summary within its limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from triage.formats.reported_run import ReportedCause
from triage.formats.rows import NO_CAUSES, Row, rows
from triage.text.markup import github_data, github_property
from triage.text.pattern import pattern

SUMMARY_BYTES = 1024 * 1024
"""A longer step summary is dropped whole."""
ANNOTATIONS = 10
"""More of one kind in a step vanish without a word."""
_TITLE_CHARS = 200
_MESSAGE_CHARS = 2000
"""GitHub shows an annotation in a box: the whole is in the step summary."""
_RELATIVE_LINK = pattern(
    r"""
    (?<! \\ ) \[ (?P<shown> [^\[\]\n]* ) \]
    \( (?P<path> [A-Za-z0-9._/%-]+ ) (?: \#L (?P<line> \d+ ) )? \)
    """,
    matches=["[a.py:3](../../a.py#L3)", "[evidence](../../../x.json)"],
    rejects=["[a](https://e.org/x)", "[a](#L3)", "\\[a](b)"],
)
_KINDS = {"new": "error", "regressed": "error", "unknown": "error", "expired": "error", "known": "warning"}


def workflow_commands(
    summary: Mapping[str, Any], prefix: str = "", causes: Mapping[str, ReportedCause] = NO_CAUSES
) -> list[str]:
    """Write workflow commands, one a line: errors for new and regressed failures, warnings for known ones.

    An annotation stands at the lines that were proven guilty, else at the failing line.
    """
    lines: list[str] = []
    for kind in ("error", "warning"):
        own = [row for row in rows(summary, prefix, causes) if _KINDS[row.level] == kind]
        if not own:
            continue
        shown = own if len(own) <= ANNOTATIONS else own[: ANNOTATIONS - 1]
        lines += [_command(kind, row) for row in shown]
        if len(shown) < len(own):
            rest = f"{len(own) - len(shown)} more are in the step summary and in `triage results`"
            lines.append(f"::{kind} title=triage::{github_data(rest)}")
    if summary["verdict"] == "void":
        reason = summary["void"] or "the run is incomplete"
        lines.insert(0, f"::error title=triage: void::{github_data(reason)}")
    return lines


def with_source_links(markdown: str, line_url: str | None) -> str:
    """The document with links that lead somewhere from outside of the repository's folders.

    A link to a line becomes one to the file on the web (`line_url` has `{path}` and `{line}`); any other
    relative link, and each where nobody knows the address, becomes its text.
    """

    def replaced(match: re.Match[str]) -> str:
        shown, line = match["shown"], match["line"]
        path = match["path"].removeprefix("./")
        while path.startswith("../"):  # from the document's folder up to the suite's root
            path = path.removeprefix("../")
        if line is None or line_url is None:
            return shown
        return f"[{shown}]({line_url.format(path=path, line=line)})"

    return _RELATIVE_LINK.sub(replaced, markdown)


def step_summary(markdown: str, limit: int = SUMMARY_BYTES) -> str:
    """Cut the document at a paragraph where GitHub would drop it for its size; it says so at its end."""
    data = markdown.encode("utf-8", "backslashreplace")
    note = "\n\n**Cut here: the whole summary is in the artifacts.**\n"
    if len(data) <= limit:
        return data.decode("utf-8")
    kept = data[: limit - len(note.encode())].decode("utf-8", "ignore")
    return _whole_blocks(kept) + note


def _whole_blocks(text: str) -> str:
    """The text up to its last blank line outside of a code fence."""
    open_fence = ""
    end = 0
    position = 0
    for line in text.split("\n"):
        content = line.strip()
        if open_fence and content == open_fence:
            open_fence = ""
        elif not open_fence and content.startswith(("```", "~~~")):
            behind_fence = content.lstrip(content[0])
            open_fence = content[: len(content) - len(behind_fence)]
        if not line and not open_fence:
            end = position
        position += len(line) + 1
    return text[:end]


def _command(kind: str, row: Row) -> str:
    properties = {"file": row.path, "line": str(row.line), "title": row.headline[:_TITLE_CHARS]}
    named = ",".join(f"{name}={github_property(value)}" for name, value in properties.items())
    message = row.said[:_MESSAGE_CHARS]
    return f"::{kind} {named}::{github_data(message)}"
