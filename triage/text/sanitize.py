"""Text that any reader survives: no lone surrogates, no control characters that act, no excess."""

from __future__ import annotations

import re

_ACTING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_ACTING_BYTES = re.compile(
    rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]"  # what a terminal obeys
    rb"|\xe2\x80[\xa8\xa9\xaa-\xae]|\xe2\x81[\xa6-\xa9]"  # what changes lines and the direction of text
    rb"|(?m:^[ \t]*):(?=:[A-Za-z])|#(?=#(?:\[|[a-z]+\[))"  # commands to GitHub, Azure, TeamCity
)


def encodable(text: str) -> str:
    """The text with lone surrogates written as `\\udcff`."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def capped(text: str, limit: int) -> str:
    """At most about `limit` characters: head and tail, with a note of what was cut."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters cut ...]\n{text[-half:]}"


def inert(text: str) -> str:
    """The text with escapes, bells and direction marks made visible (`\\x1b`); tab and newline stay."""
    return _ACTING.sub(lambda m: f"\\x{ord(m[0]):02x}" if ord(m[0]) < 256 else f"\\u{ord(m[0]):04x}", text)


def inert_bytes(data: bytes) -> bytes:
    """The same for a log: what a terminal or a CI service would obey is made visible; CR LF is a newline."""
    data = data.replace(b"\r\n", b"\n")
    return _ACTING_BYTES.sub(_visible, data)


def _visible(match: re.Match[bytes]) -> bytes:
    acting = match[0].lstrip(b" \t")
    blanks = match[0][: len(match[0]) - len(acting)]
    return blanks + b"".join(b"\\x%02x" % byte for byte in acting)
