"""Read the numbers of a message as each library words them: every form of numpy.testing, pytest.approx,
unittest, pandas.testing, isclose and allclose, gradcheck's fast mode.

A reader gets the message and what `read_sentence` made of it, and gives a better `Numeric` or None. To read
another library, add a reader and its row in `_READERS`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from triage.signature.number_sentences import ABSOLUTE, RELATIVE, TOLERANCES, read_sentence
from triage.signature.numbers import (
    LOOKED_AT,
    NUMBER,
    Numeric,
    class_of,
    decade,
    fraction,
    fraction_of,
    number,
    relation_of,
)
from triage.text.pattern import pattern


@lru_cache(maxsize=16384)
def read_numbers(message: str) -> Numeric:
    """The numbers of a message, whoever worded it; an empty `Numeric` where it compares nothing."""
    text = message[:LOOKED_AT]
    known = read_sentence(message)
    hinted = [reader for reader in _READERS if any(hint in text for hint in reader.hints)]
    if not hinted and not any(hint in text for hint in _TABLE_HINTS):
        return known
    found = known
    for reader in hinted:
        better = reader.read(text, known)
        if better is not None:
            found = better
            break
    return _with_printed_errors(text, found, known.factor)


def _with_printed_errors(text: str, found: Numeric, factor: float | None) -> Numeric:
    """With the errors and the tolerance as the library printed them, where no reader had them."""
    absolute, relative, tolerances = ABSOLUTE.search(text), RELATIVE.search(text), TOLERANCES.search(text)
    allowed = _tolerance(absolute, tolerances, "absolute")
    if not allowed:  # where no absolute error is allowed, the relative one decides
        allowed = _tolerance(relative, tolerances, "relative")
    if found.absolute is None and absolute:
        found = replace(found, absolute=number(absolute["error"]))
    if found.relative is None and relative:
        found = replace(found, relative=number(relative["error"]))
    if found.tolerance is None:
        found = replace(found, tolerance=allowed)
    return replace(found, factor=factor)


def _tolerance(
    difference: re.Match[str] | None, tolerances: re.Match[str] | None, which: str
) -> float | None:
    """What is allowed beside a difference, else in the heading."""
    if difference and difference["allowed"]:
        return number(difference["allowed"])
    return number(tolerances[which]) if tolerances else None


def _off(
    kind: str, error: float | None, allowed: float | None, *, left: str = "", share: str = ""
) -> Numeric:
    """A comparison that is off by `error` where `allowed` would have been; `left` says what is odd."""
    finite = error is not None and math.isfinite(error)
    if not left and error is not None and not finite:
        left = class_of(error)
    return Numeric(
        kind,
        left=left,
        decade=decade(error, allowed),
        difference=error if finite else None,
        fraction=share,
        absolute=error,
        tolerance=allowed,
    )


def _distance(one: str | None, other: str | None) -> float | None:
    """|a - b| of two numbers as text; None unless both are."""
    a, b = number(one), number(other)
    if a is None or b is None:
        return None
    return abs(a - b)


_N = rf"(?:np\.\w+\()?(?:{NUMBER})\)?"
"""A number that numpy's repr may wrap."""


def _named(name: str) -> str:
    return rf"(?:np\.\w+\()?(?P<{name}>{NUMBER})\)?"


_ULP = pattern(
    r"""
    not[ ](?:almost[ ])?equal[ ](?:up[ ])?to[ ](?P<allowed>\d+(?:\.\d+)?)[ ]ULP[ ]
    \(max[ ](?:difference[ ])?is[ ](?P<error>[\d.eE+]+)
    """,
    matches=["Arrays are not almost equal up to 1 ULP (max difference is 4.5e+15 ULP)"],
    rejects=["Arrays are not almost equal to 6 decimals"],
)


def _ulp(text: str, known: Numeric) -> Numeric | None:
    """numpy's `assert_array_max_ulp` and `assert_array_almost_equal_nulp`."""
    found = _ULP.search(text)
    if found is None:
        return None
    off = _off("close", number(found["error"]), number(found["allowed"]))
    return replace(off, difference=None)  # a count of floats, no difference of values


_LOCATION = pattern(
    r"\b(?P<what>nan|[-+]?inf)[ ]location[ ]mismatch",
    matches=["x and y +inf location mismatch:", "x and y nan location mismatch:"],
    rejects=["location mismatch"],
)


