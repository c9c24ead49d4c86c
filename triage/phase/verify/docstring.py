"""Whether the docstring of a test has a note that names what the test depends on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import libcst as cst

_NOTE = re.compile(r"\bnotes?\b", re.IGNORECASE)


def missing_note(root: Path, nodeid: str, words: Sequence[str]) -> str | None:
    """What is wrong with the docstring of a test; None where it has a note that names one of the words."""
    name, *parts = nodeid.partition("[")[0].split("::")
    path = root / name
    try:
        module = cst.parse_module(path.read_bytes())
    except OSError as error:
        return f"{name} cannot be read: {error.strerror}"
    except (cst.ParserSyntaxError, UnicodeDecodeError, RecursionError) as error:
        return f"{name} cannot be parsed: {str(error).splitlines()[0]}"
    function = _find(module, parts)
    if function is None:
        return f"{nodeid} is not in {name}"
    text = function.get_docstring() or ""
    if not text:
        return f"{nodeid} has no docstring"
    if not _NOTE.search(text):
        return f"the docstring of {nodeid} has no note"
    if not any(re.search(rf"\b{re.escape(word)}\b", text) for word in words):
        return f"the docstring of {nodeid} names none of {', '.join(words)}"
    return None


def _find(node: cst.Module | cst.ClassDef, parts: Sequence[str]) -> cst.FunctionDef | None:
    """The function that a node id names: classes, then the function, wherever conditions put them."""
    if not parts:
        return None
    for definition in _definitions(node):
        if definition.name.value != parts[0]:
            continue
        if isinstance(definition, cst.FunctionDef):
            return definition if len(parts) == 1 else None
        found = _find(definition, parts[1:])
        if found is not None:
            return found
    return None


def _definitions(node: cst.CSTNode) -> list[cst.ClassDef | cst.FunctionDef]:
    """Classes and functions in a body, those inside `if` and `try` included."""
    found: list[cst.ClassDef | cst.FunctionDef] = []
    for child in node.children:
        if isinstance(child, cst.ClassDef | cst.FunctionDef):
            found.append(child)
        else:
            found.extend(_definitions(child))
    return found
