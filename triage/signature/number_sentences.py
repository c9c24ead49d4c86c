"""Read the numbers of a message in its common forms: pytest's explanation of a comparison, a table of
differences as numpy and torch print it, sentences such as "128.5 vs 128.0" or "error 1e-3 > tolerance 1e-5".
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from triage.signature.numbers import (
    LOOKED_AT,
    NUMBER,
    Numeric,
    class_of,
    decade,
    fraction_of,
    number,
    relation_of,
)
from triage.text.hints import holds_any
from triage.text.pattern import pattern

_LONGEST_SENTENCE = 500
_EXPLAINED_LINES = 40
"""Lines among which pytest's explanation of an assertion begins."""


def _operand(name: str) -> str:
    wrapped = r"(?:tensor\(|np\.float(?:32|64)\(|np\.int(?:32|64)\(|array\()?"
    return rf"{wrapped}(?P<{name}>{NUMBER})(?:,[^()]{{0,60}})?\)?"


_COMPARISON = pattern(
    rf"""
    ^assert[ ](?:not[ ])?\(?
    {_operand("left")} [ ](?P<op><=|>=|==|!=|<|>)[ ] {_operand("right")}
    (?:[ ]±[ ](?P<approx>{NUMBER}))?
    \)?$
    """,
    matches=["assert 0.5 < 0.01", "assert tensor(0., dtype=x) > 0", "assert 0.1 == 0.2 ± 2.0e-07"],
    rejects=["assert 'a' in 'b'", "assert x == 1", "0.5 < 0.01"],
    how="match",
)
_CLOSE = pattern(
    r"""
    are[ ]not[ ]close! | Not[ ]equal[ ]to[ ]tolerance | not[ ]almost[ ]equal | comparison[ ]failed
    | are[ ]not[ ]allclose
    """,
    matches=["Tensor-likes are not close!", "Not equal to tolerance rtol=1e-07"],
    rejects=["assert 1 == 2"],
)
_EQUAL = pattern(
    r"""
    Tensor-likes[ ]are[ ]not[ ]equal | Scalars[ ]are[ ]not[ ]equal | Arrays[ ]are[ ]not[ ]equal
    | Arrays[ ]are[ ]not[ ]array_equal
    """,
    matches=["Scalars are not equal!"],
    rejects=["Items are not equal"],
)
_GRADCHECK = pattern(
    r"""
    Jacobian[ ]mismatch | Backward[ ]is[ ]not[ ]reentrant | Numerical[ ]gradient[ ]for[ ]function[ ]expected
    """,
    matches=["Jacobian mismatch for output 0 with respect to input 0,"],
    rejects=["the Jacobian is singular"],
)
_NAN_LOCATION = pattern(
    r"(?:nan|inf)[ ]location[ ]mismatch",
    matches=["x and y nan location mismatch:"],
    rejects=["location mismatch"],
)
_KINDS = (("close", _CLOSE), ("equal", _EQUAL), ("gradcheck", _GRADCHECK), ("nan-location", _NAN_LOCATION))
"""Kind of comparison by the heading that a library puts there; the first that fits."""
_LIBRARY_HINTS = (
    "close", "equal", "tolerance", "comparison failed", "Jacobian", "mismatch", "reentrant", "Numerical"
)  # fmt: skip
"""Every heading of `_KINDS` holds one of these, which `in` finds many times faster than the patterns do."""