def _location(text: str, known: Numeric) -> Numeric | None:
    """numpy's report of nan or infinity in one array only."""
    found = _LOCATION.search(text)
    return Numeric("nan-location", left=found["what"].lstrip("+-")) if found else None


_DECIMALS = pattern(
    r"not[ ]almost[ ]equal[ ]to[ ](?P<places>\d+)[ ]decimals",
    matches=["Arrays are not almost equal to 6 decimals"],
    rejects=["almost equal to 6 decimals"],
)
_DIGITS = pattern(
    r"not[ ]equal[ ]to[ ](?P<digits>\d+)[ ]significant[ ]digits",
    matches=["Items are not equal to 7 significant digits:"],
    rejects=["7 significant digits"],
)
_ACTUAL = pattern(
    rf"ACTUAL:[ ]{_named('actual')}\s*\n\s*DESIRED:[ ]{_named('desired')}\s*$",
    flags=re.MULTILINE,
    matches=[" ACTUAL: 1.5\n DESIRED: np.float64(2.5)"],
    rejects=[" ACTUAL: array([1., 2.])\n DESIRED: array([1., 3.])"],
)


def _decimals(text: str, known: Numeric) -> Numeric | None:
    """numpy's `assert_almost_equal` and `assert_approx_equal`."""
    places, digits = _DECIMALS.search(text), _DIGITS.search(text)
    if not (places or digits) or known.shapes or _LOCATION.search(text):
        return None
    pair = _ACTUAL.search(text)
    desired = number(pair["desired"]) if pair else None
    error = _distance(pair["actual"], pair["desired"]) if pair else None
    if error is None:
        error = known.difference
    if places:
        # numpy: |desired - actual| < 1.5 * 10**-decimal
        allowed = 1.5 * 10.0 ** -int(places["places"])
    elif digits and desired:
        allowed = abs(desired) * 10.0 ** (1 - int(digits["digits"]))
    else:
        return None
    return _off("close", error, allowed, share=known.fraction)


_ORDERED = pattern(
    r"not[ ]strictly[ ]ordered[ ]`x[ ]<[ ]y`|Arrays[ ]are[ ]not[ ]less-ordered|not[ ]less-(?:or-)?equal",
    matches=["Arrays are not strictly ordered `x < y`", "Arrays are not less-ordered"],
    rejects=["Arrays are not equal"],
)


def _ordered(text: str, known: Numeric) -> Numeric | None:
    """numpy's `assert_array_less`."""
    if not _ORDERED.search(text):
        return None
    return Numeric("compare", op="<", fraction=fraction_of(text), shapes=known.shapes)


_OBTAINED = pattern(
    rf"Obtained:[ ]{_named('got')}\s*\n\s*Expected:[ ]{_named('due')}(?:[ ]±[ ](?P<allowed>{NUMBER}))?",
    matches=["Obtained: 0.1\n  Expected: 0.2 ± 2.0e-07"],
    rejects=["Obtained: 'a'\n  Expected: 0.2"],
)
_APPROX_ROW = pattern(
    rf"^\s*[^|\n]{{1,80}}\|\s*{_named('got')}\s*\|\s*{_named('due')}[ ]±[ ](?P<allowed>{NUMBER})",
    flags=re.MULTILINE,
    matches=["  0     | 1.0      | 1.5 ± 1.5e-06"],
    rejects=["  Index | Obtained | Expected"],
)


class _Error(NamedTuple):
    """How far one pair of values is off, and what would have been allowed."""

    off: float
    allowed: float

    @property
    def in_tolerances(self) -> float:
        """The error in units of the tolerance: infinite where nothing is allowed."""
        if self.allowed:
            return self.off / self.allowed
        return math.inf if self.off else 0.0

    @property
    def counts(self) -> bool:
        """Whether it is larger than allowed; a nan is."""
        return not self.off <= self.allowed


