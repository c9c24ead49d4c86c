"""Meter: record every torch operation of the test with its source line, its values and its gradients.

One line an operation: name, source line, the operations whose results it takes, whether its values are all
zero or not finite, whether its result has no graph any more; and, from hooks, the same of the gradient.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from triage.instruments.base import Writer, user_frame

_ROOT = os.getcwd()
_WRITER = Writer("trace")
_MAX_OPS = 3000
_TO_NUMBERS = ("item", "tolist", "__float__", "__int__", "__index__", "__bool__", "numpy", "__array__")
"""Operations that take a value out of torch."""
_HOOKS = ("register_hook", "register_post_accumulate_grad_hook")
"""Operations that may change a gradient."""
_IGNORED = frozenset(
    [
        "__get__",
        "__set__",
        "requires_grad_",
        "size",
        "dim",
        "numel",
        "stride",
        "backward",
        "is_floating_point",
        "__repr__",
        "__format__",
        "retain_grad",
        "__len__",
        "__hash__",
        "is_complex",
        "type",
        "__setitem__",
        "get_device",
        "is_contiguous",
        "data_ptr",
        "element_size",
        "__deepcopy__",
    ]
)


class _Tracer:
    """Operations of one test."""

    def __init__(self, torch: ModuleType) -> None:
        self.torch = torch
        self.ops: list[dict[str, Any]] = []
        self.made_by: dict[int, int] = {}
        """Number of the operation by the `id` of its result; -1 for leaves."""
        self.alive: list[Any] = []
        """Results: an `id` must not be given to another tensor."""

    def record(
        self, name: str, arguments: tuple[Any, ...], keywords: Any, result: Any, *, tracked: bool
    ) -> None:
        """Record one operation.

        `tracked` tells whether an input had a graph before: an operation in place may have removed it.
        """
        if len(self.ops) >= _MAX_OPS:
            return
        inputs = [value for value in _flat((arguments, keywords)) if isinstance(value, self.torch.Tensor)]
        outputs = [value for value in _flat(result) if isinstance(value, self.torch.Tensor)]
        where = user_frame(_ROOT, 2)
        if where is None or not (outputs or name in _TO_NUMBERS or name in _HOOKS):
            return
        number = len(self.ops)
        op: dict[str, Any] = {
            "op": name,
            "where": where,
            "from": sorted({self.made_by[id(value)] for value in inputs if id(value) in self.made_by}),
            "leaves": sorted({id(value) for value in inputs if value.requires_grad and value.is_leaf}),
            "grad_mode": self.torch.is_grad_enabled(),
            "tracked": tracked,
        }
        self.ops.append(op)
        op["left"] = tracked and name not in _HOOKS and not any(value.requires_grad for value in outputs)
        op["constant"] = not inputs
        self._values(op, inputs, outputs)
        for value in outputs:
            self.made_by[id(value)] = number
            self.alive.append(value)
            if value.requires_grad and not (value.is_leaf and id(value) in op["leaves"]):
                self._hook(op, value)
                if not any(value is taken for taken in inputs):
                    self._hook_node(op, value)
        for value in inputs:
            if value.is_leaf and value.requires_grad and id(value) not in self.made_by:
                self.made_by[id(value)] = -1
                self._leaf(value)

    def _values(self, op: dict[str, Any], inputs: list[Any], outputs: list[Any]) -> None:
        """Note whether values are zero or not finite, before and after the operation."""
        results = [value for value in outputs if value.is_floating_point() and value.numel()]
        if not results:
            return
        operands = [value for value in inputs if value.is_floating_point() and value.numel()]
        with self.torch.no_grad():
            op["nonfinite"] = any(self._is_nonfinite(value) for value in results)
            op["zero"] = all(self._is_zero(value) for value in results)
            op["nonfinite_in"] = any(self._is_nonfinite(value) for value in operands)
            op["zero_in"] = any(self._is_zero(value) for value in operands)

    def _is_zero(self, value: Any) -> bool:
        return not bool(value.detach().any())

    def _is_nonfinite(self, value: Any) -> bool:
        return not bool(self.torch.isfinite(value.detach()).all())

    def _hook(self, op: dict[str, Any], value: Any) -> None:
        """Note of the gradient, when it comes, whether it is zero or not finite."""

        def note(gradient: Any) -> None:
            if gradient is None:
                return
            with _Paused(self):
                op["grad_zero"] = self._is_zero(gradient)
                op["grad_nonfinite"] = self._is_nonfinite(gradient)

        value.register_hook(note)

    def _hook_node(self, op: dict[str, Any], value: Any) -> None:
        """Note whether the operation itself hands a zero to all that it took.

        The gradient of what it took does not tell: other operations may have taken it too.
        """
        if value.grad_fn is None:
            return

        def note(handed: tuple[Any, ...], came: tuple[Any, ...]) -> None:
            gradients = [gradient for gradient in handed if gradient is not None]
            if gradients:
                with _Paused(self):
                    op["hands_zero"] = all(self._is_zero(gradient) for gradient in gradients)

        value.grad_fn.register_hook(note)

    def _leaf(self, value: Any) -> None:
        op = {"op": "leaf", "leaf": id(value), "where": "", "shape": list(value.shape)}
        self.ops.append(op)
        self._hook(op, value)

    def write(self, nodeid: str) -> None:
        for number, op in enumerate(self.ops):
            _WRITER.write("op", nodeid=nodeid, n=number, **op)


class _Paused:
    """A context in which operations, which are then the meter's own, are not traced."""

    def __init__(self, tracer: _Tracer) -> None:
        self._stack = tracer.torch._C.DisableTorchFunctionSubclass()
        self._tracer = tracer

    def __enter__(self) -> None:
        global _paused  # noqa: PLW0603 - one test runs at a time
        _paused += 1
        self._stack.__enter__()

    def __exit__(self, *error: object) -> None:
        global _paused  # noqa: PLW0603
        _paused -= 1
        self._stack.__exit__(*error)


