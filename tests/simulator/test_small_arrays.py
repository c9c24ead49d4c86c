"""Small arrays in plain Python follow numpy's rules: operators, methods, functions, on shapes that occur."""

import numpy as np
import pytest

from simulator.geometry import small_library
from simulator.geometry.arrays import as_numpy

DRAW = np.random.default_rng(5)


def small(array):
    return small_library.asarray(array.tolist()) if array.size else small_library.zeros(array.shape)


def same(found, right):
    right = np.asarray(right)
    assert found.shape == right.shape
    np.testing.assert_allclose(as_numpy(found), right, rtol=1e-14, atol=1e-14)


def drawn(*shape):
    return np.asarray(DRAW.normal(size=shape))


@pytest.mark.parametrize(
    ("left", "right"),
    [((3,), (3,)), ((), (3,)), ((4, 1, 1), (3, 3)), ((1, 5, 3, 3), (2, 1, 3, 3)), ((0, 1, 1), (3, 3))],
)
def test_operators(left, right):
    a, b = drawn(*left), drawn(*right)
    for operator in ("__add__", "__sub__", "__mul__", "__truediv__", "__lt__", "__gt__"):
        same(getattr(small(a), operator)(small(b)), getattr(a, operator)(b))
    for operator in ("__add__", "__radd__", "__sub__", "__rsub__", "__rmul__", "__rtruediv__", "__pow__"):
        same(getattr(small(a), operator)(3), getattr(a, operator)(3))
    same(-small(a), -a)


@pytest.mark.parametrize(
    ("left", "right"),
    [((3,), (3,)), ((3, 3), (3,)), ((3,), (3, 3)), ((1, 5, 3, 3), (2, 1, 3, 3)), ((2, 5, 3, 3), (3, 3))],
)
def test_matrix_products(left, right):
    a, b = drawn(*left), drawn(*right)
    same(small(a) @ small(b), a @ b)


@pytest.mark.parametrize(
    "key",
    [
        (..., 0),
        (slice(None), slice(None, 2)),
        (..., slice(None), None),
        (..., None, slice(None)),
        (None,),
        [2, 0, -1],
        -1,
        (slice(1, 3), None),
        (2, 1),
    ],
)
def test_indices(key):
    a = drawn(4, 3)
    same(small(a)[key], a[key])


def test_an_index_beyond_the_end():
    with pytest.raises(IndexError):
        small(drawn(3))[3]


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="do not fit together"):
        small(drawn(3)) + small(drawn(4))


def test_methods():
    a = drawn(2, 3, 4, 3)
    same(small(a).swapaxes(-1, -2), a.swapaxes(-1, -2))
    same(small(a).reshape(-1, 4, 3), a.reshape(-1, 4, 3))
    rows = drawn(5, 3)
    same(small(rows).T, rows.T)
    for method in ("sum", "prod", "mean", "min", "all", "any"):
        same(getattr(small(rows), method)(), getattr(rows, method)())
    same((small(rows) > 0.5).any(-1), (rows > 0.5).any(-1))
    assert small(rows).argmin() == rows.argmin()
    assert small(rows).tolist() == rows.tolist()
    assert [float(part) for part in small(rows[0])] == rows[0].tolist()


def test_functions():
    a, b, flat = drawn(4, 3), drawn(4, 3), drawn(3)
    for name in ("sin", "cos", "abs", "isnan", "zeros_like", "ones_like"):
        same(getattr(small_library, name)(small(a)), getattr(np, name)(a))
    for name in ("arctan2", "hypot", "maximum"):
        same(getattr(small_library, name)(small(a), small(b)), getattr(np, name)(a, b))
    for axis in (0, 1, -1, -2):
        same(small_library.stack((small(a), small(b)), axis), np.stack((a, b), axis))
    same(small_library.concatenate((small(a), small(b))), np.concatenate((a, b)))
    same(small_library.where(small(a) > 0, small(b), 1), np.where(a > 0, b, 1))
    same(small_library.linalg.norm(small(a)), np.linalg.norm(a, axis=-1))
    same(small_library.linalg.cross(small(flat), small(a)), np.cross(flat, a))
    same(small_library.linalg.det(small(a[:3])), np.linalg.det(a[:3]))
    same(small_library.eye(3), np.eye(3))
    same(small_library.arange(4), np.arange(4))


def test_nothing_raises_where_numpy_does_not():
    a = np.array([0.0, -1.0, 2.0, np.inf, np.nan])
    with np.errstate(all="ignore"):
        same(1 / small(a), 1 / a)
        same(small(a) / small(0 * a), a / (0 * a))
        same((small(a) * 1e200) ** 2, (a * 1e200) ** 2)
        for name in ("sqrt", "sin", "cos"):
            same(getattr(small_library, name)(small(a)), getattr(np, name)(a))
