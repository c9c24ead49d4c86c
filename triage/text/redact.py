"""Redact secrets from text.

What the environment calls secret is replaced by value wherever it turns up (`known_values`). What merely
looks like a secret is replaced by its shape (`secret_tokens`, `secret_commands`, `secret_records`,
`private_keys`), by the program it is given to (`secret_programs`), or because of the name beside it
(`secret_assignments`, `secret_columns`).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy

from triage.text.known_values import SHORTEST, KnownValues
from triage.text.learned_values import LearnedValues
from triage.text.mark import MARK, Span, mark_with_digest, merged
from triage.text.private_keys import key_spans
from triage.text.remembered import RememberedTexts
from triage.text.secret_assignments import assignment_spans
from triage.text.secret_columns import column_spans
from triage.text.secret_commands import COMMANDS
from triage.text.secret_names import Strength, is_secret_name, may_name_secret, strength_of
from triage.text.secret_programs import program_spans
from triage.text.secret_records import RECORDS
from triage.text.secret_shapes import ShapeFinder
from triage.text.secret_tokens import TOKENS
from triage.text.secret_values import looks_random
from triage.text.vocabulary import Vocabulary

__all__ = ["MARK", "PATTERNS", "Redactor", "is_secret_name", "secret_values"]

PATTERNS = "TRIAGE_REDACT"
"""The variable that takes a project's own patterns, quoted as for a shell, to every process of a run."""
_SHAPES = ShapeFinder((*TOKENS, *COMMANDS, *RECORDS))
_HARMLESS = frozenset(
    {"default", "disabled", "enabled", "required", "optional", "unknown", "password", "secret"}
)
"""Values of secret-looking variables that say how, not what."""
_MOST_ROUNDS = 8
"""A replaced secret may uncover another one; each round leaves less that could be one."""


def secret_values(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return values of secret-looking variables, and secrets inside of others (the password of a URL)."""
    found = set()
    for name, value in environ.items():
        if _is_secret(name, value):
            found.add(value)
        for span in pattern_spans(value):
            found.update(_parts(value[span.start : span.end]))
    return tuple(sorted(v for v in found if len(v.strip()) >= SHORTEST and v.lower() not in _HARMLESS))


def _is_secret(name: str, value: str) -> bool:
    if not is_secret_name(name):
        return False
    is_sure = strength_of(name) is Strength.STRONG or name.lower().endswith(
        ("token", "credentials", "auth", "cookie")
    )
    return is_sure or looks_random(value)


def _parts(secret: str) -> set[str]:
    """Return a secret found in a variable; of `user:password` the password alone too."""
    user, colon, password = secret.partition(":")
    if not colon or "\n" in secret:
        return {secret}
    return {secret, password} if len(user) < 20 else {secret, password, user}


def pattern_spans(text: str) -> Iterator[Span]:
    """Yield where something looks like a secret, or stands beside a name that says so."""
    yield from key_spans(text)
    vocabulary = Vocabulary(text)
    yield from _SHAPES.spans(text, vocabulary)
    yield from program_spans(text, vocabulary)
    if may_name_secret(vocabulary):
        yield from assignment_spans(text)
        yield from column_spans(text)


class Redactor:
    """Replaces secrets in text; immutable, and the same text gives the same result."""

    def __init__(self, values: Iterable[str] = (), patterns: Iterable[str] = ()) -> None:
        """`values` are secrets themselves, `patterns` regular expressions that match secrets."""
        self._known = KnownValues(values)
        self._patterns = tuple(re.compile(expression) for expression in patterns)
        self._remembered = RememberedTexts(self._redacted)

    @classmethod
    def of(cls, *environs: Mapping[str, str], patterns: Iterable[str] = ()) -> Redactor:
        """Make a redactor for the secrets of these environments, and for the patterns that they name."""
        named = [p for environ in environs for p in shlex.split(environ.get(PATTERNS, ""))]
        return cls([v for environ in environs for v in secret_values(environ)], (*patterns, *named))

    def for_bytes(self) -> Redactor:
        """Return a redactor for bytes that were decoded as latin-1."""
        other = copy(self)
        other._known = self._known.for_bytes()
        other._remembered = RememberedTexts(other._redacted)
        return other

    @property
    def values(self) -> tuple[str, ...]:
        """The known secrets in all their forms, longest first."""
        return self._known.forms

    def __call__(self, text: str) -> str:
        """Return the text without its secrets."""
        return self._remembered[text]

    def _redacted(self, text: str) -> str:
        return self._without(text, lambda secret: MARK)

    def identifier(self, text: str) -> str:
        """Return a name without its secrets, each replaced by a digest: equal only if they are equal."""
        return self._without(text, mark_with_digest)

    def spans(self, text: str) -> list[Span]:
        """Return where secrets stand, in order, none touching another, none inside of a mark."""
        found = [*self._known.spans(text), *pattern_spans(text)]
        for regex in self._patterns:
            found += [Span(*match.span()) for match in regex.finditer(text) if match[0]]
        return merged(found, text) if found else []

    def following(self, text: str, memory: LearnedValues, seen: Iterable[Span] = ()) -> str:
        """Return a part of a stream without its secrets, and without those that earlier parts have named.

        `seen` are secrets of this part that what comes behind it gave away.
        """
        return self._without(text, lambda secret: MARK, memory, seen)

    def _without(
        self,
        text: str,
        mark: Callable[[str], str],
        memory: LearnedValues | None = None,
        seen: Iterable[Span] = (),
    ) -> str:
        for _ in range(_MOST_ROUNDS):
            spans = self.spans(text) if text else []
            if seen:
                spans = merged([*spans, *seen], text)
                seen = ()  # where they stood is text without them now
            learned = LearnedValues() if memory is None else memory
            again = learned.learn(text, spans)
            if again:
                spans = merged([*spans, *again], text)
            if not spans:
                break
            text = _replaced(text, spans, mark)
        return text


def _replaced(text: str, spans: list[Span], mark: Callable[[str], str]) -> str:
    pieces = []
    position = 0
    for span in spans:
        pieces += [text[position : span.start], mark(text[span.start : span.end])]
        position = span.end
    return "".join([*pieces, text[position:]])
