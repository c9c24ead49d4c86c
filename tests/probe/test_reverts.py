"""A first bad commit taken back: its guilty hunk alone, and the whole of it."""

from __future__ import annotations

from triage.probe.reverts import CHANGES, reverts_of
from triage.testing.probes import answered, case_of, seen
from triage.text.hunks import changed_text

T = "tests/test_m.py::test_f"
BEFORE = "def f():\n    return 1\n\n\ndef g():\n    return 2\n"
BAD = BEFORE.replace("return 1", "return 0").replace("return 2", "return 2  # two")
NOW = f'"""A later docstring."""\n\n{BAD}'
BETWEEN = "a1..b2"


def asked(world, *, between=None, flaky_rate=1.0, **sources):
    """Drive `reverts_of` with a world of one test."""
    changed = (changed_text("m.py", BEFORE, BAD), changed_text("tests/test_m.py", "x = 1\n", "x = 2\n"))
    facts = {CHANGES: between if between is not None else {BETWEEN: changed}}
    source = {"m.py": NOW, "tests/test_m.py": "x = 2\n", **sources}.get
    case = case_of(T, world, source=source, facts=facts, rate=flaky_rate)
    return answered(reverts_of(case, "a1", "b2", "b2 (Tidy m)"), world)


def works(setup):
    return seen(T, "return 1" in (setup.edits.get("m.py") or ""))


def test_the_guilty_hunk_comes_first_and_then_the_whole_commit():
    found = asked(works)
    assert found.places == ("m.py:2",)
    hunk, whole = found.patches
    assert hunk.title == "take back m.py:2 of b2 (Tidy m)"
    assert hunk.after == NOW.replace("return 0", "return 1")
    assert whole.title == "revert b2 (Tidy m)"
    assert whole.after == f'"""A later docstring."""\n\n{BEFORE}'
    assert "tests/" not in whole.diff


def test_nothing_is_proposed_where_the_test_fails_all_the_same():
    assert asked(lambda setup: seen(T, False)).patches == ()


def test_lines_that_changed_since_are_not_taken_back():
    assert asked(works, **{"m.py": NOW.replace("return 0", "return 3")}).patches == ()


def test_of_a_flaky_test_the_whole_commit_is_run_several_times():
    found = asked(works, flaky_rate=0.5)
    assert [patch.title for patch in found.patches] == ["revert b2 (Tidy m)"]


def test_without_a_known_difference_there_is_nothing_to_run():
    assert asked(works, between={}).patches == ()


def test_of_a_piece_of_several_lines_the_guilty_one_alone_comes_first():
    before = "A = 1\nB = 2\nC = 3\n"
    after = "A = 10\nB = 20\nC = 30\n"
    between = {BETWEEN: (changed_text("m.py", before, after),)}

    def world(setup):
        return seen(T, "B = 2\n" in (setup.edits.get("m.py") or ""))

    found = asked(world, between=between, **{"m.py": f"{after}D = 4\n"})
    assert found.places == ("m.py:2",)
    line, whole = found.patches
    assert (line.title, line.after) == ("take back m.py:2 of b2 (Tidy m)", "A = 10\nB = 2\nC = 30\nD = 4\n")
    assert whole.after == f"{before}D = 4\n"


def test_lines_that_are_needed_together_stay_one_piece():
    before, after = "def f(a):\n    return a\n", "def f(b):\n    return b + 1\n"
    between = {BETWEEN: (changed_text("m.py", before, after),)}

    def world(setup):
        return seen(T, setup.edits.get("m.py") == before)

    found = asked(world, between=between, **{"m.py": after})
    assert (found.places, len(found.patches)) == (("m.py:1-2",), 1)


def test_lines_in_another_number_than_before_stay_one_piece():
    before, after = "A = 1\n", "A = 2\nB = 3\n"
    between = {BETWEEN: (changed_text("m.py", before, after),)}

    def world(setup):
        return seen(T, (setup.edits.get("m.py") or "").startswith("A = 1"))

    found = asked(world, between=between, **{"m.py": after})
    assert (found.places, len(found.patches)) == (("m.py:1-2",), 1)
