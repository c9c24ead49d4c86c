"""Numbers with their nouns."""

from triage.text.plural import counted_noun


def test_one_has_no_plural() -> None:
    assert [counted_noun(number, "test") for number in (0, 1, 2)] == ["0 tests", "1 test", "2 tests"]
    assert counted_noun(1, "test", 3) == "  1 test"
