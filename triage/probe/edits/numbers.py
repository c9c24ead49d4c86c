"""Change one number of a test at a time: a zero may kill a signal, another may be where a function breaks."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from triage.model.nodeid import function_of
from triage.probe.sources import tree_of
from triage.text.replaced_expression import with_replaced


@dataclass(frozen=True)
class NumberChange:
    """One number with another value."""

    line: int
    old: str
    new: str
    before: str
    """The whole text of the file."""
    after: str
    """The same with the change."""


@dataclass(frozen=True)
class _Number:
    """A number of the source, with the texts that are tried in its place."""

    node: ast.expr
    value: float
    replacements: tuple[str, ...]

    @property
    def urgency(self) -> tuple[bool, bool]:
        """Sorts zeros first, then negatives, then positives."""
        return self.value != 0, self.value > 0


def changed_numbers(source: str, nodeid: str) -> Iterator[NumberChange]:
    """Each number of the test and of its file's fixtures changed: zeros first, then negatives."""
    function = function_of(nodeid)
    tree = tree_of(source)
    if tree is None:
        return
    numbers: list[tuple[tuple[bool, bool], int, _Number]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and (node.name == function or _is_fixture(node)):
            for place, number in _numbers(node):
                numbers.append((number.urgency, place, number))
    numbers.sort(key=lambda entry: entry[:2])
    lines = source.splitlines(keepends=True)
    for _, _, number in numbers:
        for new in number.replacements:
            after = _replaced(lines, number.node, new)
            yield NumberChange(number.node.lineno, ast.unparse(number.node), new, source, after)


def _is_fixture(node: ast.FunctionDef) -> bool:
    return any("fixture" in ast.dump(decorator) for decorator in node.decorator_list)


def _numbers(function: ast.FunctionDef) -> Iterator[tuple[int, _Number]]:
    """Numbers outside of assertions, each with its place: in assertions they are demands, not input."""
    demands: set[int] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            demands.update(id(inner) for inner in ast.walk(node))
    for place, node in enumerate(ast.walk(function)):
        number = None if id(node) in demands else _number(node)
        if number is not None:
            yield place, number


def _number(node: ast.AST) -> _Number | None:
    """The number that a node is; a switch and a call of `zeros` count as numbers too."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _negative(node)
    if isinstance(node, ast.Constant):
        return _constant(node)
    if isinstance(node, ast.Attribute) and node.attr in ("zeros", "zeros_like"):
        return _Number(node, 0.0, (ast.unparse(node).replace("zeros", "ones"),))
    return None


def _negative(node: ast.UnaryOp) -> _Number | None:
    value = node.operand.value if isinstance(node.operand, ast.Constant) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _Number(node, -float(value), (repr(value), repr(value / 100)))


def _constant(node: ast.Constant) -> _Number | None:
    value = node.value
    if isinstance(value, bool):
        # A switch is neither zero nor negative: it is tried after them.
        return _Number(node, 0.5, (repr(not value),))
    if isinstance(value, int):
        # Other integers are mostly sizes and indices.
        return _Number(node, float(value), ("1",) if value == 0 else ())
    if isinstance(value, float):
        return _Number(node, value, ("1.0", "0.5") if value == 0 else (repr(value / 100), repr(-value)))
    return None


def _replaced(lines: Sequence[str], node: ast.expr, new: str) -> str:
    if node.lineno != node.end_lineno:
        return "".join(lines)
    edited = with_replaced(lines[node.lineno - 1], node, new)
    return "".join((*lines[: node.lineno - 1], edited, *lines[node.lineno :]))
