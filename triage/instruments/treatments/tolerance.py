"""Meter and treatment: record by how much numeric comparisons fail, or widen their tolerances.

Settings: {"factor": K} multiplies every tolerance; with 0 every comparison that is not exact fails and is
recorded. Each failed comparison is recorded with its largest difference and the tolerance there.
"""

from __future__ import annotations

import math
import os
import unittest
from collections.abc import Callable
from typing import Any

import pytest

from triage.instruments.base import Writer, settings, user_frame
from triage.instruments.imports import when_imported

_FACTOR = float(settings("tolerance").get("factor", 1.0))
_ROOT = os.getcwd()
_WRITER = Writer("tolerance")
_FLOAT64_EPSILON = 2.0**-52
"""Distance of 1 and the next double."""
_TINY = 1e-300
"""Keeps ratios finite where the tolerance or the value is 0."""


def _scaled(tolerance: Any) -> Any:
    return None if tolerance is None else tolerance * _FACTOR


def _torch(torch: Any) -> None:
    close, allclose, isclose = torch.testing.assert_close, torch.allclose, torch.isclose

    def assert_close(actual: Any, expected: Any, *, rtol: Any = None, atol: Any = None, **more: Any) -> None:
        rtol, atol = _scaled_tolerances(torch, actual, expected, rtol, atol)
        try:
            close(actual, expected, rtol=rtol, atol=atol, **more)
        except AssertionError:
            _miss(actual, expected, rtol, atol, name="torch.testing.assert_close")
            raise

    def torch_allclose(
        input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
    ) -> bool:
        result = bool(allclose(input, other, rtol * _FACTOR, atol * _FACTOR, equal_nan))
        if not result:
            _miss(input, other, rtol * _FACTOR, atol * _FACTOR, name="torch.allclose")
        return result

    def torch_isclose(
        input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
    ) -> Any:
        return isclose(input, other, rtol * _FACTOR, atol * _FACTOR, equal_nan)

    torch.testing.assert_close, torch.allclose, torch.isclose = assert_close, torch_allclose, torch_isclose


def _scaled_tolerances(torch: Any, actual: Any, expected: Any, rtol: Any, atol: Any) -> tuple[Any, Any]:
    """Tolerances times the factor; where none are given those that torch takes for these types."""
    if rtol is None or atol is None:
        try:
            pair = [torch.as_tensor(value) for value in (actual, expected)]
            from torch.testing._comparison import default_tolerances

            rtol, atol = default_tolerances(*pair)
        except Exception:
            return None, None
    return rtol * _FACTOR, atol * _FACTOR


def _numpy(numpy: Any) -> None:
    allclose, isclose, testing = numpy.allclose, numpy.isclose, numpy.testing
    assert_allclose, almost = testing.assert_allclose, testing.assert_almost_equal
    array_almost = testing.assert_array_almost_equal

    def np_allclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
        result = bool(allclose(a, b, rtol * _FACTOR, atol * _FACTOR, equal_nan))
        if not result:
            _miss(a, b, rtol * _FACTOR, atol * _FACTOR, name="numpy.allclose")
        return result

    def np_isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
        return isclose(a, b, rtol * _FACTOR, atol * _FACTOR, equal_nan)

    def np_assert(
        actual: Any, desired: Any, rtol: float = 1e-7, atol: float = 0, *rest: Any, **more: Any
    ) -> None:
        try:
            assert_allclose(actual, desired, rtol * _FACTOR, atol * _FACTOR, *rest, **more)
        except AssertionError:
            _miss(actual, desired, rtol * _FACTOR, atol * _FACTOR, name="numpy.testing.assert_allclose")
            raise

    def by_decimal(real: Callable[..., None], usual: int, name: str) -> Callable[..., None]:
        def call(actual: Any, desired: Any, decimal: int = usual, *rest: Any, **more: Any) -> None:
            fewer = decimal
            if _FACTOR > 1:
                # ten times the tolerance is a decimal less
                fewer = max(0, decimal - math.ceil(math.log10(_FACTOR)))
            try:
                real(actual, desired, fewer, *rest, **more)
            except AssertionError:
                _miss(actual, desired, 0.0, 1.5 * 10.0**-fewer, name=name)
                raise

        return call

    numpy.allclose, numpy.isclose, testing.assert_allclose = np_allclose, np_isclose, np_assert
    testing.assert_almost_equal = by_decimal(almost, 7, "numpy.testing.assert_almost_equal")
    testing.assert_array_almost_equal = by_decimal(array_almost, 6, "numpy.testing.assert_array_almost_equal")


