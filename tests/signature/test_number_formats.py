"""Numbers as real libraries word them: each message is made here by the library itself."""

# ruff: noqa: PT009, SIM300  # unittest and turned comparisons are what is read here

from __future__ import annotations

import math
import unittest
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.signature.number_formats import read_numbers
from triage.signature.numbers import Numeric

np: Any = pytest.importorskip("numpy")
torch: Any = pytest.importorskip("torch")
close = torch.testing.assert_close
T = torch.tensor
NAN, INF = float("nan"), float("inf")


def said(function: Callable[[], object]) -> str:
    with pytest.raises(AssertionError) as caught:
        function()
    return str(caught.value)


class Odd(torch.autograd.Function):  # type: ignore[misc]  # torch may have no types here
    """The gradient is wrong by a factor."""

    @staticmethod
    def forward(context: Any, x: Any) -> Any:
        return x**2

    @staticmethod
    def backward(context: Any, gradient: Any) -> Any:
        return gradient * 0


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda: close(1.0, 1.5), {"kind": "close", "decade": "7"}),
        (lambda: close(1, 3), {"kind": "equal"}),
        (lambda: close(NAN, 1.0), {"kind": "close", "left": "nan"}),
        (lambda: close(T([INF, 1.0]), T([1.0, 1.0])), {"kind": "close", "left": "inf", "fraction": "one"}),
        (lambda: close(torch.zeros(3), torch.zeros(4)),
         {"kind": "attribute", "attribute": "shape", "shapes": "rank 1, axes [0] differ"}),
        (lambda: close(torch.zeros(3), torch.zeros(3, dtype=torch.float64)),
         {"kind": "attribute", "attribute": "dtype", "shapes": "torch.float32 != torch.float64"}),
        (lambda: close(torch.zeros(3), torch.zeros(3, device="meta")),
         {"kind": "attribute", "attribute": "device", "shapes": "cpu != meta"}),
        (lambda: close(torch.ones(3, 3), torch.ones(3, 3).t(), check_stride=True),
         {"kind": "attribute", "attribute": "stride"}),
        (lambda: close([T(1.0)], [T(1.0), T(2.0)]), {"kind": "attribute", "attribute": "length"}),
        (lambda: close({"a": [T([1.0, 2.0])]}, {"a": [T([1.0, 3.0])]}),
         {"kind": "close", "decade": "5", "fraction": "one"}),
        (lambda: close(T([1.0]), T([2.0]), msg=lambda text: f"beam is off\n\n{text}"),
         {"kind": "close", "decade": "5", "fraction": "all"}),
        (lambda: np.testing.assert_allclose([1.0, 2.0], [1.0, 2.1], atol=1e-3, rtol=0),
         {"kind": "close", "decade": "2", "fraction": "one"}),
        (lambda: np.testing.assert_allclose([1.0, NAN], [1.0, 2.0]), {"kind": "nan-location", "left": "nan"}),
        (lambda: np.testing.assert_allclose([1.0, INF], [1.0, 2.0]), {"kind": "nan-location", "left": "inf"}),
        (lambda: np.testing.assert_array_equal([1, 2, 3], [1, 2, 4]), {"kind": "equal", "fraction": "one"}),
        (lambda: np.testing.assert_equal({"a": [1, 2]}, {"a": [1, 3]}), {"kind": "equal"}),
        (lambda: np.testing.assert_almost_equal(1.0, 1.001, decimal=5), {"kind": "close", "decade": "2"}),
        (lambda: np.testing.assert_array_almost_equal([1.0, 2.0], [1.0, 2.01], decimal=4),
         {"kind": "close", "decade": "2", "fraction": "one"}),
        (lambda: np.testing.assert_approx_equal(0.123456, 0.1235, significant=6),
         {"kind": "close", "decade": "2"}),
        (lambda: np.testing.assert_array_less([1.0, 5.0], [2.0, 2.0]),
         {"kind": "compare", "op": "<", "fraction": "one"}),
        (lambda: np.testing.assert_array_almost_equal_nulp(np.array([1.0]), np.array([1.0 + 1e-10]), nulp=3),
         {"kind": "close", "decade": "5"}),
        (lambda: np.testing.assert_array_max_ulp(np.array([1.0]), np.array([1.0 + 1e-10]), maxulp=3),
         {"kind": "close", "decade": "5"}),
        (lambda: unittest.TestCase().assertAlmostEqual(1.0, 1.1), {"kind": "close", "decade": "6"}),
        (lambda: unittest.TestCase().assertAlmostEqual(1.0, 1.1, delta=0.01),
         {"kind": "close", "decade": "1"}),
        (lambda: unittest.TestCase().assertLess(300, 2),
         {"kind": "compare", "op": "<", "left": "number", "right": "number", "decade": "2"}),
    ],
)  # fmt: skip
def test_libraries(function: Callable[[], object], expected: dict[str, str]) -> None:
    assert read_numbers(said(function)).fields() == expected


def test_gradcheck() -> None:
    x = torch.ones(2, dtype=torch.double, requires_grad=True)
    for fast in (False, True):
        with pytest.raises(Exception, match="Jacobian") as caught:
            torch.autograd.gradcheck(Odd.apply, (x,), fast_mode=fast)
        assert read_numbers(str(caught.value)).fields() == {
            "kind": "gradcheck",
            "gradients": "analytical zero",
        }