def _approx(text: str, known: Numeric) -> Numeric | None:
    """pytest.approx: one number, or a table of rows."""
    if found := _OBTAINED.search(text):
        got, due = number(found["got"]), number(found["due"])
        if got is None or due is None:
            return None
        odd = next((class_of(value) for value in (got, due) if not math.isfinite(value)), "")
        return _off("close", abs(got - due), number(found["allowed"]), left=odd)
    errors = []
    for row in _APPROX_ROW.finditer(text):
        error, allowed = _distance(row["got"], row["due"]), number(row["allowed"])
        if error is not None and allowed is not None:
            errors.append(_Error(error, allowed))
    if not errors:
        return None
    # rows that allow nothing are ranked by the error itself, so that one does not hide all others
    worst = max(errors, key=lambda error: error.in_tolerances if error.allowed else error.off)
    return _off("close", worst.off, worst.allowed, share=fraction_of(text))


_LENGTHS = pattern(
    r"""
    different[ ]sizes\.?\s+Lengths:[ ]\d+[ ]and[ ]\d+
    | length[ ]of[ ]the[ ]sequences[ ]mismatch:[ ]\d+[ ]!=[ ]\d+
    """,
    matches=["different sizes.\n  Lengths: 2 and 3", "The length of the sequences mismatch: 2 != 3"],
    rejects=["different lengths"],
)
_APPROX_SHAPES = pattern(
    r"different[ ]shapes\.?\s+Shapes:[ ](?P<got>\([\d,\ ]*\))[ ]and[ ](?P<due>\([\d,\ ]*\))",
    matches=["Impossible to compare arrays with different shapes.\n  Shapes: (2,) and (2, 1)"],
    rejects=["Shapes: (2,) and (2, 1)"],
)
_PANDAS_SHAPES = pattern(
    r"shape[ ]mismatch\n\[left\]:[ ]+(?P<got>\([\d,\ ]*\))\n\[right\]:[ ]+(?P<due>\([\d,\ ]*\))",
    matches=["DataFrame shape mismatch\n[left]:  (2, 1)\n[right]: (3, 1)"],
    rejects=["shape mismatch"],
)
_SHAPE = r"(?:torch\.Size\()?(?P<{}>[(\[][\d,\ ]*[)\]])\)?"
_SHAPE_PAIR = pattern(
    rf"^assert[ ]{_SHAPE.format('got')}[ ]==[ ]{_SHAPE.format('due')}$",
    flags=re.MULTILINE,
    matches=["assert torch.Size([2, 3]) == torch.Size([3])", "assert (2,) == (3,)"],
    rejects=["assert (2,) == x.shape"],
)
_TORCH_ATTRIBUTE = pattern(
    r"The[ ]values[ ]for[ ]attribute[ ]'(?P<name>\w+)\(\)'[ ]do[ ]not[ ]match:[ ]\S.*?[ ]!=[ ]\S.*?\.?$",
    flags=re.MULTILINE,
    matches=["The values for attribute 'stride()' do not match: (2, 1) != (1, 2)."],
    rejects=["The values for attribute 'dtype' do not match: a != b"],
)
_PANDAS_ATTRIBUTE = pattern(
    r'^Attribute[ ]"(?P<name>\w+)"[ ](?:is|are)[ ]different$',
    flags=re.MULTILINE,
    matches=['Attribute "dtype" are different'],
    rejects=['Attributes of Series are different: "dtype"'],
)


def _sizes(text: str, known: Numeric) -> Numeric | None:
    """Lengths, shapes and attributes that differ, as pytest, torch and pandas put it."""
    if _LENGTHS.search(text):
        return Numeric("attribute", attribute="length")
    if found := _APPROX_SHAPES.search(text) or _PANDAS_SHAPES.search(text):
        return Numeric("attribute", attribute="shape", shapes=relation_of(found["got"], found["due"]))
    found = _SHAPE_PAIR.search(text)
    if found and ("Size(" in found[0] or ".shape" in text or ".size()" in text):
        return Numeric("attribute", attribute="shape", shapes=relation_of(found["got"], found["due"]))
    if found := _TORCH_ATTRIBUTE.search(text) or _PANDAS_ATTRIBUTE.search(text):
        return Numeric("attribute", attribute=found["name"])
    return None


