"""Read the numbers of a message as numpy.testing words them, and those of `isclose` and `isfinite`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from triage.signature.numbers import (
    NUMBER,
    ErrorOfPair,
    Numeric,
    distance,
    fraction,
    fraction_of,
    named_number,
    number,
    off_by,
)
from triage.text.pattern import pattern

_ULP = pattern(
    r"""
    not[ ](?:almost[ ])?equal[ ](?:up[ ])?to[ ](?P<allowed>\d+(?:\.\d+)?)[ ]ULP[ ]
    \(max[ ](?:difference[ ])?is[ ](?P<error>[\d.eE+]+)
    """,
    matches=["Arrays are not almost equal up to 1 ULP (max difference is 4.5e+15 ULP)"],
    rejects=["Arrays are not almost equal to 6 decimals"],
)


def count_of_floats(text: str, known: Numeric) -> Numeric | None:
    """numpy's `assert_array_max_ulp` and `assert_array_almost_equal_nulp`."""
    found = _ULP.search(text)
    if found is None:
        return None
    off = off_by("close", number(found["error"]), number(found["allowed"]))
    return replace(off, difference=None)  # a count of floats, no difference of values


_LOCATION = pattern(
    r"\b(?P<what>nan|[-+]?inf)[ ]location[ ]mismatch",
    matches=["x and y +inf location mismatch:", "x and y nan location mismatch:"],
    rejects=["location mismatch"],
)


def nan_location(text: str, known: Numeric) -> Numeric | None:
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
    rf"ACTUAL:[ ]{named_number('actual')}\s*\n\s*DESIRED:[ ]{named_number('desired')}\s*$",
    flags=re.MULTILINE,
    matches=[" ACTUAL: 1.5\n DESIRED: np.float64(2.5)"],
    rejects=[" ACTUAL: array([1., 2.])\n DESIRED: array([1., 3.])"],
)


def decimals(text: str, known: Numeric) -> Numeric | None:
    """numpy's `assert_almost_equal` and `assert_approx_equal`."""
    places, digits = _DECIMALS.search(text), _DIGITS.search(text)
    if not (places or digits) or known.shapes or _LOCATION.search(text):
        return None
    pair = _ACTUAL.search(text)
    desired = number(pair["desired"]) if pair else None
    error = distance(pair["actual"], pair["desired"]) if pair else None
    if error is None:
        error = known.difference
    if places:
        # numpy: |desired - actual| < 1.5 * 10**-decimal
        allowed = 1.5 * 10.0 ** -int(places["places"])
    elif digits and desired:
        allowed = abs(desired) * 10.0 ** (1 - int(digits["digits"]))
    else:
        return None
    return off_by("close", error, allowed, share=known.fraction)


_ORDERED = pattern(
    r"not[ ]strictly[ ]ordered[ ]`x[ ]<[ ]y`|Arrays[ ]are[ ]not[ ]less-ordered|not[ ]less-(?:or-)?equal",
    matches=["Arrays are not strictly ordered `x < y`", "Arrays are not less-ordered"],
    rejects=["Arrays are not equal"],
)


def ordered(text: str, known: Numeric) -> Numeric | None:
    """numpy's `assert_array_less`."""
    if not _ORDERED.search(text):
        return None
    return Numeric("compare", op="<", fraction=fraction_of(text), shapes=known.shapes)


def single_items(text: str, known: Numeric) -> Numeric | None:
    """numpy's `assert_equal` of single values."""
    if not text.lstrip().startswith("Items are not equal"):
        return None
    pair = _ACTUAL.search(text)
    error = distance(pair["actual"], pair["desired"]) if pair else None
    return off_by("equal", error, None)


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


def close_call(text: str, known: Numeric) -> Numeric | None:
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
        errors.append(ErrorOfPair(abs(one - other), allowed))
    if not errors:
        return Numeric("close")
    worst = max(errors, key=lambda error: error.in_tolerances)
    wrong = sum(error.counts for error in errors)
    share = fraction(wrong, len(errors)) if wrong and len(errors) > 1 else ""
    return off_by("close", worst.off, worst.allowed, share=share)


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


def finite(text: str, known: Numeric) -> Numeric | None:
    """`isfinite` of numpy and torch."""
    found = _FINITE.search(text)
    if found is None:
        return None
    odd = next((word for word in ("nan", "inf") if word in found["of"]), "")
    return Numeric("finite", left=odd)