_paused = 0


def _mode(torch: ModuleType, tracer: _Tracer) -> Any:
    from torch.overrides import TorchFunctionMode, resolve_name

    class Mode(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            global _paused  # noqa: PLW0603
            if _paused:
                return function(*args, **(kwargs or {}))
            inputs = [value for value in _flat((args, kwargs or {})) if isinstance(value, torch.Tensor)]
            tracked = any(value.requires_grad for value in inputs)
            result = function(*args, **(kwargs or {}))
            _paused += 1
            try:
                name = _operation_name(function, resolve_name(function) or "")
                if name is not None:
                    with torch._C.DisableTorchFunctionSubclass():
                        tracer.record(name, args, kwargs or {}, result, tracked=tracked)
            except Exception as error:
                _WRITER.write("trouble", error=repr(error))
            finally:
                _paused -= 1
            return result

    return Mode()


def _operation_name(function: Any, full: str) -> str | None:
    """The last part of an operation's name (`detach`, `sqrt`, `data`); None for one that makes no value."""
    name = full.rpartition(".")[2] or getattr(function, "__name__", "")
    if name == "__get__":
        attribute = full.split(".")[-2] if "." in full else ""
        return attribute if attribute in ("data", "real", "imag", "T", "mT") else None
    return None if name in _IGNORED else name


def _flat(value: Any, depth: int = 3) -> Iterator[Any]:
    """The values in nested lists, tuples and dictionaries."""
    if isinstance(value, list | tuple) and depth:
        for item in value:
            yield from _flat(item, depth - 1)
    elif isinstance(value, dict) and depth:
        for item in value.values():
            yield from _flat(item, depth - 1)
    else:
        yield value


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Trace the test itself; fixtures have run."""
    torch = sys.modules.get("torch")
    if torch is None:
        return (yield)
    tracer = _Tracer(torch)
    try:
        with _mode(torch, tracer):
            return (yield)
    finally:
        tracer.write(item.nodeid)
