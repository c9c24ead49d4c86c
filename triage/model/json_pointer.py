"""Point into JSON documents as RFC 6901 says: `/results/0/nodeid`."""

from __future__ import annotations

from typing import Any

from triage.model.claim import Unfounded
from triage.text.pattern import pattern

_INDEX = pattern(
    r"0 | [1-9][0-9]*", how="fullmatch", matches=["0", "7", "10"], rejects=["01", "-1", "+1", "x", ""]
)
"""How a list is entered; Python would take `-1` and `01` too."""


def resolve(document: Any, pointer: str) -> Any:
    """The value at a pointer. Raises `Unfounded` where there is none."""
    value = document
    for token in segments(pointer):
        is_index = isinstance(value, list) and _INDEX.fullmatch(token) is not None
        try:
            value = value[int(token) if is_index else token]
        except (KeyError, IndexError, TypeError):
            raise Unfounded(f"there is nothing at {pointer!r}") from None
    return value


def segments(pointer: str) -> list[str]:
    """The unescaped parts of a pointer."""
    if pointer and not pointer.startswith("/"):
        raise Unfounded(f"{pointer!r} is no JSON pointer")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def child(pointer: str, token: str | int) -> str:
    """The pointer to one member of what `pointer` points to."""
    escaped = str(token).replace("~", "~0").replace("/", "~1")
    return f"{pointer}/{escaped}"
