"""Python's own text of an exception group: the group first, then its members, in the order of the text."""

from __future__ import annotations

import re

from triage.model.failure import Raised
from triage.model.native import HEAD, one_traceback

GROUP_HEAD = "Exception Group Traceback (most recent call last):"
_RULE = re.compile(r"^\s*\+(?:-\+)?-{4,}(?: (?:\d+|\.\.\.) -{4,})?\s*$")
_MARGIN = re.compile(r"^\s*[|+]\s?")
_TYPED = re.compile(r"(?P<type>[A-Za-z_][\w.]{0,200})(?:: (?P<message>.*))?")
_MEMBERS = 50


def group_chain(text: str, root: str | None = None) -> tuple[Raised, ...]:
    """The last exception group of the text with its members; empty where there is none.

    Members of a group within the group come as members too.
    """
    start = text.rfind(f"+ {GROUP_HEAD}")
    if start < 0:
        return ()
    head, *blocks = _blocks(text[start:].splitlines()[1:])
    group = one_traceback(head, root)
    if group is None:
        return ()
    members = [found for block in blocks[:_MEMBERS] if (found := _member(block, root)) is not None]
    return (group, *(member.model_copy(update={"relation": "member"}) for member in members))


def _blocks(lines: list[str]) -> list[list[str]]:
    """The lines between the rules, without their margins, to the end of the group."""
    blocks: list[list[str]] = [[]]
    for line in lines:
        if _RULE.match(line):
            blocks.append([])
        elif _MARGIN.match(line):
            blocks[-1].append(_MARGIN.sub("", line))
        else:
            break
    return blocks


def _member(lines: list[str], root: str | None) -> Raised | None:
    if lines and HEAD in lines[0]:
        return one_traceback(lines[1:], root)
    found = _TYPED.fullmatch(lines[0].strip()) if lines else None
    return Raised(type=found["type"], message=found["message"] or "") if found else None
