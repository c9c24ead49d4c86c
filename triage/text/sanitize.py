"""Text that any reader survives: no lone surrogates, no control characters that act, no excess."""

from __future__ import annotations

import re

_ACTING = re.compile(
    rb"""
      [\x00-\x08\x0b-\x1f\x7f]                  # control characters, but tab and newline: a terminal obeys
    | \xc2 [\x80-\x9f]                          # those of 8 bits, in UTF-8
    | \xe2\x80 [\xa8\xa9]                       # separators that end a line
    | \xe2\x80 [\xaa-\xae] | \xe2\x81 [\xa6-\xa9]   # marks that turn the direction of text
    | (?m: ^ [ \t]* ) : (?= : [A-Za-z] )         # a command to GitHub:  ::error::
    | \# (?= \# (?: \[ | [a-z]+ \[ ) )           # to Azure and TeamCity:  ##[group]  ##teamcity[
    """,
    re.VERBOSE,
)
"""What acts where a log is shown."""


def encodable(text: str) -> str:
    """Return the text with lone surrogates written as `\\udcff`."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def capped(text: str, limit: int) -> str:
    """Return head and tail, of at most about `limit` characters, with a note of what was cut between."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters cut ...]\n{text[-half:]}"


def inert_bytes(data: bytes) -> bytes:
    """Make visible what a terminal or a CI service would obey in a log (`\\x1b`); CR LF becomes a newline."""
    return _ACTING.sub(_escaped, data.replace(b"\r\n", b"\n"))


def _escaped(match: re.Match[bytes]) -> bytes:
    """Return what acts byte by byte as `\\xNN`; the margin before a command stays."""
    acting = match[0].lstrip(b" \t")
    margin = match[0][: len(match[0]) - len(acting)]
    escaped = "".join(f"\\x{byte:02x}" for byte in acting)
    return margin + escaped.encode("ascii")
