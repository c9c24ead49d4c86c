"""Write unified diffs that git applies."""

from __future__ import annotations

import difflib


def diff_of(path: str, before: str, after: str) -> str:
    """A unified diff that `git apply` takes from the root."""
    lines = []
    for line in difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{path}", f"b/{path}"
    ):
        lines.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(lines)
