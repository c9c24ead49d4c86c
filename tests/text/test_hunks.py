"""Hunks of two texts: all of them taken back give the old text, any of them some text in between."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from triage.text.hunks import Difference, changed_text, lines_of, moved_into

TEXTS = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\f\n", "d\r\n"]), max_size=12).map("".join)


@given(TEXTS, TEXTS)
def test_all_hunks_taken_back_give_the_old_text(before: str, after: str) -> None:
    changed = changed_text("f.py", before, after)
    assert changed.without(changed.hunks) == before
    assert changed.without(()) == after


@given(TEXTS, TEXTS)
def test_one_hunk_after_the_other_changes_the_same_lines(before: str, after: str) -> None:
    changed = changed_text("f.py", before, after)
    for hunk in changed.hunks:
        once = changed.without({hunk})
        assert once is not None
        assert len(lines_of(once)) == len(lines_of(after)) - len(hunk.after) + len(hunk.before)


def test_a_hunk_is_named_by_its_lines() -> None:
    changed = changed_text("a.py", "1\n2\n3\n4\n5\n6\n", "1\nx\ny\n3\n4\n6\n")
    assert [hunk.name for hunk in changed.hunks] == ["a.py:2-3", "a.py:6-6"]
    assert [hunk.in_words for hunk in changed.hunks] == ["lines 2-3 of a.py", "line 6 of a.py"]
    assert changed.without({changed.hunks[1]}) == "1\nx\ny\n3\n4\n5\n6\n"


def test_a_block_that_was_added_behind_replaced_lines_is_a_hunk_of_its_own() -> None:
    after = "a\nB\n\n\ndef c():\n    pass\n"
    replaced, added = changed_text("x.py", "a\nb\n", after).hunks
    assert (replaced.before, replaced.after, replaced.name) == (("b\n",), ("B\n",), "x.py:2-2")
    assert (added.before, added.name) == ((), "x.py:3-6")
    assert changed_text("x.py", "a\nb\n", after).without([replaced]) == after.replace("B", "b")


def test_a_file_that_is_new_or_gone_is_one_hunk() -> None:
    new, gone = changed_text("new.py", None, "x\n"), changed_text("gone.json", "{}\n", None)
    assert [hunk.name for hunk in (*new.hunks, *gone.hunks)] == ["new.py", "gone.json"]
    assert new.without(new.hunks) is None
    assert gone.without(gone.hunks) == "{}\n"


def test_a_last_line_without_an_end_stays_one() -> None:
    changed = changed_text("a.txt", "1\n2", "1\n2\n")
    assert changed.without(changed.hunks) == "1\n2"


def test_a_difference_gives_the_files_that_a_set_changes() -> None:
    one, other = changed_text("a.py", "1\n", "2\n"), changed_text("b.py", "1\n", "2\n")
    difference = Difference({"a.py": one, "b.py": other}, (*one.hunks, *other.hunks))
    assert difference.edits(difference.named(["b.py:1-1"])) == {"b.py": "1\n"}


def test_an_older_hunk_is_found_again_where_lines_were_added_above_it() -> None:
    (hunk,) = changed_text("a.py", "def f():\n    return 1\n", "def f():\n    return 2\n").hunks
    later = "import os\n\ndef f():\n    return 2\n"
    assert list(moved_into(hunk, later)) == ["import os\n\ndef f():\n    return 1\n"]
    assert list(moved_into(hunk, "def f():\n    return 3\n")) == []
