"""Plants of gradients: every way to break a graph, to kill a signal, to get no number, to be wrong."""

from __future__ import annotations

from tests.planted.faults.api import Plant, plant

_HONEST = ("unknown", "product-defect", "test-defect")
_T = "tests/test_t.py::test_it"


def _broken(name: str, body: str) -> Plant:
    """`f(x)` should differentiate; the test asks for the gradient of its sum."""
    return plant(name, _T, "graph-break", culprit="net.py", torch=True, files={
        "net.py": body,
        "tests/test_t.py": """
            import torch, net
            def test_it():
                x = torch.tensor([0.4, 1.3], requires_grad=True)
                net.f(x).sum().backward()
                assert x.grad is not None and (x.grad != 0).all()
        """,
    })  # fmt: skip


def _dead(name: str, body: str, x: str, culprit: str = "") -> Plant:
    return plant(name, _T, "zero-signal", culprit=culprit or "net.py", torch=True, files={
        "net.py": body,
        "tests/test_t.py": f"""
            import torch, net
            def test_it():
                x = torch.tensor({x}, requires_grad=True)
                net.f(x).sum().backward()
                assert x.grad.abs().max() > 0
        """,
    })  # fmt: skip


def _nan(name: str, body: str, x: str) -> Plant:
    return plant(name, _T, "nonfinite-gradient", culprit="net.py", torch=True, files={
        "net.py": body,
        "tests/test_t.py": f"""
            import torch, net
            def test_it():
                x = torch.tensor({x}, requires_grad=True)
                net.f(x).sum().backward()
                assert torch.isfinite(x.grad).all()
        """,
    })  # fmt: skip


def _wrong(name: str, body: str, *kinds: str, decoy: bool = False) -> Plant:
    return plant(name, _T, *(kinds or ("product-defect",)), culprit=None if decoy else "net.py", torch=True,
        decoy=decoy, files={
        "net.py": body,
        "tests/test_t.py": """
            import torch, net
            def test_it():
                x = torch.tensor([0.4, 1.3, -0.7], dtype=torch.float64, requires_grad=True)
                net.f(x).sum().backward()
                h, y = 1e-6, x.detach()
                numeric = torch.stack([(net.f(y + h * e).sum() - net.f(y - h * e).sum()) / (2 * h)
                                       for e in torch.eye(3, dtype=torch.float64)])
                assert torch.allclose(x.grad, numeric, atol=1e-5)
        """,
    })  # fmt: skip


PLANTS: tuple[Plant, ...] = (
    _broken("break-tensor-copy", """
        import torch
        def f(x):
            scale = torch.tensor(x * 2)
            return scale ** 2
    """),
    _broken("break-list", """
        import torch
        def f(x):
            return torch.tensor([v * 2 for v in x]) ** 2
    """),
    _broken("break-requires-grad-off", """
        import torch
        def f(x):
            y = (x * 2).detach_()
            return y ** 2
    """),
    _broken("break-inference-mode", """
        import torch
        @torch.inference_mode()
        def f(x):
            return (x * 2) ** 2
    """),
    _broken("break-integers", """
        def f(x):
            return (x * 10).long() * 0.1
    """),
    _broken("break-argmax", """
        def f(x):
            return x.argmax().float()
    """),
    _broken("break-comparison", """
        def f(x):
            return (x > 0.5).float()
    """),
    _broken("break-float", """
        import torch, math
        def f(x):
            return torch.stack([torch.tensor(math.sin(float(v))) for v in x])
    """),
    _broken("break-in-place", """
        import torch
        def f(x):
            out = torch.zeros(2)
            with torch.no_grad():
                out[:] = x ** 2
            return out
    """),
    _broken("break-partly", """
        def f(x):
            a = x[0] ** 2
            b = x[1].detach() ** 2
            return a + b
    """),
    _broken("break-round", """
        def f(x):
            return (x * 4).round() / 4
    """),
    _dead("dead-times-zero", """
        GAIN = 0.0
        def f(x):
            return GAIN * x ** 2
    """, "[0.4, 1.3]"),
    _dead("dead-sigmoid", """
        import torch
        def f(x):
            return torch.sigmoid(x * 100)
    """, "[4.0, 9.0]", "t"),
    _dead("dead-clamp", """
        def f(x):
            return x.clamp(0.0, 1.0) * 3
    """, "[4.0, 9.0]", "t"),
    _dead("dead-where", """
        import torch
        LIMIT = 5.0
        def f(x):
            return torch.where(x > LIMIT, x ** 2, torch.zeros_like(x))
    """, "[1.0, 2.0]", "t"),
    _dead("dead-underflow", """
        import torch
        def f(x):
            return torch.exp(-x ** 2)
    """, "[20.0, 30.0]", "t"),
    _nan("nan-quotient", "def f(x):\n    return x / x.abs()\n", "[0.0, 1.0]"),
    _nan("nan-norm", "def f(x):\n    return (x * x).sum().sqrt()\n", "[0.0, 0.0]"),
    _nan("nan-where-trap", """
        import torch
        def f(x):
            return torch.where(x > 0, torch.log(x), torch.zeros_like(x))
    """, "[0.0, 2.0]"),
    _nan("nan-power", "def f(x):\n    return x ** 0.5\n", "[0.0, 2.0]"),
    _wrong("wrong-hook", """
        def f(x):
            y = x * 1
            y.register_hook(lambda g: g * 2)
            return y ** 2
    """),
    _wrong("wrong-partial-detach", """
        def f(x):
            scale = (x ** 2).mean().detach()
            return x * scale
    """, "graph-break", "product-defect"),
    _wrong("wrong-data-write", """
        def f(x):
            y = x * 2
            z = y ** 2
            y.data.mul_(3)
            return z
    """),
    _wrong("wrong-straight-through", """
        def f(x):
            rounded = (x * 4).round() / 4
            return (x + (rounded - x).detach()) ** 2
    """, "graph-break", "product-defect"),
    _wrong("wrong-cache", """
        import torch
        _CACHE = {}
        def f(x):
            if x.requires_grad and "scale" not in _CACHE:
                _CACHE["scale"] = float(x.detach().sum())
            return x * (_CACHE["scale"] if x.requires_grad else float(x.sum()))
    """, "graph-break", "product-defect"),
    _wrong("wrong-where-mask", """
        import torch
        def f(x):
            mask = (x > 0).to(x.dtype)
            return (x * mask.detach() + (x ** 2).detach() * (1 - mask))
    """, "graph-break", "product-defect"),
    _wrong("decoy-right-gradient", """
        import torch
        def f(x):
            return torch.sin(x) * (2 if x.requires_grad else 1)
    """, *_HONEST, decoy=True),
)  # fmt: skip
