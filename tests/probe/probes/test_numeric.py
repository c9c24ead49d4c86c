"""Where what a test compares is not finite, the line at which that arises is named."""

from __future__ import annotations

import pytest

from tests.planted.hostile.forked import Fork
from triage.probe.probes.numeric import Numeric
from triage.testing.probes import drive

pytestmark = pytest.mark.slow
T = "tests/test_app.py::test_it"
PRODUCT = """
import numpy

def scaled(x):
    weights = numpy.exp(x)
    total = weights.sum()
    return weights / total
"""
TEST = """
import numpy
from app import scaled
def test_it():
    assert numpy.allclose(scaled(numpy.array([{values}])), [0.5, 0.5])
"""


def cause_of(tmp_path, values):
    world = Fork(tmp_path, {"app.py": PRODUCT, "tests/test_app.py": TEST.format(values=values)})
    return drive(Numeric(), world.case(T), world).finding.cause


def test_the_first_value_that_is_not_finite_is_named(tmp_path):
    pytest.importorskip("numpy")
    cause = cause_of(tmp_path, "1000.0, 1000.0")
    assert (cause.kind, cause.confidence, cause.culprits) == ("product-defect", "likely", ("app.py:5",))
    assert "overflow encountered in exp at app.py:5" in cause.summary


def test_lost_precision_is_led_to_the_product_line_that_asks_for_a_narrow_type(tmp_path):
    pytest.importorskip("numpy")
    product = (
        "import numpy\n\ndef spread(x):\n    x = numpy.asarray(x, dtype=numpy.float32)\n    return x.var()\n"
    )
    test = "import numpy\nfrom app import spread\ndef test_it():\n    x = 1e6 + numpy.arange(5) / 64\n"
    test += "    assert numpy.isclose(spread(x), 2 / 64**2, rtol=1e-3)\n"
    world = Fork(tmp_path, {"app.py": product, "tests/test_app.py": test})
    cause = drive(Numeric(), world.case(T), world).finding.cause
    assert (cause.kind, cause.culprits[0]) == ("dtype", "app.py:4")


def test_of_finite_values_nothing_is_said(tmp_path):
    pytest.importorskip("numpy")
    assert cause_of(tmp_path, "1.0, 3.0") is None