def approx_off(function: Callable[[], object]) -> dict[str, str]:
    return read_numbers(said(function)).fields()


def test_approx_explained_by_pytest_itself() -> None:
    def scalar() -> None:
        assert 1.0 == pytest.approx(1.1)

    def turned() -> None:
        assert pytest.approx(1.1, abs=0.01) == 1.0

    def odd() -> None:
        assert NAN == pytest.approx(1.1)

    def sequence() -> None:
        assert [1.0, 2.0] == pytest.approx([1.0, 2.1])

    def mapping() -> None:
        assert {"a": 1.0} == pytest.approx({"a": 1.1})

    def array() -> None:
        assert np.array([1.0, 2.0]) == pytest.approx(np.array([1.0, 2.1]))

    def shorter() -> None:
        assert [1.0, 2.0] == pytest.approx([1.0])

    def flat() -> None:
        assert np.array([1.0, 2.0]) == pytest.approx(np.array([[1.0, 2.1]]))

    assert approx_off(scalar) == {"kind": "close", "decade": "5"}
    assert approx_off(turned) == {"kind": "close", "decade": "1"}
    assert approx_off(odd) == {"kind": "close", "left": "nan"}
    assert approx_off(sequence) == approx_off(array) == {"kind": "close", "decade": "5", "fraction": "one"}
    assert approx_off(mapping) == {"kind": "close", "decade": "5", "fraction": "all"}
    assert approx_off(shorter) == {"kind": "attribute", "attribute": "length"}
    assert approx_off(flat)["attribute"] == "shape"


def test_calls_that_say_false() -> None:
    def by_math() -> None:
        assert math.isclose(1.0, 1.1)

    def by_numpy() -> None:
        assert np.allclose([1.0, 2.0], [1.1, 2.0])

    def by_torch() -> None:
        assert torch.allclose(torch.ones(2), torch.zeros(2), atol=1e-2)

    def finite() -> None:
        assert torch.isfinite(T([1.0, NAN])).all()

    assert approx_off(by_math) == {"kind": "close", "decade": "8"}
    assert approx_off(by_numpy) == {"kind": "close", "decade": "4", "fraction": "one"}
    assert approx_off(by_torch) == {"kind": "close", "decade": "2", "fraction": "all"}
    assert approx_off(finite) == {"kind": "finite", "left": "nan"}


PANDAS = """DataFrame.iloc[:, 0] (column name="a") are different

DataFrame.iloc[:, 0] (column name="a") values are different (50.0 %)
[index]: [0, 1]
[left]:  [1.0, 2.0]
[right]: [1.0, 2.5]
At positional index 1, first diff: 2.0 != 2.5"""
OLD_NUMPY = """
Not equal to tolerance rtol=1e-07, atol=0

Mismatched elements: 1 / 3 (33.3%)
Max absolute difference: 0.1
Max relative difference: 0.03333333
 x: array([1. , 2. , 3.1])
 y: array([1., 2., 3.])"""


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (PANDAS, {"kind": "equal", "fraction": "many"}),
        ("DataFrame are different\n\nDataFrame shape mismatch\n[left]:  (2, 1)\n[right]: (1, 1)",
         {"kind": "attribute", "attribute": "shape", "shapes": "rank 2, axes [0] differ"}),
        ('Attributes of Series are different\n\nAttribute "dtype" are different\n[left]:  float64',
         {"kind": "attribute", "attribute": "dtype"}),
        (OLD_NUMPY, {"kind": "close", "decade": "6", "fraction": "one"}),
        ("\nNot equal to tolerance rtol=1e-07, atol=0\n\nx and y nan location mismatch:\n x: array([nan])",
         {"kind": "nan-location", "left": "nan"}),
        ("assert torch.Size([3]) == torch.Size([4])\n  At index 0 diff: 3 != 4",
         {"kind": "attribute", "attribute": "shape", "shapes": "rank 1, axes [0] differ"}),
        ("nothing here", {}),
    ],
)  # fmt: skip
def test_as_they_were_worded_elsewhere(message: str, expected: dict[str, str]) -> None:
    assert read_numbers(message).fields() == expected


def test_errors_and_tolerance_are_kept_in_numbers() -> None:
    found = read_numbers(said(lambda: np.testing.assert_allclose([1.0, 2.0], [1.0, 2.1], rtol=1e-4)))
    assert (found.absolute, found.relative) == (pytest.approx(0.1), pytest.approx(0.0476, abs=1e-3))
    assert found.tolerance == pytest.approx(1e-4)
    found = read_numbers(said(lambda: close(1.0, 1.5)))
    assert (found.absolute, found.relative, found.tolerance) == (0.5, pytest.approx(1 / 3), 1e-7)


PIECES = [
    "assert ", "0.1", "1e-7", "nan", " ± ", "Obtained: ", "\nExpected: ", " ULP (max is ", "isclose", " | ",
    "[", "where False = <", "allclose>(", "At index 1 diff: ", " != ", "(3,)", "Size(", " == ", "decimals",
    ")", "\n ACTUAL: ", "Mismatched elements: 0 / 0", "not equal to 3 significant digits",
    "within 400 places (0.1 difference)",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_any_message_is_read(message: str) -> None:
    assert isinstance(read_numbers(message), Numeric)
