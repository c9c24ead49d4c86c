"""Decoys in better disguise: what looks like the cause is there, and is not it."""

from __future__ import annotations

from tests.planted.faults.api import Plant, plant

_HONEST = ("unknown", "product-defect", "test-defect")


def _fill(count: int, start: int = 0) -> str:
    """So many tests that do nothing, indented as the texts here."""
    return "".join(
        f"\n                def test_fill_{start + k}():\n                    assert {k} >= 0\n"
        for k in range(count)
    )


PLANTS: tuple[Plant, ...] = (
    plant(
        "pollution-that-does-not-matter", "tests/test_z.py::test_total", "product-defect", "unknown",
        "test-defect",
        decoy=True,
        files={
            "shop.py": """
                CART = []
                def total(prices, discount):
                    return sum(prices) - sum(prices) * discount / 10
            """,
            "tests/test_a.py": """
                import os, shop
                def test_pollutes():
                    shop.CART.append(1)
                    os.environ["SHOP"] = "1"
            """ + _fill(6),
            "tests/test_z.py": """
                import shop
                def test_total():
                    assert shop.total([10, 20], 10) == 27
            """,
        },
    ),
    plant(
        "variable-read-irrelevant", "tests/test_v.py::test_rate", *_HONEST, decoy=True, env={"RATE": "3"},
        files={
            "rates.py": """
                import os
                LIMIT = int(os.environ.get("RATE", "5"))
                def rate(n):
                    limit = os.environ.get("RATE_MODE", "soft")
                    return n * 2 if limit else n
            """,
            "tests/test_v.py": """
                import rates
                def test_rate():
                    assert rates.rate(4) == 12
            """,
        },
    ),
    plant(
        "empty-loop-without-variable", "tests/test_e.py::test_all_rows", *_HONEST, decoy=True,
        env={"ROWS": "1,2,x"},
        files={
            "rows.py": """
                import os
                def rows():
                    return [r for r in os.environ.get("ROWS", "").split(",") if r]
                def parse(r):
                    return {"1": 1, "2": 3}.get(r, 0)
            """,
            "tests/test_e.py": """
                import rows
                def test_all_rows():
                    for r in rows.rows():
                        assert rows.parse(r) == int(r) if r.isdigit() else True
            """,
        },
    ),
    plant(
        "empty-folder-elsewhere", "tests/test_e.py::test_files", *_HONEST, decoy=True,
        files={
            "data/a.cfg": "x=1\n", "data/b.cfg": "x\n",
            "tests/test_e.py": """
                import glob, os
                def valid(text):
                    return "=" in text and text.startswith("y")
                def test_files():
                    os.path.exists("data/extra.cfg")
                    for name in glob.glob("data/*.cfg"):
                        assert valid(open(name).read())
            """,
        },
    ),
    plant(
        "guard-skips-check", "tests/test_g.py::test_strict", *_HONEST, decoy=True,
        files={
            "tests/test_g.py": """
                import os, pytest
                def test_strict():
                    if os.environ.get("LENIENT") == "yes":
                        return
                    if os.environ.get("QUICK") == "skip":
                        pytest.skip("quick")
                    assert sorted([3, 1, 2]) == [3, 2, 1]
            """,
        },
    ),
    plant(
        "two-faults", "tests/test_f.py::test_both", *_HONEST, decoy=True, env={"UNIT": "inch"},
        files={
            "convert.py": """
                import os
                def factor():
                    return 2.54 if os.environ.get("UNIT") == "inch" else 1.0
                def length(x):
                    return x * factor() + 1
            """,
            "tests/test_f.py": """
                import convert
                def test_both():
                    assert convert.length(2) == 2
            """,
        },
    ),
    plant(
        "today-but-wrong", "tests/test_d.py::test_label", *_HONEST, decoy=True,
        files={
            "label.py": """
                import datetime
                def label(kind):
                    today = datetime.date.today()
                    return f"{kind}-{today.isoformat()}"
            """,
            "tests/test_d.py": """
                import datetime, label
                def test_label():
                    assert label.label("run") == f"Run-{datetime.date.today().isoformat()}"
            """,
        },
    ),
    plant(
        "formula-wrong-in-float32", "tests/test_n.py::test_energy", *_HONEST, decoy=True,
        files={
            "phys.py": """
                import numpy as np
                def energy(m, v):
                    return np.float32(0.51) * np.float32(m) * np.float32(v) ** 2
            """,
            "tests/test_n.py": """
                import numpy as np, phys
                def test_energy():
                    np.testing.assert_allclose(phys.energy(2.0, 3.0), 9.0, rtol=5e-3)
            """,
        },
    ),
    plant(
        "slightly-wrong-constant", "tests/test_n.py::test_circle", *_HONEST, decoy=True,
        files={
            "geo.py": """
                PI = 3.1415

                def area(r):
                    return PI * r * r
            """,
            "tests/test_n.py": """
                import math, pytest, geo
                def test_circle():
                    assert geo.area(2.0) == pytest.approx(4 * math.pi, rel=1e-5)
            """,
        },
    ),
    plant(
        "normalise-wrongly", "tests/test_n.py::test_unit_rows", *_HONEST, decoy=True,
        files={
            "norm.py": """
                import numpy as np
                def rows(m):
                    m = np.asarray(m, dtype=np.float32)
                    return m / np.abs(m).sum(axis=1, keepdims=True)
            """,
            "tests/test_n.py": """
                import numpy as np, norm
                def test_unit_rows():
                    out = norm.rows([[3.0, 4.0], [1.0, 0.0]])
                    np.testing.assert_allclose(np.linalg.norm(out, axis=1), [1.0, 1.0], rtol=1e-5)
            """,
        },
    ),
    plant(
        "normalise-epsilon", "tests/test_n.py::test_sums_to_one", *_HONEST, decoy=True,
        files={
            "norm.py": """
                def normalise(xs):
                    total = sum(xs)
                    return [x / (total + 0.001) for x in xs]
            """,
            "tests/test_n.py": """
                import pytest, norm
                def test_sums_to_one():
                    assert sum(norm.normalise([0.2, 0.3, 0.5])) == pytest.approx(1.0, rel=2e-4)
            """,
        },
    ),
    plant(
        "bug-under-one-parameter", "tests/test_n.py::test_scale[float32]", "product-defect", "unknown",
        "test-defect",
        decoy=True,
        files={
            "scale.py": """
                import numpy as np
                def scale(x):
                    if x.dtype == np.float32:
                        return x * 3
                    return x * 2
            """,
            "tests/test_n.py": """
                import numpy as np, pytest, scale
                @pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
                def test_scale(dtype):
                    x = np.ones(3, dtype=dtype)
                    assert (scale.scale(x) == 2).all()
            """,
        },
    ),
    plant(
        "legacy-switch-hides-bug", "tests/test_p.py::test_tax", *_HONEST, decoy=True,
        files={
            "tax.py": """
                import os
                def old(x):
                    return x * 0.19
                def new(x):
                    return x * 0.91
                def tax(x):
                    return old(x) if os.environ.get("LEGACY_TAX", "no") == "yes" else new(x)
            """,
            "tests/test_p.py": """
                import tax
                def test_tax():
                    assert round(tax.tax(100.0), 2) == 19.0
            """,
        },
    ),
    plant(
        "override-file-hides-bug", "tests/test_p.py::test_limit", *_HONEST, decoy=True,
        files={
            "limits.py": """
                import os
                def limit(n):
                    if os.path.exists("override.cfg"):
                        return 10
                    return n - 1
            """,
            "tests/test_p.py": """
                import limits
                def test_limit():
                    assert limits.limit(10) == 10
            """,
        },
    ),
    plant(
        "seed-shows-negative-bug", "tests/test_p.py::test_abs", *_HONEST, decoy=True,
        files={
            "mag.py": """
                def magnitude(x):
                    return x if x > -0.9 else -2 * x
            """,
            "tests/test_p.py": """
                import random, mag
                def test_abs():
                    rng = random.Random(4)
                    random.seed(4)
                    x = random.uniform(-1.0, 1.0)
                    assert mag.magnitude(x - 1.0) == abs(x - 1.0)
            """,
        },
    ),
    plant(
        "dtype-branch-bug", "tests/test_p.py::test_mean", *_HONEST, decoy=True,
        files={
            "red.py": """
                import numpy as np
                def mean(x):
                    if x.dtype == np.float32:
                        return x.sum() / (len(x) - 1)
                    return x.sum() / len(x)
            """,
            "tests/test_p.py": """
                import numpy as np, red
                def test_mean():
                    x = np.array([1, 2, 3], dtype=np.float32)
                    np.testing.assert_allclose(red.mean(x), 2.0)
            """,
        },
    ),
    plant(
        "polluted-but-wrong-anyway", "tests/test_z.py::test_count", *_HONEST, decoy=True,
        files={
            "reg.py": """
                ITEMS = []
                def add(x):
                    ITEMS.append(x)
                def count():
                    return len(ITEMS) + 1
            """,
            "tests/test_a.py": """
                import reg
                def test_adds():
                    reg.add(1)
                    assert reg.ITEMS
            """ + _fill(4),
            "tests/test_z.py": """
                import reg
                def test_count():
                    assert reg.count() == 0
            """,
        },
    ),
    plant(
        "new-expectation", "tests/test_k.py::test_add", *_HONEST, "first-bad-commit", decoy=True,
        history=({"calc.py": "def add(a, b):\n    return a + b\n",
        "tests/test_k.py": "import calc\ndef test_other():\n    assert calc.add(1, 1) == 2\n"},),
        files={
            "calc.py": """
                def add(a, b):
                    return a + b
            """,
            "tests/test_k.py": """
                import calc
                def test_other():
                    assert calc.add(1, 1) == 2
                def test_add():
                    assert calc.add(2, 2) == 5
            """,
        },
    ),
)  # fmt: skip
