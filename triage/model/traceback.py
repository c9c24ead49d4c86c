"""Read Python's own traceback text, wherever it was quoted, as values.

The format is the interpreter's: `Traceback (most recent call last):`, pairs of a `File` line and its
source line, then `Type: message`. Parts of a chain come oldest first in the text; here the reported
one comes first, as `Failure.chain` has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from triage.model.failure import Frame, Raised, beneath, origin_of
from triage.text.pattern import pattern

HEAD = "Traceback (most recent call last):"
CAUSE = "The above exception was the direct cause of the following exception:"
CONTEXT = "During handling of the above exception, another exception occurred:"
GROUP_HEAD = "Exception Group Traceback (most recent call last):"
_MESSAGE_LINES = 40
"""Lines of a message that are read: what follows is the end of a log."""
_MOST_MEMBERS = 50
_LONGEST_CODE = 500
_FILE = pattern(
    r'File[ ]"(?P<path>[^"\n]{1,1000})",[ ]line[ ](?P<line>\d{1,9})(?:,[ ]in[ ](?P<function>.{1,300}))?$',
    matches=['  File "/srv/x/tables.py", line 3, in read', '  File "<string>", line 1'],
    rejects=['  File "/srv/x/tables.py"'],
)
_CARETS = re.compile(r"[\s~^]+$")
_ERROR = pattern(
    r"(?P<type>[A-Za-z_][\w.]{0,200})(?::[ ](?P<message>.*)|:?$)",
    flags=re.DOTALL,
    matches=["KeyError: 'mass'", "KeyboardInterrupt", "ValueError:"],
    rejects=["1 failed", "two words"],
    how="fullmatch",
)
"""The last lines of a traceback."""
_RULE = pattern(
    r"^\s*\+(?:-\+)?-{4,}(?:[ ](?:\d+|\.\.\.)[ ]-{4,})?\s*$",
    matches=["  +-+---------------- 1 ----------------", "    +------------------------------------"],
    rejects=["  | ValueError: x", "---------"],
    how="match",
)
"""The line between the members of a group."""
_OPENING = "+-+"
"""How the rule before the first member of a group begins."""
_MARGIN = re.compile(r"^\s*[|+]\s?")


class Quoted(NamedTuple):
    """One traceback of a text and how it relates to the one after it."""

    raised: Raised
    leads_to: Literal["cause", "context", ""]
    end: int
    """Index of the line behind it."""


def native_chain(text: str, root: str | None = None) -> tuple[Raised, ...]:
    """The last chain of tracebacks in the text, reported exception first; empty where there is none.

    A child process that quotes its own child's traceback gives several: the last is the one that
    ended it. `root` makes the paths relative to the project.
    """
    lines = text.splitlines()
    chain: list[Raised] = []
    relation: Literal["cause", "context", ""] = ""
    for quoted in _tracebacks(lines, root):
        if not relation:
            chain = []
        elif chain:
            chain[0] = chain[0].model_copy(update={"relation": relation})
        chain.insert(0, quoted.raised)
        relation = quoted.leads_to
    return tuple(chain)


def one_traceback(lines: list[str], root: str | None = None) -> Raised | None:
    """The exception of one traceback, whose lines begin behind its head."""
    raised = _traceback(lines, 0, "", root).raised
    return raised if raised.type else None


def _tracebacks(lines: list[str], root: str | None) -> Iterator[Quoted]:
    index = 0
    while index < len(lines):
        at = lines[index].find(HEAD)
        if at < 0:
            index += 1
            continue
        quoted = _traceback(lines, index + 1, lines[index][:at], root)
        index = quoted.end
        if quoted.raised.type:
            yield quoted


def _traceback(lines: list[str], start: int, prefix: str, root: str | None) -> Quoted:
    """One traceback; `prefix` is what each line of a quoted traceback begins with."""
    frames: list[Frame] = []
    index = start
    while index < len(lines):
        line = _unquoted(lines[index], prefix)
        if line and not line.startswith((" ", "\t")):
            break
        if found := _FILE.search(line.rstrip()):
            code = _unquoted(lines[index + 1], prefix) if index + 1 < len(lines) else ""
            frames.append(_frame(found, code, root))
        index += 1
    message: list[str] = []
    while index < len(lines) and len(message) < _MESSAGE_LINES:
        line = _unquoted(lines[index], prefix)
        if message and (not line.strip() or HEAD in line):
            break
        message.append(line)
        index += 1
    found_type = _ERROR.fullmatch("\n".join(message).rstrip())
    kind = found_type["type"] if found_type else ""
    raised = Raised(
        type=kind, message=(found_type["message"] or "") if found_type else "", frames=tuple(frames)
    )
    return Quoted(raised, _relation(lines, index), index)


def _relation(lines: list[str], index: int) -> Literal["cause", "context", ""]:
    for line in lines[index : index + 4]:
        if CAUSE in line:
            return "cause"
        if CONTEXT in line:
            return "context"
    return ""


def _unquoted(line: str, prefix: str) -> str:
    return line[len(prefix) :] if prefix and line.startswith(prefix) else line


def _frame(found: re.Match[str], following: str, root: str | None) -> Frame:
    code = following.strip()
    is_code = following.startswith("    ") and not code.startswith('File "') and not _CARETS.fullmatch(code)
    return Frame(
        path=beneath(found["path"], root),
        lineno=int(found["line"]),
        function=(found["function"] or "").strip() or None,
        code=code[:_LONGEST_CODE] if is_code else None,
        origin=origin_of(found["path"], root),
    )


def group_chain(text: str, root: str | None = None) -> tuple[Raised, ...]:
    """The last exception group of the text with its members; empty where there is none.

    Members of a group within the group come as members of the outer one.
    """
    start = text.rfind(f"+ {GROUP_HEAD}")
    if start < 0:
        return ()
    head, *blocks = _blocks(text[start:].splitlines()[1:])
    group = one_traceback(head.lines, root)
    if group is None:
        return ()
    chain: list[Raised] = []
    members = 0
    for block in blocks[:_MOST_MEMBERS]:
        found = () if block.is_group else _member(block.lines, root)
        if found:
            members += 1
            chain += [found[0].model_copy(update={"relation": "member"}), *found[1:]]
    return (group.model_copy(update={"members": members}), *chain)


@dataclass
class _Block:
    """The lines between two rules, without their margins."""

    lines: list[str] = field(default_factory=list)
    is_group: bool = False
    """A group within the group: its members have blocks of their own."""


def _blocks(lines: list[str]) -> list[_Block]:
    """The blocks of a group, to its end."""
    blocks = [_Block()]
    for line in lines:
        if _RULE.match(line):
            if line.lstrip().startswith(_OPENING):
                blocks[-1].is_group = True
            blocks.append(_Block())
        elif _MARGIN.match(line):
            blocks[-1].lines.append(_MARGIN.sub("", line))
        else:
            break
    return blocks


def _member(lines: list[str], root: str | None) -> tuple[Raised, ...]:
    """A member with its causes; empty where the block shows no exception."""
    if any(HEAD in line for line in lines):
        return native_chain("\n".join(lines), root)
    found = _ERROR.fullmatch("\n".join(lines).strip())
    return (Raised(type=found["type"], message=found["message"] or ""),) if found else ()
