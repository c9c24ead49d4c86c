"""Show values as text, and find the numbers in a document that no claim covers."""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from triage.model.claim import Claim, Constant, Unfounded
from triage.text import markup as escape
from triage.text.pattern import pattern

_ESCAPES: dict[str, Callable[[str], str]] = {
    "prose": escape.prose,
    "code": escape.code,
    "cell": escape.cell,
    "block": escape.block,
    "html": escape.html,
}
_NOT_SEEN = pattern(
    r"""
      < (script|style) \b .*? </ \1 \s* >     # what a browser runs or applies, whole
    | <!-- .*? -->
    | < [^>]* >                               # a tag with its attributes
    | &\#? \w+ ;                              # an escaped character
    """,
    flags=re.DOTALL | re.IGNORECASE,
    matches=["<style>p{margin:4px}</style>", "<!-- 1 -->", '<p class="c1">', "&#64;", "&amp;"],
    rejects=["3 < 4", "R&D", "a > b"],
)
"""Parts of HTML whose digits no reader sees."""
_NUMBER_FORMAT = pattern(
    r"[+ ]? ,? (?: \.\d{1,2} )? [defg%]?",
    how="fullmatch",
    matches=["", ".2f", ",d", "+.1f", ".0%", "g"],
    rejects=[".500f", "x", "10d", ">9"],
)
"""Formats that show a number and do nothing else: no width, which would let a template pad without end."""
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")
"""How evidence writes numbers for which JSON has no form."""


class Span(NamedTuple):
    """Where something stands in a text, as offsets."""

    start: int
    end: int


def show(value: Any, how: str) -> str:
    """A value as text.

    `how` is the name of an escape (`prose`, `code`, `cell`, `block`, `html`), or `num:SPEC` with a format
    specification, `href:FOLDER` for a link to a path of the project from a document in that folder, or
    `tail:N` for the last characters of a text in HTML.
    """
    kind, _, detail = how.partition(":")
    if kind == "num":
        return _number(value, detail)
    text = plain_text(value)
    if kind == "href":
        return escape.link(posixpath.relpath(text, detail or "."))
    if kind == "tail" and detail.isdecimal():
        return escape.html(_tail(text, int(detail)))
    if kind not in _ESCAPES:
        raise Unfounded(f"there is no way {how!r} to show a value")
    return _ESCAPES[kind](text)


def plain_text(value: Any) -> str:
    """A JSON value as a person reads it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.12g}"  # a double has 15 digits, and the last ones are rounding
    if isinstance(value, list):
        return " ".join(plain_text(item) for item in value)
    return str(value)


def _tail(text: str, length: int) -> str:
    return text if len(text) <= length else f"…{text[-length:]}"


def _number(value: Any, spec: str) -> str:
    if isinstance(value, str) and value in _NOT_FINITE:
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfounded(f"{value!r} is no number")
    if not _NUMBER_FORMAT.fullmatch(spec):
        raise Unfounded(f"{spec!r} is no format for a number")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if spec.endswith("d"):
        value = round(value)
    return format(value, spec)


def digits_outside(text: str, spans: Iterable[Span], *, is_html: bool) -> list[Span]:
    """Runs of digits that no span covers; in HTML only what a reader sees counts."""
    characters = list(text)
    for start, end in spans:
        characters[start:end] = " " * (end - start)
    uncovered = "".join(characters)
    if is_html:
        uncovered = _NOT_SEEN.sub(_blank, uncovered)
    return [Span(*found.span()) for found in re.finditer(r"\d+", uncovered)]


def _blank(found: re.Match[str]) -> str:
    """As many spaces, so that offsets stay."""
    return " " * len(found[0])


def offsets(text: str, claims: Iterable[Claim | Constant]) -> list[Span]:
    """Where spans given by line and column lie in a text; one beyond its end is empty."""
    line_starts = [0]
    line_starts.extend(found.end() for found in re.finditer("\n", text))
    spans = []
    for claim in claims:
        is_in_text = claim.line <= len(line_starts)
        start = line_starts[claim.line - 1] + claim.start if is_in_text else len(text)
        end = start + len(claim.text)
        spans.append(Span(min(start, len(text)), min(end, len(text))))
    return spans
