"""What source text says about a value: constants that stand near its use."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence

from triage.probe.parsing import tree_of

_USUAL = ("1", "true", "test", "0", "")
_MOST = 40


def near_variable(source: Callable[[str], str | None], where: Sequence[str], name: str) -> list[str]:
    """Values that an environment variable may be meant to have: compared, defaulted, then usual ones."""
    compared: list[str] = []
    beside: list[str] = []
    for place in where:
        path, _, line = place.rpartition(":")
        tree = tree_of(source(path))
        if tree is None or not line.isdigit():
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare):
                compared += [text for text in _strings(node) if text != name]
            elif isinstance(node, ast.Dict | ast.Set | ast.List | ast.Tuple | ast.Call | ast.Match):
                beside += [text for text in _strings(node) if text != name]
    plain = [text for text in (*compared, *beside) if len(text) <= _MOST and "\n" not in text]
    return list(dict.fromkeys([*plain[:4], *_USUAL, *plain[4:12]]))


def _strings(node: ast.AST) -> Iterator[str]:
    for child in ast.walk(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str | int | float):
            if isinstance(child.value, bool):
                continue
            yield str(child.value)
