"""Decoys with a treatment that works: a fault of the product, and a change that merely avoids it.

Two more plants are no decoys: a product that leaks, and a tolerance that a test changes for those after it.
"""

from __future__ import annotations

from tests.planted.faults.api import Plant, plant

_PRODUCT = ("product-defect", "unknown", "first-bad-commit")

PLANTS: tuple[Plant, ...] = (
    plant(
        "documented-value-empties-the-loop", "tests/test_t.py::test_total", *_PRODUCT, decoy=True,
        files={
            ".env.example": "APP_BATCH=0\n",
            "totals.py": """
                import os

                def total(rows):
                    batch = int(os.environ.get("APP_BATCH", "2"))
                    result = sum(rows)
                    for start in range(0, len(rows) if batch else 0, batch or 1):
                        part = rows[start:start + batch]
                        if len(part) < batch:
                            result += 1
                    return result
            """,
            "tests/test_t.py": """
                import totals
                def test_total():
                    assert totals.total([1, 2, 3]) == 6
            """,
        },
    ),
    plant(
        "settings-of-a-run-work-around-a-fault", "tests/test_p.py::test_totals", *_PRODUCT,
        "environment-variable", decoy=True,
        files={
            "Makefile": "test:\n\tPOOL_WORKERS=1 python -m pytest\n",
            "pool.py": """
                import os

                def totals(numbers):
                    workers = int(os.environ.get("POOL_WORKERS", "2"))
                    found = {}
                    for part in (numbers[at::workers] for at in range(workers)):
                        sums = {}
                        for number in part:
                            sums[number % 10] = sums.get(number % 10, 0) + number
                        found.update(sums)
                    return found
            """,
            "tests/test_p.py": """
                import pool
                def test_totals():
                    assert pool.totals([11, 21, 31, 12]) == {1: 63, 2: 12}
            """,
        },
    ),
    plant(
        "one-batch-hides-a-dropped-rest", "tests/test_b.py::test_all_are_sent", *_PRODUCT,
        "environment-variable", decoy=True,
        files={
            ".env.example": "# how many at once\nMAILER_BATCH=4\n",
            "batches.py": """
                import os

                def batches(items):
                    size = int(os.environ.get("MAILER_BATCH", "4"))
                    return [items[at : at + size] for at in range(0, len(items) - size + 1, size)]
            """,
            "tests/test_b.py": """
                import batches
                def test_all_are_sent():
                    assert sum(map(len, batches.batches(list(range(10))))) == 10
            """,
        },
    ),
    plant(
        "random-input-meets-a-bug", "tests/test_t.py::test_halves", *_PRODUCT, "seed", decoy=True,
        files={
            "halves.py": """
                def halves(n):
                    if n % 2:
                        return n // 2, n // 2
                    return n // 2, n - n // 2
            """,
            "tests/test_t.py": """
                import random, halves
                def test_halves():
                    n = random.randrange(1000)
                    assert sum(halves.halves(n)) == n
            """,
        },
    ),
    plant(
        "wrong-mask-beside-a-smoothing", "tests/test_g.py::test_gradient", "zero-signal", *_PRODUCT,
        decoy=True, torch=True, culprit="model.py:9",
        files={
            "model.py": """
                import torch

                class Config:
                    def __init__(self, smoothing: float = 0.0):
                        self.smoothing = smoothing

                def loss(x, config):
                    mask = (x < 0).to(x.dtype)
                    signal = (x * mask).sum()
                    return signal + config.smoothing * (x ** 2).sum()
            """,
            "tests/test_g.py": """
                import torch, model
                def test_gradient():
                    x = torch.tensor([1.0, 2.0], requires_grad=True)
                    model.loss(x, model.Config()).backward()
                    assert x.grad.abs().max() > 0, "the gradient is zero"
            """,
        },
    ),
    plant(
        "closed-gate-beside-a-right-detach", "tests/test_g.py::test_gradient", "zero-signal", *_PRODUCT,
        decoy=True, torch=True, culprit="model.py:7",
        files={
            "model.py": """
                import torch

                def gate(strength):
                    return 0.0 if strength >= 1.0 else strength

                def loss(x):
                    signal = (x * gate(1.0)).sum()
                    baseline = x.detach().mean()
                    return signal + (baseline - 3.0) ** 2
            """,
            "tests/test_g.py": """
                import torch, model
                def test_gradient():
                    x = torch.tensor([1.0, 2.0], requires_grad=True)
                    model.loss(x).backward()
                    assert x.grad.abs().max() > 0, "the gradient is zero"
            """,
        },
    ),
    plant(
        "small-type-takes-the-wrong-branch", "tests/test_n.py::test_mean", *_PRODUCT, decoy=True,
        files={
            "stats.py": """
                import numpy as np
                def mean(values):
                    if values.itemsize < 8:
                        return values.sum() / (len(values) + 1)
                    return values.sum() / len(values)
            """,
            "tests/test_n.py": """
                import numpy as np, stats
                def test_mean():
                    values = np.array([1.5, 2.5, 3.5], dtype=np.float32)
                    np.testing.assert_allclose(stats.mean(values), 2.5)
            """,
        },
    ),
    plant(
        "warm-cache-hides-a-bug", "tests/test_b.py::test_rate", *_PRODUCT, "order-dependent", decoy=True,
        files={
            "rates.py": """
                CACHE = {}
                def rate(name):
                    if name not in CACHE:
                        CACHE[name] = len(name) * 2 + 1
                    return CACHE[name]
                def preset(name, value):
                    CACHE[name] = value
            """,
            "tests/test_a.py": """
                import rates
                def test_preset():
                    rates.preset("eur", 6)
                    assert rates.rate("eur") == 6
            """,
            "tests/test_b.py": """
                import rates
                def test_rate():
                    assert rates.rate("eur") == 6
            """,
        },
    ),
    plant(
        "product-leaks-where-an-error-passes", "tests/test_b.py::test_level", "order-dependent",
        culprit="tests/test_a.py::test_refuses",
        files={
            "quiet.py": """
                from contextlib import contextmanager
                LEVEL = {"now": 1}

                @contextmanager
                def quiet():
                    before = LEVEL["now"]
                    LEVEL["now"] = 0
                    yield
                    LEVEL["now"] = before
            """,
            "tests/test_a.py": """
                import pytest, quiet
                def test_refuses():
                    with pytest.raises(ValueError), quiet.quiet():
                        raise ValueError("no")
            """,
            "tests/test_b.py": """
                import quiet
                def test_level():
                    assert quiet.LEVEL["now"] == 1
            """,
        },
    ),
    plant(
        "tolerance-that-another-test-changed", "tests/test_b.py::test_close", "order-dependent",
        culprit="tests/test_a.py::test_strict",
        files={
            "close.py": """
                LIMIT = 1e-3
                def close(a, b):
                    return abs(a - b) < LIMIT
            """,
            "tests/test_a.py": """
                import close
                def test_strict():
                    close.LIMIT = 1e-9
                    assert not close.close(1.0, 1.0 + 1e-8)
            """,
            "tests/test_b.py": """
                import close
                def test_close():
                    assert abs(1.0 - 1.00000001) < close.LIMIT
            """,
        },
    ),
)  # fmt: skip
