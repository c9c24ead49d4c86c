"""Find and replace marked regions in markdown that people also edit; every byte outside is kept.

    <!-- triage:begin clusters sha=0123456789abcdef -->
    ... written by triage ...
    <!-- triage:end clusters -->

Both markers stand on lines of their own. Every byte outside of a region is kept as it is: byte-order
mark, CRLF, trailing blanks, whatever encoding a person used. Lines are cut at LF alone, because
`str.splitlines` also cuts at characters that markdown does not hold for line ends. What looks like a
marker inside a code fence, a comment or raw HTML is text.

The hash in the begin marker is that of the body with LF line ends, so git may convert them. A body
whose hash differs was changed by a person: it is refused, never overwritten. An empty body is an
invitation: that is how a person gives a region back.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from triage.errors import UsageError
from triage.text.pattern import pattern

_BOM = b"\xef\xbb\xbf"
_SHA_DIGITS = 16
"""Enough to notice a change; nobody is kept from forging one."""

# Lines are matched as Latin-1: each byte is one character, whatever encoding a person used.
_MARKER = pattern(
    rf"""
    [ ]{{0,3}} <!-- [ \t]* triage: (?P<side> begin | end ) [ \t]+
    (?P<name> [A-Za-z0-9] [A-Za-z0-9._-]* )
    (?: [ \t]+ sha= (?P<sha> [0-9a-f]{{{_SHA_DIGITS}}} ) )?
    [ \t]* --> [ \t]*
    """,
    matches=[
        "<!-- triage:begin clusters sha=0123456789abcdef -->",
        "  <!--triage:end C1.20261123T061000Z-->  ",
    ],
    rejects=[
        "<!-- triage:begin -->",
        "<!-- triage:middle a -->",
        "    <!-- triage:end a -->",
        "<!-- triage:end a",
    ],
    how="fullmatch",
)
_ALMOST_MARKER = re.compile(r" {0,3}<!--[ \t]*triage:")
_FENCE = pattern(
    r"[ ]{0,3} (?P<fence> `{3,} | ~{3,} ) (?P<info> .* )",
    matches=["```python", "  ~~~~"],
    rejects=["``", "    ```", "text ```"],
    flags=re.DOTALL,
    how="fullmatch",
)
_RAW_HTML = pattern(
    r"[ ]{0,3} < (?: pre | script | style | textarea ) (?: [ \t>] | $ )",
    matches=["<pre>", "<SCRIPT src=a>", "<style"],
    rejects=["<prefix>", "</pre>", "    <pre>"],
    flags=re.IGNORECASE,
    how="match",
)
_RAW_HTML_END = re.compile(r"</(?:pre|script|style|textarea)>", re.IGNORECASE)
_COMMENT_START = re.compile(r" {0,3}<!--")
_COMMENT_END = re.compile(r"-->")
_BLOCK_TAGS = (
    "address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|"
    "div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h1|h2|h3|h4|h5|h6|head|header|hr|html|"
    "iframe|legend|li|link|main|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|"
    "summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul"
)
"""With which an HTML block begins, as CommonMark lists them."""
_HTML_BLOCK = pattern(
    rf"[ ]{{0,3}} </? (?: {_BLOCK_TAGS} ) (?: [ \t>] | /> | $ )",
    matches=["<div>", "</TABLE>", "<hr/>", "<details open>"],
    rejects=["<divider>", "<span>", "text <div>"],
    flags=re.IGNORECASE,
    how="match",
)
_LONE_TAG = pattern(
    r"""
    [ ]{0,3} <
    (?: / [a-z] [a-z0-9-]* [ \t]*                              # a closing tag
      | [a-z] [a-z0-9-]* (?: [ \t]+ [^<>]* )? /? )             # an opening one with attributes
    > [ \t]*
    """,
    matches=["<span>", "</span >", '<my-tag a="b"/>'],
    rejects=["<span> text", "<span", "<1a>"],
    flags=re.IGNORECASE,
    how="fullmatch",
)
_CONTAINER = pattern(
    r"^ [ ]{0,3} (?: (?: > [ \t]? | [-+*] [ \t]+ | \d{1,9} [.)] [ \t]+ ) [ ]{0,3} )+",
    matches=["> quoted", "- item", "1. item", "> - both"],
    rejects=["text", "-item", "1.item"],
)
_NO_PARAGRAPH = pattern(
    r"""
    [ ]{0,3}
    (?: \#{1,6} (?: [ \t] | $ )           # a heading
      | =+ [ \t]* $ | -+ [ \t]* $         # the line beneath one
      | (?: [*_-] [ \t]* ){3,} $ )        # a rule
    """,
    matches=["# Heading", "===", "---", "* * *"],
    rejects=["#tag", "text", "== a"],
    how="match",
)
_CLOSED = pattern(
    r"[ ]{0,3} < (?: !-- | (?: pre | script | style | textarea ) (?: [ \t>] | $ ) )",
    matches=["<!-- a -->", "<pre>a</pre>"],
    rejects=["<prefix>", "text <!-- a -->"],
    flags=re.IGNORECASE,
    how="match",
)
"""Comments and raw HTML that end in their first line."""


@dataclass(frozen=True)
class Region:
    """A region as it lies in a file: byte offsets of its whole and of its body, line numbers from 1."""

    name: str
    sha: str | None
    first_line: int
    last_line: int
    whole: slice
    body: slice
    newline: bytes


@dataclass(frozen=True)
class _Line:
    number: int
    start: int
    end: int
    text: str
    """Without its end, one character a byte."""
    newline: bytes


def scan(data: bytes, where: str) -> tuple[Region, ...]:
    """Find all regions of a document.

    `where` names the file in errors. Raises `UsageError` for a marker that is malformed, unmatched,
    nested or used twice, and for text that is not readable as ASCII-compatible bytes.
    """
    if b"\0" in data:
        raise UsageError("ledger-encoding", f"{where} is not UTF-8 text", "save it as UTF-8")
    found: list[Region] = []
    opened: tuple[_Line, re.Match[str]] | None = None
    for line, marker in _markers(data, where):
        if marker["side"] == "begin":
            _refuse(opened is not None, where, line, "begins inside another region")
            opened = (line, marker)
            continue
        if opened is None or opened[1]["name"] != marker["name"]:
            raise _bad(where, line, "has no begin marker before it")
        found.append(_region(opened, line))
        twice = len({region.name for region in found}) < len(found)
        _refuse(twice, where, opened[0], "is in the file twice")
        opened = None
    _refuse(opened is not None, where, opened[0] if opened else None, "has no end marker")
    return tuple(found)


def splice(data: bytes, contents: Mapping[str, str], where: str) -> bytes:
    """Replace the body of each named region; a region that is not there is appended.

    Raises `UsageError` as `scan` does, and where a person changed a body that would be replaced.
    """
    regions = {region.name: region for region in scan(data, where)}
    for name in contents:
        if name in regions and is_edited(data, regions[name]):
            region = regions[name]
            raise UsageError(
                "region-edited",
                f"{where}:{region.first_line}-{region.last_line}: region {name!r} was changed by hand",
                "move your text outside of the markers and empty the lines between them",
            )
    pieces: list[bytes] = []
    position = 0
    for region in regions.values():
        if region.name in contents:
            pieces.append(data[position : region.whole.start])
            pieces.append(_written(region.name, contents, region.newline))
            position = region.whole.stop
    result = b"".join((*pieces, data[position:]))
    for name in contents:
        if name not in regions:
            result = _appended(result, name, contents, where)
    return result


def is_edited(data: bytes, region: Region) -> bool:
    """Whether a person changed the body; an empty one is not a change but an invitation."""
    body = data[region.body].replace(b"\r\n", b"\n")
    return bool(body.strip()) and region.sha != _sha(body)


def body(data: bytes, region: Region) -> str:
    """The body with LF line ends."""
    return data[region.body].replace(b"\r\n", b"\n").decode("utf-8", "replace")


def fitted(content: str) -> str:
    """The content as a body holds it: LF, newline at the end, and no text that reads as a marker."""
    text = re.sub("\r\n?", "\n", content).replace("\0", "\ufffd")
    text = text.replace("<!-- triage:", "<!-- triage\u200b:").strip("\n")
    return f"{text}\n" if text else ""


def _written(name: str, contents: Mapping[str, str], newline: bytes) -> bytes:
    text = fitted(contents[name]).encode("utf-8", "backslashreplace")
    if _open_at_end(text) is not None:
        raise UsageError(
            "bad-template",
            f"the text for region {name!r} opens a code fence or comment and does not close it",
            "mend the template that it comes from",
        )
    marked = b"<!-- triage:begin %b sha=%b -->\n%b<!-- triage:end %b -->\n" % (
        name.encode(),
        _sha(text).encode(),
        text,
        name.encode(),
    )
    return marked.replace(b"\n", newline)


def _appended(data: bytes, name: str, contents: Mapping[str, str], where: str) -> bytes:
    """Behind everything else; a document that ends inside a code fence would swallow it."""
    open_at = _open_at_end(data)
    if open_at is not None:
        raise UsageError(
            "ledger-unclosed",
            f"{where}:{open_at}: what opens here is never closed, so region {name!r} cannot be placed",
            "close the code fence or comment",
        )
    mostly_crlf = data.count(b"\r\n") * 2 > data.count(b"\n")
    newline = b"\r\n" if mostly_crlf else b"\n"
    if data.removeprefix(_BOM) == b"" or data.endswith(newline * 2):
        gap = b""
    else:
        gap = newline if data.endswith(b"\n") else newline * 2
    return data + gap + _written(name, contents, newline)


def _sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:_SHA_DIGITS]


def _region(opened: tuple[_Line, re.Match[str]], end: _Line) -> Region:
    begin, marker = opened
    return Region(
        name=marker["name"],
        sha=marker["sha"],
        first_line=begin.number,
        last_line=end.number,
        whole=slice(begin.start, end.end),
        body=slice(begin.end, end.start),
        newline=begin.newline,
    )


def _markers(data: bytes, where: str) -> Iterator[tuple[_Line, re.Match[str]]]:
    for line, inside in _lines_with_state(data):
        if inside:
            continue
        marker = _MARKER.fullmatch(line.text)
        if marker:
            yield line, marker
        elif _ALMOST_MARKER.match(line.text):
            raise _bad(where, line, "is malformed")


def _open_at_end(data: bytes) -> int | None:
    """Number of the line with the fence or comment in which the document ends, if it does."""
    open_at = None
    whole_lines = data if data.endswith(b"\n") else data + b"\n"
    for line, inside in _lines_with_state(whole_lines + b"\n"):
        open_at = (open_at or line.number) if inside else None
    return open_at


def _lines_with_state(data: bytes) -> Iterator[tuple[_Line, bool]]:
    """Each line with whether it belongs to a code fence, a comment of several lines or raw HTML.

    Inside an HTML block, which lasts until a blank line, nothing else opens.
    """
    closes: re.Pattern[str] | None = None
    in_html, paragraph = False, False
    for line in _lines(data):
        if closes is not None:
            yield line, True
            paragraph = False
            if closes.search(line.text):
                closes = None
            continue
        blank = not line.text.strip(" \t")
        is_lone_tag = bool(_LONE_TAG.fullmatch(line.text)) and not _RAW_HTML.match(line.text)
        opens_html = bool(_HTML_BLOCK.match(line.text)) or (is_lone_tag and not paragraph)
        in_html = not blank and (in_html or opens_html)
        closes = None if in_html else _opener(line.text)
        paragraph = not in_html and closes is None and _in_paragraph(line.text, paragraph)
        yield line, closes is not None


def _in_paragraph(text: str, before: bool) -> bool:
    """Whether a line leaves a paragraph open, which a lone tag cannot interrupt."""
    inner = _CONTAINER.sub("", text)
    if not inner.strip(" \t"):
        return False
    if _NO_PARAGRAPH.match(inner) or _CLOSED.match(inner) or _FENCE.fullmatch(inner):
        return False
    in_container = inner != text
    is_indented_code = inner.startswith(("    ", "\t"))
    return before or in_container or not is_indented_code


def _opener(text: str) -> re.Pattern[str] | None:
    """What would close the block that this line opens; None where it opens none."""
    fence = _FENCE.fullmatch(text)
    if fence and not (fence["fence"].startswith("`") and "`" in fence["info"]):
        character, length = re.escape(fence["fence"][0]), len(fence["fence"])
        return re.compile(rf"^ {{0,3}}{character}{{{length},}}[ \t]*$")
    if _COMMENT_START.match(text) and not _COMMENT_END.search(text):
        return _COMMENT_END
    if _RAW_HTML.match(text) and not _RAW_HTML_END.search(text):
        return _RAW_HTML_END
    return None


def _lines(data: bytes) -> Iterator[_Line]:
    position = len(_BOM) if data.startswith(_BOM) else 0
    number = 0
    while position < len(data):
        number += 1
        cut = data.find(b"\n", position)
        end = len(data) if cut < 0 else cut + 1
        raw = data[position:end]
        newline = b"\r\n" if raw.endswith(b"\r\n") else b"\n"
        text = raw.rstrip(b"\n").removesuffix(b"\r").decode("latin-1")
        yield _Line(number, position, end, text, newline)
        position = end


def _refuse(condition: bool, where: str, line: _Line | None, problem: str) -> None:
    if condition and line is not None:
        raise _bad(where, line, problem)


def _bad(where: str, line: _Line, problem: str) -> UsageError:
    shown = line.text[:80].encode("latin-1").decode("utf-8", "replace").strip()
    return UsageError("bad-region", f"{where}:{line.number}: marker {shown!r} {problem}", "mend the markers")
