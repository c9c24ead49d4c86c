"""Write a note into the docstring of a test: what its repair depends on must not be lost again."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import libcst as cst

from triage.probe.sources import module_of

_WIDTH = 88
"""Columns of a docstring's lines: short enough for every common formatter."""
_QUOTES = '"""'
_INDENT = 4


def with_note(source: str, nodeid: str, note: str) -> str:
    """The file's text with `note` in the docstring of a test; unchanged where the test or a place is missing.

    A test without a docstring gets one; of docstrings that exist only plain triple-quoted ones are edited.
    """
    module = module_of(source)
    if module is None:
        return source
    inside = nodeid.partition("[")[0].partition("::")[2]
    return module.visit(_Noting(inside.split("::"), note)).code


class _Noting(cst.CSTTransformer):
    def __init__(self, names: Sequence[str], note: str) -> None:
        super().__init__()
        self._names = list(names)
        self._note = note
        self._stack: list[str] = []

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._stack.append(node.name.value)

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        self._stack.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._stack.append(node.name.value)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        is_meant = self._stack == self._names
        depth = _INDENT * len(self._stack)
        self._stack.pop()
        body = updated_node.body
        if not is_meant or not isinstance(body, cst.IndentedBlock):
            return updated_node
        if updated_node.get_docstring() is None:
            literal = _literal([], self._note, depth)
            return updated_node.with_changes(body=body.with_changes(body=[_line(literal), *body.body]))
        first = body.body[0]
        assert isinstance(first, cst.SimpleStatementLine)
        expression = first.body[0]
        assert isinstance(expression, cst.Expr)
        text = expression.value
        if not isinstance(text, cst.SimpleString) or not text.value.startswith(_QUOTES):
            return updated_node
        said = text.value.removeprefix(_QUOTES).removesuffix(_QUOTES).rstrip()
        noted = first.with_changes(body=[cst.Expr(cst.SimpleString(_literal([said, ""], self._note, depth)))])
        return updated_node.with_changes(body=body.with_changes(body=[noted, *body.body[1:]]))


def _line(literal: str) -> cst.SimpleStatementLine:
    return cst.SimpleStatementLine(body=[cst.Expr(cst.SimpleString(literal))])


def _literal(before: Sequence[str], note: str, depth: int) -> str:
    """A triple-quoted text: what was there, then the note, wrapped at this indentation."""
    margin = " " * depth
    lines = textwrap.wrap(note, _WIDTH - depth, break_long_words=False)
    if not before and len(lines) == 1 and depth + len(note) + 2 * len(_QUOTES) <= _WIDTH:
        return f"{_QUOTES}{note}{_QUOTES}"
    said = [*before, *(f"{margin}{line}" for line in lines)]
    said[0] = said[0].lstrip()
    return "\n".join([f"{_QUOTES}{said[0]}", *said[1:], f"{margin}{_QUOTES}"])
