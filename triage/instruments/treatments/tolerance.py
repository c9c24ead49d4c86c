"""Meter and treatment: numeric comparisons. Settings: {"factor": K} multiplies every tolerance.

Each failed comparison is written with its largest difference and the tolerance there, so that one can see by
how much it missed.
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
_EPS = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}


def _scaled(value: Any, default: float | None) -> Any:
    value = default if value is None else value
    return None if value is None else value * _FACTOR


def _torch(torch: Any) -> None:
    close, allclose, isclose = torch.testing.assert_close, torch.allclose, torch.isclose

    def assert_close(actual: Any, expected: Any, *, rtol: Any = None, atol: Any = None, **more: Any) -> None:
        r, a = _defaults(torch, actual, expected, rtol, atol)
        try:
            close(actual, expected, rtol=r, atol=a, **more)
        except AssertionError:
            _miss(torch, actual, expected, r, a, name="torch.testing.assert_close")
            raise

    def torch_allclose(
        input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
    ) -> bool:
        result = bool(allclose(input, other, rtol * _FACTOR, atol * _FACTOR, equal_nan))
        if not result:
            _miss(torch, input, other, rtol * _FACTOR, atol * _FACTOR, name="torch.allclose")
        return result

    def torch_isclose(
        input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
    ) -> Any:
        return isclose(input, other, rtol * _FACTOR, atol * _FACTOR, equal_nan)

    torch.testing.assert_close, torch.allclose, torch.isclose = assert_close, torch_allclose, torch_isclose


def _defaults(torch: Any, actual: Any, expected: Any, rtol: Any, atol: Any) -> tuple[Any, Any]:
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
            _miss(numpy, a, b, rtol * _FACTOR, atol * _FACTOR, name="numpy.allclose")
        return result

    def np_isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
        return isclose(a, b, rtol * _FACTOR, atol * _FACTOR, equal_nan)

    def np_assert(
        actual: Any, desired: Any, rtol: float = 1e-7, atol: float = 0, *rest: Any, **more: Any
    ) -> None:
        try:
            assert_allclose(actual, desired, rtol * _FACTOR, atol * _FACTOR, *rest, **more)
        except AssertionError:
            _miss(
                numpy, actual, desired, rtol * _FACTOR, atol * _FACTOR, name="numpy.testing.assert_allclose"
            )
            raise

    def by_decimal(real: Callable[..., None], usual: int, name: str) -> Callable[..., None]:
        def call(actual: Any, desired: Any, decimal: int = usual, *rest: Any, **more: Any) -> None:
            fewer = max(0, decimal - math.ceil(math.log10(_FACTOR))) if _FACTOR > 1 else decimal
            try:
                real(actual, desired, fewer, *rest, **more)
            except AssertionError:
                _miss(numpy, actual, desired, 0.0, 1.5 * 10.0**-fewer, name=name)
                raise

        return call

    numpy.allclose, numpy.isclose, testing.assert_allclose = np_allclose, np_isclose, np_assert
    testing.assert_almost_equal = by_decimal(almost, 7, "numpy.testing.assert_almost_equal")
    testing.assert_array_almost_equal = by_decimal(array_almost, 6, "numpy.testing.assert_array_almost_equal")


def _miss(library: Any, actual: Any, expected: Any, rtol: Any, atol: Any, *, name: str) -> None:
    """Largest difference, in units of its tolerance and of the last digit."""
    try:
        import numpy

        a, b = (_array(numpy, value) for value in (actual, expected))
        difference = numpy.abs(a - b)
        allowed = (atol or 0.0) + (rtol or 0.0) * numpy.abs(b)
        with numpy.errstate(all="ignore"):
            ratio = float(numpy.nanmax(difference / numpy.maximum(allowed, 1e-300)))
            relative = float(numpy.nanmax(difference / numpy.maximum(numpy.abs(b), 1e-300)))
        _WRITER.write(
            "miss", name=name, where=user_frame(_ROOT, 3), ratio=ratio, relative=relative,
            largest=float(numpy.nanmax(difference)), rtol=rtol, atol=atol, dtype=_dtype(actual),
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
    """`pytest.approx` has a relative 1e-6 and an absolute 1e-12 where neither is given."""
    real = pytest.approx

    def approx(expected: Any, rel: Any = None, abs: Any = None, nan_ok: bool = False) -> Any:
        if rel is None and abs is None:
            made = real(expected, rel=1e-6 * _FACTOR, abs=1e-12 * _FACTOR, nan_ok=nan_ok)
        else:
            made = real(expected, rel=_scaled(rel, None), abs=_scaled(abs, None), nan_ok=nan_ok)
        return made

    pytest.approx = approx
    compare = _compared(type(real(1.0)))
    compare_sequence = type(real([1.0]))
    compare_sequence.__eq__ = _each(compare_sequence.__eq__)  # type: ignore[method-assign]
    type(real(1.0)).__eq__ = compare  # type: ignore[method-assign]


def _compared(kind: Any) -> Callable[[Any, Any], Any]:
    real: Any = kind.__eq__

    def equal(self: Any, actual: Any) -> Any:
        result = real(self, actual)
        if not result and isinstance(actual, int | float) and isinstance(self.expected, int | float):
            _miss_number(float(actual), float(self.expected), float(self.tolerance), "pytest.approx")
        return result

    return equal


def _each(real: Any) -> Any:
    def equal(self: Any, actual: Any) -> Any:
        return real(self, actual)

    return equal


def _miss_number(actual: float, expected: float, tolerance: float, name: str) -> None:
    difference = abs(actual - expected)
    _WRITER.write(
        "miss", name=name, where=user_frame(_ROOT, 3), ratio=difference / max(tolerance, 1e-300),
        largest=difference, relative=difference / max(abs(expected), 1e-300), dtype="float64",
        atol=tolerance, rtol=0.0,
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
        places, msg, delta = (named.get(name) for name in ("places", "msg", "delta"))
        allowed = (
            float(delta if delta is not None else 0.5 * 10.0 ** -(7 if places is None else places)) * _FACTOR
        )
        try:
            real(self, first, second, msg=msg, delta=allowed)
        except AssertionError:
            _miss_number(float(first), float(second), allowed, "assertAlmostEqual")
            raise

    unittest.TestCase.assertAlmostEqual = almost  # type: ignore[method-assign]


def _equal() -> None:
    """Floats that a unittest compares exactly: the unit of slack is the last digit."""
    real = unittest.TestCase.assertEqual

    def equal(self: Any, first: Any, second: Any, msg: Any = None) -> None:
        if isinstance(first, float) and isinstance(second, int | float) and first != second:
            allowed = _EPS["float64"] * max(abs(first), abs(second)) * _FACTOR
            if _FACTOR > 1 and abs(first - second) <= allowed:
                return
            _miss_number(first, float(second), allowed, "assertEqual")
        real(self, first, second, msg)

    unittest.TestCase.assertEqual = equal  # type: ignore[method-assign]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Before test modules take the functions by name."""
    _approx()
    _isclose()
    _almost()
    _equal()
    when_imported("numpy", _numpy)
    when_imported("torch", _torch)
