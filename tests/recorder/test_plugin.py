"""Selection by public id, exceptions taken apart, the pen that cannot be broken."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.recorder.events import Opener
from triage.recorder.exceptions import CHAIN_LIMIT, FRAME_LIMIT, exception_chain, text_of
from triage.recorder.record_file import OVERFLOW_BYTES, Writer, overflow_lines
from triage.recorder.select import covers, exactly, matching, numbered, public_id, public_ids
from triage.recorder.settings import VARIABLE, take_settings
from triage.text.redact import Redactor


@dataclass
class Item:
    nodeid: str


IDS = st.lists(
    st.sampled_from(["a.py::t", "a.py::t[1]", "a.py::t[a::b]", "b/c.py::C::t", "b/c.py::t", "b/cd.py::t"])
)


@given(IDS, st.randoms())
def test_exact_selection_keeps_the_wanted_order_and_tells_equal_ids_apart(
    ids: list[str], random: object
) -> None:
    items = [Item(nodeid) for nodeid in ids]
    wanted = [[nodeid, nth] for nodeid, nth in zip(ids, numbered(ids), strict=True)]
    random.shuffle(wanted)  # type: ignore[attr-defined]
    chosen, numbers = exactly(items, ids, wanted)
    assert [[item.nodeid, nth] for item, nth in zip(chosen, numbers, strict=True)] == wanted
    assert len({id(item) for item in chosen}) == len(items)


@given(IDS, st.lists(st.sampled_from(["a.py", "a.py::t", "b", "b/c.py::C", "b/c.py", ".", "none"])))
def test_matching_takes_each_item_once_and_nothing_else(ids: list[str], wanted: list[str]) -> None:
    items = [Item(nodeid) for nodeid in ids]
    chosen = matching(items, ids, wanted)
    assert len({id(item) for item in chosen}) == len(chosen)
    for item in chosen:
        assert any(covers(name, item.nodeid) for name in wanted)


def test_a_name_covers_its_parameters_and_members_but_not_its_namesakes() -> None:
    assert covers("b/c.py::t", "b/c.py::t[x]")
    assert covers("b/c.py", "b/c.py::t")
    assert not covers("b/c.py", "b/c.pyx::t")
    assert not covers("b/c", "b/cd.py::t")


def test_public_ids_are_redacted_and_encodable() -> None:
    items = [Item("t.py::a[hunter2hunter2]"), Item("t.py::b[\udcff]"), Item("t.py::c")]
    first, *others = public_ids(items, Redactor(["hunter2hunter2"]))
    assert re.fullmatch(r"t\.py::a\[\[redacted-[0-9a-f]{8}\]\]", first)
    assert others == ["t.py::b[\\udcff]", "t.py::c"]


def test_ids_with_different_secrets_differ_and_select_their_tests() -> None:
    """Each stands for its own test, before and after it was redacted, and however often."""
    hidden = "kV8" + "x2mQ9w"
    items = [Item(f"t.py::a[https://joe:{hidden}{number}@host/]") for number in range(3)]
    redactor = Redactor()
    ids = public_ids(items, redactor)
    assert len(set(ids)) == 3
    assert hidden not in "".join(ids)
    assert [redactor(name) for name in ids] == ids
    assert [public_id(name, redactor) for name in ids] == ids
    assert exactly(items, ids, [(ids[2], 0), (ids[0], 0)])[0] == [items[2], items[0]]
    assert matching(items, ids, [ids[1]]) == [items[1]]


def test_chains_and_frames_are_bounded() -> None:
    def down(n: int) -> None:
        if n:
            down(n - 1)
        raise ValueError("x" * 10)

    with pytest.raises(ValueError, match="x") as caught:
        down(400)
    assert len(exception_chain(caught.value)[0]["frames"]) <= FRAME_LIMIT
    error: BaseException = ValueError("0")
    for number in range(100):
        outer = ValueError(str(number))
        outer.__cause__ = error
        error = outer
    assert len(exception_chain(error)) == CHAIN_LIMIT
    group = ExceptionGroup("g", [ValueError(str(n)) for n in range(100)])
    assert len(exception_chain(group)) == CHAIN_LIMIT


@pytest.fixture
def pen(tmp_path: Path) -> Writer:
    return Writer(str(tmp_path / "record"), b"k" * 32)


def read(pen: Writer) -> list[int]:
    opener = Opener(pen.key)
    payloads = (opener.open(line) for line in Path(pen.path).read_bytes().split(b"\n") if line)
    return [json.loads(payload)["n"] for payload in payloads if payload]


def test_the_pen_survives_a_closed_and_a_stolen_descriptor(pen: Writer, tmp_path: Path) -> None:
    pen.write({"n": 1})
    os.close(pen._fd)
    thief = os.open(tmp_path / "other", os.O_WRONLY | os.O_CREAT)
    assert thief == pen._fd, "the number is taken by another file now"
    pen.write({"n": 2})
    assert read(pen) == [1, 2]
    assert (tmp_path / "other").read_bytes() == b""
    os.close(thief)


@contextmanager
def starved() -> Iterator[None]:
    """Around the writes alone: pytest itself may write to a file between a test and its teardown."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_the_pen_lifts_a_lowered_file_size_limit(pen: Writer) -> None:
    with starved():
        for n in range(20):
            pen.write({"n": n})
    assert read(pen) == list(range(20))
    assert not pen.failed