_CLOSE_CALL = pattern(
    r"""
    where[ ](?:np\.)?False_?[ ]=[ ]
    <(?:built-in[ ](?:function|method)|function)[ ](?P<name>isclose|allclose|equal|array_equal)\b[^>\n]*>
    \((?P<arguments>[^\n]{1,2000})\)$
    """,
    flags=re.MULTILINE,
    matches=["where False = <built-in function isclose>(1.0, 1.5, rel_tol=1e-3)"],
    rejects=["where True = <built-in function isclose>(1.0, 1.0)"],
)
_TOLERANCE_ARGUMENT = pattern(
    rf"\b(?P<name>rel_tol|abs_tol|rtol|atol)=(?P<value>{NUMBER})",
    matches=["1.0, 1.5, rel_tol=1e-3"],
    rejects=["tol=1e-3"],
)
_NOT_A_VALUE = pattern(
    r"dtype=[\w.]+|torch\.Size|float\d+|int\d+",
    matches=["dtype=torch.float64", "float32"],
    rejects=["1.5"],
)


class _Tolerances(NamedTuple):
    relative: float
    absolute: float


_MATH_DEFAULTS = _Tolerances(1e-9, 0.0)
"""Of `math.isclose`."""
_NUMPY_DEFAULTS = _Tolerances(1e-5, 1e-8)
"""Of `numpy.isclose` and `allclose`; torch takes the same."""


def _close_call(text: str, known: Numeric) -> Numeric | None:
    """`isclose(a, b)` and its kin, as pytest shows the call that gave False."""
    found = _CLOSE_CALL.search(text)
    if found is None:
        return None
    if "equal" in found["name"]:
        return Numeric("equal")
    by_math = found["name"] == "isclose" and "<built-in function isclose>" in text
    tolerances = _MATH_DEFAULTS if by_math else _NUMPY_DEFAULTS
    arguments = found["arguments"]
    for given in _TOLERANCE_ARGUMENT.finditer(arguments):
        which = "relative" if given["name"].startswith("r") else "absolute"
        tolerances = tolerances._replace(**{which: float(given["value"])})
    values = _TOLERANCE_ARGUMENT.split(arguments)[0]
    errors = []
    for one, other in _paired(values):
        allowed = max(tolerances.relative * abs(other), tolerances.absolute)
        errors.append(_Error(abs(one - other), allowed))
    if not errors:
        return Numeric("close")
    worst = max(errors, key=lambda error: error.in_tolerances)
    wrong = sum(error.counts for error in errors)
    share = fraction(wrong, len(errors)) if wrong and len(errors) > 1 else ""
    return _off("close", worst.off, worst.allowed, share=share)


def _paired(arguments: str) -> list[tuple[float, float]]:
    """Numbers of two equal halves of an argument list; empty where it is cut or not of two like values."""
    if "..." in arguments:
        return []
    bare = _NOT_A_VALUE.sub("", arguments)
    numbers = [value for value in map(number, re.findall(rf"(?<![\w.]){NUMBER}", bare)) if value is not None]
    half, odd = divmod(len(numbers), 2)
    if odd:
        return []
    return list(zip(numbers[:half], numbers[half:], strict=True))


_FINITE = pattern(
    r"where[ ][^\n]{1,80}[ ]=[ ]<(?:ufunc[ ]'|built-in[ ]method[ ])isfinite\b[^\n]*?>\((?P<of>[^\n]{1,2000})",
    matches=["where False = <ufunc 'isfinite'>(nan)"],
    rejects=["where False = isfinite(nan)"],
)


def _finite(text: str, known: Numeric) -> Numeric | None:
    """`isfinite` of numpy and torch."""
    found = _FINITE.search(text)
    if found is None:
        return None
    odd = next((word for word in ("nan", "inf") if word in found["of"]), "")
    return Numeric("finite", left=odd)


_WITHIN = pattern(
    rf"""
    ^{_N}[ ]!=[ ]{_N}[ ]within[ ]
    (?:(?P<places>\d+)[ ]places|(?P<delta>{NUMBER})[ ]delta)[ ]
    \((?P<error>{NUMBER})[ ]difference\)
    """,
    flags=re.MULTILINE,
    matches=["1.0 != 1.5 within 7 places (0.5 difference)", "1 != 3 within 1 delta (2 difference)"],
    rejects=["1.0 != 1.5"],
)
_NOT_ORDERED = pattern(
    rf"""
    ^{_named("one")}[ ]not[ ](?P<relation>less|greater)[ ]than[ ](?:or[ ]equal[ ]to[ ])?{_named("other")}
    (?:[ ]:[ ].*)?$
    """,
    matches=["3 not less than 2", "1.5 not greater than or equal to 2 : too slow"],
    rejects=["'b' not less than 'a'"],
    how="match",
)


