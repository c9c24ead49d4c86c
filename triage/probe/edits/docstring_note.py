"""Write a note into the docstring of a test: what its repair depends on must not be lost again."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import libcst as cst

from triage.model.nodeid import names_within
from triage.probe.edits.one_test import OneTestEditor
from triage.probe.sources import module_of

_WIDTH = 88
"""Columns of a docstring's lines: short enough for every common formatter."""
_QUOTES = '"""'
_TAB = 4
"""Columns of a tab, where lines are wrapped."""


def with_note(source: str, nodeid: str, note: str) -> str:
    """The file's text with `note` in the docstring of a test; unchanged where the test or a place is missing.

    A test without a docstring gets one; of docstrings that exist only plain triple-quoted ones are edited.
    """
    module = module_of(source)
    if module is None:
        return source
    return module.visit(_Noting(names_within(nodeid), note, module.default_indent)).code


class _Noting(OneTestEditor):
    def __init__(self, names: Sequence[str], note: str, step: str) -> None:
        super().__init__(names)
        self._note = note
        self._margin = step * len(names)

    def edited(self, function: cst.FunctionDef) -> cst.FunctionDef:
        body = function.body
        if not isinstance(body, cst.IndentedBlock):
            return function
        if function.get_docstring() is None:
            literal = _literal([], self._note, self._margin)
            return function.with_changes(body=body.with_changes(body=[_line(literal), *body.body]))
        first = body.body[0]
        assert isinstance(first, cst.SimpleStatementLine)
        expression = first.body[0]
        assert isinstance(expression, cst.Expr)
        text = expression.value
        if not isinstance(text, cst.SimpleString) or not text.value.startswith(_QUOTES):
            return function
        said = text.value.removeprefix(_QUOTES).removesuffix(_QUOTES).rstrip()
        noted = first.with_changes(
            body=[cst.Expr(cst.SimpleString(_literal([said, ""], self._note, self._margin)))]
        )
        return function.with_changes(body=body.with_changes(body=[noted, *body.body[1:]]))


def _line(literal: str) -> cst.SimpleStatementLine:
    return cst.SimpleStatementLine(body=[cst.Expr(cst.SimpleString(literal))])


def _literal(before: Sequence[str], note: str, margin: str) -> str:
    """A triple-quoted text: what was there, then the note, wrapped at this indentation."""
    depth = len(margin.expandtabs(_TAB))
    lines = textwrap.wrap(note, _WIDTH - depth, break_long_words=False)
    if not before and len(lines) == 1 and depth + len(note) + 2 * len(_QUOTES) <= _WIDTH:
        return f"{_QUOTES}{note}{_QUOTES}"
    said = [*before, *(f"{margin}{line}" for line in lines)]
    said[0] = said[0].lstrip()
    return "\n".join([f"{_QUOTES}{said[0]}", *said[1:], f"{margin}{_QUOTES}"])
