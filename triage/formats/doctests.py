"""Read what pytest shows of a failed doctest: the example, what was due and what came.

004     >>> f(1)
005     2
006     >>> f(2)
Expected:
    5
Got:
    4

pkg/shop.py:6: DocTestFailure
"""

from __future__ import annotations

import re

from triage.model.failure import Frame, Raised, beneath, origin_of, posix
from triage.model.traceback import HEAD, native_chain
from triage.text.doctests import PROMPT, TYPE, example_code, example_message
from triage.text.pattern import pattern

_END = pattern(
    r"^ (?P<path> \S [^:\n]{0,1000} ) : (?P<line> \d+ | None ) : [ ] "
    r"(?P<type> DocTestFailure | UnexpectedException ) $",
    matches=["pkg/shop.py:6: DocTestFailure", "/srv/a.rst:12: UnexpectedException"],
    rejects=["pkg/shop.py:6: ValueError", "DocTestFailure"],
    flags=re.MULTILINE,
)
_SOURCE_LINE = pattern(
    r"^ (?: \d{3,} | \?\?\? ) [ ] [ ]* (?P<prompt> >>> | \.\.\. ) (?: [ ] (?P<code> .* ) )? $",
    matches=["006     >>> f(2)", "??? >>> f(2)", "007     ..."],
    rejects=["005     2", ">>> f(2)"],
    how="match",
)
_NUMBERED = re.compile(r"^(?:\d{3,}|\?\?\?) ")
_RAISED = "UNEXPECTED EXCEPTION: "
_EXAMPLE_FILE = "<doctest "
"""How Python names the file of an example."""


def doctest_chain(text: str, nodeid: str) -> tuple[Raised, ...]:
    """The chain of a failed example: of what it raised, or of its output; empty where there is no example."""
    end = _END.search(text)
    if end is None:
        return ()
    lines = text[: end.start()].splitlines()
    source, rest = _example(lines)
    if not source:
        return ()
    line = int(end["line"]) if end["line"].isdigit() else None
    file, _, name = nodeid.partition("::")
    path = posix(end["path"])
    root = path.removesuffix(f"/{file}") if path.endswith(f"/{file}") else None
    path = beneath(path, root)
    frame = Frame(
        path=path, lineno=line, function=name or None, code=example_code(source), origin=origin_of(path)
    )
    if rest and rest[0].startswith(_RAISED):
        return _raised(rest, frame, root)
    want, got = _outputs(rest)
    return (Raised(type=TYPE, message=example_message(source, want, got), frames=(frame,)),)


def _example(lines: list[str]) -> tuple[str, list[str]]:
    """The source of the last example that is shown, and the lines behind the docstring."""
    numbered = 0
    while numbered < len(lines) and _NUMBERED.match(lines[numbered]):
        numbered += 1
    if not numbered and lines and lines[0].startswith("EXAMPLE LOCATION UNKNOWN"):
        return _example(lines[1:])
    source: list[str] = []
    for line in lines[:numbered]:
        found = _SOURCE_LINE.match(line)
        if found is None:
            continue
        if found["prompt"] == PROMPT.strip():
            source = []
        source.append(found["code"] or "")
    return "\n".join(source), lines[numbered:]


def _outputs(lines: list[str]) -> tuple[str, str]:
    """What was due and what came, from either of doctest's ways to show it."""
    if any(line.startswith("Differences (") for line in lines):
        return _of_difference(lines)
    want: list[str] = []
    got: list[str] = []
    into: list[str] | None = None
    for line in lines:
        if line == "Expected:":
            into = want
        elif line == "Got:":
            into = got
        elif line in ("Expected nothing", "Got nothing"):
            into = None
        elif into is not None:
            into.append(line.removeprefix("    "))
    return "\n".join(want).rstrip(), "\n".join(got).rstrip()


def _of_difference(lines: list[str]) -> tuple[str, str]:
    """A unified, context or line difference: `-` before what was due, `+` before what came."""
    bare = [line.removeprefix("    ") for line in lines]
    want = [line[1:].strip() for line in bare if line.startswith(("-", "!")) and not line.startswith("---")]
    got = [line[1:].strip() for line in bare if line.startswith("+") and not line.startswith("+++")]
    return "\n".join(want), "\n".join(got)


def _raised(lines: list[str], frame: Frame, root: str | None) -> tuple[Raised, ...]:
    """What the example raised, from the example on; doctest's own frames say nothing."""
    text = "\n".join(lines)
    chain = native_chain(text[text.index(HEAD) :], root) if HEAD in text else ()
    if not chain:
        kind, _, message = lines[0].removeprefix(_RAISED).partition("(")
        return (Raised(type=kind, message=message.removesuffix(")"), frames=(frame,)),)
    first, *others = chain
    files = [own.path for own in first.frames]
    examples = [index for index, path in enumerate(files) if path.startswith(_EXAMPLE_FILE)]
    own = first.frames[examples[-1] + 1 :] if examples else first.frames
    return (first.model_copy(update={"frames": (frame, *own)}), *others)
