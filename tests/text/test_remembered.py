"""Remembered texts never change a result, and need little memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.text import remembered
from triage.text.redact import Redactor
from triage.text.remembered import RememberedTexts

_LONG_TEXTS = [
    "step of a long log " * 40,
    "step of a long log " * 40 + "token=ghp_" + "a1B2" * 9,
    "\udc80" * 300,
]
_TEXTS = ["token=ghp_" + "a1B2" * 9, "shop", "password: hunter2", "", "x" * 50, *_LONG_TEXTS]


@given(st.lists(st.sampled_from(_TEXTS)))
def test_a_redactor_gives_the_same_however_often_it_is_asked(texts: list[str]) -> None:
    redactor = Redactor(["hunter2hunter2"])
    for text in texts:
        assert redactor(text) == Redactor(["hunter2hunter2"])(text)


def test_a_redactor_for_bytes_remembers_for_itself() -> None:
    redactor = Redactor(["pässwörd-pässwörd"])
    assert redactor("pässwörd-pässwörd") != "pässwörd-pässwörd"
    as_latin = "pässwörd-pässwörd".encode().decode("latin-1")
    assert redactor(as_latin) == as_latin or "pÃ" not in redactor(as_latin)
    assert "ssw" not in redactor.for_bytes()(as_latin)


def test_each_text_is_made_once_until_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "_MOST_CHARACTERS", 1_000)
    asked: list[str] = []

    def make(text: str) -> str:
        asked.append(text)
        return text.upper()

    texts = RememberedTexts(make)
    assert [texts["a"], texts["a"]] == ["A", "A"]
    assert asked == ["a"]
    for number in range(50):
        assert texts[f"text {number}"] == f"TEXT {number}"
    assert len(texts) <= 10


def test_long_texts_are_made_once_and_are_not_kept() -> None:
    asked: list[str] = []

    def make(text: str) -> str:
        asked.append(text)
        return text.replace("hunter2", "***")

    texts = RememberedTexts(make)
    plain = [f"line {number} of a log " * 5_000 for number in range(200)]
    secret = "the password is hunter2 " * 20
    for _ in range(2):
        for text in plain:
            assert texts[text] == text
        assert "hunter2" not in texts[secret]
    # together they have more characters than are remembered
    assert sum(map(len, plain)) > remembered._MOST_CHARACTERS
    assert asked == [*plain, secret]
    assert not texts
