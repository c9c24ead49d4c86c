"""Have a function take the two locks that it holds at once in an order that every other caller keeps too."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from triage.probe.sources import spans, tree_of

_LOCK_NAME = ("lock", "mutex", "guard", "condition", "semaphore")
"""Words in the names of what is taken: a file that is opened inside is none."""


@dataclass(frozen=True)
class _Nested:
    """A `with` that takes one lock, and the statement in its body that takes the other."""

    outer: ast.With
    first: ast.expr
    inner: ast.With
    second: ast.expr


def in_one_order(source: str, line: int) -> str | None:
    """The source in which the nested `with` statements around or behind this line take their locks at once.

    Locks of two objects (`a.lock`, `b.lock`) are taken in the order of the objects' identity, which is the
    same for all callers; two locks with names of their own in the order of these names. None where no
    function at this line holds two locks.
    """
    found = _nested_at(source, line)
    if found is None:
        return None
    first, second = ast.unparse(found.first), ast.unparse(found.second)
    owners = _owners(found)
    lines = source.splitlines(keepends=True)
    indent = " " * found.outer.col_offset
    if owners is not None:
        names = _free_names(source)
        head = [
            f"{indent}# by identity: two calls that meet take the locks of both objects in the same order\n",
            f"{indent}{', '.join(names)} = sorted(({', '.join(owners[0])}), key=id)\n",
            f"{indent}with {names[0]}.{owners[1]}, {names[1]}.{owners[1]}:\n",
        ]
    elif first <= second:
        return None  # it keeps the order: the other caller is to change
    else:
        head = [f"{indent}with {second}, {first}:\n"]
    body_start, inner_start = found.outer.body[0].lineno - 1, found.inner.lineno - 1
    inner_body, inner_end = found.inner.body[0].lineno - 1, found.inner.end_lineno or found.inner.lineno
    depth = found.inner.body[0].col_offset - found.inner.col_offset
    return "".join(
        [
            *lines[: found.outer.lineno - 1],
            *head,
            *lines[body_start:inner_start],
            *(_dedented(text, depth) for text in lines[inner_body:inner_end]),
            *lines[inner_end:],
        ]
    )


def _nested_at(source: str, line: int) -> _Nested | None:
    for node in ast.walk(tree_of(source) or ast.Module([], [])):
        if not isinstance(node, ast.With) or len(node.items) != 1 or not _is_lock(node.items[0].context_expr):
            continue
        for part in node.body:
            if not isinstance(part, ast.With) or len(part.items) != 1:
                continue
            second = part.items[0].context_expr
            if _is_lock(second) and (spans(node, line) or spans(part, line)):
                return _Nested(node, node.items[0].context_expr, part, second)
    return None


def _is_lock(expression: ast.expr) -> bool:
    match expression:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return any(word in name.lower() for word in _LOCK_NAME)
    return False


def _owners(found: _Nested) -> tuple[tuple[str, str], str] | None:
    """The two objects whose locks are taken, and the attribute; None where the locks have other names."""
    match found.first, found.second:
        case ast.Attribute(value=one, attr=attribute), ast.Attribute(value=other, attr=name):
            if attribute == name:
                return (ast.unparse(one), ast.unparse(other)), attribute
    return None


def _free_names(source: str) -> tuple[str, str]:
    used = {node.id for node in ast.walk(tree_of(source) or ast.Module([], [])) if isinstance(node, ast.Name)}
    return ("first", "second") if not used & {"first", "second"} else ("earlier", "later")


def _dedented(text: str, depth: int) -> str:
    return text[depth:] if not text[:depth].strip(" \t") else text
