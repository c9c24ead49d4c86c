"""What is known beside a run's failures when they are clustered: checkout, earlier runs, people's rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from triage.cluster.context import Context, Past
from triage.cluster.rules import Rules, parse_rules
from triage.errors import TriageError, UsageError
from triage.model.run import RunRecord
from triage.phase.tools import Tools

RULES = "plans/cluster_rules.toml"
_TESTS_LOOKED_UP = 500
_RUNS_LOOKED_AT = 30


def rules_of(root: Path, today: date) -> Rules:
    """The rules of the project; none where there is no file.

    Raises `UsageError` (bad-rules) for a file with anything wrong in it.
    """
    path = root / RULES
    try:
        text = path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return Rules()
    except OSError as error:
        raise UsageError("bad-rules", f"{path}: {error.strerror}", "make the file readable") from error
    return parse_rules(text, today=today, source=RULES)


def context_of(tools: Tools, record: RunRecord) -> Context:
    """Checkout and history; without a usable history the former alone."""
    red = [r.nodeid for r in (*record.results, *record.collect_errors) if r.outcome.is_red]
    history = _history(tools, record.stamp, red)
    return Context(exists=lambda path: in_checkout(tools.root, path), history=history)


def in_checkout(root: Path, path: str) -> bool:
    """Whether a relative path that a failure names lies in the project."""
    if path.startswith(("/", "~")) or ".." in path.split("/") or len(path) > 300 or "\0" in path:
        return False
    try:
        return (root / path).exists()
    except OSError:
        return False


def _history(tools: Tools, stamp: str, red: Iterable[str]) -> Mapping[str, tuple[Past, ...]]:
    """Earlier colours of the first few hundred red tests, oldest first."""
    found: dict[str, tuple[Past, ...]] = {}
    try:
        store = tools.open_store()
        for nodeid in sorted(red)[:_TESTS_LOOKED_UP]:
            rows = [row for row in store.history(nodeid, _RUNS_LOOKED_AT) if row.stamp < stamp]
            found[nodeid] = tuple(Past(row.stamp, row.outcome.is_red) for row in reversed(rows))
        store.close()
    except TriageError as error:
        tools.progress.note(f"clustered without earlier runs: {error}")
    return found
