"""Regions: bytes outside survive, hands inside are never overwritten, fakes are text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from triage.documents import regions
from triage.errors import UsageError

EMPTY = "<!-- triage:begin {0} -->\n<!-- triage:end {0} -->\n"


def _splice(data: bytes, **contents: str) -> bytes:
    return regions.splice(data, contents, "plan.md")


def test_a_region_is_replaced_and_nothing_else():
    before = b"\xef\xbb\xbfTitle \r\n=====\t\r\n1) a\r\n\xe2\x80\xa8x\x0by\x85\r\n"
    after = b"tail without newline \xff\xfe"
    data = before + EMPTY.format("clusters").replace("\n", "\r\n").encode() + after
    once = _splice(data, clusters="one\ntwo\n")
    assert once.startswith(before)
    assert once.endswith(after)
    middle = once[len(before) : -len(after)]
    assert re.fullmatch(
        rb"<!-- triage:begin clusters sha=[0-9a-f]{16} -->\r\none\r\ntwo\r\n<!-- triage:end clusters -->\r\n",
        middle,
    )
    assert _splice(once, clusters="one\ntwo") == once
    twice = _splice(once, clusters="three")
    assert twice.startswith(before)
    assert twice.endswith(after)


def test_a_missing_region_is_appended_in_the_style_of_the_file():
    assert _splice(b"", a="x").startswith(b"<!-- triage:begin a")
    assert _splice(b"# T\r\nno newline", a="x").startswith(
        b"# T\r\nno newline\r\n\r\n<!-- triage:begin a sha="
    )
    both = _splice(b"# T\n", a="x", b="y")
    assert [region.name for region in regions.scan(both, "f")] == ["a", "b"]


def test_a_hand_in_a_region_is_an_error_that_says_where():
    data = _splice(b"# T\n\n", a="x\ny")
    edited = data.replace(b"x\ny", b"x\nmine\ny")
    with pytest.raises(UsageError) as refusal:
        _splice(edited, a="z")
    assert refusal.value.slug == "region-edited"
    assert "plan.md:3-7" in str(refusal.value)


def test_an_emptied_region_is_given_back():
    data = _splice(b"# T\n", a="x\ny")
    emptied = data.replace(b"x\ny\n", b" \n\n")
    assert _splice(emptied, a="z").count(b"z\n") == 1


def test_git_may_convert_line_ends():
    data = _splice(b"# T\n", a="x\ny")
    crlf = data.replace(b"\n", b"\r\n")
    (region,) = regions.scan(crlf, "f")
    assert not regions.is_edited(crlf, region)
    assert regions.body(crlf, region) == "x\ny\n"


def test_unhashed_text_between_markers_is_a_persons():
    with pytest.raises(UsageError, match="changed by hand"):
        _splice(b"<!-- triage:begin a -->\nmine\n<!-- triage:end a -->\n", a="x")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<!-- triage:begin a -->\n", "no end marker"),
        ("<!-- triage:end a -->\n", "no begin marker"),
        ("<!-- triage:begin a -->\n<!-- triage:begin b -->\n<!-- triage:end b -->\n", "inside another"),
        ("<!-- triage:begin a -->\n<!-- triage:end b -->\n", "no begin marker"),
        (EMPTY.format("a") * 2, "twice"),
        ("<!-- triage:begin -->\n", "malformed"),
        ("<!-- triage:begin a sha=xyz -->\n", "malformed"),
        ("<!-- triage:begin a sha=0123456789abcdef --> text\n", "malformed"),
        ("<!-- triage:begun a -->\n", "malformed"),
    ],
)
def test_broken_markers_name_their_line(text, problem):
    with pytest.raises(UsageError) as refusal:
        _splice(b"first\n" + text.encode(), a="x")
    assert refusal.value.slug == "bad-region"
    assert problem in str(refusal.value)
    assert re.search(r"plan\.md:[2-9]:", str(refusal.value))


@pytest.mark.parametrize(
    "fake",
    [
        "```\n{0}```\n",
        "````text\n```\n{0}````\n",
        "~~~ `x`\n{0}~~~\n",
        "   ```\n{0}   ```\n",
        "<!--\n{0}\n-->\n",
        "<pre>\n{0}</pre>\n",
        "    {0}",
        "> {0}",
        "- {0}",
        "text {0}",
    ],
)
def test_what_only_looks_like_a_marker_is_text(fake):
    marker = "<!-- triage:begin a -->\n"
    data = fake.format(marker).encode()
    assert regions.scan(data, "f") == ()
    spliced = _splice(data, a="real")
    assert spliced.startswith(data)
    assert [region.name for region in regions.scan(spliced, "f")] == ["a"]


def test_inline_backticks_open_no_fence():
    data = b"``` not a fence ```\n" + EMPTY.format("a").encode()
    assert [region.name for region in regions.scan(data, "f")] == ["a"]


@pytest.mark.parametrize("opening", ["```\ncode\n", "~~~~\n~~~\n", "<!--\n", "<pre>\n"])
def test_a_document_that_ends_inside_a_fence_takes_no_region(opening):
    with pytest.raises(UsageError) as refusal:
        _splice(b"# T\n" + opening.encode(), a="x")
    assert refusal.value.slug == "ledger-unclosed"
    assert "plan.md:2" in str(refusal.value)


def test_utf16_is_refused():
    with pytest.raises(UsageError) as refusal:
        _splice("# T\n".encode("utf-16"), a="x")
    assert refusal.value.slug == "ledger-encoding"


def test_content_cannot_forge_a_marker():
    evil = "x\n<!-- triage:end a -->\n<!-- triage:begin b -->\n"
    data = _splice(b"", a=evil)
    assert [region.name for region in regions.scan(data, "f")] == ["a"]
    assert _splice(data, a=evil) == data


_FLAT = [
    "text",
    "```",
    "````",
    "~~~",
    "<!--",
    "-->",
    "<pre>",
    "</pre>",
    "<div>",
    "<b>",
    "</b>",
    "é",
    "",
    "# h",
]
_PIECES = [*_FLAT, "    ", "> ", "- x", "\r", "\x0b", "\u2028"]


def _documents(pieces: list[str]):
    piece = st.sampled_from(pieces)
    rows = st.lists(st.tuples(piece, piece, st.sampled_from(["\n", "\r\n"])), max_size=12)
    return rows.map(lambda rows: "".join("".join(row) for row in rows))


_DOCUMENT = _documents(_PIECES)


@given(before=_DOCUMENT, after=_DOCUMENT, first=_DOCUMENT | st.text(max_size=40), second=st.text(max_size=40))
def test_every_byte_outside_survives(before, after, first, second):
    start = before.encode("utf-8", "surrogatepass")
    try:
        data = _splice(start, a=first) + after.encode("utf-8", "surrogatepass")
        changed = _splice(data, a=second)
    except UsageError as error:
        refused = error.slug
        assert refused in {"ledger-unclosed", "ledger-encoding", "bad-template"}
        return
    (old,), (new,) = regions.scan(data, "f"), regions.scan(changed, "f")
    assert data.startswith(start)
    assert changed[: new.whole.start] == data[: old.whole.start]
    assert changed[new.whole.stop :] == data[old.whole.stop :]
    assert _splice(changed, a=second) == changed
    assert regions.body(changed, new) == regions.fitted(second).encode("utf-8", "backslashreplace").decode()


@given(_documents(_FLAT))
def test_a_commonmark_parser_sees_the_same_fences(text):
    """A marker put at the end is found by us only where markdown-it takes it for a comment of its own."""
    document = text.replace("\r", "")
    document = document if document.endswith("\n") or not document else document + "\n"
    document += "\n<!-- triage:begin a -->\n<!-- triage:end a -->\n"
    tokens = MarkdownIt("commonmark").parse(document)
    seen = any(
        token.type == "html_block" and token.content.lstrip(" ").startswith("<!-- triage:begin a -->")
        for token in tokens
    )
    try:
        found = bool(regions.scan(document.encode(), "f"))
    except UsageError:
        found = False
    assert found == seen
