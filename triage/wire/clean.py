"""Text that any reader survives: no lone surrogates, no control characters that act, no excess."""

from __future__ import annotations

import re

_ACTING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_ACTING_BYTES = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")


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
    """The same for a log: what a terminal would obey is made visible; CR LF is a newline."""
    data = data.replace(b"\r\n", b"\n")
    return _ACTING_BYTES.sub(lambda m: b"".join(b"\\x%02x" % byte for byte in m[0]), data)
