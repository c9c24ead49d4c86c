"""Tell messages that somebody worded from those that the interpreter or a library gives anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from triage.model.failure import CRASHED, TIMED_OUT
from triage.signature.masking import masked, shown
from triage.signature.root_error import RootError
from triage.text.pattern import pattern

LONGEST_TITLE = 120
_TELLING_WORDS = 3
"""Distinct words from which a message says something of its own."""
_UNREPEATED_WORDS = 8
"""Distinct words from which nobody writes the same message twice."""

_BUILTIN_TYPES = (
    "NoneType|bool|int|float|complex|str|bytes|bytearray|list|tuple|dict|set|frozenset|object|function|method|type"
    "|module|generator|coroutine|property|slice|range|builtin_function_or_method|method-wrapper|Tensor|ndarray"
)
_SAID_ANYWHERE = pattern(
    rf"""
      '(?:{_BUILTIN_TYPES})'[ ]object[ ](?:has[ ]no[ ]attribute|is[ ]not|does[ ]not|cannot|doesn't)
    | ^unsupported[ ]operand[ ]type | ^bad[ ]operand[ ]type | ^can(?:not|'t)[ ](?:unpack|multiply|concatenate)
    | index[ ]out[ ]of[ ]range | index[ ]\S+[ ]is[ ]out[ ]of[ ]bounds
    | ^division[ ]by[ ]zero | ^float[ ]division | ^integer[ ](?:division|modulo)
    | ^name[ ]'\w+'[ ]is[ ]not[ ]defined | local[ ]variable[ ]'\w+'
    | object[ ]of[ ]type[ ]'\w+'[ ]has[ ]no[ ]len
    | argument[ ]of[ ]type[ ]'\w+'[ ]is[ ]not | maximum[ ]recursion[ ]depth
    | invalid[ ]literal[ ]for[ ]int | could[ ]not[ ]convert[ ]string[ ]to[ ]float
    | not[ ]enough[ ]values[ ]to[ ]unpack | too[ ]many[ ]values[ ]to[ ]unpack
    | ^expected[ ]string[ ]or[ ]bytes | must[ ]be[ ]real[ ]number,[ ]not | ^'\w+'[ ]not[ ]supported[ ]between
    | dictionary[ ]changed[ ]size | generator[ ]didn't
    | ^(?:None|True|False|<n>|0)?$
    | ^Expecting[ ]value:[ ]line | ^DID[ ]NOT[ ] | ^Timeout\b | timed[ ]out[ ]after
    """,
    matches=[
        "'NoneType' object has no attribute 'x'",
        "list index out of range",
        "",
        "<n>",
        "DID NOT RAISE",
    ],
    rejects=["'Beam' object has no attribute 'x'", "the beam is off", "<n> rows"],
)
_SAY_LITTLE_BY_TYPE = frozenset(
    {"KeyError", "IndexError", "StopIteration", "ZeroDivisionError", "RecursionError", "MemoryError",
     "KeyboardInterrupt", "NotImplementedError", "EOFError", "SystemExit", "Exit",
     TIMED_OUT, CRASHED}
)  # fmt: skip
"""What these types say is the same wherever they are raised."""
_NAMES_ITS_OBJECT = pattern(
    r"^[\w.]+\(\)[ ](?:got|missing|takes) | ^No[ ]module[ ]named | ^cannot[ ]import[ ]name",
    matches=["f() got an unexpected keyword argument 'x'", "No module named 'x'"],
    rejects=["got an unexpected keyword"],
    how="match",
)
_NAMED_OBJECT = pattern(
    r"""
    '[A-Za-z_][\w.]*' | \"[A-Za-z_][\w.]*\" | `[A-Za-z_][\w.]*` | \b[\w.]+\(\) | \b\w+_\w+\b
    """,
    matches=["no column 'mass'", "call load() first", "unit_cell is singular"],
    rejects=["the beam is off"],
)
_LIBRARY_HEADING = pattern(
    r"""
    ^(?: Tensor-likes[ ]are | Scalars[ ]are | Not[ ]equal[ ]to[ ]tolerance | Arrays[ ]are[ ]not
       | Jacobian[ ]mismatch | Mismatched[ ]elements | The[ ]values[ ]for[ ]attribute
       | Items[ ]are[ ]not[ ]equal | Backward[ ]is[ ]not[ ]reentrant | Numerical[ ]gradient )
    """,
    matches=["Tensor-likes are not close!", "Arrays are not equal"],
    rejects=["the arrays are not equal"],
    how="match",
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]{2,}")
_TOKEN = re.compile(r"<\w+>")


@lru_cache(maxsize=16384)
def says_something(exception: str, message: str) -> bool:
    """Whether two failures with this message and nothing else in common may be held for one.

    `message` is masked already: what is volatile makes no message special.
    """
    first = message.strip().partition("\n")[0]
    if _NAMES_ITS_OBJECT.match(first):
        return True
    if exception.rpartition(".")[2] in _SAY_LITTLE_BY_TYPE or _SAID_ANYWHERE.search(first):
        return False
    words = set(_WORD.findall(_TOKEN.sub(" ", first)))
    return len(words) >= _TELLING_WORDS


@lru_cache(maxsize=16384)
def names_its_cause(masked_line: str) -> bool:
    """Whether a message that says something says enough to hold failures at different places for one.

    It names an object of the code (quoted, dotted or called), or is so long that nobody wrote it twice.
    """
    return (
        bool(_NAMED_OBJECT.search(masked_line)) or len(set(_WORD.findall(masked_line))) >= _UNREPEATED_WORDS
    )


def explicit_text(message: str) -> str:
    """What the author of an assertion wrote; empty for what pytest or a library made of a bare one."""
    first = message.strip().partition("\n")[0].strip()
    if first.startswith("assert ") or first == "assert" or _LIBRARY_HEADING.match(first):
        return ""
    return first


def is_assertion(error: RootError) -> bool:
    """Whether the message explains a comparison, instead of being raised with words of its own."""
    return error.exception.rpartition(".")[2] in ("AssertionError", "GradcheckError", "")


def headline(error: RootError, legibly: Callable[[str], str] | None = None) -> str:
    """A line about an error; without `legibly` the same for all failures of one signature."""
    line = error.said or error.message.strip().partition("\n")[0]
    words = legibly(line) if legibly is not None else shown(masked(line))
    if not is_assertion(error) or not words:
        words = f"{error.exception}: {words}".strip(": ")
    return words[:LONGEST_TITLE] or "failure without a message"
