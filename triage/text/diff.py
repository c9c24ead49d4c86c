"""Write unified diffs that git applies."""

from __future__ import annotations

import difflib

_NOWHERE = "/dev/null"
"""Stands for a file that is added or removed."""


def diff_of(path: str, before: str | None, after: str | None) -> str:
    """A unified diff that `git apply` takes from the root; None is a file that is not there."""
    old = f"a/{path}" if before is not None else _NOWHERE
    new = f"b/{path}" if after is not None else _NOWHERE
    lines = []
    for line in difflib.unified_diff(
        (before or "").splitlines(keepends=True), (after or "").splitlines(keepends=True), old, new
    ):
        lines.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(lines)
