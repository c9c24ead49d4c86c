"""Arithmetic and gradients in packages of usual shapes."""

from __future__ import annotations

from tests.planted.faults.api import Plant, plant

PLANTS: tuple[Plant, ...] = (
    plant(
        "float32-accumulation", "tests/test_n.py::test_sum", "dtype",
        files={
            "acc.py": """
                import numpy as np
                def total(xs):
                    s = np.float32(0)
                    for x in xs:
                        s = np.float32(s + np.float32(x))
                    return s
            """,
            "tests/test_n.py": """
                import numpy as np, acc
                def test_sum():
                    np.testing.assert_allclose(acc.total([0.1] * 20000), 2000.0, rtol=1e-6)
            """,
        },
    ),
    plant(
        "half-overflow", "tests/test_n.py::test_norm", "dtype",
        files={
            "tests/test_n.py": """
                import numpy as np
                def norm(v):
                    v = np.asarray(v, dtype=np.float16)
                    return float(np.sqrt((v * v).sum()))
                def test_norm():
                    assert abs(norm([300.0, 400.0]) - 500.0) < 1.0
            """,
        },
    ),
    plant(
        "twice-too-tight", "tests/test_n.py::test_exp", "tolerance", "dtype",
        files={
            "series.py": """
                import math
                def exp(x, n=12):
                    return sum(x ** k / math.factorial(k) for k in range(n))
            """,
            "tests/test_n.py": """
                import math, pytest, series
                def test_exp():
                    assert series.exp(1.0) == pytest.approx(math.e, rel=4e-10)
            """,
        },
    ),
    plant(
        "assert-almost-unittest", "tests/test_n.py::TestSum::test_tenth", "tolerance",
        files={
            "tests/test_n.py": """
                import unittest
                class TestSum(unittest.TestCase):
                    def test_tenth(self):
                        total = 0.0
                        for _ in range(10):  # sum() itself is exact from Python 3.12 on
                            total += 0.1
                        self.assertEqual(total, 1.0)
            """,
        },
    ),
    plant(
        "approx-last-digit-list", "tests/test_n.py::test_grid", "tolerance", "dtype",
        files={
            "grid.py": """
                def grid(n):
                    x = 0.0
                    out = []
                    for _ in range(n):
                        out.append(x)
                        x += 0.1
                    return out
            """,
            "tests/test_n.py": """
                import grid
                def test_grid():
                    assert grid.grid(4) == [0.0, 0.1, 0.2, 0.3]
            """,
        },
    ),
    plant(
        "seed-margin", "tests/test_n.py::test_mean", "seed",
        files={
            "tests/test_n.py": """
                import numpy as np
                def test_mean():
                    rng = np.random.default_rng(5)
                    assert abs(rng.normal(size=100).mean()) < SEED_LIMIT
            """.replace("SEED_LIMIT", "0.12"),
        },
    ),
    plant(
        "dead-json-default", "tests/test_g.py::test_scattering", "zero-signal", torch=True,
        culprit="defaults.json",
        files={
            "defaults.json": '{"thickness": 0.0, "density": 2.0}',
            "cfg.py": """
                import json, pathlib
                DEFAULTS = json.loads((pathlib.Path(__file__).parent / "defaults.json").read_text())
                class Config:
                    def __init__(self, **given):
                        for name, value in {**DEFAULTS, **given}.items():
                            setattr(self, name, value)
            """,
            "tests/test_g.py": """
                import torch, cfg
                def test_scattering():
                    c = cfg.Config(density=3.0)
                    angle = torch.tensor(0.3, requires_grad=True)
                    loss = c.thickness * c.density * torch.sin(angle)
                    loss.backward()
                    assert angle.grad != 0
            """,
        },
    ),
    plant(
        "dead-frozen-default", "tests/test_g.py::TestGrad::test_gain_gradient", "zero-signal", torch=True,
        culprit="tests/conftest.py",
        files={
            "src/optics/__init__.py": "",
            "src/optics/source.py": """
                from dataclasses import dataclass
                @dataclass(frozen=True, slots=True)
                class Source:
                    wavelength: float = 1.0
                    flux: float = 0.0
                    bins: int = 8
            """,
            "src/optics/model.py": """
                import torch
                def image(source, gain):
                    k = torch.arange(source.bins, dtype=torch.float64)
                    return gain * source.flux * torch.exp(-k / source.wavelength)
            """,
            "tests/conftest.py": """
                import sys
                sys.path.insert(0, "src")
                import pytest
                @pytest.fixture
                def source():
                    from optics.source import Source
                    return Source(bins=4)
            """,
            "tests/test_g.py": """
                import torch
                from optics.model import image
                class TestGrad:
                    def test_gain_gradient(self, source):
                        gain = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
                        image(source, gain).sum().backward()
                        assert gain.grad is not None and gain.grad.abs() > 0
            """,
        },
    ),
    plant(
        "softmax-overflow", "tests/test_n.py::test_softmax", "dtype", "product-defect", "nonfinite-gradient",
        files={
            "sm.py": """
                import numpy as np
                def softmax(x):
                    e = np.exp(np.asarray(x, dtype=np.float32))
                    return e / e.sum()
            """,
            "tests/test_n.py": """
                import numpy as np, sm
                def test_softmax():
                    assert np.isfinite(sm.softmax([100.0, 101.0])).all()
            """,
        },
    ),
)  # fmt: skip
