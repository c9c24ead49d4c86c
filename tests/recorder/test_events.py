"""The sealed record: what was written is read, and nothing else is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.recorder.events import LineBuffer, Opener, encode, seal
from triage.text.sanitize import capped, encodable, inert_bytes

KEY = b"k" * 32
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.text(), JSON), max_size=4), st.integers(1, 40))
def test_round_trip_through_any_blocks(found: list[dict[str, object]], size: int) -> None:
    data = b"".join(seal(KEY, n, encode(event)) for n, event in enumerate(found))
    lines, opener, read = LineBuffer(), Opener(KEY), []
    for start in range(0, len(data), size):
        read += [json.loads(opener.open(line) or b"null") for line in lines.feed(data[start : start + size])]
    assert read == found
    assert (opener.foreign, opener.missing) == (0, 0)


@given(st.binary(), st.integers(0, 200))
def test_altered_repeated_and_foreign_lines_are_refused(junk: bytes, place: int) -> None:
    line = seal(KEY, 0, b'{"e":"start","i":0}')
    opener = Opener(KEY)
    broken = bytearray(line.rstrip(b"\n"))
    broken[place % len(broken)] ^= 1
    assert opener.open(bytes(broken)) is None
    assert opener.open(junk) is None
    assert opener.open(seal(b"x" * 32, 0, b"{}")) is None
    assert opener.open(line) is not None
    assert opener.open(line) is None, "a line that is replayed counts once"
    assert opener.foreign == 4


def test_a_gap_is_counted() -> None:
    opener = Opener(KEY)
    opener.open(seal(KEY, 0, b"{}"))
    opener.open(seal(KEY, 3, b"{}"))
    assert opener.missing == 2


@given(st.text(alphabet=st.characters(codec=None)))
def test_cleaned_text_can_be_written_and_does_nothing(text: str) -> None:
    shown = inert_bytes(encodable(text).encode("utf-8")).decode("utf-8")
    assert not set(shown) & {chr(n) for n in (*range(9), *range(11, 32), *range(127, 160))}


@given(st.binary())
def test_cleaned_bytes_do_nothing(data: bytes) -> None:
    shown = inert_bytes(data)
    assert not set(shown) & {*range(9), *range(11, 32), 127}


@given(st.text(), st.integers(2, 50))
def test_capped_text_keeps_head_and_tail(text: str, limit: int) -> None:
    shown = capped(text, limit)
    assert shown == text if len(text) <= limit else shown.startswith(text[: limit // 2])


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"::error file=x::forged", b"\\x3a:error file=x::forged"),
        (b" \t::set-output name=a::b", b" \t\\x3a:set-output name=a::b"),
        (b"x ##[group]forged", b"x \\x23#[group]forged"),
        (b"##vso[task.setvariable variable=a]b", b"\\x23#vso[task.setvariable variable=a]b"),
        (b"##teamcity[testFailed name='x']", b"\\x23#teamcity[testFailed name='x']"),
        ("\u202edesrever\u2028x".encode(), b"\\xe2\\x80\\xaedesrever\\xe2\\x80\\xa8x"),
        (b"test_a.py::test_b PASSED ## a::b", b"test_a.py::test_b PASSED ## a::b"),
    ],
)
def test_nothing_in_a_log_commands_a_ci_service(line: bytes, shown: bytes) -> None:
    assert inert_bytes(b"before\n" + line + b"\nafter") == b"before\n" + shown + b"\nafter"
    assert inert_bytes(line) == shown
