"""What an assertion compared, as pytest explains it: which kinds of value met, which values, and which
function of the project gave `None` where something was due.
"""

from __future__ import annotations

import re
from functools import lru_cache

from triage.signature.masking import masked

_OPERATOR = re.compile(r" (==|!=|<=|>=|<|>|is not|is|not in|in) ")
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_QUOTES = "'\""
_NUMBER = re.compile(r"[-+]?(?:\d|\.\d|nan$|inf$)")
_TYPED = re.compile(r"<?(?:class ')?(?:[\w]+\.)*(?P<name>[A-Za-z_]\w*)(?=[(:.' ]|$)")
_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]{2,}")
_SAYS_LITTLE = frozenset(
    {"assert", "not", "None", "True", "False", "nan", "inf", "array", "tensor", "dtype", "approx", "numpy",
     "torch", "object"}
)  # fmt: skip
_TELLING_WORDS = 2
_RETURNED = re.compile(r"where None = (?P<call>[^\n]{1,300})")
_CALLED = re.compile(
    r"(?:<(?:function|bound method) (?:[\w<>]+\.)*)?(?P<name>[a-z_]\w*)(?: (?:at|of) .*?>)?\("
)
_CALL = re.compile(r"\b([A-Za-z_]\w*)\(")
_OF_NONE = re.compile(
    r"^'NoneType' object (?:has no attribute '(?P<attribute>\w+)'|is not (?P<kind>\w+))"
    r"|^object of type 'NoneType'|^argument of type 'NoneType'|^cannot unpack non-iterable NoneType"
)
_OF_TYPE = re.compile(
    r"^'(?P<type>[A-Za-z_]\w*)' object (?:has no attribute '(?P<attribute>\w+)'|is not subscriptable)"
    r"|^(?P<indexed>tuple|list|string) (?:indices|index) "
)
_TELLING_LETTERS = 3
_LONGEST_CHANGE = 60
_BEFORE = r"\b(?P<name>[a-z_]\w*)\((?:[^()]|\([^()]*\)){0,200}\)"
_ANYBODYS = frozenset(
    {"get", "pop", "find", "match", "search", "fullmatch", "getattr", "next", "first", "last", "group",
     "sort", "append", "update", "setdefault", "len", "str", "list", "dict", "set", "tuple", "int", "float",
     "bool", "repr", "sorted", "isinstance", "type", "hasattr", "all", "any", "iter", "abs", "max", "min",
     "sum", "round", "join", "format", "encode", "decode", "strip", "items", "keys", "values", "item"}
)  # fmt: skip
"""Functions that everything calls, and that say nothing of who failed."""
_LOOKED_AT = 4000


@lru_cache(maxsize=256)
def sides(message: str) -> tuple[str, str, str]:
    """Left, operator and right of the assertion that a message explains; empty where it compares nothing."""
    line = _assertion(message)
    found = [*_OPERATOR.finditer(line)]
    for operator in found:
        if _balanced(line[: operator.start()]):
            return line[: operator.start()], operator[1], line[operator.end() :]
    if found:
        return line[: found[0].start()], found[0][1], line[found[0].end() :]
    return "", "", ""


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
    told = set(_WORD.findall(re.sub(r"<\w+>", " ", line))) - _SAYS_LITTLE
    return line if len(told) >= _TELLING_WORDS else ""


def none_from(exception: str, message: str, code: str) -> tuple[str, ...]:
    """Names of functions that gave `None`, as the explanation or the failing line shows them."""
    text = message[:_LOOKED_AT]
    names = set()
    if "None = " in text:
        for returned in _RETURNED.finditer(text):
            gave = returned["call"].rstrip().endswith(")")  # else an attribute of what is shown is None
            called = _CALLED.match(returned["call"]) if gave else None
            names |= {called["name"]} if called else set()
    if exception in ("AttributeError", "TypeError") and (found := _OF_NONE.match(text)):
        names |= _called_for(found, code[:300])
    return tuple(sorted(names - _ANYBODYS))


def given(message: str, code: str) -> tuple[str, ...]:
    """`loads() gave tuple` for each function of which an assertion compares what it gave with another kind
    of value; `code` is the failing line.
    """
    left, operator, right = sides(message)
    kinds = _kind(left), _kind(right)
    if operator not in ("==", "is") or kinds[0] == kinds[1] or not code.startswith("assert "):
        return ()
    names = {name for name in outer_calls(code.removeprefix("assert ")) if name not in _ANYBODYS}
    return tuple(f"{name}() gave {kinds[0]}" for name in sorted(names))


def misused(exception: str, message: str, code: str) -> tuple[str, ...]:
    """`parse() gave tuple` where an error names the type of a value and the line calls for it directly."""
    found = _OF_TYPE.match(message) if exception in ("AttributeError", "TypeError") else None
    if found is None:
        return ()
    behind = rf"\.{found['attribute']}\b" if found["attribute"] else r"\["
    names = {call["name"] for call in re.finditer(_BEFORE + behind, code[:300])} - _ANYBODYS
    return tuple(f"{name}() gave {found['type'] or found['indexed']}" for name in sorted(names))


def changed_words(message: str) -> str:
    """What stands in place of what, where two texts differ in one place: `'inch' for 'cm'`."""
    left, operator, right = sides(message)
    if operator != "==" or _kind(left) != "str" or _kind(right) != "str" or "..." in left + right:
        return ""
    one, other = (re.findall(r"\w+|\W", text[1:-1]) for text in (left, right))
    start = next((i for i, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
    if not start:
        return ""
    rest = (one[start:], other[start:])
    backwards = enumerate(zip(*map(reversed, rest), strict=False))
    end = next((i for i, pair in backwards if pair[0] != pair[1]), min(map(len, rest)))
    got, due = ("".join(words[: len(words) - end]) for words in rest)
    telling = max(len(re.findall(r"[A-Za-z]", text)) for text in (got, due)) >= _TELLING_LETTERS
    return f"{got!r} for {due!r}" if telling and max(len(got), len(due)) <= _LONGEST_CHANGE else ""


def outer_calls(code: str) -> list[str]:
    """Names of the calls in a line of code that are no argument of another."""
    return [found[1] for found in _CALL.finditer(code) if _balanced(code[: found.start()])]


def _called_for(found: re.Match[str], code: str) -> set[str]:
    """The function whose None had no such attribute; else the only one that the line calls."""
    behind = rf"\.{found['attribute']}\b" if found["attribute"] else r"\["
    named = {call["name"] for call in re.finditer(_BEFORE + behind, code)}
    if named or found["attribute"]:
        return named
    called = set(_CALL.findall(code)) - _ANYBODYS
    return called if len(called) == 1 else set()


def _assertion(message: str) -> str:
    """The explained assertion on one line, without the word itself."""
    for line in message[:_LOOKED_AT].splitlines()[:20]:
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
    named = _TYPED.match(value)
    return named["name"] if named else "value"
