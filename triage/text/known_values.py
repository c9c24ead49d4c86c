"""Find secrets whose values are known, in every form that programs print, also when cut or wrapped."""

from __future__ import annotations

import base64
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from html import escape
from urllib.parse import quote, quote_plus, unquote

from triage.text.cut_values import cut_spans
from triage.text.mark import Span
from triage.text.value_parts import ValueParts

SHORTEST = 6
"""A shorter value would be found in innocent text all the time."""
_SHORTEST_INSIDE = 8
"""Of a part of base64; the value itself has then six bytes or more."""
_SHORTEST_LINE = 12
"""Of one line of a value of several: a line of a key is much longer."""
_SHORTEST_CUT = 8
"""A shorter value is not looked for in pieces."""

WRAP = re.compile(
    r"""
    ["']? [ ]? \\? \r?\n                        # the end of a line, or of a literal that goes on
    [ \t]* (?: [E>|+-] [ \t]+ )? ["']?           # the margin of the next line
    """,
    re.VERBOSE,
)
"""What lies between two lines of one value."""
_MARGIN = re.compile(r"""\n[ \t]*(?:[E>|+-][ \t]+)?["']?""")


def forms_of(value: str) -> set[str]:
    """Return the value as programs print it: quoted for a URL, escaped for JSON or HTML, base64, hex."""
    raw = value.encode("utf-8", "surrogateescape")
    forms = {
        value,
        value.strip(),
        quote(raw, safe=""),
        quote(raw),
        quote_plus(raw),
        escape(value),
        unquote(value),
    }
    forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    forms |= {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    forms |= {raw.hex(), raw.hex().upper(), *_inside_base64(raw)}
    forms |= {line.strip() for line in value.splitlines() if len(line.strip()) >= _SHORTEST_LINE}
    return {form for form in forms if len(form) >= SHORTEST}


def _inside_base64(raw: bytes) -> set[str]:
    """Return what is the same in the base64 of every text that holds the value (`user:password`)."""
    found = set()
    for before in range(3):
        bits = 8 * (before + len(raw))
        first, last = -(-8 * before // 6), bits // 6
        for encoder in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encoder(bytes(before) + raw).decode()[first:last])
    return {form for form in found if len(form) >= _SHORTEST_INSIDE}


class KnownValues:
    """Secrets by value; immutable."""

    def __init__(self, values: Iterable[str]) -> None:
        """Take the values themselves."""
        originals = set(values)
        self._set(
            {form for value in originals for form in forms_of(value)},
            {form for value in originals for form in _plain_forms(value)},
        )

    def _set(self, forms: set[str], plain: set[str]) -> None:
        self.forms = _sorted(forms)
        """All forms, the longest first."""
        self.longest = max(map(len, self.forms), default=0)
        """Characters of the longest form."""
        self._any = re.compile("|".join(map(re.escape, self.forms)) or "(?!)")
        self._plain = _sorted(plain)
        """The forms that are looked for in pieces too."""
        self._any_plain = re.compile("|".join(map(re.escape, self._plain)) or "(?!)")
        self._parts = ValueParts(self._plain)

    def for_bytes(self) -> KnownValues:
        """Return the same values as they look in UTF-8 that was decoded as latin-1."""
        if all(form.isascii() for form in self.forms):
            return self
        other = KnownValues(())
        other._set({_as_latin(form) for form in self.forms}, {_as_latin(form) for form in self._plain})
        return other

    def spans(self, text: str) -> Iterator[Span]:
        """Yield where the values stand: whole, wrapped over lines, or cut by dots."""
        if not self.forms:
            return
        if any(form in text for form in self.forms):
            for match in self._any.finditer(text):
                yield Span(*match.span())
        if "\n" in text:
            yield from self._wrapped(text)
        yield from cut_spans(self._plain, text)
        yield from self._parts.spans(text)

    def _wrapped(self, text: str) -> Iterator[Span]:
        """Yield values that go on in the next line, behind its margin."""
        joined = _joined(text)
        if not any(form in joined for form in self._plain):
            return
        starts = [0]
        origins = [0]
        pieces = []
        length = position = 0
        for wrap in WRAP.finditer(text):
            pieces.append(text[position : wrap.start()])
            length += wrap.start() - position
            position = wrap.end()
            starts.append(length)
            origins.append(position)
        pieces.append(text[position:])
        for match in self._any_plain.finditer("".join(pieces)):
            first = bisect_right(starts, match.start()) - 1
            last = bisect_left(starts, match.end()) - 1
            yield Span(
                origins[first] + match.start() - starts[first], origins[last] + match.end() - starts[last]
            )


def _as_latin(form: str) -> str:
    return form.encode("utf-8", "surrogateescape").decode("latin-1")


def _sorted(forms: set[str]) -> tuple[str, ...]:
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))


def _plain_forms(value: str) -> set[str]:
    """Return the forms in which a long value is printed, not part of something else."""
    raw = value.encode("utf-8", "surrogateescape")
    forms = {value.strip(), repr(value)[1:-1], quote(raw, safe=""), base64.b64encode(raw).decode()}
    return {form for form in forms if len(form) >= _SHORTEST_CUT}


def _joined(text: str) -> str:
    """Return the text without its line ends and margins: quickly, by what `WRAP` finds."""
    for end in ("\r\n", "\\\n", " \n", '"\n', "'\n"):
        text = text.replace(end, "\n")
    return _MARGIN.sub("", text)
