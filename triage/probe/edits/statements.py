"""Take one statement out of a source text, or add one keyword to a call; keep every other byte."""

from __future__ import annotations

import ast
from typing import Any

import libcst as cst
from libcst.metadata import PositionProvider

from triage.model.experiment import Patch
from triage.probe.sources import spans, tree_of, wrapped
from triage.text.diff import diff_of

_LEFT_ALONE = (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.Assert, ast.Raise)


def without_statement(source: str, line: int) -> str | None:
    """The source with the innermost simple statement at this line taken out; None where there is none.

    `pass` stands in its place; an assignment becomes one of None, for later code reads the name, and a
    return gives None. Imports, assertions and raises are left alone: without them something else fails.
    """
    tree = tree_of(source)
    if tree is None:
        return None
    around = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and spans(node, line)]
    simple = [node for node in around if not hasattr(node, "body")]
    if not simple:
        return None
    innermost = min(simple, key=_length)
    if isinstance(innermost, _LEFT_ALONE):
        return None
    return _replaced(source, innermost)


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
    return "".join((*lines[:start], f"{indent}{_placeholder(node)}\n", *lines[end:]))


def _placeholder(node: ast.stmt) -> str:
    if isinstance(node, ast.Return):
        return "return None"
    if isinstance(node, ast.Assign):
        return " = ".join([*(ast.unparse(target) for target in node.targets), "None"])
    return "pass"


def add_keyword(source: str, line: int, callee: str, keyword: str, value: Any) -> str | None:
    """The source with `keyword=value` in the call of `callee` at this line; None where there is none.

    The innermost call that spans the line and whose name ends in `callee` is meant; a call that spreads
    a mapping gets the keyword too, one that passes it already is left alone.
    """
    wrapper = wrapped(source)
    if wrapper is None:
        return None
    adder = _Adder(line, callee, keyword, value)
    changed = wrapper.visit(adder)
    return changed.code if adder.done else None


def patch_of(path: str, before: str | None, after: str, title: str, reason: str = "") -> Patch:
    """The edit as a value, with its diff; `before` is None for a new file."""
    diff = diff_of(path, before, after)
    return Patch(title=title, path=path, after=after, diff=diff, reason=reason, edits={path: after})


class _Adder(cst.CSTTransformer):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, line: int, callee: str, keyword: str, value: Any) -> None:
        super().__init__()
        self._line, self._callee, self._keyword, self._value = line, callee, keyword, value
        self.done = False

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        place = self.get_metadata(PositionProvider, original_node)
        spans = place.start.line <= self._line <= place.end.line
        if self.done or not spans or _last_name(original_node.func) != self._callee:
            return updated_node
        if any(arg.keyword is not None and arg.keyword.value == self._keyword for arg in original_node.args):
            return updated_node
        self.done = True
        return updated_node.with_changes(args=_with(updated_node, self._keyword, self._value))


def _with(call: cst.Call, keyword: str, value: Any) -> list[cst.Arg]:
    """The arguments and one more, with the blanks and commas of the others."""
    new = cst.Arg(
        keyword=cst.Name(keyword),
        value=cst.parse_expression(repr(value)),
        equal=cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace("")),
    )
    if not call.args:
        return [new]
    *earlier, last = call.args
    between = next((arg.comma for arg in earlier if isinstance(arg.comma, cst.Comma)), None)
    if between is None:
        tight = isinstance(call.whitespace_before_args, cst.SimpleWhitespace)
        space = cst.SimpleWhitespace(" ") if tight else call.whitespace_before_args
        between = cst.Comma(whitespace_after=space)
    tail = new.with_changes(comma=last.comma, whitespace_after_arg=last.whitespace_after_arg)
    return [*earlier, last.with_changes(comma=between, whitespace_after_arg=cst.SimpleWhitespace("")), tail]


def _last_name(node: cst.BaseExpression) -> str:
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""
