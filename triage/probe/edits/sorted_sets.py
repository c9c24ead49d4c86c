"""Sort what a source takes from a set in the order that hashing gives."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

Function = ast.FunctionDef | ast.AsyncFunctionDef
_KEEP_THE_ORDER = ("list", "tuple", "iter", "enumerate", "next", "map", "filter", "zip", "deque")
"""Functions whose result has the order of their argument; `sorted`, `sum` or `len` do not care for it."""
_ADD_AT_THE_END = ("append", "extend", "write", "writelines", "writerow")
_SET_METHODS = ("union", "intersection", "difference", "symmetric_difference", "copy")


@dataclass(frozen=True)
class SortedSet:
    """A place where the order of a set is taken, and the source in which it is sorted there."""

    line: int
    text: str
    is_the_result: bool
    """Whether the order only becomes that of a list, a text or an output: what a loop does with it besides
    may be wrong in some orders, and sorting would hide that."""


def with_sorted_sets(source: str, lines: frozenset[int]) -> Iterator[SortedSet]:
    """Each place on one of these lines where the order of a set is taken."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    scopes: list[ast.AST] = [tree, *(node for node in ast.walk(tree) if isinstance(node, Function))]
    seen: set[tuple[int, int]] = set()
    for scope in reversed(scopes):
        known = _names_of_sets(scope)
        for place, is_the_result in _taken_in_order(scope):
            position = (place.lineno, place.col_offset)
            if place.lineno in lines and position not in seen and _is_set(place, known):
                seen.add(position)
                yield SortedSet(place.lineno, _with_sorted(source, place), is_the_result)


def _taken_in_order(scope: ast.AST) -> Iterator[tuple[ast.expr, bool]]:
    """Expressions that something goes through one by one, and whether it only hands their order on."""
    for node in ast.walk(scope):
        match node:
            case ast.For(iter=taken, body=body):
                yield taken, all(_hands_on(statement) for statement in body)
            case ast.comprehension(iter=taken) | ast.Starred(value=taken):
                yield taken, True
            case ast.Call(func=ast.Name(id=name), args=[*taken_by_call]) if name in _KEEP_THE_ORDER:
                for taken in taken_by_call:
                    yield taken, True
            case ast.Call(func=ast.Attribute(attr="join"), args=[taken]):
                yield taken, True
            case ast.Assign(targets=[ast.Tuple() | ast.List()], value=taken):
                yield taken, False


def _hands_on(statement: ast.stmt) -> bool:
    """Whether a statement of a loop only puts what it gets behind what it got before."""
    match statement:
        case ast.Expr(value=ast.Yield()):
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=method))):
            return method in _ADD_AT_THE_END
        case ast.Expr(value=ast.Call(func=ast.Name(id="print"))):
            return True
    return False


def _names_of_sets(scope: ast.AST) -> frozenset[str]:
    """Names that are bound to sets here, and to nothing else."""
    sets: set[str] = set()
    others: set[str] = set()
    for node in ast.walk(scope):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                (sets if _is_set(value, frozenset(sets)) else others).add(name)
    return frozenset(sets - others)


def _is_set(node: ast.expr, known: frozenset[str]) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
        case ast.Name(id=name):
            return name in known
        case ast.Call(func=ast.Attribute(value=owner, attr=method)) if method in _SET_METHODS:
            return _is_set(owner, known)
        case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor(), right=right):
            return any(_is_set(side, known) or _is_keys(side) for side in (left, right))
    return False


def _is_keys(node: ast.expr) -> bool:
    """Whether it is `mapping.keys()`, of which a difference or an intersection is a set."""
    match node:
        case ast.Call(func=ast.Attribute(attr="keys"), args=[]):
            return True
    return False


def _with_sorted(source: str, node: ast.expr) -> str:
    """The source with `sorted(...)` around the expression; columns of a syntax tree count bytes."""
    lines = source.splitlines(keepends=True)
    last = (node.end_lineno or node.lineno) - 1
    end = lines[last].encode()
    stop = node.end_col_offset or 0
    lines[last] = (end[:stop] + b")" + end[stop:]).decode()
    first = lines[node.lineno - 1].encode()
    lines[node.lineno - 1] = (first[: node.col_offset] + b"sorted(" + first[node.col_offset :]).decode()
    return "".join(lines)
