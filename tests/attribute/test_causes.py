"""Causes that share lines are one; that one test has two of them does not make them one."""

from __future__ import annotations

from triage.attribute.causes import FoundCause, united
from triage.attribute.commit_stage import BrokenSince
from triage.text.hunks import Hunk

SINCE = BrokenSince("0" * 40, None, (), is_confirmed=True)


def hunk(place: str, first: int = 1) -> Hunk:
    return Hunk(place, first, first, first, (f"old {place}\n",), (f"new {place}\n",))


A, B, C = hunk("a.py"), hunk("b.py"), hunk("c.py")


def cause(hunks: set[Hunk], *tests: str, also: tuple[frozenset[Hunk], ...] = ()) -> FoundCause:
    return FoundCause(tests, frozenset(hunks), also, SINCE, is_proven=True, judged=())


def shown(causes: list[FoundCause]) -> set[tuple[frozenset[Hunk], frozenset[str]]]:
    return {(each.hunks, frozenset(each.tests)) for each in causes}


def test_a_test_that_needs_half_of_a_change_has_its_cause():
    causes = united([cause({A, B}, "x"), cause({A}, "y"), cause({C}, "z")])
    assert shown(causes) == {(frozenset({A, B}), frozenset({"x", "y"})), (frozenset({C}), frozenset({"z"}))}


def test_a_second_cause_of_one_test_unites_nothing():
    causes = united([cause({A}, "x"), cause({B}, "y"), cause({A}, "both", also=(frozenset({B}),))])
    assert shown(causes) == {(frozenset({A}), frozenset({"x", "both"})), (frozenset({B}), frozenset({"y"}))}


def test_one_hunk_is_one_whatever_its_lines_are_in_another_commit():
    causes = united([cause({A}, "x"), cause({hunk("a.py", first=1)}, "y")])
    moved = Hunk("a.py", 7, 7, 9, A.before, A.after)
    assert len(united([*causes, cause({moved}, "z")])) == 1


def test_a_set_of_hunks_that_alone_broke_other_tests_unites_nothing():
    causes = united([cause({A}, "x"), cause({B}, "y"), cause({A, B}, "both")])
    assert shown(causes) == {(frozenset({A}), frozenset({"x", "both"})), (frozenset({B}), frozenset({"y"}))}
