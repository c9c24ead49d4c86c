"""Text of strangers: escape sequences and control characters removed, lengths bounded."""

from __future__ import annotations

import re

_ANSI = re.compile(
    r"(?:\x1b|#x1B|&#x1b;|␛)"
    r"(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]"  # colours, cursor
    r"|\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)"  # titles, links
    r"|[P^_X][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)"  # what a build server tells its own viewer
    r"|[@-Z\\^_])",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ud800-\udfff]")


def cleaned(text: str) -> str:
    """Without terminal escapes (raw, or as pytest's JUnit XML spells them) and control characters."""
    if text.isascii() and text.isprintable() and "#x1B" not in text:
        return text
    plain = _ANSI.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("\ufffd", plain)
