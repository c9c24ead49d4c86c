"""Say what a failure message compares in numbers: the value `Numeric`, and the terms in which it is put.

How messages are read is in `number_sentences` (pytest's explanations, tables of differences, sentences) and
`number_formats` (one reader a library).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import NamedTuple

from triage.text.pattern import pattern

NUMBER = r"[-+]?(?:\d+(?:,\d{3})*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf(?:inity)?)"
"""One number as libraries print it: thousands may be separated by commas."""

LOOKED_AT = 20_000
"""Characters of a message that are read: tables of differences stand at its beginning."""

_LARGEST_DECADE = 30
"""Decades are bounded, so that 1e-300 against 1e300 is no signature of its own."""

_FEW = 0.1
"""Below this share of differing elements they are few: single outliers, no wrong formula."""

_FRACTION = pattern(
    r"Mismatched[ ]elements:[ ](?P<part>\d+)[ ]/[ ](?P<whole>\d+)",
    matches=["Mismatched elements: 3 / 10 (30%)"],
    rejects=["Mismatched elements: all"],
)
_DTYPES = pattern(
    r"""
    \b(?:torch\.|np\.|numpy\.)?
    (?P<dtype> b?float(?:16|32|64) | complex(?:32|64|128) | u?int(?:8|16|32|64) | half | double )
    \b
    """,
    matches=["torch.float32", "expected double", "np.uint8"],
    rejects=["float", "int", "halfway"],
)
_SHAPE_TEXT = pattern(
    r"(?:torch\.Size)?[\[(\d,\s\])]+",
    matches=["torch.Size([3, 4])", "(2,)", "3"],
    rejects=["torch.float32", "cuda:0"],
    how="fullmatch",
)


@dataclass(frozen=True)
class Numeric:
    """What a message says in numbers; None and empty where it does not."""

    kind: str = ""
    """close, equal, gradcheck, nan-location, attribute, compare, pair, exceeds, finite, shape."""
    op: str = ""
    left: str = ""
    right: str = ""
    """Classes: zero, nan, inf, number."""
    decade: int | None = None
    """Rounded log10 of error/tolerance (of left/right for an inequality)."""
    difference: float | None = None
    """|a - b| of two single numbers that should have been equal or close."""
    fraction: str = ""
    """Of elements that differ: one, few (below 10 %), many, all."""
    attribute: str = ""
    shapes: str = ""
    gradients: str = ""
    """For gradcheck: which side is zero or not finite."""
    absolute: float | None = None
    """Largest absolute error that the message shows; no part of a signature, as are the next two."""
    relative: float | None = None
    tolerance: float | None = None
    factor: float | None = None
    """a / b of two single finite numbers other than zero that should have been equal or close."""

    def fields(self) -> dict[str, str]:
        """What belongs into a signature; the decade as text."""
        texts = {
            "kind": self.kind,
            "op": self.op,
            "left": self.left,
            "right": self.right,
            "fraction": self.fraction,
            "attribute": self.attribute,
            "shapes": self.shapes,
            "gradients": self.gradients,
            "decade": "" if self.decade is None else str(self.decade),
        }
        return {name: text for name, text in texts.items() if text}


def number(text: str | None) -> float | None:
    """A float of its text; thousands separators are allowed."""
    if text is None:
        return None
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def decade(error: float | None, allowed: float | None) -> int | None:
    """Rounded log10 of error/allowed; None where it has none. Bounded to -30 .. 30."""
    if error is None or allowed is None:
        return None
    if not (0 < abs(error) < math.inf) or not (0 < abs(allowed) < math.inf):
        return None
    ratio = math.log10(abs(error)) - math.log10(abs(allowed))
    return max(-_LARGEST_DECADE, min(_LARGEST_DECADE, round(ratio)))


def class_of(value: float) -> str:
    """zero, nan, inf or number."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf"
    return "zero" if value == 0 else "number"


def fraction_of(text: str) -> str:
    """one, few (below 10 %), many or all of the elements; empty where the text does not say."""
    found = _FRACTION.search(text)
    return fraction(int(found["part"]), int(found["whole"])) if found else ""


def fraction(part: int, whole: int) -> str:
    """The same of two counts."""
    if not whole:
        return ""
    if part == whole:
        return "all"
    if part == 1:
        return "one"
    return "few" if part / whole < _FEW else "many"


def relation_of(one: str, other: str) -> str:
    """How two shapes differ, without their sizes; what is no shape (a dtype, a device) stays as it is."""
    if not (_SHAPE_TEXT.fullmatch(one) and _SHAPE_TEXT.fullmatch(other)):
        return f"{one} != {other}"[:120]
    own = [int(size) for size in re.findall(r"\d+", one)]
    due = [int(size) for size in re.findall(r"\d+", other)]
    if len(own) != len(due):
        return f"rank {len(own)} != rank {len(due)}"
    differing = [axis for axis, sizes in enumerate(zip(own, due, strict=True)) if sizes[0] != sizes[1]]
    return f"rank {len(own)}, axes {differing} differ"


def dtypes_of(text: str) -> tuple[str, ...]:
    """Names of dtypes in the text, in order, each once."""
    return tuple(dict.fromkeys(_DTYPES.findall(text)))


def off_by(
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


def distance(one: str | None, other: str | None) -> float | None:
    """|a - b| of two numbers as text; None unless both are."""
    a, b = number(one), number(other)
    if a is None or b is None:
        return None
    return abs(a - b)


ANY_NUMBER = rf"(?:np\.\w+\()?(?:{NUMBER})\)?"
"""A number that numpy's repr may wrap."""


def named_number(name: str) -> str:
    """The expression of such a number as a named group."""
    return rf"(?:np\.\w+\()?(?P<{name}>{NUMBER})\)?"


class ErrorOfPair(NamedTuple):
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
