"""Find credentials in headers of HTTP: `Authorization` in its schemes, `Cookie` and `Set-Cookie`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.text.mark import Span
from triage.text.quoted import MOST_VALUE, OPENING, quoted_text
from triage.text.secret_names import Strength
from triage.text.secret_values import Written, is_plain, is_prose, is_secret_value, looks_random

AUTHORIZATION = frozenset({"authorization", "proxy authorization", "x authorization", "authorisation"})
"""Words of the names of headers that carry credentials."""
COOKIES = frozenset({"cookie", "set cookie", "cookies"})
_SCHEME = re.compile(
    r"""
    (?: basic | bearer | token | digest | negotiate | ntlm | api-?key | key | aws4-hmac-sha256 | hmac | oauth
      | signature | jwt | sso-key | splunk | bot | github-token )
    (?: [ \t]+ | %20 | \+ )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_PARAMETER = re.compile(
    r"""
    \b (?: response | signature | credential | nonce | cnonce | opaque | oauth_\w+ ) = \\*["']?
    (?P<value> [^"'\\,\s]{4,} )
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""What `Digest`, `AWS4-HMAC-SHA256`, `OAuth` and their like send instead of a token."""
_PUBLIC_PARAMETER = re.compile(r"\\*(?:username|realm|nonce|uri|response|algorithm|keyId)=\\*", re.IGNORECASE)
_HEADER_END = re.compile(r"""[\r\n"'`]|\\+[rn"']|&quot;|$""")
_WORD = re.compile(r"""(?:[^\s'"`<>\\]|\\(?!["'`nrtu]))+""")
_COOKIE = re.compile(r"""(?P<name>[\w.$!~*-]+)=(?P<open>["']?)(?P<value>[^\s;,"'<>]{4,})""")
_COOKIE_ATTRIBUTES = frozenset(
    {"path", "domain", "expires", "max-age", "samesite", "version", "comment", "priority", "partitioned"}
)
_MIN_CREDENTIAL = 3


def authorization_spans(text: str, position: int, *, is_header: bool) -> Iterator[Span]:
    """Yield the credentials of an authorization that begins at a position; the scheme stays.

    `is_header` says that a colon or a comma came before, as in headers; code may stand behind an equals sign.
    """
    opened = OPENING.match(text, position)
    span = _extent(text, position, opened, is_header=is_header)
    scheme = _SCHEME.match(text, span.start, span.end)
    if opened is None and scheme is not None:
        line_end = text.find("\n", span.end)
        for parameter in _PARAMETER.finditer(text, span.start, line_end if line_end >= 0 else len(text)):
            yield Span(*parameter.span("value"))
    start = span.start if scheme is None else scheme.end()
    value = text[start : span.end]
    first = value.split(maxsplit=1)[0] if value.strip() else ""
    if not first or _PUBLIC_PARAMETER.fullmatch(first) or is_plain(first.strip(",;)]}")):
        return
    if scheme is not None:
        is_placeholder = first.startswith(("realm=", "(", "$", "{", "%"))
        if len(first) >= _MIN_CREDENTIAL and not is_prose(value) and not is_placeholder:
            is_whole = opened is not None or "=" in value
            yield Span(start, span.end if is_whole else start + len(first))
    elif is_header and looks_random(first):
        yield Span(start, start + len(first))
    elif opened is not None and is_secret_value(value, Strength.WEAK, Written.QUOTED):
        yield span


def _extent(text: str, position: int, opened: re.Match[str] | None, *, is_header: bool) -> Span:
    """Return all that may belong to an authorization: a quoted text, the rest of a header, two words."""
    if opened is not None:
        return quoted_text(text, opened)
    if is_header:
        end = _HEADER_END.search(text, position, position + MOST_VALUE)
        return Span(position, position if end is None else end.start())
    scheme = _SCHEME.match(text, position)
    word = _WORD.match(text, position if scheme is None else scheme.end())
    return Span(position, position if word is None else word.end())


def cookie_spans(text: str, position: int) -> Iterator[Span]:
    """Yield the values of cookies from a position on; `Path=/` and other attributes stay."""
    opened = OPENING.match(text, position)
    if opened is not None:
        span = quoted_text(text, opened)
    else:
        limit = min(len(text), position + MOST_VALUE)
        end = text.find("\n", position, limit)
        span = Span(position, end if end >= 0 else limit)
    for cookie in _COOKIE.finditer(text, span.start, span.end):
        is_attribute = cookie["name"].lower() in _COOKIE_ATTRIBUTES
        if not is_attribute and not is_plain(cookie["value"], cookie["name"]):
            yield Span(*cookie.span("value"))
