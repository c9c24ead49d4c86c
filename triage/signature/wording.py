"""Whether a message says something of its own, or only what the interpreter says at any such place."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from triage.model.failure import Failure
from triage.signature.masking import legible, masked, shown
from triage.signature.root_error import Anatomy, inner_anatomy
from triage.text.markup import visible

_BUILTIN = (
    "NoneType|bool|int|float|complex|str|bytes|bytearray|list|tuple|dict|set|frozenset|object"
    "|function|method|type|"
    "module|generator|coroutine|property|slice|range|builtin_function_or_method|method-wrapper"
    "|Tensor|ndarray"
)
_ANYWHERE = re.compile(
    rf"'(?:{_BUILTIN})' object (?:has no attribute|is not|does not|cannot|doesn't)"
    r"|^unsupported operand type|^bad operand type|^can(?:not|'t) (?:unpack|multiply|concatenate)"
    r"|index out of range|index \S+ is out of bounds|^division by zero|^float division"
    r"|^integer (?:division|modulo)"
    r"|^name '\w+' is not defined|local variable '\w+'|object of type '\w+' has no len"
    r"|argument of type '\w+' is not"
    r"|maximum recursion depth|invalid literal for int|could not convert string to float"
    r"|not enough values to unpack"
    r"|too many values to unpack|^expected string or bytes|must be real number, not"
    r"|^'\w+' not supported between"
    r"|dictionary changed size|generator didn't|^(?:None|True|False|<n\d+>|0)?$"
    r"|^Expecting value: line|^DID NOT |^Timeout\b|timed out after"
)
_BY_TYPE = frozenset(
    {"KeyError", "IndexError", "StopIteration", "ZeroDivisionError", "RecursionError", "MemoryError",
     "KeyboardInterrupt", "NotImplementedError", "EOFError", "SystemExit", "Exit",
     "Timeout", "Crashed"}
)  # fmt: skip
_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]{2,}")
_MASKED = re.compile(r"<\w+>")
_NAMES_ITS_OBJECT = re.compile(r"^[\w.]+\(\) (?:got|missing|takes)|^No module named|^cannot import name")
_OBJECT = re.compile(r"'[A-Za-z_][\w.]*'|\"[A-Za-z_][\w.]*\"|`[A-Za-z_][\w.]*`|\b[\w.]+\(\)|\b\w+_\w+\b")
_MANY_WORDS = 8
_LIBRARY_HEADING = re.compile(
    r"^(?:Tensor-likes are|Scalars are|Not equal to tolerance|Arrays are not|Jacobian mismatch"
    r"|Mismatched elements"
    r"|The values for attribute|Items are not equal|Backward is not reentrant|Numerical gradient)"
)


@lru_cache(maxsize=16384)
def says_something(exception: str, message: str) -> bool:
    """Whether two failures with this message and nothing else in common may be held for one.

    `message` is masked already: what is accidental makes no message special.
    """
    first = message.strip().partition("\n")[0]
    if _NAMES_ITS_OBJECT.match(first):
        return True
    if exception.rpartition(".")[2] in _BY_TYPE or _ANYWHERE.search(first):
        return False
    return len(set(_WORD.findall(_MASKED.sub(" ", first)))) >= 3


@lru_cache(maxsize=16384)
def names_its_cause(masked_line: str) -> bool:
    """Whether a message that says something says enough to hold failures at different places for one.

    It names an object of the code (quoted, dotted or called), or is so long that nobody wrote it twice.
    """
    return bool(_OBJECT.search(masked_line)) or len(set(_WORD.findall(masked_line))) >= _MANY_WORDS


def explicit_text(message: str) -> str:
    """What the author of an assertion wrote; empty for what pytest or a library made of a bare one."""
    first = message.strip().partition("\n")[0].strip()
    if first.startswith("assert ") or first == "assert" or _LIBRARY_HEADING.match(first):
        return ""
    return first


_LONGEST = 120


def title_of(failure: Failure) -> str:
    """A line about this one failure, with its numbers."""
    return visible(headline(inner_anatomy(failure), legible))


def _without_numbers(line: str) -> str:
    return shown(masked(line))


def headline(anatomy: Anatomy, legibly: Callable[[str], str] = _without_numbers) -> str:
    """By default the same for all failures of one signature."""
    line = anatomy.said or anatomy.message.strip().partition("\n")[0]
    words = legibly(line)
    named = words if is_assertion(anatomy) and words else f"{anatomy.exception}: {words}".strip(": ")
    return named[:_LONGEST] or "failure without a message"


def is_assertion(anatomy: Anatomy) -> bool:
    """Whether the message explains a comparison, instead of being raised with words of its own."""
    return anatomy.exception.rpartition(".")[2] in ("AssertionError", "GradcheckError", "")
