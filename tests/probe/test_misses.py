"""What the miss of a comparison in two types says against rounding."""

from __future__ import annotations

import pytest

from tests.planted.hostile.forked import Fork
from triage.probe.misses import Miss, misses_of, objection_to_rounding, reason_for_rounding
from triage.probe.probes.numeric import Numeric
from triage.testing.probes import drive

_UNIT = {"float32": 2.0**-23, "float64": 2.0**-52}


def miss(dtype, units):
    relative = abs(units) * _UNIT[dtype]
    return Miss("assert_allclose", 2.0, relative, dtype, "tests/test_n.py:3", is_below=units < 0)


@pytest.mark.parametrize(
    ("narrow", "wide", "said"),
    [
        (8.0, 8.4, "it follows from the unit"),
        (-8.0, -7.3, "it follows from the unit"),
        (8.0, -8.0, ""),
        (8.0, 2.0, ""),
        (80.0, 63.0, ""),
        (2.0, 2.0, ""),
        (1000.0, 1011.0, "it follows from the unit"),
        (8.0, 2.0**29, "12% of the miss is left in float64"),
        (8.0, 0.0, ""),
    ],
)
def test_rounding_shrinks_with_the_unit_and_differs_between_types(narrow, wide, said):
    objection = objection_to_rounding(miss("float32", narrow), miss("float64", wide))
    assert (said in objection) if said else objection == ""


def test_many_units_are_rounding_where_they_shrink_with_the_unit():
    assert "shrinks as rounding does" in reason_for_rounding(miss("float32", 80.0), miss("float64", 63.0))
    assert reason_for_rounding(miss("float32", 80.0), miss("float64", 2.0**20)) == ""
    assert reason_for_rounding(miss("float32", 9000.0), miss("float64", 63.0)) == ""
    assert reason_for_rounding(miss("float64", 80.0), miss("float64", 0.0)) == ""


def test_a_miss_is_read_with_its_sign_and_one_that_is_not_finite_is_left_out():
    line = {
        "name": "x",
        "ratio": 3.0,
        "relative": 2.0**-22,
        "dtype": "float32",
        "where": "t:1",
        "below": True,
    }
    (read,) = misses_of([line, {**line, "nonfinite": True}, {**line, "ratio": None}])
    assert read.units == -2.0


T = "tests/test_n.py::test_it"
TEST = """
import numpy
from scale import value
def test_it():
    numpy.testing.assert_allclose(value(numpy.array([0.6, 0.8], dtype=numpy.float32)), {due}, rtol=4e-7)
"""
SLACK = """
import numpy
def value(x):
    slack = 8 * numpy.finfo(x.dtype).eps
    return x / (numpy.sqrt((x * x).sum()) + slack)
"""
SUM = """
import numpy
def value(x):
    total = x.sum() - x.sum()
    for _ in range(2000):
        total = total + x[:1] / 12
    return total
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("product", "due", "doubted"),
    [(SLACK, "[0.6, 0.8]", True), (SUM, "[100.0]", False)],
    ids=["slack", "sum"],
)
def test_an_error_made_of_the_unit_is_told_from_a_sum_that_rounds(tmp_path, product, due, doubted):
    pytest.importorskip("numpy")
    world = Fork(tmp_path, {"scale.py": product, "tests/test_n.py": TEST.format(due=due)})
    finding = drive(Numeric(), world.case(T), world).finding
    assert finding.cause.kind == "dtype"
    assert bool(finding.against) is doubted
    assert doubted or "shrinks as rounding does" in finding.because
