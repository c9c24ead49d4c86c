"""Parse pytest's text of a failure into its chain of exceptions and their frames.

Styles: long (quoted source, `>` at the line, `E` before the error, `path:line: Type`), short and line
(`path:line: in function`), native (Python's own). In the text the parts of a chain come oldest first;
in the result the reported exception does. What the text does not say (local frames that were filtered)
stays unsaid.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from triage.model.failure import Frame, Raised, beneath, origin_of, posix
from triage.model.root import guess_root, workspace_in
from triage.model.traceback import CAUSE, CONTEXT, GROUP_HEAD, HEAD, group_chain, native_chain
from triage.text.pattern import pattern

_LOCATION = pattern(
    r"""
    (?P<path> (?: [A-Za-z]: )? [^\s:] [^:\n]{0,1000} )     # perhaps with a drive
    : (?P<line> \d{1,9} ) :
    (?: [ ]in[ ] (?P<function> .{1,200} )                  # the short and line styles
      | [ ] (?P<type> [A-Za-z_] [\w.]* ) )?                # the long style, in its last frame
    \s* $
    """,
    matches=["shop/cart.py:31: ValueError", "shop/cart.py:31: in total", "C:/a/b.py:3:", "a.py:1: "],
    rejects=["  shop/cart.py:31:", "shop/cart.py: 31", "no location", "a.py:1: two words"],
    how="match",
)
_DEF = re.compile(r"\s*(?:async\s+)?def\s+(?P<name>\w+)\s*\(")
_ERROR_LINE = re.compile(r"E(?:   |\s*$)")
_TYPED = pattern(
    r"(?P<type> [A-Za-z_] [\w.]{0,200} ) (?: : (?: [ ] | (?= \n ) ) (?P<message> .* ) | : )? $",
    matches=["ValueError: bad", "json.JSONDecodeError: bad", "KeyError", "Failed:", "MultiError:\n a"],
    rejects=["assert 1 == 2", "a.b:c", ": bad"],
    flags=re.DOTALL,
    how="match",
)
_EXCEPTION_NAME = pattern(
    r"""
    (?: [\w.]+ \. )?
    (?: [A-Z] \w* )?
    (?: Error | Exception | Exit | Interrupt | Warning | Failed | Skipped | Group )
    """,
    matches=["ValueError", "json.JSONDecodeError", "Failed", "_pytest.outcomes.Exit", "ExceptionGroup"],
    rejects=["assert", "value", "ErrorCode", "valueError"],
    how="fullmatch",
)
_KEPT_LINES = 200
"""Of an error's `E` lines: a diff of two large values has thousands."""
_CODE_CHARS = 500
"""Of a source line; generated code has longer ones."""


class _Part(NamedTuple):
    text: str
    leads_to: Literal["cause", "context", ""]


def parse_longrepr(text: str, *, test_file: str, root: str | None = None) -> tuple[Raised, ...]:
    """Parse the chain, reported exception first; empty where the text shows no exception.

    `test_file` is the file of the test as its node id has it: where the text shows it under an absolute
    path, that tells the root, if `root` is not given.
    """
    root = root or guess_root(text, posix(test_file)) or workspace_in(text)
    if f"+ {GROUP_HEAD}" in text and (group := group_chain(text, root)):
        return group
    chain: list[Raised] = []
    relation: Literal["cause", "context", ""] = ""
    for part in _split(text):
        raised = _raised(part.text, root)
        if raised is None:
            continue
        if chain:
            chain[0] = chain[0].model_copy(update={"relation": relation or "context"})
        chain.insert(0, raised)
        relation = part.leads_to
    return tuple(chain) or native_chain(text, root)


def _split(text: str) -> Iterator[_Part]:
    start = 0
    for found in re.finditer(f"(?P<cause>{re.escape(CAUSE)})|{re.escape(CONTEXT)}", text):
        yield _Part(text[start : found.start()], "cause" if found["cause"] else "context")
        start = found.end()
    yield _Part(text[start:], "")


def _raised(text: str, root: str | None) -> Raised | None:
    lines = text.splitlines()
    errors = [line for line in lines if _ERROR_LINE.match(line)]
    entries = [*_entries(lines, root)]
    if not errors:
        native = native_chain(text, root) if HEAD in text and GROUP_HEAD not in text else ()
        return native[0] if native else None
    kind, message = _typed(errors, entries[-1].type if entries else "")
    return Raised(type=kind, message=message, frames=tuple(entry.frame for entry in entries))


class _Entry(NamedTuple):
    frame: Frame
    type: str


def _entries(lines: list[str], root: str | None) -> Iterator[_Entry]:
    """One entry of the traceback for each location line."""
    start = 0
    for index, line in enumerate(lines):
        found = _LOCATION.match(line) if line[:1] not in (" ", "E", ">", "") else None
        if found is None:
            continue
        block = lines[start:index]
        code = next((own[1:].strip() for own in reversed(block) if own.startswith(">")), None)
        function = found["function"] or _function(block)
        if code is None and index + 1 < len(lines) and lines[index + 1].startswith("    "):
            code = lines[index + 1].strip()
        code = code[:_CODE_CHARS] if code else None
        yield _Entry(_frame(found["path"], int(found["line"]), function, code, root), found["type"] or "")
        start = index + 1


@lru_cache(maxsize=4096)
def _frame(path: str, line: int, function: str | None, code: str | None, root: str | None) -> Frame:
    """One frame, the very same for the same location: failures of one kind come through the same lines."""
    path = posix(path)
    return Frame(
        path=beneath(path, root), lineno=line, function=function, code=code, origin=origin_of(path, root)
    )


def _function(block: list[str]) -> str | None:
    """Name of the function whose source the block quotes: its first `def`."""
    for line in block:
        if not line.startswith("E") and (found := _DEF.match(line.removeprefix(">"))):
            return found["name"]
    return None


def _typed(errors: list[str], location_type: str) -> tuple[str, str]:
    """Type and message of the `E` lines; the type may stand only in the location line."""
    bodies = [line[1:] for line in errors[:_KEPT_LINES]]
    margin = min((len(body) - len(body.lstrip()) for body in bodies if body.strip()), default=0)
    text = "\n".join(body[margin:].rstrip() for body in bodies).strip()
    found = _TYPED.match(text)
    if found is None:
        bare = not location_type and text.startswith("assert ")  # the short style leaves the type out
        return ("AssertionError" if bare else location_type), text
    named = _EXCEPTION_NAME.fullmatch(found["type"]) is not None and (not location_type or found["message"])
    if named or _same_type(found["type"], location_type):
        return found["type"], found["message"] or ""
    return location_type, text


def _same_type(written: str, located: str) -> bool:
    return bool(located) and written.rpartition(".")[2] == located.rpartition(".")[2]
