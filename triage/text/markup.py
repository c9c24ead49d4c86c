"""Untrusted text made harmless for the place where it is shown.

Test names, messages and output can hold anything. Here they lose the power to act as markup, as a
terminal escape or as a command of a CI system; what they lose is shown, not dropped.
"""

from __future__ import annotations

import html as _html
import re
import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_MARKDOWN = re.compile(r"([\\`*\[\]<>|~!&$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
_LINE_START = re.compile(r"^(\s*)([#+\-=]|\d+[.)])")
_AUTOLINK = re.compile(r"(?i)(@|(?<!&)#(?=\d)|\bwww(?=\.)|[a-z](?=://)|mailto(?=:))")


def visible(text: str, *, keep: str = "") -> str:
    r"""Control, format and surrogate characters as `\xNN` or `\uNNNN`, those in `keep` excepted."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in keep else _shown(char) for char in text)


def prose(text: str) -> str:
    """Text in a markdown paragraph: no markup, no mention, no automatic link, one line."""
    flat = visible(" ".join(text.split()))
    escaped = _LINE_START.sub(r"\1\\\2", _MARKDOWN.sub(r"\\\1", flat))
    return _AUTOLINK.sub("\\1\u200b", escaped)


def code(text: str) -> str:
    """A markdown code span that shows the text and ends where it should."""
    flat = visible(text) or " "
    longest = max((len(run) for run in re.findall("`+", flat)), default=0)
    pad = " " if flat.startswith("`") or flat.endswith("`") or (flat.strip() and flat != flat.strip()) else ""
    return "`" * (longest + 1) + pad + flat + pad + "`" * (longest + 1)


def cell(text: str) -> str:
    """A code span inside a table, where a bare bar would end the cell."""
    return code(text).replace("|", "\\|")


def block(text: str) -> str:
    """A fenced code block that shows the text and ends where it should."""
    lines = visible(text.replace("\r\n", "\n"), keep="\n\t").strip("\n")
    longest = max((len(run) for run in re.findall("`{3,}", lines)), default=2)
    return "`" * (longest + 1) + f"\n{lines}\n" + "`" * (longest + 1)


def link(target: str) -> str:
    """The target of a markdown link: a relative path, percent-encoded where it could end the link."""
    return "".join(char if char.isalnum() or char in "/._-" else _percent(char) for char in target)


def html(text: str) -> str:
    """Text or attribute value in HTML or XML."""
    return _html.escape(visible(text, keep="\n\t"), quote=True)


def github_data(text: str) -> str:
    """The message of a workflow command."""
    kept = visible(text, keep="\n\r\t")
    return kept.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def github_property(text: str) -> str:
    """A property of a workflow command, where colon and comma separate."""
    return github_data(text).replace(":", "%3A").replace(",", "%2C")


def _shown(char: str) -> str:
    if unicodedata.category(char) not in _HIDDEN:
        return char
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    number = ord(char)
    return named or (f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}")


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "replace"))
