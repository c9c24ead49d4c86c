"""Parse the suite's sources; a source that cannot be parsed gives None, and no error."""

from __future__ import annotations

import ast
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper


def tree_of(source: str | None) -> ast.Module | None:
    """The syntax tree; None where there is no source or it cannot be parsed."""
    try:
        return ast.parse(source) if source is not None else None
    except (SyntaxError, ValueError, RecursionError):
        return None


def module_of(source: str) -> cst.Module | None:
    """The concrete syntax tree, which keeps every byte; None where the source cannot be parsed."""
    try:
        return cst.parse_module(source)
    except (cst.ParserSyntaxError, ValueError, RecursionError):
        return None


def wrapped(source: str) -> MetadataWrapper | None:
    """The concrete syntax tree with positions; None where the source cannot be parsed."""
    try:
        return MetadataWrapper(cst.parse_module(source))
    except (cst.ParserSyntaxError, ValueError, RecursionError):
        return None


def literal_of(text: str) -> Any:
    """The value that a text spells as a literal; None for any other text, one that was cut short too."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def function_at(source: str | None, line: int) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The innermost function around a line."""
    tree = tree_of(source) or ast.Module([], [])
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    around = [node for node in functions if spans(node, line)]
    return max(around, key=lambda node: node.lineno, default=None)


def spans(node: ast.stmt, line: int) -> bool:
    """Whether a statement covers this line, from its first to its last."""
    return node.lineno <= line <= (node.end_lineno or node.lineno)