def _unittest(text: str, known: Numeric) -> Numeric | None:
    """`assertAlmostEqual`, `assertLess` and their kin."""
    if found := _WITHIN.search(text):
        # unittest: round(difference, places) == 0
        allowed = 0.5 * 10.0 ** -int(found["places"]) if found["places"] else number(found["delta"])
        return _off("close", number(found["error"]), allowed)
    found = _NOT_ORDERED.match(text.partition("\n")[0])
    if found is None:
        return None
    one, other = number(found["one"]), number(found["other"])
    if one is None or other is None:
        return None
    op = "<" if found["relation"] == "less" else ">"
    return Numeric("compare", op, class_of(one), class_of(other), decade(one, other))


def _items(text: str, known: Numeric) -> Numeric | None:
    """numpy's `assert_equal` of single values."""
    if not text.lstrip().startswith("Items are not equal"):
        return None
    pair = _ACTUAL.search(text)
    error = _distance(pair["actual"], pair["desired"]) if pair else None
    return _off("equal", error, None)


_PANDAS_VALUES = pattern(
    r"values[ ]are[ ]different[ ]\((?P<percent>[\d.]+)[ ]%\)",
    matches=["Series values are different (33.3 %)"],
    rejects=["Series are different"],
)
_AT_INDEX = pattern(
    rf"At[ ](?:positional[ ])?index[ ]\d+,?[ ](?:first[ ])?diff:[ ]{_named('one')}[ ]!=[ ]{_named('other')}",
    matches=["At positional index 2, first diff: 3.0 != 3.5", "At index 0 diff: 1 != 2"],
    rejects=["At index 0 diff: 'a' != 'b'"],
)


def _elements(text: str, known: Numeric) -> Numeric | None:
    """The first element that differs, as pytest and pandas show it."""
    pandas, at = _PANDAS_VALUES.search(text), _AT_INDEX.search(text)
    if not (pandas or at) or known.kind:
        return None
    error = _distance(at["one"], at["other"]) if at else None
    share = ""
    if pandas:
        percent = float(pandas["percent"])
        share = "few" if percent < 10 else "many"
        if percent >= 100:
            share = "all"
    return _off("equal", error, None, share=share)


_FAST_GRADCHECK = pattern(
    rf"^(?P<side>numerical|analytical):\s*(?P<value>{NUMBER})$",
    flags=re.MULTILINE,
    matches=["numerical: 1.5", "analytical:0.0"],
    rejects=["numerical:tensor([[1.5]])"],
)


def _fast_gradcheck(text: str, known: Numeric) -> Numeric | None:
    """gradcheck's fast mode, which prints one number a side."""
    if known.kind != "gradcheck" or known.gradients:
        return None
    said = []
    for side, value in _FAST_GRADCHECK.findall(text):
        parsed = number(value)
        if parsed is None:
            continue
        if parsed == 0:
            said.append(f"{side} zero")
        elif not math.isfinite(parsed):
            said.append(f"{side} not finite")
    return replace(known, gradients=", ".join(said)) if said else None


class Reader(NamedTuple):
    """How one library words a failed comparison."""

    read: Callable[[str, Numeric], Numeric | None]
    hints: tuple[str, ...]
    """A text with none of these is not the library's: `in` finds them many times faster than a pattern."""


_READERS = (
    Reader(_ulp, ("ULP",)),
    Reader(_location, ("location mismatch",)),
    Reader(_decimals, ("decimals", "digits")),
    Reader(_ordered, ("ordered", "not less-")),
    Reader(_approx, ("Obtained:", "±")),
    Reader(_sizes, ("Lengths:", "Shapes:", "sequences mismatch", "shape mismatch", "do not match",
                    "different", "Size(", ".shape", ".size()")),
    Reader(_close_call, ("isclose", "allclose", "equal")),
    Reader(_finite, ("isfinite",)),
    Reader(_unittest, (" within ", " not less ", " not greater ")),
    Reader(_items, ("Items are not equal",)),
    Reader(_elements, ("diff:", "are different")),
    Reader(_fast_gradcheck, ("Jacobian",)),
)  # fmt: skip
"""In the order in which they are asked: the first that understands the message decides. What is special
comes before what is general: a mismatch of nan before a comparison of decimals."""
_TABLE_HINTS = ("Difference", "difference")
"""A text with one of these has errors to read, whichever reader understood it."""
