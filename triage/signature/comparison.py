"""Read what an assertion compared, as pytest explains it: which kinds of value met, which values, and which
function of the project gave `None` or another kind of value than was due.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from triage.signature.masking import masked
from triage.text.pattern import pattern

_LOOKED_AT = 4000
_EXPLAINED_LINES = 20
_LONGEST_CODE = 300
"""Characters of the failing line that are looked at."""
_TELLING_WORDS = 2
"""Words of a comparison from which on its values do not occur twice by chance."""
_TELLING_LETTERS = 3
"""Letters of a changed text below which it may have changed by chance."""
_LONGEST_CHANGE = 60
"""A longer change is another text, not other words in the same."""

_PAIRS = {"(": ")", "[": "]", "{": "}"}
_QUOTES = "'\""
_OPERATOR = re.compile(r" (==|!=|<=|>=|<|>|is not|is|not in|in) ")
_NUMBER = re.compile(r"[-+]?(?:\d|\.\d|nan$|inf$)")
_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]{2,}")
_CALL = re.compile(r"\b([A-Za-z_]\w*)\(")
_TYPE_OF_REPR = pattern(
    r"<?(?:class[ ]')?(?:[\w]+\.)*(?P<name>[A-Za-z_]\w*)(?=[(:.'\ ]|$)",
    matches=["Version('2')", "<class 'box.Box'>", "<box.Box object at 0x1>", "tensor(1.)"],
    rejects=["-x", "(1, 2)"],
    how="match",
)
_RETURNED_NONE = pattern(
    r"where[ ]None[ ]=[ ](?P<call>[^\n]{1,300})",
    matches=[" +  where None = volume(Box())"],
    rejects=["where 3 = volume(Box())"],
)
_CALLED = pattern(
    r"""
    (?:<(?:function|bound[ ]method)[ ](?:[\w<>]+\.)*)? (?P<name>[a-z_]\w*) (?:[ ](?:at|of)[ ].*?>)? \(
    """,
    matches=[
        "volume(Box())",
        "<function area at 0x7f31>(3)",
        "<bound method Box.area of <Box object at 0x1>>()",
    ],
    rejects=["<built-in method get of dict object at 0x1>('a')", "Box()"],
    how="match",
)
_NONE_USED = pattern(
    r"""
      ^'NoneType'[ ]object[ ](?:has[ ]no[ ]attribute[ ]'(?P<attribute>\w+)'|is[ ]not[ ]\w+)
    | ^object[ ]of[ ]type[ ]'NoneType' | ^argument[ ]of[ ]type[ ]'NoneType'
    | ^cannot[ ]unpack[ ]non-iterable[ ]NoneType
    """,
    matches=["'NoneType' object has no attribute 'name'", "object of type 'NoneType' has no len()"],
    rejects=["'Box' object has no attribute 'name'"],
    how="match",
)
_WRONG_TYPE_USED = pattern(
    r"""
      ^'(?P<type>[A-Za-z_]\w*)'[ ]object[ ]
      (?:has[ ]no[ ]attribute[ ]'(?P<attribute>\w+)'|is[ ]not[ ]subscriptable)
    | ^(?P<indexed>tuple|list|string)[ ](?:indices|index)[ ]
    """,
    matches=["'str' object has no attribute 'name'", "tuple indices must be integers or slices, not str"],
    rejects=["no attribute 'name'"],
    how="match",
)
_CALL_BEFORE = r"\b(?P<name>[a-z_]\w*)\((?:[^()]|\([^()]*\)){0,200}\)"
"""A call, with at most one call within its arguments, directly before what follows."""
_COMMON_FUNCTIONS = frozenset(
    {"get", "pop", "find", "match", "search", "fullmatch", "getattr", "next", "first", "last", "group",
     "sort", "append", "update", "setdefault", "len", "str", "list", "dict", "set", "tuple", "int", "float",
     "bool", "repr", "sorted", "isinstance", "type", "hasattr", "all", "any", "iter", "abs", "max", "min",
     "sum", "round", "join", "format", "encode", "decode", "strip", "items", "keys", "values", "item"}
)  # fmt: skip
"""Functions that everything calls, and that say nothing of who failed."""
_COMMON_WORDS = frozenset(
    {"assert", "not", "None", "True", "False", "nan", "inf", "array", "tensor", "dtype", "approx", "numpy",
     "torch", "object"}
)  # fmt: skip
"""Words of any comparison."""


class Sides(NamedTuple):
    """An assertion that compares, taken apart; all empty where it compares nothing."""

    left: str = ""
    operator: str = ""
    right: str = ""


@lru_cache(maxsize=256)
def sides(message: str) -> Sides:
    """Left, operator and right of the assertion that a message explains."""
    line = _assertion(message)
    found = [*_OPERATOR.finditer(line)]
    if not found:
        return Sides()
    # the first operator outside brackets and quotations; in a shortened repr there may be none
    outer = next((operator for operator in found if _balanced(line[: operator.start()])), found[0])
    return Sides(line[: outer.start()], outer[1], line[outer.end() :])


def kinds_compared(message: str) -> str:
    """Such as `tuple == dict`; empty where nothing is compared."""
    left, operator, right = sides(message)
    return f"{_kind(left)} {operator} {_kind(right)}" if operator else ""


def telling_values(message: str) -> str:
    """The masked comparison, where its values are so special that chance does not bring them twice."""
    left, operator, right = sides(message)
    if not operator or left == right:
        return ""
    line = masked(f"{left} {operator} {right}")
    words = set(_WORD.findall(re.sub(r"<\w+>", " ", line))) - _COMMON_WORDS
    return line if len(words) >= _TELLING_WORDS else ""


def none_from(exception: str, message: str, code: str) -> tuple[str, ...]:
    """Names of functions that gave `None`, as the explanation or the failing line shows them."""
    text = message[:_LOOKED_AT]
    names: set[str] = set()
    if "None = " in text:
        for returned in _RETURNED_NONE.finditer(text):
            is_call = returned["call"].rstrip().endswith(")")  # else an attribute of what is shown is None
            called = _CALLED.match(returned["call"]) if is_call else None
            if called is not None:
                names.add(called["name"])
    used = _NONE_USED.match(text) if exception in ("AttributeError", "TypeError") else None
    if used is not None:
        names |= _called_for(used["attribute"], code[:_LONGEST_CODE])
    return tuple(sorted(names - _COMMON_FUNCTIONS))


def given(message: str, code: str) -> tuple[str, ...]:
    """`loads() gave tuple` for each function of which an assertion compares what it gave with another kind
    of value; `code` is the failing line.
    """
    left, operator, right = sides(message)
    kind = _kind(left)
    if operator not in ("==", "is") or kind == _kind(right) or not code.startswith("assert "):
        return ()
    names = set(outer_calls(code.removeprefix("assert "))) - _COMMON_FUNCTIONS
    return tuple(f"{name}() gave {kind}" for name in sorted(names))


def misused(exception: str, message: str, code: str) -> tuple[str, ...]:
    """`parse() gave tuple` where an error names the type of a value and the line calls for it directly."""
    found = _WRONG_TYPE_USED.match(message) if exception in ("AttributeError", "TypeError") else None
    if found is None:
        return ()
    names = _calls_before(found["attribute"], code[:_LONGEST_CODE]) - _COMMON_FUNCTIONS
    kind = found["type"] or found["indexed"]
    return tuple(f"{name}() gave {kind}" for name in sorted(names))


def changed_words(message: str) -> str:
    """What stands in place of what, where two texts differ in one place: `'inch' for 'cm'`."""
    left, operator, right = sides(message)
    if operator != "==" or _kind(left) != "str" or _kind(right) != "str" or "..." in left + right:
        return ""
    got, due = re.findall(r"\w+|\W", left[1:-1]), re.findall(r"\w+|\W", right[1:-1])
    start = _common_prefix(got, due)
    if start == 0 or start == min(len(got), len(due)):
        return ""
    got, due = got[start:], due[start:]
    end = _common_prefix(got[::-1], due[::-1])
    changed, wanted = "".join(got[: len(got) - end]), "".join(due[: len(due) - end])
    letters = max(len(re.findall(r"[A-Za-z]", text)) for text in (changed, wanted))
    if letters < _TELLING_LETTERS or max(len(changed), len(wanted)) > _LONGEST_CHANGE:
        return ""
    return f"{changed!r} for {wanted!r}"


def outer_calls(code: str) -> list[str]:
    """Names of the calls in a line of code that are no argument of another."""
    return [found[1] for found in _CALL.finditer(code) if _balanced(code[: found.start()])]


def _common_prefix(one: list[str], other: list[str]) -> int:
    """How many elements both begin with."""
    length = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        length += 1
    return length


def _called_for(attribute: str | None, code: str) -> set[str]:
    """The function whose None had no such attribute; else the only one that the line calls."""
    named = _calls_before(attribute, code)
    if named or attribute:
        return named
    called = set(_CALL.findall(code)) - _COMMON_FUNCTIONS
    return called if len(called) == 1 else set()


def _calls_before(attribute: str | None, code: str) -> set[str]:
    """Names of calls directly before this attribute, or before an index where there is none."""
    behind = rf"\.{attribute}\b" if attribute else r"\["
    return {call["name"] for call in re.finditer(_CALL_BEFORE + behind, code)}


def _assertion(message: str) -> str:
    """The explained assertion on one line, without the word itself."""
    for line in message[:_LOOKED_AT].splitlines()[:_EXPLAINED_LINES]:
        if line.startswith("assert "):
            return line.removeprefix("assert ").removeprefix("not ")
    return ""


def _balanced(text: str) -> bool:
    """Whether no bracket and no quotation is open at the end."""
    waiting: list[str] = []
    quote = ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in _QUOTES:
            quote = letter
        elif letter in _PAIRS:
            waiting.append(_PAIRS[letter])
        elif waiting and letter == waiting[-1]:
            waiting.pop()
    return not waiting and not quote


def _kind(value: str) -> str:
    """What a printed value is: a builtin kind, `number`, or the type that its repr names."""
    value = value.strip()
    if value in ("None", "True", "False", "np.True_", "np.False_"):
        return value.removeprefix("np.").rstrip("_")
    if _NUMBER.match(value):
        return "number"
    if value[:1] in _QUOTES or value[:2] in ("b'", 'b"', "r'", 'r"'):
        return "bytes" if value[:1] == "b" else "str"
    if value[:1] == "{":
        return "dict" if ": " in value or value == "{}" else "set"
    if value[:1] in _PAIRS:
        return "tuple" if value[:1] == "(" else "list"
    named = _TYPE_OF_REPR.match(value)
    return named["name"] if named else "value"
