"""A pass counts only where the test came to what failed: a treatment may lead it around the question."""

from __future__ import annotations

import ast

from triage.probe.api import Case, Observation, Setup
from triage.probe.parsing import tree_of

HOLLOW = "though with it the test does not come to what failed"


def watching(case: Case, setup: Setup) -> Setup:
    """The setup with the meter on the statement that failed; unchanged where no such statement is known."""
    told = _statement(case)
    if told is None or told["path"] in setup.edits or setup.commit is not None:
        return setup
    return setup.plus(instruments={"reach": told})


def came_there(case: Case, run: Observation) -> bool:
    """Whether a passing run came to the statement that failed, as far as that was looked at."""
    lines = [line for line in run.lines("reach", "reached") if line.get("nodeid") == case.nodeid]
    return all(line.get("hit") and not line.get("hollow") for line in lines)


def _statement(case: Case) -> dict[str, object] | None:
    """First and last line of the statement in the test's own file through which the failure went."""
    path = case.nodeid.partition("::")[0]
    if case.failure.phase != "call":
        return None
    lines = [f.lineno for raised in case.failure.chain[:1] for f in raised.frames if f.path == path]
    if not lines or lines[0] is None:
        return None
    first, last = _span(case.source(path) or "", lines[0])
    return {"path": path, "first": first, "last": last}


def _span(source: str, line: int) -> tuple[int, int]:
    """The innermost statement around a line; of one with a body, its head."""
    tree = tree_of(source)
    if tree is None:
        return line, line
    spans = [
        (node.lineno, _end(node))
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= line <= _end(node)
    ]
    return min(spans, key=lambda span: span[1] - span[0], default=(line, line))


def _end(node: ast.stmt) -> int:
    body = getattr(node, "body", None)
    if isinstance(body, list) and body:
        return max(node.lineno, int(body[0].lineno) - 1)
    return int(node.end_lineno or node.lineno)
