"""Mark the values of evidence in the text that a template renders, and turn the marks into claims.

Each value that a template shows is wrapped into control characters that no template and no shown text can
contain. When the whole is rendered the marks are taken out, and where they were are the spans of claims.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import jinja2
from markupsafe import Markup

from triage.documents.template_values import Fact
from triage.model.claim import Claim, Unfounded
from triage.model.claim_text import show
from triage.text import markup
from triage.text.pattern import pattern

Medium = Literal["markdown", "html"]

_START, _SEPARATOR, _END = "\x02", "\x03", "\x04"
"""Before the number of a shown value, between that and its text, and behind the text."""
_MARKED = pattern(
    r"\x02 (?P<number> [0-9]+ ) \x03 (?P<text> [^\x04]* ) \x04",
    matches=["\x023\x03983.5\x04"],
    rejects=["\x02\x03a\x04", "\x023\x03983.5", "3"],
)


def has_marks(text: str) -> bool:
    """Whether a text holds one of the characters that marks are made of."""
    return any(mark in text for mark in (_START, _SEPARATOR, _END))


class Shown(NamedTuple):
    """A value that a template showed, and how."""

    fact: Fact
    how: str
    """As `claim_text.show` takes it."""


class Unmarked(NamedTuple):
    """A rendered text without its marks, and the claims that they became."""

    text: str
    claims: tuple[Claim, ...]


@dataclass
class Recorder:
    """The values that one rendering showed so far, and the templates that took part."""

    medium: Medium
    folder: str
    """Of the document, from where the project's paths begin: links to evidence start there."""
    folder_in_suite: str
    """Of the document, from the suite's root: links to source start there."""
    shown: list[Shown] = field(default_factory=list)
    templates: dict[str, str] = field(default_factory=dict)
    """Name to text."""

    def mark(self, fact: Fact, how: str) -> Markup:
        """The shown value between marks."""
        number = len(self.shown)
        self.shown.append(Shown(fact, how))
        return Markup(f"{_START}{number}{_SEPARATOR}{show(fact.value, how)}{_END}")

    def mark_text(self, fact: Fact, escape: str) -> Markup:
        """The value by this escape of markdown; HTML has one for all places."""
        return self.mark(fact, "html" if self.medium == "html" else escape)

    def finalize(self, value: Any) -> Any:
        """What `{{ value }}` puts out. Raises TypeError for what is no evidence and may be a number."""
        if isinstance(value, Fact):
            return self.mark_text(value, "prose")
        if isinstance(value, Markup | jinja2.Undefined):
            return value
        if isinstance(value, str) and not re.search(r"\d", value):
            return Markup(markup.html(value) if self.medium == "html" else markup.prose(value))
        raise TypeError(f"{value!r} comes from no evidence")


def unmarked(marked: str, recorder: Recorder) -> Unmarked:
    """The text without marks, and each mark as a claim at its place.

    Raises `Unfounded` where a template reshaped what was shown (upper case, indentation): it would state
    what evidence does not. Raises ValueError for half a mark.
    """
    document = _GrowingText()
    claims: list[Claim] = []
    position = 0
    for found in _MARKED.finditer(marked):
        document.append(marked[position : found.start()])
        value = found["text"]
        shown = recorder.shown[int(found["number"])]
        if show(shown.fact.value, shown.how) != value:
            raise Unfounded(f"a shown value was changed afterwards: {value!r}")
        claim = Claim(
            line=document.line,
            start=document.column,
            text=value,
            basis=shown.fact.basis,
            show=shown.how,
        )
        claims.append(claim)
        document.append(value)
        position = found.end()
    document.append(marked[position:])
    text = "".join(document.pieces)
    if has_marks(text):
        raise ValueError("a shown value was shown or cut again: use `listed` for lists")
    return Unmarked(text, tuple(claims))


@dataclass
class _GrowingText:
    """A text so far, and the line and column where it goes on."""

    pieces: list[str] = field(default_factory=list)
    line: int = 1
    column: int = 0

    def append(self, piece: str) -> None:
        self.pieces.append(piece)
        self.line += piece.count("\n")
        last_line = piece.rpartition("\n")[2]
        self.column = len(last_line) if "\n" in piece else self.column + len(last_line)
