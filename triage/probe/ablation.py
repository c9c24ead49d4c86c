"""Taking one statement out of a source text."""

from __future__ import annotations

import ast

from triage.probe.parsing import spans, tree_of


def without_statement(source: str, line: int) -> str | None:
    """The source with the innermost simple statement at this line replaced by `pass`; None for none.

    Imports, definitions, returns and assignments that later code needs are left alone where a plain `pass`
    would only move the failure: an assignment becomes one of None.
    """
    tree = tree_of(source)
    if tree is None:
        return None
    found = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and spans(node, line)]
    simple = [node for node in found if not hasattr(node, "body")]
    if not simple:
        return None
    node = min(simple, key=_length)
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Global | ast.Nonlocal | ast.Assert | ast.Raise):
        return None
    return _replaced(source, node)


def without_loop(source: str, line: int) -> str | None:
    """The source with the innermost `while` or `for` around this line replaced by `pass`; None for none."""
    tree = tree_of(source)
    if tree is None:
        return None
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.While | ast.For) and spans(node, line)]
    return _replaced(source, min(loops, key=_length)) if loops else None


def _length(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno


def _replaced(source: str, node: ast.stmt) -> str:
    lines = source.splitlines(keepends=True)
    start, end = node.lineno - 1, node.end_lineno or node.lineno
    first = lines[start]
    indent = first[: len(first) - len(first.lstrip())]
    return "".join((*lines[:start], f"{indent}{_instead(node)}\n", *lines[end:]))


def _instead(node: ast.stmt) -> str:
    if isinstance(node, ast.Return):
        return "return None"
    if isinstance(node, ast.Assign):
        return " = ".join([*(ast.unparse(target) for target in node.targets), "None"])
    return "pass"
