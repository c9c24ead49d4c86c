"""Marked regions in markdown that people also edit: found and replaced on bytes.

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

_BOM = b"\xef\xbb\xbf"
_MARKER = re.compile(
    rb" {0,3}<!--[ \t]*triage:(begin|end)[ \t]+([A-Za-z0-9][A-Za-z0-9._-]*)"
    rb"(?:[ \t]+sha=([0-9a-f]{16}))?[ \t]*-->[ \t]*"
)
_ALMOST = re.compile(rb" {0,3}<!--[ \t]*triage:")
_FENCE = re.compile(rb" {0,3}(`{3,}|~{3,})(.*)", re.DOTALL)
_RAW_HTML = re.compile(rb" {0,3}<(pre|script|style|textarea)(?:[ \t>]|$)", re.IGNORECASE)
_BLOCK_TAGS = (
    b"address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|"
    b"div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h1|h2|h3|h4|h5|h6|head|header|hr|html|"
    b"iframe|legend|li|link|main|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|"
    b"summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul"
)
_HTML_BLOCK = re.compile(rb" {0,3}</?(?:%b)(?:[ \t>]|/>|$)" % _BLOCK_TAGS, re.IGNORECASE)
_LONE_TAG = re.compile(
    rb" {0,3}<(?:/[a-z][a-z0-9-]*[ \t]*|[a-z][a-z0-9-]*(?:[ \t]+[^<>]*)?/?)>[ \t]*", re.IGNORECASE
)
_CONTAINER = re.compile(rb"^ {0,3}(?:(?:>[ \t]?|[-+*][ \t]+|\d{1,9}[.)][ \t]+) {0,3})+")
_NO_PARAGRAPH = re.compile(rb" {0,3}(?:#{1,6}(?:[ \t]|$)|=+[ \t]*$|-+[ \t]*$|(?:[*_-][ \t]*){3,}$)")
_CLOSED = re.compile(rb" {0,3}<(?:!--|(?:pre|script|style|textarea)(?:[ \t>]|$))", re.IGNORECASE)
"""Comments and raw HTML that end in their first line."""
_RAW_HTML_END = re.compile(rb"</(pre|script|style|textarea)>", re.IGNORECASE)


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
    text: bytes
    newline: bytes


def scan(data: bytes, where: str) -> tuple[Region, ...]:
    """All regions of a document.

    `where` names the file in errors. Raises `UsageError` for a marker that is malformed, unmatched,
    nested or used twice, and for text that is not readable as ASCII-compatible bytes.
    """
    if b"\0" in data:
        raise UsageError("ledger-encoding", f"{where} is not UTF-8 text", "save it as UTF-8")
    found: list[Region] = []
    opened: tuple[_Line, re.Match[bytes]] | None = None
    for line, marker in _markers(data, where):
        if marker[1] == b"begin":
            _refuse(opened is not None, where, line, "begins inside another region")
            opened = (line, marker)
            continue
        if opened is None or opened[1][2] != marker[2]:
            raise _bad(where, line, "has no begin marker before it")
        found.append(_region(opened, line))
        twice = len({region.name for region in found}) < len(found)
        _refuse(twice, where, opened[0], "is in the file twice")
        opened = None
    _refuse(opened is not None, where, opened[0] if opened else None, "has no end marker")
    return tuple(found)


def splice(data: bytes, contents: Mapping[str, str], where: str) -> bytes:
    """The document with each named region's body replaced; a region that is not there is appended.

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
    pieces, position = [], 0
    for region in regions.values():
        if region.name in contents:
            pieces += [data[position : region.whole.start], _written(region.name, contents, region.newline)]
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
    newline = b"\r\n" if data.count(b"\r\n") * 2 > data.count(b"\n") else b"\n"
    blank = data.removeprefix(_BOM) == b"" or data.endswith(newline * 2)
    gap = b"" if blank else newline if data.endswith(b"\n") else newline * 2
    return data + gap + _written(name, contents, newline)


def _sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]


def _region(opened: tuple[_Line, re.Match[bytes]], end: _Line) -> Region:
    begin, marker = opened
    return Region(
        name=marker[2].decode(),
        sha=marker[3].decode() if marker[3] else None,
        first_line=begin.number,
        last_line=end.number,
        whole=slice(begin.start, end.end),
        body=slice(begin.end, end.start),
        newline=begin.newline,
    )


def _markers(data: bytes, where: str) -> Iterator[tuple[_Line, re.Match[bytes]]]:
    for line, inside in _lines_with_state(data):
        if inside:
            continue
        marker = _MARKER.fullmatch(line.text)
        if marker:
            yield line, marker
        elif _ALMOST.match(line.text):
            raise _bad(where, line, "is malformed")


def _open_at_end(data: bytes) -> int | None:
    """Number of the line with the fence or comment in which the document ends, if it does."""
    open_at = None
    for line, inside in _lines_with_state(data + (b"" if data.endswith(b"\n") else b"\n") + b"\n"):
        open_at = (open_at or line.number) if inside else None
    return open_at


def _lines_with_state(data: bytes) -> Iterator[tuple[_Line, bool]]:
    """Each line with whether it belongs to a code fence, a comment of several lines or raw HTML.

    Inside an HTML block, which lasts until a blank line, nothing else opens.
    """
    closes: re.Pattern[bytes] | None = None
    in_html, paragraph = False, False
    for line in _lines(data):
        if closes is not None:
            yield line, True
            closes, paragraph = (None if closes.search(line.text) else closes), False
            continue
        blank = not line.text.strip(b" \t")
        lone = not paragraph and bool(_LONE_TAG.fullmatch(line.text)) and not _RAW_HTML.match(line.text)
        in_html = not blank and (in_html or lone or bool(_HTML_BLOCK.match(line.text)))
        closes = None if in_html else _opener(line.text)
        paragraph = not in_html and closes is None and _in_paragraph(line.text, paragraph)
        yield line, closes is not None


def _in_paragraph(text: bytes, before: bool) -> bool:
    """Whether a line leaves a paragraph open, which a lone tag cannot interrupt."""
    inner = _CONTAINER.sub(b"", text)
    if not inner.strip(b" \t") or _NO_PARAGRAPH.match(inner) or _CLOSED.match(inner) or _FENCE.match(inner):
        return False
    return before or inner != text or not inner.startswith((b"    ", b"\t"))


def _opener(text: bytes) -> re.Pattern[bytes] | None:
    """What would close the block that this line opens; None where it opens none."""
    fence = _FENCE.fullmatch(text)
    if fence and not (fence[1].startswith(b"`") and b"`" in fence[2]):
        return re.compile(rb"^ {0,3}%b{%d,}[ \t]*$" % (re.escape(fence[1][:1]), len(fence[1])))
    if re.match(rb" {0,3}<!--", text) and b"-->" not in text:
        return re.compile(rb"-->")
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
        yield _Line(number, position, end, raw.rstrip(b"\n").removesuffix(b"\r"), newline)
        position = end


def _refuse(condition: bool, where: str, line: _Line | None, problem: str) -> None:
    if condition and line is not None:
        raise _bad(where, line, problem)


def _bad(where: str, line: _Line, problem: str) -> UsageError:
    shown = line.text[:80].decode("utf-8", "replace").strip()
    return UsageError("bad-region", f"{where}:{line.number}: marker {shown!r} {problem}", "mend the markers")
