"""Plants of arithmetic: signals, graphs, gradients that are no numbers, precision, tolerance, compilation."""

from __future__ import annotations

from tests.planted.faults.api import Plant, plant

_SIM = """
    from dataclasses import dataclass
    import torch

    @dataclass(frozen=True)
    class LampConfig:
        focus: object = 1.0
        width: object = 2.0
        rays: int = 16
        offset: float = 0.0
        power: float = 0.0
        damping: float = 0.5

    class Lamp:
        def __init__(self, config):
            self.config = config
        def run(self):
            c = self.config
            x = torch.linspace(0, 1, c.rays, dtype=torch.float64)
            return c.power**2 * torch.exp(-(x - c.focus) ** 2 / c.width**2) * (1 + c.damping * x)
"""


def _torch(
    name: str,
    *kinds: str,
    body: str,
    culprit: str | None = None,
    decoy: bool = False,
    files: dict[str, str] | None = None,
) -> Plant:
    return plant(
        name, "tests/test_t.py::test_it", *kinds, culprit=culprit, torch=True, decoy=decoy,
        files={"tests/test_t.py": body, **(files or {})},
    )  # fmt: skip


PLANTS: tuple[Plant, ...] = (
    _torch("zero-default", "zero-signal", culprit="tests/test_t.py", body="""
        import torch
        from lamp.config import LampConfig, Lamp
        def test_it():
            focus = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
            width = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
            loss = Lamp(LampConfig(focus=focus, width=width)).run().sum()
            loss.backward()
            assert abs(focus.grad) > 1e-10, "gradient should be non-zero"
    """, files={"lamp/__init__.py": "", "lamp/config.py": _SIM}),
    _torch("zero-pydantic", "zero-signal", culprit="tests/test_t.py", body="""
        import torch
        from model import Settings, energy
        def test_it():
            x = torch.tensor([1.0, 2.0], requires_grad=True)
            energy(x, Settings(steps=3)).backward()
            assert x.grad.abs().sum() > 0
    """, files={"model.py": """
        from pydantic import BaseModel
        class Settings(BaseModel):
            steps: int = 1
            amplitude: float = 0.0
            shift: float = 0.0
        def energy(x, s):
            return s.amplitude * (x**2).sum() + 0 * s.shift
    """}),
    _torch("zero-keyword", "zero-signal", culprit="tests/test_t.py", body="""
        import torch
        from model import field
        def test_it():
            x = torch.tensor([1.0, 2.0], requires_grad=True)
            out = field(x, order=2).sum()
            out.backward()
            assert bool((x.grad != 0).any()), "no gradient"
    """, files={"model.py": """
        def field(x, order=1, *, charge=0.0, floor=1.0):
            return charge * x**order * floor
    """}),
    _torch("zero-explicit", "zero-signal", culprit="tests/test_t.py", body="""
        import torch
        def test_it():
            x = torch.tensor([1.0, 2.0], requires_grad=True)
            mask = torch.zeros(2)
            (x**3 * mask).sum().backward()
            assert x.grad.abs().max() > 0
    """),
    _torch("saturated-relu", "zero-signal", culprit="tests/test_t.py", body="""
        import torch
        def test_it():
            x = torch.full((3,), -5.0, requires_grad=True)
            y = torch.relu(x)
            (y.sum() + 2.0).backward()
            assert (x.grad != 0).all()
    """),
    _torch("clamped", "zero-signal", culprit="test_t.py", body="""
        import torch
        def squash(x):
            return torch.clamp(x, 0.0, 1.0)
        def test_it():
            x = torch.tensor([50.0, 70.0], requires_grad=True)
            squash(x).sum().backward()
            assert x.grad.abs().sum() > 1e-8
    """),
    _torch("detached", "graph-break", culprit="net.py:3", body="""
        import torch, net
        def test_it():
            w = torch.tensor([2.0], requires_grad=True)
            b = torch.tensor([1.0], requires_grad=True)
            net.forward(w, b).sum().backward()
            assert w.grad is not None
    """, files={"net.py": """
        import torch
        def forward(w, b):
            h = (w * 3).detach()
            return h + b
    """}),
    _torch("item", "graph-break", culprit="net.py", body="""
        import torch, net
        def test_it():
            a = torch.tensor(2.0, requires_grad=True)
            out = net.volume(a)
            assert out.requires_grad, "lost the graph"
            out.backward()
            assert a.grad is not None
    """, files={"net.py": """
        import torch
        def volume(a):
            side = a.item()
            return torch.tensor(side) ** 3
    """}),
    _torch("no-grad-block", "graph-break", culprit="net.py", body="""
        import torch, net
        def test_it():
            a = torch.tensor([2.0, 1.0], requires_grad=True)
            net.norm(a).backward()
            assert a.grad.abs().sum() > 0
    """, files={"net.py": """
        import torch
        def norm(a):
            with torch.no_grad():
                s = (a * a).sum()
            return s
    """}),
    _torch("numpy-trip", "graph-break", culprit="net.py", body="""
        import torch, net
        def test_it():
            a = torch.tensor([2.0, 1.0], requires_grad=True)
            net.wave(a).sum().backward()
            assert a.grad is not None
    """, files={"net.py": """
        import numpy as np
        import torch
        def wave(a):
            return torch.from_numpy(np.sin(a.detach().numpy()))
    """}),
    _torch("data-access", "graph-break", culprit="net.py", body="""
        import torch, net
        def test_it():
            a = torch.tensor([2.0, 1.0], requires_grad=True)
            b = torch.tensor([2.0, 1.0], requires_grad=True)
            net.mix(a, b).sum().backward()
            assert a.grad is not None and b.grad is not None
    """, files={"net.py": """
        def mix(a, b):
            return a.data * 2 + b
    """}),
    _torch("sqrt-at-zero", "nonfinite-gradient", culprit="geo.py", body="""
        import torch, geo
        def test_it():
            p = torch.zeros(3, requires_grad=True)
            geo.length(p).backward()
            assert torch.isfinite(p.grad).all()
    """, files={"geo.py": """
        import torch
        def length(p):
            return torch.sqrt((p * p).sum())
    """}),
    _torch("log-of-zero", "nonfinite-gradient", culprit="geo.py", body="""
        import torch, geo
        def test_it():
            p = torch.tensor([0.0, 1.0], requires_grad=True)
            loss = geo.entropy(p)
            loss.backward()
            assert not torch.isnan(p.grad).any()
    """, files={"geo.py": """
        import torch
        def entropy(p):
            return -(p * torch.log(p)).sum()
    """}),
    _torch("acos-at-one", "nonfinite-gradient", culprit="geo.py", body="""
        import torch, geo
        def test_it():
            c = torch.tensor(1.0, requires_grad=True)
            geo.angle(c).backward()
            assert torch.isfinite(c.grad), c.grad
    """, files={"geo.py": """
        import torch
        def angle(c):
            return torch.acos(c) * 2
    """}),
    _torch("float32-loss", "dtype", body="""
        import torch
        def total(values):
            return torch.tensor(values, dtype=torch.float32).sum()
        def test_it():
            assert abs(float(total([1e8, 1.0, -1e8])) - 1.0) < 1e-3
    """),
    _torch("default-dtype", "dtype", body="""
        import torch
        def test_it():
            x = torch.tensor([0.1, 0.2, 0.3])
            wanted = torch.tensor([0.3, 0.6, 0.9], dtype=torch.float64)
            torch.testing.assert_close((x * 3).double(), wanted, rtol=1e-12, atol=1e-12)
    """),
    plant("numpy-single", "tests/test_t.py::test_it", "dtype", torch=True, files={"tests/test_t.py": """
        import numpy as np
        def test_it():
            x = np.array([1e8, 1.0, -1e8], dtype=np.float32)
            np.testing.assert_allclose(x.sum(), 1.0)
    """}),
    plant("tight-approx", "tests/test_t.py::test_it", "tolerance", files={"tests/test_t.py": """
        import pytest
        def area():
            return 3.14159 * 4
        def test_it():
            assert area() == pytest.approx(12.566370614, rel=1e-7)
    """}),
    plant("equal-floats", "tests/test_t.py::test_it", "tolerance", files={"tests/test_t.py": """
        def test_it():
            assert 0.1 + 0.2 == 0.3
    """}),
    plant("tight-abs", "tests/test_t.py::test_it", "tolerance", culprit="tests/test_t.py:4", files={
        "tests/test_t.py": """
        import itertools
        def test_it():
            *_, x = itertools.accumulate([0.1] * 10000)  # sum() itself is exact from Python 3.12 on
            assert abs(x - 1000.0) < 1e-11
    """}),
    plant("tight-isclose", "tests/test_t.py::test_it", "tolerance", files={"tests/test_t.py": """
        import math
        def test_it():
            assert math.isclose(1.0000005, 1.0, rel_tol=1e-7)
    """}),
    _torch("compile-fails", "compile", body="""
        import torch, net
        def test_it():
            x = torch.ones(3)
            assert torch.equal(net.double(x), x * 2)
    """, files={"net.py": """
        import torch
        def backend(gm, inputs):
            raise RuntimeError("this backend cannot build a kernel here")
        @torch.compile(backend=backend)
        def double(x):
            return x * 2
    """}),
    _torch("wrong-backward", "product-defect", culprit="cube.py", body="""
        import torch, cube
        def test_it():
            x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
            assert torch.autograd.gradcheck(cube.cube, (x,))
    """, files={"cube.py": """
        import torch
        class Cube(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x**3
            @staticmethod
            def backward(ctx, came):
                (x,) = ctx.saved_tensors
                return came * 2 * x**2
        def cube(x):
            return Cube.apply(x)
    """}),
    _torch("decoy-wrong-gradient", "product-defect", "unknown", "test-defect", decoy=True, body="""
        import torch
        def test_it():
            x = torch.tensor(2.0, requires_grad=True)
            (x**2).backward()
            assert x.grad == 5.0
    """),
    _torch("decoy-detach-is-right", "product-defect", "unknown", "test-defect", decoy=True, body="""
        import torch
        def test_it():
            x = torch.tensor(2.0, requires_grad=True)
            y = x.detach() * 3
            (x * y).backward()
            assert x.grad == 12.5
    """),
    _torch("decoy-shape", "product-defect", "unknown", "test-defect", decoy=True, body="""
        import torch
        def test_it():
            assert torch.zeros(3).shape == (4,)
    """),
    plant("parametrized-dtype", "tests/test_t.py::test_it[float16]", "dtype", torch=True, files={
        "tests/test_t.py": """
        import pytest, torch
        @pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
        def test_it(dtype):
            x = torch.tensor([70000.0], dtype=getattr(torch, dtype))
            assert torch.isfinite(x * 2).all()
    """}),
)  # fmt: skip
