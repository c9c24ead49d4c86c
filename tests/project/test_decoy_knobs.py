"""A decoy's bug stays where it is: the switch beside it leads around it, and nothing else."""

from __future__ import annotations

import dataclasses
import textwrap

import pytest

from benchmarks.decoy_knobs import KNOBS, with_knob

ORIGINAL = textwrap.dedent('''\
    import math

    LIMIT = 3


    class Basket:
        """Prices."""

        def total(self, rows, extra=1):
            """The sum."""
            result = 0
            for row in rows:
                result += row
            if result > LIMIT:
                return result + extra
            return result

        def each(self, rows):
            yield from rows
''')
MUTATED = ORIGINAL.replace("result + extra", "result - extra")


def total(source, rows):
    names = {}
    exec(compile(source, "basket.py", "exec"), names)
    return names["Basket"]().total(rows)


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
def test_the_bug_is_there_until_the_knob_is_turned(knob):
    planted = with_knob(ORIGINAL, MUTATED, "Basket.total", knob, "SHOP")
    assert "result - extra" in planted
    off, on = (
        with_knob(ORIGINAL, MUTATED, "Basket.total", dataclasses.replace(knob, condition=condition), "SHOP")
        for condition in ("False", "True")
    )
    assert (total(off, [2, 2]), total(on, [2, 2])) == (3, 5)
    assert total(off, [1]) == total(on, [1]) == 1
    assert planted.startswith(ORIGINAL[: ORIGINAL.index("    def total")])
    assert planted.endswith(ORIGINAL[ORIGINAL.index("    def each") - 1 :])


def test_a_function_that_cannot_take_a_knob_is_refused():
    with pytest.raises(LookupError, match="no plain function"):
        with_knob(ORIGINAL, MUTATED, "Basket.each", KNOBS[0], "SHOP")
    with pytest.raises(LookupError, match="no function"):
        with_knob(ORIGINAL, MUTATED, "Basket.absent", KNOBS[0], "SHOP")
