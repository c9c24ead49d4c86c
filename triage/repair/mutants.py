"""Plant small faults in product lines that a test executes: does the repaired test notice them?

One mutant a line: a comparison or an operator turned round, a number off by one, a result or a call gone.
Only what fits on one line is changed, so that it can be shown as `before -> after`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence

from triage.model.base import Value
from triage.model.failure import is_test
from triage.text.replaced_expression import with_replaced
from triage.text.source_style import BYTE_ORDER_MARK

_COMPARISONS: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: Mapping[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Add,
}
_SHOWN = 60
"""Characters of a line in a name."""


class Mutant(Value):
    """One line of the product with a small fault."""

    path: str
    line: int
    before: str
    after: str
    text: str
    """The whole file with it."""

    @property
    def name(self) -> str:
        """As documents call it."""
        return f"{self.path}:{self.line}: {_cut(self.before)} -> {_cut(self.after)}"


def mutants(
    executed: Mapping[str, frozenset[int]],
    source: Callable[[str], str | None],
    most: int,
    near: Sequence[tuple[str, int]] = (),
) -> tuple[Mutant, ...]:
    """Mutants of executed product lines; `executed` are lines by path.

    Half of them are those nearest to places (path and line) in `near`, where the fault was; the others are
    spread evenly over what the test executes.
    """
    found = [
        mutant
        for path in sorted(executed)
        if path.endswith(".py") and not is_test(path)
        for mutant in mutants_of(path, source(path), executed[path])
    ]
    if len(found) <= most:
        return tuple(found)
    distances = [(_distance(mutant, near), place) for place, mutant in enumerate(found)]
    nearest = sorted((distance, place) for distance, place in distances if distance is not None)
    close = [found[place] for _, place in nearest[: most // 2]]
    rest = [mutant for mutant in found if mutant not in close]
    wanted = most - len(close)
    spread = [rest[place * len(rest) // wanted] for place in range(wanted)]
    return tuple(mutant for mutant in found if mutant in close or mutant in spread)


def _distance(mutant: Mutant, near: Sequence[tuple[str, int]]) -> int | None:
    """Lines to the nearest place in the same file; None where there is none."""
    return min((abs(line - mutant.line) for path, line in near if path == mutant.path), default=None)


def mutants_of(path: str, source: str | None, lines: frozenset[int]) -> Iterator[Mutant]:
    """One mutant for each of these lines that has something to change."""
    try:
        tree = ast.parse((source or "").removeprefix(BYTE_ORDER_MARK))
    except (SyntaxError, ValueError, RecursionError):
        return
    texts = (source or "").splitlines(keepends=True)
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and node.lineno in lines]
    for node in sorted(statements, key=lambda statement: statement.lineno):
        change = next(_changes(node), None)
        if change is not None:
            yield _mutant(path, texts, *change)


def _changes(statement: ast.stmt) -> Iterator[tuple[ast.expr, str]]:
    """Expressions of a statement with what stands in their place, the most telling change first."""
    expressions = list(_expressions(statement))
    own = [node for node in expressions if node.lineno == node.end_lineno]
    for change in (_other_comparison, _other_operator, _other_connection, _other_constant):
        for node in own:
            text = change(node)
            if text is not None:
                stands_alone = node is expressions[0] or isinstance(node, ast.Constant)
                yield node, text if stands_alone else f"({text})"
    match statement:
        case ast.Return(value=ast.expr() as value) if value in own:
            if not (isinstance(value, ast.Constant) and value.value is None):
                yield value, "None"
        case ast.Expr(value=ast.Call() as value) if value in own:
            yield value, "None"


def _expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    """The expressions of a simple statement, or of the head of an `if`; f-strings are left out."""
    roots: Sequence[ast.AST]
    match statement:
        case ast.If(test=test):
            roots = [test]
        case ast.Assign(value=value) | ast.AugAssign(value=value) | ast.Expr(value=value):
            roots = [value]
        case ast.AnnAssign(value=ast.expr() as value) | ast.Return(value=ast.expr() as value):
            roots = [value]
        case _:
            roots = []  # a loop may never end, and what only raises says nothing
    waiting = list(roots)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.JoinedStr | ast.Lambda):
            continue
        if isinstance(node, ast.expr):
            yield node
        waiting += ast.iter_child_nodes(node)


def _other_comparison(node: ast.expr) -> str | None:
    if not isinstance(node, ast.Compare) or type(node.ops[0]) not in _COMPARISONS:
        return None
    other = _COMPARISONS[type(node.ops[0])]()
    return ast.unparse(ast.Compare(node.left, [other, *node.ops[1:]], node.comparators))


def _other_operator(node: ast.expr) -> str | None:
    if not isinstance(node, ast.BinOp) or type(node.op) not in _OPERATORS:
        return None
    if _is_text(node.left) or _is_text(node.right):
        return None  # joined or formatted text: a minus is a type error, which every test notices
    other = ast.BinOp(node.left, _OPERATORS[type(node.op)](), node.right)
    return ast.unparse(other)


def _other_connection(node: ast.expr) -> str | None:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return ast.unparse(ast.BoolOp(ast.Or(), values))
        case ast.BoolOp(op=ast.Or(), values=values):
            return ast.unparse(ast.BoolOp(ast.And(), values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return f"bool({ast.unparse(operand)})"
    return None


def _other_constant(node: ast.expr) -> str | None:
    if not isinstance(node, ast.Constant):
        return None
    match node.value:
        case bool(value):
            return str(not value)
        case int(value) | float(value):
            return repr(value + 1)
    return None


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _mutant(path: str, texts: Sequence[str], node: ast.expr, new: str) -> Mutant:
    number = node.lineno - 1
    changed = with_replaced(texts[number], node, new)
    text = "".join([*texts[:number], changed, *texts[number + 1 :]])
    return Mutant(path=path, line=node.lineno, before=texts[number].strip(), after=changed.strip(), text=text)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
