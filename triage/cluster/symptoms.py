"""Name what was wrong in a failure so that the same wrong thing is known again elsewhere.

Only what chance does not bring twice: an odd factor or offset, replaced pieces of text, missing keys, one
wrong value in all its digits. Tests of one cause may expect different things; what lies between is the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from triage.model.look import TracedFailure
from triage.text.mark import MARK
from triage.text.pattern import pattern

_ODD_DIGITS = 1
"""Significant digits of a factor or offset that chance brings twice: 2, 0.5, 10. More of them are a second
piece of evidence, and never the only one."""
_SMALL = 100
"""Counts and sizes in tests are mostly smaller."""
_TELLING_DIGITS = 7
"""Of one wrong value in two tests: a measured length may have six digits in both."""
_TELLING_TEXT = 20
"""Characters of a wrong text that two tests have by chance only where it is a common one."""
_TELLING_PIECES = 5
"""Characters of a replaced piece and its replacement: a letter for another means nothing."""
_TELLING_ALONE = 16
"""Characters of a replaced piece and its replacement that no two causes bring, in whatever text: a few
tags of HTML are shorter."""
_MOST_EDITS = 3
"""More kinds of replacements than these are two different texts."""
_MOSTLY_KEPT = 0.4
"""Share of the due text that was got: with less of it the two are different texts."""
_LONGEST_DETAIL = 120
_ADDRESS = pattern(
    r"\b0x[0-9a-fA-F]{6,}\b",
    matches=["<Token at 0x7F098DC5BC50>"],
    rejects=["0x1F", "#ff00cc"],
)
"""Of an object in memory: its repr has another one in each test. A number that a test wrote is shorter."""


class Symptom(NamedTuple):
    """One thing that was wrong; equal in two failures where it is the same."""

    detail: str
    """For people, and the identity."""
    tells_alone: bool = False
    """Whether it means one cause wherever it is seen, from whatever function it came."""


def symptoms_of(failure: TracedFailure) -> Iterator[Symptom]:
    """What was wrong; nothing where got and due are not known."""
    if failure.difference is not None:
        for symptom in _differences(failure.difference):
            yield symptom._replace(detail=symptom.detail[:_LONGEST_DETAIL])
    if failure.got is not None and MARK not in failure.got and _is_telling(failure.got):
        yield Symptom(f"the same wrong value {_without_addresses(failure.got)}"[:_LONGEST_DETAIL])


def _differences(difference: Mapping[str, Any]) -> Iterator[Symptom]:
    match difference.get("kind"):
        case "number":
            yield from _of_numbers(difference)
        case "array":
            for name in ("factor", "offset"):
                if _is_odd(difference.get(name)):
                    yield Symptom(f"{name} {difference[name]:.6g} in each wrong element")
        case "text":
            yield from _of_texts(difference)
        case "tree":
            for _, inner in difference.get("places", ()):
                yield from _inside(inner)


def _of_numbers(difference: Mapping[str, Any]) -> Iterator[Symptom]:
    if all(_is_small_integer(difference.get(side)) for side in ("got", "due")):
        return  # 3 for 4 and 6 for 8 are off by one factor by chance
    for name in ("factor", "offset"):
        if _is_odd(difference.get(name)):
            yield Symptom(f"{name} {difference[name]:.6g}")


def _of_texts(difference: Mapping[str, Any]) -> Iterator[Symptom]:
    edits = difference.get("edits", [])
    if not 0 < len(edits) <= _MOST_EDITS:
        return
    most_frequent = edits[0]
    length = len(most_frequent[0]) + len(most_frequent[1])
    due, got = _without_addresses(most_frequent[0]), _without_addresses(most_frequent[1])
    one_word_for_another = len(edits) == 1 and due.isalnum() and got.isalnum()
    if difference.get("kept", 0.0) < _MOSTLY_KEPT and not one_word_for_another:
        return
    if MARK in due or MARK in got:
        return  # what was wrong is not known any more
    if length >= _TELLING_PIECES and due.strip() != got.strip():
        yield Symptom(f"{got!r} for {due!r}", tells_alone=length >= _TELLING_ALONE)


def _inside(inner: Mapping[str, Any]) -> Iterator[Symptom]:
    """The difference at one path of a tree; the path itself is the test's."""
    if inner.get("kind") in ("keys", "set"):
        for name in ("missing", "extra"):
            for value in inner.get(name, ()):
                if len(value) >= _TELLING_PIECES and MARK not in value:
                    yield Symptom(f"{name} {value}")
    else:
        yield from _differences(inner)


def _without_addresses(text: str) -> str:
    return _ADDRESS.sub("0x...", text)


def _is_small_integer(number: object) -> bool:
    return isinstance(number, int | float) and abs(number) < _SMALL and float(number).is_integer()


def _is_odd(number: object) -> bool:
    """Whether a number has more significant digits than chance would repeat."""
    return (
        isinstance(number, int | float)
        and not isinstance(number, bool)
        and _digits(f"{number:.6g}") > _ODD_DIGITS
    )


def _is_telling(got: str) -> bool:
    """Whether two tests hardly have one value by chance."""
    if got.startswith(("'", '"', "b'")):
        return len(got) >= _TELLING_TEXT and _is_text(got)
    return _digits(got) >= _TELLING_DIGITS


def _is_text(got: str) -> bool:
    try:
        return isinstance(ast.literal_eval(got), str | bytes)
    except (ValueError, SyntaxError):
        return False  # cut in the middle


def _digits(number: str) -> int:
    """Significant digits of a printed number; 0 for anything else."""
    mantissa = number.partition("e")[0].lstrip("-")
    if not mantissa.replace(".", "", 1).isdigit():
        return 0
    return len(mantissa.replace(".", "").strip("0"))