def _miss(actual: Any, expected: Any, rtol: Any, atol: Any, *, name: str) -> None:
    """Record a failed comparison: its largest difference, also in units of the tolerance and of the value."""
    try:
        import numpy

        a, b = _array(numpy, actual), _array(numpy, expected)
        difference = numpy.abs(a - b)
        allowed = (atol or 0.0) + (rtol or 0.0) * numpy.abs(b)
        with numpy.errstate(all="ignore"):
            ratio = float(numpy.nanmax(difference / numpy.maximum(allowed, _TINY)))
            relatives = difference / numpy.maximum(numpy.abs(b), _TINY)
            relative = float(numpy.nanmax(relatives))
            worst = int(numpy.nan_to_num(relatives).argmax())
            is_below = bool(numpy.broadcast_to(numpy.real(a - b), relatives.shape).flat[worst] < 0)
        _WRITER.write(
            "miss", name=name, where=user_frame(_ROOT, 3), ratio=ratio, relative=relative,
            below=is_below, largest=float(numpy.nanmax(difference)), rtol=rtol, atol=atol,
            dtype=_dtype(actual),
            nonfinite=not bool(numpy.isfinite(a).all() and numpy.isfinite(b).all()),
        )  # fmt: skip
    except Exception as error:
        _WRITER.write("trouble", error=repr(error))


def _array(numpy: Any, value: Any) -> Any:
    detached = value.detach().cpu() if hasattr(value, "detach") else value
    return numpy.asarray(detached, dtype="complex128" if "complex" in _dtype(value) else "float64")


def _dtype(value: Any) -> str:
    return str(getattr(value, "dtype", "float64")).rpartition(".")[2]


def _approx() -> None:
    """Scale the tolerances of `pytest.approx`, and record where a number is not within them."""
    real = pytest.approx

    def approx(expected: Any, rel: Any = None, abs: Any = None, nan_ok: bool = False) -> Any:
        if rel is None and abs is None:
            # the defaults that pytest documents
            rel, abs = 1e-6, 1e-12
        return real(expected, rel=_scaled(rel), abs=_scaled(abs), nan_ok=nan_ok)

    pytest.approx = approx
    number_type: Any = type(real(1.0))
    number_type.__eq__ = _recording_equality(number_type.__eq__)


def _recording_equality(real: Any) -> Callable[[Any, Any], Any]:

    def equal(self: Any, actual: Any) -> Any:
        result = real(self, actual)
        if not result and isinstance(actual, int | float) and isinstance(self.expected, int | float):
            _miss_number(float(actual), float(self.expected), float(self.tolerance), "pytest.approx")
        return result

    return equal


def _miss_number(actual: float, expected: float, tolerance: float, name: str) -> None:
    difference = abs(actual - expected)
    _WRITER.write(
        "miss", name=name, where=user_frame(_ROOT, 3), ratio=difference / max(tolerance, _TINY),
        largest=difference, relative=difference / max(abs(expected), _TINY), dtype="float64",
        below=actual < expected, atol=tolerance, rtol=0.0,
        nonfinite=not (math.isfinite(actual) and math.isfinite(expected)),
    )  # fmt: skip


def _isclose() -> None:
    real = math.isclose

    def isclose(a: Any, b: Any, *, rel_tol: float = 1e-9, abs_tol: float = 0.0) -> bool:
        result = real(a, b, rel_tol=rel_tol * _FACTOR, abs_tol=abs_tol * _FACTOR)
        if not result:
            tolerance = max(rel_tol * _FACTOR * max(abs(a), abs(b)), abs_tol * _FACTOR)
            _miss_number(float(a), float(b), tolerance, "math.isclose")
        return result

    math.isclose = isclose  # type: ignore[assignment]


def _almost() -> None:
    real = unittest.TestCase.assertAlmostEqual

    def almost(self: Any, first: Any, second: Any, *rest: Any, **more: Any) -> None:
        named = dict(zip(("places", "msg", "delta"), rest, strict=False)) | more
        delta = named.get("delta")
        if delta is None:
            places = named.get("places")
            # unittest rounds the difference to so many decimals; 7 by default
            delta = 0.5 * 10.0 ** -(7 if places is None else places)
        allowed = float(delta) * _FACTOR
        try:
            real(self, first, second, msg=named.get("msg"), delta=allowed)
        except AssertionError:
            _miss_number(float(first), float(second), allowed, "assertAlmostEqual")
            raise

    unittest.TestCase.assertAlmostEqual = almost  # type: ignore[method-assign]


def _equal() -> None:
    """Give floats that a unittest compares exactly a tolerance: so many units of their last digit."""
    real = unittest.TestCase.assertEqual

    def equal(self: Any, first: Any, second: Any, msg: Any = None) -> None:
        if isinstance(first, float) and isinstance(second, int | float) and first != second:
            allowed = _FLOAT64_EPSILON * max(abs(first), abs(second)) * _FACTOR
            if _FACTOR > 1 and abs(first - second) <= allowed:
                return
            _miss_number(first, float(second), allowed, "assertEqual")
        real(self, first, second, msg)

    unittest.TestCase.assertEqual = equal  # type: ignore[method-assign]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Replace the functions before test modules import them by name."""
    _approx()
    _isclose()
    _almost()
    _equal()
    when_imported("numpy", _numpy)
    when_imported("torch", _torch)
