"""Commits that uncover an older fault, which are no causes, and commits that bring one, which are.

In the decoys the fault is in a line that the commit did not touch: it took away what hid it, made the tests
ask for more, or turned on the code that has it. An error that is a multiple of its type's unit is the last.
"""

from __future__ import annotations

from tests.planted.faults.api import Plant, plant

_HONEST = ("first-bad-commit", "product-defect", "test-defect", "missing-file", "unknown")
_TOTAL = """
    import flags
    def fast(numbers):
        total = 0
        for number in numbers[1:]:
            total += number
        return total
    def total(numbers):
        if flags.FAST:
            return fast(numbers)
        return sum(numbers)
"""
_TAX = """
    import os
    def tax(amount):
        if os.path.exists("rates.cfg"):
            return amount * float(open("rates.cfg").read())
        return amount * 0.91
"""
_PRICE = "def rate():\n    return 0.3\ndef price(amount):\n    return amount * (1 - rate())\n"
_CEILING = "def ceiling(a, b):\n    return a // b + 1\n"
_PATCHED = """
    import pytest, discount
    @pytest.fixture(autouse=True)
    def fixed(monkeypatch):
        monkeypatch.setattr(discount, "rate", lambda: 0.5)
"""


def _test(imports: str, claim: str) -> dict[str, str]:
    return {"tests/test_t.py": f"import {imports}\ndef test_it():\n    assert {claim}\n"}


PLANTS: tuple[Plant, ...] = (
    plant(
        "commit-takes-an-override-away", "tests/test_t.py::test_it", *_HONEST, decoy=True,
        history=({"tax.py": _TAX, "rates.cfg": "0.19\n", **_test("tax", "tax.tax(100.0) == 19.0")},),
        files={"tax.py": _TAX, **_test("tax", "tax.tax(100.0) == 19.0")},
    ),
    plant(
        "commit-makes-the-test-stricter", "tests/test_t.py::test_it", *_HONEST, decoy=True,
        history=({
            "mean.py": "def mean(xs):\n    return sum(xs) // len(xs)\n",
            **_test("mean", "abs(mean.mean([1, 2]) - 1.5) < 1"),
        },),
        files={
            "mean.py": "def mean(xs):\n    return sum(xs) // len(xs)\n",
            **_test("mean", "abs(mean.mean([1, 2]) - 1.5) < 1e-6"),
        },
    ),
    plant(
        "commit-turns-broken-code-on", "tests/test_t.py::test_it", *_HONEST, decoy=True,
        history=({
            "flags.py": "FAST = False\n", "sums.py": _TOTAL, **_test("sums", "sums.total([1, 2, 3]) == 6"),
        },),
        files={"flags.py": "FAST = True\n", "sums.py": _TOTAL, **_test("sums", "sums.total([1, 2, 3]) == 6")},
    ),
    plant(
        "commit-takes-a-patch-out-of-conftest", "tests/test_t.py::test_it", *_HONEST, decoy=True,
        history=({
            "discount.py": _PRICE, "tests/conftest.py": _PATCHED,
            **_test("discount", "discount.price(10) == 5"),
        },),
        files={
            "discount.py": _PRICE, "tests/conftest.py": "import pytest\n",
            **_test("discount", "discount.price(10) == 5"),
        },
    ),
    plant(
        "commit-takes-a-workaround-out", "tests/test_t.py::test_it", *_HONEST, decoy=True,
        history=({
            "calc.py": _CEILING,
            "pages.py": """
                import calc
                def pages(items, size):
                    if items % size == 0:
                        return items // size
                    return calc.ceiling(items, size)
            """,
            **_test("pages", "pages.pages(10, 5) == 2"),
        },),
        files={
            "calc.py": _CEILING,
            "pages.py": "import calc\ndef pages(items, size):\n    return calc.ceiling(items, size)\n",
            **_test("pages", "pages.pages(10, 5) == 2"),
        },
    ),
    plant(
        "error-of-eight-units", "tests/test_t.py::test_it", *_HONEST, "dtype", "tolerance", decoy=True,
        files={
            "scale.py": """
                import numpy as np
                def unit(x):
                    slack = 8 * np.finfo(x.dtype).eps
                    return x / (np.sqrt((x * x).sum()) + slack)
            """,
            "tests/test_t.py": """
                import numpy as np, scale
                def test_it():
                    x = np.array([0.6, 0.8], dtype=np.float32)
                    np.testing.assert_allclose(scale.unit(x), [0.6, 0.8], rtol=4e-7)
            """,
        },
    ),
    plant(
        "commit-moves-a-limit", "tests/test_t.py::test_it", "first-bad-commit", culprit="steps.py:2",
        history=({
            "steps.py": "def step(x):\n    if x > 10:\n        return x - 1\n    return x\n",
            **_test("steps", "steps.step(10) == 10"),
        },),
        files={
            "steps.py": "def step(x):\n    if x >= 10:\n        return x - 1\n    return x\n",
            **_test("steps", "steps.step(10) == 10"),
        },
    ),
    plant(
        "commit-breaks-product-and-tidies-test", "tests/test_t.py::test_it", "first-bad-commit",
        culprit="sorting.py:2",
        history=({
            "sorting.py": "def ordered(xs):\n    return sorted(xs)\n",
            **_test("sorting", "sorting.ordered([2, 1]) == [1, 2]"),
        },),
        files={
            "sorting.py": "def ordered(xs):\n    return list(xs)\n",
            "tests/test_t.py": """
                import sorting
                def numbers():
                    return [2, 1]
                def test_it():
                    assert sorting.ordered(numbers()) == [1, 2]
            """,
        },
    ),
)  # fmt: skip
