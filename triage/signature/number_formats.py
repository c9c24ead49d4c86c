"""How libraries word their numbers beyond what `parse_numeric` (frozen with `reason/2`) knows: every form of
numpy.testing, pytest.approx, unittest, pandas.testing, isclose and allclose, gradcheck's fast mode.

Each reader gets the message and what `parse_numeric` made of it, and gives a better `Numeric` or None.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from triage.signature.numbers import (
    ABSOLUTE,
    NUMBER,
    RELATIVE,
    TOLERANCES,
    Numeric,
    class_of,
    decade,
    fraction_of,
    number,
    parse_numeric,
    relation_of,
)

_LOOKED_AT = 20_000
_N = rf"(?:np\.\w+\()?({NUMBER})\)?"
_ULP = re.compile(
    r"not (?:almost )?equal (?:up )?to (\d+(?:\.\d+)?) ULP \(max (?:difference )?is ([\d.eE+]+)"
)
_DECIMALS = re.compile(r"not almost equal to (\d+) decimals")
_DIGITS = re.compile(r"not equal to (\d+) significant digits")
_ACTUAL = re.compile(rf"ACTUAL: {_N}\s*\n\s*DESIRED: {_N}\s*$", re.MULTILINE)
_LOCATION = re.compile(r"\b(nan|[-+]?inf) location mismatch")
_ORDERED = re.compile(r"not strictly ordered `x (<) y`|Arrays are not less-ordered|not less-(?:or-)?equal")
_OBTAINED = re.compile(rf"Obtained: {_N}\s*\n\s*Expected: {_N}(?: ± ({NUMBER}))?")
_ROW = re.compile(rf"^\s*[^|\n]{{1,80}}\|\s*{_N}\s*\|\s*{_N} ± ({NUMBER})", re.MULTILINE)
_LENGTHS = re.compile(
    r"different sizes\.?\s+Lengths: \d+ and \d+|length of the sequences mismatch: \d+ != \d+"
)
_SHAPES = re.compile(r"different shapes\.?\s+Shapes: (\([\d, ]*\)) and (\([\d, ]*\))")
_SHAPE = r"(?:torch\.Size\()?([(\[][\d, ]*[)\]])\)?"
_SHAPE_PAIR = re.compile(rf"^assert {_SHAPE} == {_SHAPE}$", re.MULTILINE)
_STRIDE = re.compile(
    r"The values for attribute '(\w+)\(\)' do not match: (\S.*?) != (\S.*?)\.?$", re.MULTILINE
)
_CLOSE_CALL = re.compile(
    r"where (?:np\.)?False_? = <(?:built-in (?:function|method)|function) (?P<name>isclose|allclose|equal"
    r"|array_equal)\b[^>\n]*>\((?P<arguments>[^\n]{1,2000})\)$",
    re.MULTILINE,
)
_TOLERANCE_ARGUMENT = re.compile(rf"\b(rel_tol|abs_tol|rtol|atol)=({NUMBER})")
_FINITE = re.compile(
    r"where [^\n]{1,80} = <(?:ufunc '|built-in method )isfinite\b[^\n]*?>\((?P<of>[^\n]{1,2000})"
)
_WITHIN = re.compile(
    rf"^{_N} != {_N} within (?:(\d+) places|({NUMBER}) delta) \(({NUMBER}) difference\)", re.MULTILINE
)
_NOT_ORDERED = re.compile(rf"^{_N} not (less|greater) than (?:or equal to )?{_N}(?: : .*)?$")
_AT_INDEX = re.compile(rf"At (?:positional )?index \d+,? (?:first )?diff: {_N} != {_N}")
_PANDAS = re.compile(r"values are different \(([\d.]+) %\)")
_PANDAS_SHAPE = re.compile(r"shape mismatch\n\[left\]: +(\([\d, ]*\))\n\[right\]: +(\([\d, ]*\))")
_PANDAS_ATTRIBUTE = re.compile(r'^Attribute "(\w+)" (?:is|are) different$', re.MULTILINE)
_FAST = re.compile(rf"^(numerical|analytical):\s*({NUMBER})$", re.MULTILINE)
_DEFAULTS = {"math": (1e-9, 0.0), "numpy": (1e-5, 1e-8)}
"""Relative and absolute; torch takes those of numpy."""
_SIGNS = (
    "ULP", "decimals", "digits", "location mismatch", "ordered", "Obtained:", "Impossible", "do not match",
    "sequences mismatch", "isclose", "allclose", "equal", "isfinite", "within", " not less ", "diff:",
    " not greater ", "are different", "shape mismatch", "Jacobian", "Size(", ".shape", "ifference",
)  # fmt: skip


@lru_cache(maxsize=16384)
def read_numbers(message: str) -> Numeric:
    """The numbers of a message in any dialect; an empty `Numeric` where it compares nothing."""
    text = message[:_LOOKED_AT]
    known = parse_numeric(message)
    if not any(sign in text for sign in _SIGNS):
        return known
    found = next((better for reader in _READERS if (better := reader(text, known)) is not None), known)
    return _measured(text, found, known.factor)


def _measured(text: str, found: Numeric, factor: float | None) -> Numeric:
    """With the errors and the tolerance as the library printed them, where no reader had them."""
    absolute, relative, tolerances = ABSOLUTE.search(text), RELATIVE.search(text), TOLERANCES.search(text)
    allowed = absolute[2] if absolute and absolute[2] else tolerances[2] if tolerances else None
    if not number(allowed):
        allowed = relative[2] if relative and relative[2] else tolerances[1] if tolerances else None
    return replace(
        found,
        factor=factor,
        absolute=found.absolute if found.absolute is not None else number(absolute[1] if absolute else None),
        relative=found.relative if found.relative is not None else number(relative[1] if relative else None),
        tolerance=found.tolerance if found.tolerance is not None else number(allowed),
    )


def _off(
    kind: str, error: float | None, allowed: float | None, *, left: str = "", fraction: str = ""
) -> Numeric:
    """A comparison that is off by `error` where `allowed` would have been; `left` says what is odd."""
    finite = error is not None and math.isfinite(error)
    if not left and error is not None and not finite:
        left = "nan" if math.isnan(error) else "inf"
    return Numeric(
        kind,
        left=left,
        decade=decade(error, allowed),
        difference=error if finite else None,
        fraction=fraction,
        absolute=error,
        tolerance=allowed,
    )


def _ulp(text: str, known: Numeric) -> Numeric | None:
    found = _ULP.search(text)
    if found is None:
        return None
    return replace(_off("close", number(found[2]), number(found[1])), difference=None)


def _decimals(text: str, known: Numeric) -> Numeric | None:
    places, digits = _DECIMALS.search(text), _DIGITS.search(text)
    if not (places or digits) or known.shapes or _LOCATION.search(text):
        return None
    pair = _ACTUAL.search(text)
    actual, desired = (number(pair[1]), number(pair[2])) if pair else (None, None)
    error = known.difference
    if actual is not None and desired is not None:
        error = abs(actual - desired)
    if places:
        allowed = 1.5 * 10.0 ** -int(places[1])
    elif digits and desired:
        allowed = abs(desired) * 10.0 ** (1 - int(digits[1]))
    else:
        return None
    return _off("close", error, allowed, fraction=known.fraction)


def _location(text: str, known: Numeric) -> Numeric | None:
    found = _LOCATION.search(text)
    return Numeric("nan-location", left=found[1].lstrip("+-")) if found else None


def _ordered(text: str, known: Numeric) -> Numeric | None:
    if not _ORDERED.search(text):
        return None
    return Numeric("compare", op="<", fraction=fraction_of(text), shapes=known.shapes)


def _approx(text: str, known: Numeric) -> Numeric | None:
    if found := _OBTAINED.search(text):
        got, due, allowed = (number(found[group]) for group in (1, 2, 3))
        if got is None or due is None:
            return None
        error = abs(got - due)
        odd = next((class_of(v) for v in (got, due) if not math.isfinite(v)), "")
        return _off("close", error, allowed, left=odd)
    rows = [tuple(map(number, row)) for row in _ROW.findall(text)]
    whole = [(abs(got - due), allowed) for got, due, allowed in rows if got is not None and due is not None]
    if not whole:
        return None
    error, tolerance = max(whole, key=lambda row: row[0] / row[1] if row[1] else row[0])
    return _off("close", error, tolerance, fraction=fraction_of(text))


def _sizes(text: str, known: Numeric) -> Numeric | None:
    if _LENGTHS.search(text):
        return Numeric("attribute", attribute="length")
    if found := _SHAPES.search(text) or _PANDAS_SHAPE.search(text):
        return Numeric("attribute", attribute="shape", shapes=relation_of(found[1], found[2]))
    if (found := _SHAPE_PAIR.search(text)) and ("Size(" in found[0] or ".shape" in text or ".size()" in text):
        return Numeric("attribute", attribute="shape", shapes=relation_of(found[1], found[2]))
    if found := _STRIDE.search(text):
        return Numeric("attribute", attribute=found[1])
    if found := _PANDAS_ATTRIBUTE.search(text):
        return Numeric("attribute", attribute=found[1])
    return None


def _close_call(text: str, known: Numeric) -> Numeric | None:
    """`isclose(a, b)` and its kin, as pytest shows the call that gave False."""
    found = _CLOSE_CALL.search(text)
    if found is None:
        return None
    if "equal" in found["name"]:
        return Numeric("equal")
    values, *given = _TOLERANCE_ARGUMENT.split(found["arguments"])
    by_math = found["name"] == "isclose" and "<built-in function isclose>" in text
    tolerances = dict(zip(("relative", "absolute"), _DEFAULTS["math" if by_math else "numpy"], strict=True))
    for name, value in zip(given[::3], given[1::3], strict=True):
        tolerances["relative" if name.startswith("r") else "absolute"] = float(value)
    errors = [
        (abs(one - other), max(tolerances["relative"] * abs(other), tolerances["absolute"]))
        for one, other in _paired(values)
    ]
    if not errors:
        return Numeric("close")
    error, allowed = max(errors, key=lambda e: e[0] / e[1] if e[1] else math.inf if e[0] else 0.0)
    wrong = sum(not off <= tolerance for off, tolerance in errors)
    return _off("close", error, allowed, fraction=_share(wrong, len(errors)) if len(errors) > 1 else "")


def _paired(arguments: str) -> list[tuple[float, float]]:
    """Numbers of two equal halves of an argument list; empty where it is cut or not of two like values."""
    if "..." in arguments:
        return []
    bare = re.sub(r"dtype=[\w.]+|torch\.Size|float\d+|int\d+", "", arguments)
    numbers = [value for value in map(number, re.findall(rf"(?<![\w.]){NUMBER}", bare)) if value is not None]
    half, odd = divmod(len(numbers), 2)
    return [] if odd else list(zip(numbers[:half], numbers[half:], strict=True))


def _finite(text: str, known: Numeric) -> Numeric | None:
    found = _FINITE.search(text)
    if found is None:
        return None
    return Numeric("finite", left="nan" if "nan" in found["of"] else "inf" if "inf" in found["of"] else "")


def _unittest(text: str, known: Numeric) -> Numeric | None:
    if found := _WITHIN.search(text):
        allowed = 0.5 * 10.0 ** -int(found[3]) if found[3] else number(found[4])
        return _off("close", number(found[5]), allowed)
    if found := _NOT_ORDERED.match(text.partition("\n")[0]):
        one, other = number(found[1]), number(found[3])
        if one is None or other is None:
            return None
        op = "<" if found[2] == "less" else ">"
        return Numeric("compare", op, class_of(one), class_of(other), decade(one, other))
    return None


def _elements(text: str, known: Numeric) -> Numeric | None:
    pandas, at = _PANDAS.search(text), _AT_INDEX.search(text)
    if not (pandas or at) or known.kind:
        return None
    one, other = (number(at[1]), number(at[2])) if at else (None, None)
    error = abs(one - other) if one is not None and other is not None else None
    share = float(pandas[1]) if pandas else 0.0
    fraction = "" if not pandas else "all" if share >= 100 else "few" if share < 10 else "many"
    return _off("equal", error, None, fraction=fraction)


def _items(text: str, known: Numeric) -> Numeric | None:
    if not text.lstrip().startswith("Items are not equal"):
        return None
    pair = _ACTUAL.search(text)
    one, other = (number(pair[1]), number(pair[2])) if pair else (None, None)
    return _off("equal", abs(one - other) if one is not None and other is not None else None, None)


def _fast_gradcheck(text: str, known: Numeric) -> Numeric | None:
    if known.kind != "gradcheck" or known.gradients:
        return None
    said = []
    for side, value in _FAST.findall(text):
        parsed = number(value)
        if parsed is not None and (parsed == 0 or not math.isfinite(parsed)):
            said.append(f"{side} zero" if parsed == 0 else f"{side} not finite")
    return replace(known, gradients=", ".join(said)) if said else None


def _share(part: int, whole: int) -> str:
    return fraction_of(f"Mismatched elements: {part} / {whole}") if part else ""


_READERS: tuple[Callable[[str, Numeric], Numeric | None], ...] = (
    _ulp, _location, _decimals, _ordered, _approx, _sizes, _close_call, _finite, _unittest, _items, _elements,
    _fast_gradcheck,
)  # fmt: skip