_ATTRIBUTE = pattern(
    r"""
    The[ ]values[ ]for[ ]attribute[ ]'(?P<attribute>\w+)'[ ]do[ ]not[ ]match:[ ]
    (?P<got>\S+(?:[ ]\S+)??)[ ]!=[ ](?P<due>\S.*?)\.?(?:$|\n)
    """,
    matches=["The values for attribute 'dtype' do not match: torch.float32 != torch.float64."],
    rejects=["The values for attribute 'stride()' do not match: (1,) != (2,)"],
)
_SHAPES = pattern(
    r"""
    \(shapes[ ](?P<x>\([\d,\ ]*\)),[ ](?P<y>\([\d,\ ]*\))[ ]mismatch\)
    | size[ ]of[ ]tensor[ ]a[ ]\((?P<a>\d+)\).{0,40}tensor[ ]b[ ]\((?P<b>\d+)\)
    """,
    matches=[
        "(shapes (3,), (2, 3) mismatch)",
        "The size of tensor a (3) must match the size of tensor b (4)",
    ],
    rejects=["shapes (3,)"],
)
ABSOLUTE = pattern(
    rf"""
    (?: Greatest[ ]absolute[ ]difference
      | Max[ ]absolute[ ]difference(?:[ ]among[ ]violations)?
      | Absolute[ ]difference
    ):[ ](?P<error>{NUMBER})
    (?:.{{0,60}}?\(up[ ]to[ ](?P<allowed>{NUMBER})[ ]allowed\))?
    """,
    matches=["Greatest absolute difference: 0.5 at index (3,) (up to 1e-05 allowed)"],
    rejects=["Greatest relative difference: 0.5"],
)
RELATIVE = pattern(
    rf"""
    (?: Greatest[ ]relative[ ]difference
      | Max[ ]relative[ ]difference(?:[ ]among[ ]violations)?
      | Relative[ ]difference
    ):[ ](?P<error>{NUMBER})
    (?:.{{0,60}}?\(up[ ]to[ ](?P<allowed>{NUMBER})[ ]allowed\))?
    """,
    matches=["Max relative difference among violations: 0.05"],
    rejects=["Max absolute difference: 0.05"],
)
TOLERANCES = pattern(
    rf"rtol=(?P<relative>{NUMBER}),?[ ]atol=(?P<absolute>{NUMBER})",
    matches=["Not equal to tolerance rtol=1e-07, atol=0"],
    rejects=["rtol=1e-07"],
)
_PAIR = pattern(
    rf"""
    (?: [Ee]xpected:? | [Ww]anted:? | [Oo]btained:? | [Gg]ot:? | [Aa]ctual:? )
      \s+ (?:tensor\()?(?P<one>{NUMBER})\)?,? \s+
      (?:but\s+)? (?:got|obtained|expected|actual|instead[ ]of|was|vs\.?):? \s+
      (?:tensor\()?(?P<other>{NUMBER})
    | (?<![\w.])(?P<left>{NUMBER}) \s+ (?:vs\.?|versus|!=|instead[ ]of) \s+ (?P<right>{NUMBER})(?![\w.])
    """,
    matches=["expected 5.0, got 5.5", "128.5 vs 128.0", "3 instead of 4"],
    rejects=["expected a tensor, got 5.5", "v1.2 vs"],
)
_PAIR_HINTS = (" vs", "xpected", "anted", "btained", "got", "Got", "ctual", "!=", "instead", "versus")
"""Every match of `_PAIR` holds one of these."""
_ABS_OF_DIFFERENCE = pattern(
    rf"where[ ](?P<error>{NUMBER})[ ]=[ ]abs\(\(?[^\n]{{1,200}}?[ ]-[ ]",
    matches=[" +  where 0.5 = abs((128.5 - 128.0))"],
    rejects=["where 0.5 = abs(x)"],
)
_EXCEEDS = pattern(
    rf"""
    (?P<error>{NUMBER}) \s*(?:>=?|exceeds|above|over|larger[ ]than|greater[ ]than)\s*
    (?:the\s+)?(?:max\w*\s+)?(?:tol\w*|threshold|limit|allowed|atol|rtol)?\s*(?:of\s+|=\s*)?
    (?P<allowed>{NUMBER})
    """,
    matches=["max error 1.2e-3 exceeds tolerance 1e-5", "0.3 > 0.1"],
    rejects=["0.3 is too large"],
)
_JACOBIAN = pattern(
    r"(?P<side>numerical|analytical):\s*tensor\((?P<body>[^)]{0,4000})\)",
    matches=["numerical:tensor([[1.5]])"],
    rejects=["numerical: 1.5"],
)


def read_sentence(message: str) -> Numeric:
    """The numbers of a message in one of the common forms; an empty `Numeric` where it compares nothing."""
    text = message[:LOOKED_AT]
    if "do not match" in text and (found := _ATTRIBUTE.search(text)):
        relation = relation_of(found["got"], found["due"])
        return Numeric(kind="attribute", attribute=found["attribute"], shapes=relation)
    kind = _kind(text)
    if kind == "gradcheck":
        return Numeric(kind=kind, gradients=_gradients(text))
    shapes = _shapes(text) if "shapes (" in text or "tensor a (" in text else ""
    explained = _explained_comparison(text) if "assert " in text else None
    if kind or ("difference" in text and ABSOLUTE.search(text)):
        return _table_of_differences(kind or "close", text, shapes, explained)
    if explained is not None:
        return explained
    if shapes:
        return Numeric(kind="shape", shapes=shapes)
    return _sentence(text)


def names_comparison(text: str) -> bool:
    """Whether a text has what any of the headings, attributes or shapes that are looked for has."""
    hints = (*_LIBRARY_HINTS, "do not match", "shapes (", "tensor a (")
    return holds_any(text, hints)


def may_tell_difference(text: str) -> bool:
    """Whether a text may show that one side of `assert error < tolerance` is a difference."""
    return "abs(" in text or holds_any(text, _PAIR_HINTS)


