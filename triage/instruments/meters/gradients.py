"""Meter: record every backward call of the test, with the loss, the leaves, their gradients and the graph.

Wraps `Tensor.backward`, `torch.autograd.backward` and `torch.autograd.grad` as soon as the test imports
torch, and never imports it itself. Values are read, never changed.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from triage.instruments.base import Writer, user_frame
from triage.instruments.imports import when_imported
from triage.instruments.names import tensors_by_name

_ROOT = os.getcwd()
_WRITER = Writer("gradients")
_BUSY = threading.local()
_MAX_CALLS = 40
_MAX_NODES = 20_000
_MAX_SHOWN = 12
"""Of a larger gradient only the norm is recorded."""
_calls = 0


def _patch(torch: ModuleType) -> None:
    autograd = torch.autograd
    torch.Tensor.backward = _watched(torch, torch.Tensor.backward, _backward_roots)
    autograd.backward = _watched(torch, autograd.backward, _backward_roots)
    autograd.grad = _watched(torch, autograd.grad, _grad_roots)


def _watched(
    torch: ModuleType, real: Callable[..., Any], roots_of: Callable[..., tuple[list[Any], list[Any] | None]]
) -> Callable[..., Any]:
    @functools.wraps(real)
    def call(*args: Any, **kwargs: Any) -> Any:
        global _calls  # noqa: PLW0603 - one test process, one counter
        if getattr(_BUSY, "on", False) or _calls >= _MAX_CALLS:
            return real(*args, **kwargs)
        _BUSY.on = True
        _calls += 1
        try:
            record = _before(torch, *roots_of(*args, **kwargs))
            try:
                result = real(*args, **kwargs)
            except BaseException as error:
                _after(torch, record, None, f"{type(error).__name__}: {error}"[:500])
                raise
            _after(torch, record, result, None)
            return result
        finally:
            _BUSY.on = False

    return call


def _backward_roots(tensors: Any, *args: Any, **kwargs: Any) -> tuple[list[Any], list[Any] | None]:
    return (list(tensors) if isinstance(tensors, list | tuple) else [tensors]), None


def _grad_roots(outputs: Any, inputs: Any = None, *args: Any, **kwargs: Any) -> tuple[list[Any], list[Any]]:
    roots = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
    return roots, (list(inputs) if isinstance(inputs, list | tuple) else [inputs])


def _before(torch: ModuleType, roots: list[Any], inputs: list[Any] | None) -> dict[str, Any]:
    """Describe the graph before the call frees it; a meter's own trouble is recorded, not raised."""
    try:
        named = tensors_by_name(torch, _ROOT)
        reached, ops = _walk(roots)
        names = {id(tensor): name for name, tensor in reversed(named)}
        places = {id(tensor): number for number, (_, tensor) in reversed(list(enumerate(named)))}
        in_order = sorted(reached, key=lambda tensor: places.get(id(tensor), len(named)))
        wanted = inputs if inputs is not None else in_order
        known = {id(tensor) for tensor in wanted}
        left_out = []
        for name, tensor in named:
            if tensor.is_leaf and tensor.requires_grad and id(tensor) not in known:
                left_out.append((name, tensor))
        return {
            "roots": roots, "leaves": wanted, "inputs": inputs, "ops": ops,
            "reached": {id(tensor) for tensor in reached},
            "names": names, "unreached": _unique(left_out) if inputs is None else [],
            "had": {id(t): None if t.grad is None else t.grad.detach().clone() for t in wanted if t.is_leaf},
            "loss": _number(roots[0]) if len(roots) == 1 else None,
        }  # fmt: skip
    except Exception as error:
        _WRITER.write("trouble", error=repr(error))
        return {}


