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

from triage.signature.number_sentences import (
    ABSOLUTE,
    RELATIVE,
    TOLERANCES,
    names_comparison,
    read_sentence,
)
from triage.signature.numbers import (
    ANY_NUMBER,
    LOOKED_AT,
    NUMBER,
    ErrorOfPair,
    Numeric,
    class_of,
    decade,
    distance,
    fraction_of,
    named_number,
    number,
    off_by,
    relation_of,
)
from triage.signature.numpy_formats import (
    close_call,
    count_of_floats,
    decimals,
    finite,
    nan_location,
    ordered,
    single_items,
)
from triage.text.hints import holds_any
from triage.text.pattern import pattern


@lru_cache(maxsize=16384)
def read_numbers(message: str) -> Numeric:
    """The numbers of a message, whoever worded it; an empty `Numeric` where it compares nothing."""
    text = message[:LOOKED_AT]
    known = read_sentence(message)
    hinted = [reader for reader in _READERS if holds_any(text, reader.hints)]
    if not hinted and not holds_any(text, _TABLE_HINTS):
        return known
    found = known
    for reader in hinted:
        better = reader.read(text, known)
        if better is not None:
            found = better
            break
    return _with_printed_errors(text, found, known.factor)


def is_worded_by_library(text: str) -> bool:
    """Whether a message with this text may be read otherwise than as a sentence or an assertion."""
    return (
        any(holds_any(text, reader.hints) for reader in _READERS)
        or holds_any(text, _TABLE_HINTS)
        or names_comparison(text)
    )


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


_OBTAINED = pattern(
    rf"""
    Obtained:[ ]{named_number("got")}\s*\n\s*
    Expected:[ ]{named_number("due")}(?:[ ]±[ ](?P<allowed>{NUMBER}))?
    """,
    matches=["Obtained: 0.1\n  Expected: 0.2 ± 2.0e-07"],
    rejects=["Obtained: 'a'\n  Expected: 0.2"],
)
_APPROX_ROW = pattern(
    rf"^\s*[^|\n]{{1,80}}\|\s*{named_number('got')}\s*\|\s*{named_number('due')}[ ]±[ ](?P<allowed>{NUMBER})",
    flags=re.MULTILINE,
    matches=["  0     | 1.0      | 1.5 ± 1.5e-06"],
    rejects=["  Index | Obtained | Expected"],
)


def _approx(text: str, known: Numeric) -> Numeric | None:
    """pytest.approx: one number, or a table of rows."""
    if found := _OBTAINED.search(text):
        got, due = number(found["got"]), number(found["due"])
        if got is None or due is None:
            return None
        odd = next((class_of(value) for value in (got, due) if not math.isfinite(value)), "")
        return off_by("close", abs(got - due), number(found["allowed"]), left=odd)
    errors = []
    for row in _APPROX_ROW.finditer(text):
        error, allowed = distance(row["got"], row["due"]), number(row["allowed"])
        if error is not None and allowed is not None:
            errors.append(ErrorOfPair(error, allowed))
    if not errors:
        return None
    # rows that allow nothing are ranked by the error itself, so that one does not hide all others
    worst = max(errors, key=lambda error: error.in_tolerances if error.allowed else error.off)
    return off_by("close", worst.off, worst.allowed, share=fraction_of(text))


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


_WITHIN = pattern(
    rf"""
    ^{ANY_NUMBER}[ ]!=[ ]{ANY_NUMBER}[ ]within[ ]
    (?:(?P<places>\d+)[ ]places|(?P<delta>{NUMBER})[ ]delta)[ ]
    \((?P<error>{NUMBER})[ ]difference\)
    """,
    flags=re.MULTILINE,
    matches=["1.0 != 1.5 within 7 places (0.5 difference)", "1 != 3 within 1 delta (2 difference)"],
    rejects=["1.0 != 1.5"],
)
_NOT_ORDERED = pattern(
    rf"""
    ^{named_number("one")}[ ]not[ ](?P<relation>less|greater)[ ]than[ ](?:or[ ]equal[ ]to[ ])?
    {named_number("other")}
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
        return off_by("close", number(found["error"]), allowed)
    found = _NOT_ORDERED.match(text.partition("\n")[0])
    if found is None:
        return None
    one, other = number(found["one"]), number(found["other"])
    if one is None or other is None:
        return None
    op = "<" if found["relation"] == "less" else ">"
    return Numeric("compare", op, class_of(one), class_of(other), decade(one, other))


_PANDAS_VALUES = pattern(
    r"values[ ]are[ ]different[ ]\((?P<percent>[\d.]+)[ ]%\)",
    matches=["Series values are different (33.3 %)"],
    rejects=["Series are different"],
)
_AT_INDEX = pattern(
    rf"""
    At[ ](?:positional[ ])?index[ ]\d+,?[ ](?:first[ ])?diff:[ ]
    {named_number("one")}[ ]!=[ ]{named_number("other")}
    """,
    matches=["At positional index 2, first diff: 3.0 != 3.5", "At index 0 diff: 1 != 2"],
    rejects=["At index 0 diff: 'a' != 'b'"],
)


def _elements(text: str, known: Numeric) -> Numeric | None:
    """The first element that differs, as pytest and pandas show it."""
    pandas, at = _PANDAS_VALUES.search(text), _AT_INDEX.search(text)
    if not (pandas or at) or known.kind:
        return None
    error = distance(at["one"], at["other"]) if at else None
    share = ""
    if pandas:
        percent = float(pandas["percent"])
        share = "few" if percent < 10 else "many"
        if percent >= 100:
            share = "all"
    return off_by("equal", error, None, share=share)


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
    Reader(count_of_floats, ("ULP",)),
    Reader(nan_location, ("location mismatch",)),
    Reader(decimals, ("decimals", "digits")),
    Reader(ordered, ("ordered", "not less-")),
    Reader(_approx, ("Obtained:", "±")),
    Reader(_sizes, ("Lengths:", "Shapes:", "sequences mismatch", "shape mismatch", "do not match",
                    "different", "Size(", ".shape", ".size()")),
    Reader(close_call, ("isclose", "allclose", "equal")),
    Reader(finite, ("isfinite",)),
    Reader(_unittest, (" within ", " not less ", " not greater ")),
    Reader(single_items, ("Items are not equal",)),
    Reader(_elements, ("diff:", "are different")),
    Reader(_fast_gradcheck, ("Jacobian",)),
)  # fmt: skip
"""In the order in which they are asked: the first that understands the message decides. What is special
comes before what is general: a mismatch of nan before a comparison of decimals."""
_TABLE_HINTS = ("Difference", "difference")
"""A text with one of these has errors to read, whichever reader understood it."""
