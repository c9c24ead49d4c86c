"""The suite's sources as trees; what cannot be parsed is no tree and no accident."""

from __future__ import annotations

import ast

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
