"""Untrusted text made harmless for the place where it is shown.

Test names, messages and output can hold anything. Here they lose the power to act as markup, as a
terminal escape or as a command of a CI system; what they lose is shown, not dropped.
"""

from __future__ import annotations

import html as _html
import re
import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of what is not seen: control, format, surrogates, ends of lines and paragraphs."""
_MARKDOWN = re.compile(
    r"""
    (?P<sign>
        [\\`*\[\]<>|~!&$]
      | (?<! [A-Za-z0-9] ) _ | _ (?! [A-Za-z0-9] )      # within a word, as in test_a, it is no markup
    )
    """,
    re.VERBOSE,
)
_LINE_START = re.compile(
    r"""
    ^ (?P<indent> \s* )
    (?P<sign> [#+\-=] | \d+ [.)] )                     # a heading, a list, a rule
    """,
    re.VERBOSE,
)
_AUTOLINK = re.compile(
    r"""
    (?P<before>
        @                                             # a mention:  @joe
      | (?<! & ) \# (?= \d )                          # an issue:  #12
      | \b www (?= \. ) | [a-z] (?= :// ) | mailto (?= : )
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What GitHub and GitLab make a link of by themselves."""
_NO_LINK = "\u200b"
"""A blank of no width, which ends what would be a link."""
_NAMED_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str, *, keep: str = "") -> str:
    r"""Show control, format and surrogate characters as `\xNN` or `\uNNNN`, those in `keep` excepted."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in keep else _shown(char) for char in text)


def prose(text: str) -> str:
    """Escape text for a markdown paragraph: no markup, no mention, no automatic link, one line."""
    flat = visible(" ".join(text.split()))
    escaped = _MARKDOWN.sub(r"\\\g<sign>", flat)
    escaped = _LINE_START.sub(r"\g<indent>\\\g<sign>", escaped)
    return _AUTOLINK.sub(rf"\g<before>{_NO_LINK}", escaped)


def code(text: str) -> str:
    """Make a markdown code span that shows the text and ends where it should."""
    flat = visible(text) or " "
    longest = max((len(run) for run in re.findall("`+", flat)), default=0)
    fence = "`" * (longest + 1)
    touches_fence = flat.startswith("`") or flat.endswith("`")
    loses_blanks = bool(flat.strip()) and flat != flat.strip()  # markdown takes one blank off both ends
    padding = " " if touches_fence or loses_blanks else ""
    return f"{fence}{padding}{flat}{padding}{fence}"


def cell(text: str) -> str:
    """Make a code span for a table, where a bare bar would end the cell."""
    return code(text).replace("|", "\\|")


def block(text: str) -> str:
    """Make a fenced code block that shows the text and ends where it should."""
    lines = visible(text.replace("\r\n", "\n"), keep="\n\t").strip("\n")
    longest = max((len(run) for run in re.findall("`{3,}", lines)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}\n{lines}\n{fence}"


def link(target: str) -> str:
    """Make the target of a markdown link: a relative path, percent-encoded where it could end the link."""
    return "".join(char if char.isalnum() or char in "/._-" else _percent(char) for char in target)


def html(text: str) -> str:
    """Escape a text or an attribute's value for HTML or XML."""
    return _html.escape(visible(text, keep="\n\t"), quote=True)


def github_data(text: str) -> str:
    """Escape the message of a workflow command."""
    kept = visible(text, keep="\n\r\t")
    return kept.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def github_property(text: str) -> str:
    """Escape a property of a workflow command, where colon and comma separate."""
    return github_data(text).replace(":", "%3A").replace(",", "%2C")


def _shown(char: str) -> str:
    """Return a character as it can be seen."""
    if unicodedata.category(char) not in _HIDDEN:
        return char
    if char in _NAMED_ESCAPES:
        return _NAMED_ESCAPES[char]
    number = ord(char)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "replace"))
