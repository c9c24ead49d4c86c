"""Write another text in the place of an expression of a Python source."""

from __future__ import annotations

import ast


def with_replaced(line: str, node: ast.expr, new: str) -> str:
    """The line of a source with `new` in the place of an expression that begins and ends on it."""
    encoded = line.encode()  # offsets of the syntax tree count bytes of UTF-8, not characters
    return (encoded[: node.col_offset] + new.encode() + encoded[node.end_col_offset :]).decode()