def _kind(text: str) -> str:
    """The kind of comparison that a library's heading names; empty without such a heading."""
    if not holds_any(text, _LIBRARY_HINTS):
        return ""
    return next((kind for kind, heading in _KINDS if heading.search(text)), "")


def _explained_comparison(text: str) -> Numeric | None:
    """The comparison that pytest explains; None where its sides are no single numbers."""
    for line in text.splitlines()[:_EXPLAINED_LINES]:
        found = _COMPARISON.match(line.strip()) if "assert " in line else None
        if found is not None:
            return _compared(found, text)
    return None


def _compared(found: re.Match[str], text: str) -> Numeric | None:
    left, right = number(found["left"]), number(found["right"])
    if left is None or right is None:
        return None
    op = found["op"]
    classes = class_of(left), class_of(right)
    difference = factor = None
    if op == "==" and math.isfinite(left) and math.isfinite(right):
        difference = abs(left - right)
        if difference and left and right:
            factor = left / right
    if found["approx"] is not None:
        ratio = decade(difference, number(found["approx"]))
        return Numeric("close", "≈", *classes, ratio, difference, factor=factor)
    if op in ("<", "<="):
        difference = _difference_behind(text, left)
    ratio = decade(left, right) if op not in ("==", "!=") else None
    return Numeric("compare", op, *classes, ratio, difference, factor=factor)


def _difference_behind(text: str, error: float) -> float | None:
    """The error of `assert error < tolerance`, where explanation or message show that it is a difference."""
    if "abs(" in text:
        for found in _ABS_OF_DIFFERENCE.finditer(text):
            if number(found["error"]) == error:
                return error
    pair = _pair(text)
    if pair is not None and math.isclose(pair.difference, error, rel_tol=1e-6):
        return error
    return None


def _table_of_differences(kind: str, text: str, shapes: str, explained: Numeric | None) -> Numeric:
    absolute, relative, tolerances = ABSOLUTE.search(text), RELATIVE.search(text), TOLERANCES.search(text)
    error = number(absolute["error"]) if absolute else None
    allowed = number(absolute["allowed"]) if absolute else None
    if allowed is None and tolerances:
        allowed = number(tolerances["absolute"])
    ratio = decade(error, allowed)
    if ratio is None and relative:
        allowed_share = number(relative["allowed"])
        if not allowed_share and tolerances:
            allowed_share = number(tolerances["relative"])
        ratio = decade(number(relative["error"]), allowed_share)
    if ratio is None and explained is not None:
        ratio = explained.decade
    odd = ""
    if error is not None and math.isnan(error):
        odd = "nan"
    elif error == math.inf:
        odd = "inf"
    difference = explained.difference if explained else None
    if error is not None and math.isfinite(error):
        difference = error
    return Numeric(
        kind=kind,
        left=odd,
        decade=ratio,
        difference=difference,
        fraction=fraction_of(text),
        shapes=shapes,
        factor=explained.factor if explained else None,
    )


def _sentence(text: str) -> Numeric:
    first = text.strip().partition("\n")[0][:_LONGEST_SENTENCE]
    pair = _pair(first)
    if pair is not None and math.isfinite(pair.one) and math.isfinite(pair.other):
        return Numeric(
            "pair", left=class_of(pair.one), right=class_of(pair.other), difference=pair.difference
        )
    if found := _EXCEEDS.search(first):
        return Numeric("exceeds", decade=decade(number(found["error"]), number(found["allowed"])))
    return Numeric()


class _Pair(NamedTuple):
    one: float
    other: float

    @property
    def difference(self) -> float:
        return abs(self.one - self.other)


def _pair(text: str) -> _Pair | None:
    """What was got and what was expected, where a sentence says both."""
    text = text[:2000]
    if not holds_any(text, _PAIR_HINTS):
        return None
    found = _PAIR.search(text)
    if found is None:
        return None
    one, other = number(found["one"] or found["left"]), number(found["other"] or found["right"])
    if one is None or other is None:
        return None
    return _Pair(one, other)


def _shapes(text: str) -> str:
    found = _SHAPES.search(text)
    if found is None:
        return ""
    return relation_of(found["x"] or found["a"], found["y"] or found["b"])


def _gradients(text: str) -> str:
    """Which of the two Jacobians is zero or not finite; empty where both are finite and not zero."""
    said = []
    for side, body in _JACOBIAN.findall(text):
        numbers = re.findall(NUMBER, body.split("dtype")[0])
        values = [value for value in map(number, numbers) if value is not None]
        if any(not math.isfinite(value) for value in values):
            said.append(f"{side} not finite")
        elif values and not any(values):
            said.append(f"{side} zero")
    return ", ".join(said)
