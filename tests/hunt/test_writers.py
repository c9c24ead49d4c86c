"""What tests leave behind them, and the prefixes behind which all of it is in force."""

from __future__ import annotations

from triage.hunt.writers import Changes, halves, prefixes


def changes(*of_tests, at_first=None):
    return Changes(at_first or {"lang": "en"}, of_tests)


def test_who_puts_something_back_is_not_in_the_first_prefix():
    seen = changes(("french", {"lang": "fr"}), ("resets", {"lang": "en"}), ("env", {"env:A": "1"}))
    assert list(prefixes(seen, 2)) == [("french", "env")]


def test_what_one_test_overwrites_of_another_is_in_force_behind_the_second_prefix():
    seen = changes(("french", {"lang": "fr"}), ("env", {"env:A": "1"}), ("german", {"lang": "de"}))
    assert list(prefixes(seen, 2)) == [("french", "env", "german"), ("french",)]
    assert len(list(prefixes(seen, 1))) == 1


def test_a_test_that_leaves_one_thing_and_puts_another_back_comes_by_itself():
    seen = changes(("french", {"lang": "fr"}), ("both", {"lang": "en", "cache": "full"}))
    assert list(prefixes(seen, 2)) == [("french",), ("both",)]


def test_what_is_gone_was_left_so_and_what_is_new_and_gone_again_was_not():
    assert list(prefixes(changes(("removes", {"lang": ""})), 2)) == [("removes",)]
    seen = changes(("adds", {"env:A": "1"}), ("takes", {"env:A": ""}))
    assert list(prefixes(seen, 2)) == [("adds",)]


def test_nothing_is_tried_where_nothing_is_left():
    assert list(prefixes(changes(), 2)) == []


def test_the_events_of_the_meter():
    events = [
        {"event": "begin", "keys": {"lang": "en"}},
        {"event": "changed", "nodeid": "french", "keys": {"lang": "fr"}},
    ]
    assert Changes.of(events) == changes(("french", {"lang": "fr"}))
    assert Changes.of([]).of_tests == ()


def test_in_enough_halves_each_test_runs_behind_each_other():
    tests = tuple("abcdefg")
    behind = {(first, then) for here, apart in halves(tests, 9) for first in here for then in apart}
    assert behind == {(one, other) for one in tests for other in tests if one != other}
    assert len(list(halves(tests, 2))) == 4
    assert list(halves(("a",), 3)) == []


def test_who_leaves_files_is_known():
    seen = changes(("writes", {"file:out.txt": "1"}), ("sets", {"env:A": "1"}), ("makes", {"tmp:lock": "2"}))
    assert seen.leaving_files == {"writes", "makes"}