def test_the_spare_page_takes_what_the_file_refuses_and_keeps_the_order(pen: Writer) -> None:
    pen.reserve_overflow()
    pen.write({"n": 0})
    path, pen.path = pen.path, "/nowhere/at/all"
    os.close(pen._fd)
    for n in range(1, 5):
        pen.write({"n": n})
    pen.path = path
    pen.write({"n": 5})
    assert pen.is_blocked
    assert not pen.failed
    assert read(pen) == [0]
    opener = Opener(pen.key)
    data = Path(path).read_bytes() + overflow_lines(path)
    payloads = [opener.open(line) for line in data.split(b"\n") if line]
    assert [json.loads(payload or b"{}")["n"] for payload in payloads] == list(range(6))


def test_a_full_spare_page_is_said(pen: Writer) -> None:
    pen.reserve_overflow()
    path, pen.path = pen.path, "/nowhere/at/all"
    while not pen.failed:
        pen.write({"n": "x" * 10_000})
    assert OVERFLOW_BYTES - 11_000 < len(overflow_lines(path)) <= OVERFLOW_BYTES


def test_a_pen_whose_tools_were_taken_writes_on(pen: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("write", "open", "fstat", "getpid", "close"):
        monkeypatch.setattr(os, name, None)
    monkeypatch.setattr(json, "dumps", None)
    pen.write({"n": 1})
    monkeypatch.undo()
    assert read(pen) == [1]


@pytest.mark.parametrize("problem", [RuntimeError, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_an_exception_without_a_text_has_one(problem: type[BaseException]) -> None:
    class Evil(Exception):
        def __str__(self) -> str:
            raise problem

    assert problem.__name__ in exception_chain(Evil())[0]["message"]


def test_a_text_that_is_no_true_text_becomes_one() -> None:
    class Odd(str):
        def __len__(self) -> int:
            raise RuntimeError

    assert type(text_of(Odd("x"))) is str


def test_a_forked_child_does_not_write(pen: Writer) -> None:
    pen.write({"n": 1})
    child = os.fork()
    if child == 0:
        pen.write({"n": 2})
        os._exit(0)
    os.waitpid(child, 0)
    pen.write({"n": 3})
    assert read(pen) == [1, 3]


def test_settings_are_gone_once_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"record": "/r", "key": "00", "of_a_newer_harness": 1}))
    monkeypatch.setenv(VARIABLE, str(path))
    settings = take_settings()
    assert settings is not None
    assert settings.key == "00"
    assert not path.exists()
    assert VARIABLE not in os.environ
    assert take_settings() is None
