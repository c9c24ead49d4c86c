"""What an earlier commit changed, taken back in the present text; later changes stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.probe.edits.take_back import can_be_taken_back, taken_back
from triage.text.hunks import changed_text

BEFORE = "a = 1\n\ndef f():\n    check()\n    return a\n\ndef g():\n    return 2\n"
COMMITTED = "a = 1\n\ndef f():\n    return a + 1\n\ndef g():\n    return 3\n"


def whole(before, committed, present):
    changed = changed_text("m.py", before, committed)
    return taken_back(changed, present, can_be_taken_back(changed, present))


def test_lines_that_a_later_commit_moved_are_found():
    present = "# a later note\n" + COMMITTED + "\ndef h():\n    return 4\n"
    assert whole(BEFORE, COMMITTED, present) == "# a later note\n" + BEFORE + "\ndef h():\n    return 4\n"


def test_a_hunk_that_was_changed_since_stays():
    present = COMMITTED.replace("return 3", "return 5")
    changed = changed_text("m.py", BEFORE, COMMITTED)
    (hunk,) = can_be_taken_back(changed, present)
    assert "return a + 1\n" in hunk.after[0]
    assert taken_back(changed, present, [hunk]) == BEFORE.replace("return 2", "return 5")


def test_lines_that_were_only_removed_come_back_between_their_neighbours():
    committed = BEFORE.replace("    check()\n", "")
    assert whole(BEFORE, committed, "x = 0\n" + committed) == "x = 0\n" + BEFORE
    something_there_now = committed.replace("    return a\n", "    log()\n    return a\n")
    assert can_be_taken_back(changed_text("m.py", BEFORE, committed), something_there_now) == ()


def test_one_hunk_of_several():
    changed = changed_text("m.py", BEFORE, COMMITTED)
    last = changed.hunks[-1]
    assert taken_back(changed, COMMITTED, [last]) == COMMITTED.replace("return 3", "return 2")


@pytest.mark.parametrize(
    ("before", "committed", "present", "expected"),
    [
        (None, "new\n", "new\n", None),
        ("old\n", None, None, "old\n"),
    ],
)
def test_whole_files(before, committed, present, expected):
    assert whole(before, committed, present) == expected


@pytest.mark.parametrize(
    ("before", "committed", "present"), [(None, "new\n", "newer\n"), ("old\n", None, "o")]
)
def test_a_file_that_was_rewritten_since_stays(before, committed, present):
    assert can_be_taken_back(changed_text("m.py", before, committed), present) == ()


TEXTS = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n"]), max_size=12).map("".join)


@given(TEXTS, TEXTS)
def test_taking_back_everything_in_the_committed_text_gives_the_text_before(before, committed):
    changed = changed_text("m.py", before, committed)
    assert can_be_taken_back(changed, committed) == changed.hunks
    assert taken_back(changed, committed, changed.hunks) == before
