"""Find where a test was before the change moved it to another module."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TouchedModule:
    """A module of tests on both sides of the change; empty text where it is not there."""

    path: str
    base_text: str
    head_text: str


def module_on_base(nodeid: str, file: str, touched: Sequence[TouchedModule]) -> str:
    """Return the file that had a test on the base; `file` is the one that git says.

    Another module is taken only where it is the only one that had a test of this name and has it no more.
    """
    name = nodeid.partition("::")[2].partition("[")[0]
    by_path = {module.path: module for module in touched}
    own = by_path.get(file)
    if not name or own is None or name in test_names(own.base_text):
        return file
    origins = [
        module.path
        for module in touched
        if name in test_names(module.base_text) and name not in test_names(module.head_text)
    ]
    return origins[0] if len(origins) == 1 else file


def test_names(source: str) -> frozenset[str]:
    """The functions of a module as node ids name them: `Class::test`; none where it is no Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    return frozenset(_names_of(tree.body, ""))


def _names_of(statements: Sequence[ast.stmt], prefix: str) -> Iterator[str]:
    for statement in statements:
        if isinstance(statement, ast.ClassDef):
            yield from _names_of(statement.body, f"{prefix}{statement.name}::")
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + statement.name
