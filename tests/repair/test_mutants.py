"""Small faults in executed product lines."""

from __future__ import annotations

import textwrap

import pytest

from triage.repair.mutants import mutants, mutants_of

CALC = textwrap.dedent("""\
    import os

    def total(values, scale=1.0):
        found = 0
        for value in values:
            if value > 0 and not value == 7:
                found += value * scale
        log(f"{found}")
        while found > 10:
            found -= 10
        return found
""")


def changed(source, *lines):
    return [
        (mutant.line, mutant.before, mutant.after)
        for mutant in mutants_of("m.py", source, frozenset(lines or range(1, 99)))
    ]


def test_one_fault_a_line_and_none_that_may_never_end():
    assert changed(CALC) == [
        (4, "found = 0", "found = 1"),
        (6, "if value > 0 and not value == 7:", "if (value <= 0) and not value == 7:"),
        (7, "found += value * scale", "found += value + scale"),
        (8, 'log(f"{found}")', "None"),
        (10, "found -= 10", "found -= 11"),
        (11, "return found", "return None"),
    ]


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("x = a + b - c", "x = a + b + c"),
        ("x = 'é' in a", "x = 'é' not in a"),
        ("x = a and b", "x = a or b"),
        ("x = not a", "x = bool(a)"),
        ("return True", "return False"),
        ("return f(x)", "return None"),
        ("x = [1.5]", "x = [2.5]"),
        ("obj.save()", "None"),
    ],
)
def test_what_becomes_of_a_line(line, after):
    assert changed(f"def f():\n    {line}\n", 2) == [(2, line, after)]


@pytest.mark.parametrize(
    "line", ["pass", "raise ValueError(3)", "import os", '"""Text."""', "return None", "x = 'a' + b", "x = y"]
)
def test_lines_without_a_telling_fault_are_left_alone(line):
    assert changed(f"def f():\n    {line}\n", 2) == []


def test_every_mutant_is_a_program_and_changes_its_line_alone():
    for mutant in mutants_of("m.py", CALC, frozenset(range(1, 20))):
        compile(mutant.text, "m.py", "exec")
        old, new = CALC.splitlines(), mutant.text.splitlines()
        assert [n for n, (a, b) in enumerate(zip(old, new, strict=True), 1) if a != b] == [mutant.line]


def test_few_of_many_are_spread_over_the_lines_and_tests_get_none():
    executed = {"m.py": frozenset(range(1, 12)), "tests/test_m.py": frozenset({1, 2})}
    found = mutants(executed, {"m.py": CALC, "tests/test_m.py": "x = 1\n"}.get, 3)
    assert [mutant.line for mutant in found] == [4, 7, 10]
    nearby = mutants(executed, {"m.py": CALC}.get, 3, near=[("m.py", 8), ("other.py", 4)])
    assert [mutant.line for mutant in nearby] == [4, 7, 8]
    assert found[0].name == "m.py:4: found = 0 -> found = 1"
    assert mutants({"gone.py": frozenset({1})}, lambda path: None, 3) == ()
    assert mutants({"m.py": frozenset({1})}, lambda path: "no python (", 3) == ()
