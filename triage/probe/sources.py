"""The suite's sources as trees; what cannot be parsed is no tree and no accident."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence

import libcst as cst
from libcst.metadata import MetadataWrapper


def tree_of(source: str | None) -> ast.Module | None:
    """The syntax tree; None where there is no source or it cannot be parsed."""
    try:
        return ast.parse(source) if source is not None else None
    except (SyntaxError, ValueError, RecursionError):
        return None


def module_of(source: str) -> cst.Module | None:
    """The tree that keeps every byte; None where the source cannot be parsed."""
    try:
        return cst.parse_module(source)
    except (cst.ParserSyntaxError, ValueError, RecursionError):
        return None


def wrapped(source: str) -> MetadataWrapper | None:
    """The tree with positions; None where the source cannot be parsed."""
    try:
        return MetadataWrapper(cst.parse_module(source))
    except (cst.ParserSyntaxError, ValueError, RecursionError):
        return None


def spans(node: ast.stmt, line: int) -> bool:
    """Whether a statement stands on this line, with its last lines too."""
    return node.lineno <= line <= (node.end_lineno or node.lineno)


_USUAL = ("1", "true", "test", "0", "")
_MOST = 40


def near_variable(source: Callable[[str], str | None], where: Sequence[str], name: str) -> list[str]:
    """Values that an environment variable may be meant to have: compared, defaulted, then usual ones."""
    compared: list[str] = []
    beside: list[str] = []
    for place in where:
        path, _, line = place.rpartition(":")
        tree = tree_of(source(path))
        if tree is None or not line.isdigit():
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare):
                compared += [text for text in _strings(node) if text != name]
            elif isinstance(node, ast.Dict | ast.Set | ast.List | ast.Tuple | ast.Call | ast.Match):
                beside += [text for text in _strings(node) if text != name]
    plain = [text for text in (*compared, *beside) if len(text) <= _MOST and "\n" not in text]
    return list(dict.fromkeys([*plain[:4], *_USUAL, *plain[4:12]]))


def _strings(node: ast.AST) -> Iterator[str]:
    for child in ast.walk(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str | int | float):
            if isinstance(child.value, bool):
                continue
            yield str(child.value)