def _walk(roots: list[Any]) -> tuple[list[Any], list[str]]:
    """Leaves that the graph of these roots reaches, and the names of its operations, outermost first."""
    leaves: dict[int, Any] = {}
    ops: list[str] = []
    todo = [root.grad_fn for root in roots if getattr(root, "grad_fn", None) is not None]
    for root in roots:
        if getattr(root, "is_leaf", False) and root.requires_grad:
            leaves[id(root)] = root
    seen: set[Any] = set()
    for node in todo:
        if node in seen or len(seen) > _MAX_NODES:
            continue
        seen.add(node)
        variable = getattr(node, "variable", None)
        if variable is not None:
            leaves[id(variable)] = variable
        elif len(ops) < 200:
            ops.append(node.name())
        todo.extend(above for above, _ in node.next_functions if above is not None and above not in seen)
    return list(leaves.values()), ops


def _after(torch: ModuleType, record: dict[str, Any], result: Any, error: str | None) -> None:
    """Record the call, once the gradients are there."""
    if not record:
        return
    try:
        leaves = []
        for number, tensor in enumerate(record["leaves"]):
            # `autograd.grad` returns the gradients of its inputs, `backward` adds them to the leaves
            given = result[number] if result and record["inputs"] is not None else None
            leaves.append(_leaf(torch, record, tensor, given))
        roots = record["roots"]
        _WRITER.write(
            "backward",
            where=user_frame(_ROOT, 3),
            test=os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0],
            loss=record["loss"],
            loss_dtype=str(roots[0].dtype).removeprefix("torch.") if roots else None,
            has_graph=any(getattr(root, "grad_fn", None) is not None for root in roots),
            ops=record["ops"][:40],
            nodes=len(record["ops"]),
            leaves=[leaf for leaf in leaves if leaf["reached"]],
            unreached=[leaf for leaf in leaves if not leaf["reached"]]
            + [{"name": name, "shape": list(tensor.shape)} for name, tensor in record["unreached"]],
            error=error,
        )
    except Exception as trouble:
        _WRITER.write("trouble", error=repr(trouble))


def _leaf(torch: ModuleType, record: dict[str, Any], tensor: Any, given: Any) -> dict[str, Any]:
    """One leaf with the gradient that this call gave it; `given` is what `autograd.grad` returned."""
    gradient = given
    if record["inputs"] is None:
        had = record["had"].get(id(tensor))
        gradient = tensor.grad if had is None or tensor.grad is None else tensor.grad - had
    name = record["names"].get(id(tensor)) or f"leaf {list(tensor.shape)}"
    reached = id(tensor) in record["reached"] or given is not None
    return {"name": name, "shape": list(tensor.shape), "reached": reached, **_described(torch, gradient)}


def _described(torch: ModuleType, gradient: Any) -> dict[str, Any]:
    if gradient is None:
        return {"grad": None, "max_abs": None, "nonfinite": 0}
    plain = gradient.detach()
    if plain.layout != torch.strided:
        plain = plain.to_dense()
    finite = torch.isfinite(plain)
    largest = float(plain[finite].abs().max()) if bool(finite.any()) else 0.0
    value: Any
    if plain.numel() == 1:
        value = _number(plain)
    elif plain.numel() <= _MAX_SHOWN:
        value = plain.reshape(-1).tolist()
    else:
        value = {"norm": float(plain.norm())}
    return {"grad": value, "max_abs": largest, "nonfinite": int((~finite).sum())}


def _number(tensor: Any) -> float | None:
    if getattr(tensor, "numel", lambda: 0)() != 1:
        return None
    value = tensor.detach().reshape(-1)[0].item()
    return float(value.real if isinstance(value, complex) else value)


def _unique(pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    seen: dict[int, tuple[str, Any]] = {}
    for name, tensor in pairs:
        seen.setdefault(id(tensor), (name, tensor))
    return list(seen.values())


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Wait for torch."""
    when_imported("torch", _patch)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Record where each test's calls begin."""
    _WRITER.write("test", nodeid=item.nodeid)
    return (yield)
