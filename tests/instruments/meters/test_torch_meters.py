"""Gradients and operations as they are inside a test."""

from __future__ import annotations

import textwrap

import pytest

from tests.planted.hostile.forked import Fork
from triage.lab.protocol import Setup

T = "test_it.py::test_it"
pytestmark = pytest.mark.slow


@pytest.fixture
def look(tmp_path):
    """look(files, instruments by name with their settings): one run of T in a fork that has torch already."""
    pytest.importorskip("torch")

    def run(files, **instruments):
        texts = {name: textwrap.dedent(text) for name, text in files.items()}
        return Fork(tmp_path, texts, seconds=300)(Setup(nodeids=(T,), instruments=instruments))

    return run


def test_loss_leaves_and_names(look):
    files = {
        "test_it.py": """
            import torch
            def test_it():
                params = {"cell_a": torch.tensor(2.0, requires_grad=True)}
                focus = torch.tensor([1.0, 3.0], requires_grad=True)
                idle = torch.tensor(1.0, requires_grad=True)
                loss = params["cell_a"] * focus.sum()
                loss.backward()
                loss2 = (focus**2).sum()
                loss2.backward()
        """
    }
    first, second = look(files, gradients={}).lines("gradients", "backward")
    assert first["loss"] == 8.0
    assert {leaf["name"]: leaf["grad"] for leaf in first["leaves"]} == {"cell_a": 4.0, "focus": [2.0, 2.0]}
    assert [leaf["name"] for leaf in first["unreached"]] == ["idle"]
    assert {leaf["name"]: leaf["grad"] for leaf in second["leaves"]} == {"focus": [2.0, 6.0]}


def test_torch_that_is_imported_inside_the_test_is_measured(observe):
    pytest.importorskip("torch")
    body = """
        def test_it():
            import torch
            x = torch.tensor(3.0, requires_grad=True)
            (x * x).backward()
    """
    (call,) = observe({"test_it.py": body}, T, gradients={}).lines("gradients", "backward")
    assert (call["loss"], call["leaves"][0]["grad"]) == (9.0, 6.0)


def test_the_trace_names_the_operation_that_leaves_the_graph(look):
    files = {
        "net.py": "def forward(w):\n    h = w * 2\n    return h.detach()\n",
        "test_it.py": """
            import torch, net
            def test_it():
                w = torch.ones(2, requires_grad=True)
                assert net.forward(w).requires_grad
        """,
    }
    seen = look(files, trace={})
    left = [(op["op"], op["where"]) for op in seen.lines("trace", "op") if op.get("left")]
    assert ("detach", "net.py:3") in left


def test_meters_change_no_outcome(observe):
    # in a process of its own: linear algebra starts threads, and none of those is left behind a fork
    pytest.importorskip("torch")
    files = {
        "test_it.py": """
            import torch
            def test_it():
                x = torch.randn(4, 4, dtype=torch.float64, requires_grad=True)
                assert torch.autograd.gradcheck(lambda y: torch.linalg.inv(y + 9 * torch.eye(4)).sum(), (x,))
                y = torch.nn.functional.softmax(x, -1)
                y.sum().backward(retain_graph=True)
                torch.autograd.grad(y[0, 0], x)
        """
    }
    assert observe(files, T, gradients={}, trace={}, configs={}, usage={}).passed(T)


CUBE = """
    import torch
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3
        @staticmethod
        def backward(ctx, came):
            (x,) = ctx.saved_tensors
            return came * {factor} * x**2
"""
CHECK = """
    import torch, cube
    def test_it():
        x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(cube.Cube.apply, (x,))
"""


@pytest.mark.parametrize(("factor", "wrong"), [(3, False), (2, True)])
def test_the_step_size_sweep_tells_right_from_wrong(look, factor, wrong):
    files = {"cube.py": CUBE.format(factor=factor), "test_it.py": CHECK}
    (line,) = look(files, backwards={}).lines("backwards", "function")
    assert (line["name"], line["wrong"]) == ("cube.Cube", wrong)
    if not wrong:
        assert line["errors"][1] < line["errors"][0] / 50, "falls with the square of the step"


def test_central_differences_in_its_place_pass_the_check(look):
    files = {"cube.py": CUBE.format(factor=2), "test_it.py": CHECK}
    assert look(files, backwards={"numeric": ["-"]}).red(T)
    assert look(files, backwards={"numeric": ["cube.Cube"]}).passed(T)
