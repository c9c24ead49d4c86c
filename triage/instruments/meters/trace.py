"""Meter: every torch operation of the test with its source line, and what became of values and gradients.

One line an operation: name, place, which operations it takes from, whether values died (all zero) or became
non-finite in it, whether it left the graph; and, from hooks, what the gradient was that came back to it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from triage.instruments.base import Writer, authors

_ROOT = os.getcwd()
_WRITER = Writer("trace")
_MOST_OPS = 3000
_NUMBERS = ("item", "tolist", "__float__", "__int__", "__index__", "__bool__", "numpy", "__array__")
_TAMPERING = ("register_hook", "register_post_accumulate_grad_hook")
_SILENT = frozenset(
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
        self.made: dict[int, int] = {}
        self.kept: list[Any] = []

    def record(
        self, name: str, arguments: tuple[Any, ...], keywords: Any, result: Any, *, tracked: bool
    ) -> None:
        """`tracked`: whether an input had a graph before; an operation in place may have taken it away."""
        if len(self.ops) >= _MOST_OPS:
            return
        inputs = [value for value in _flat((arguments, keywords)) if isinstance(value, self.torch.Tensor)]
        outputs = [value for value in _flat(result) if isinstance(value, self.torch.Tensor)]
        place = _place()
        if place is None or not (outputs or name in _NUMBERS or name in _TAMPERING):
            return
        number = len(self.ops)
        op: dict[str, Any] = {
            "op": name,
            "where": place,
            "from": sorted({self.made[id(value)] for value in inputs if id(value) in self.made}),
            "leaves": sorted({id(value) for value in inputs if value.requires_grad and value.is_leaf}),
            "grad_mode": self.torch.is_grad_enabled(),
            "tracked": tracked,
        }
        self.ops.append(op)
        op["left"] = tracked and name not in _TAMPERING and not any(value.requires_grad for value in outputs)
        op["constant"] = not inputs
        self._values(op, inputs, outputs)
        for value in outputs:
            self.made[id(value)] = number
            self.kept.append(value)
            if value.requires_grad and not (value.is_leaf and id(value) in op["leaves"]):
                self._hook(op, value)
        for value in inputs:
            if value.is_leaf and value.requires_grad and id(value) not in self.made:
                self.made[id(value)] = -1
                self._leaf(value)

    def _values(self, op: dict[str, Any], inputs: list[Any], outputs: list[Any]) -> None:
        floats = [value for value in outputs if value.is_floating_point() and value.numel()]
        if not floats:
            return
        came = [value for value in inputs if value.is_floating_point() and value.numel()]
        with self.torch.no_grad():
            op["nonfinite"] = not all(bool(self.torch.isfinite(value.detach()).all()) for value in floats)
            op["zero"] = all(not bool(value.detach().any()) for value in floats)
            op["nonfinite_in"] = any(not bool(self.torch.isfinite(value.detach()).all()) for value in came)
            op["zero_in"] = any(not bool(value.detach().any()) for value in came)

    def _hook(self, op: dict[str, Any], value: Any) -> None:
        def came_back(gradient: Any) -> None:
            if gradient is None:
                return
            with _Off(self):
                op["grad_zero"] = not bool(gradient.detach().any())
                op["grad_nonfinite"] = not bool(self.torch.isfinite(gradient.detach()).all())

        value.register_hook(came_back)

    def _leaf(self, value: Any) -> None:
        entry = {"op": "leaf", "leaf": id(value), "where": "", "shape": list(value.shape)}
        self.ops.append(entry)

        def came_back(gradient: Any) -> None:
            if gradient is None:
                return
            with _Off(self):
                entry["grad_zero"] = not bool(gradient.detach().any())
                entry["grad_nonfinite"] = not bool(self.torch.isfinite(gradient.detach()).all())

        value.register_hook(came_back)

    def write(self, nodeid: str) -> None:
        for number, op in enumerate(self.ops):
            _WRITER.write("op", nodeid=nodeid, n=number, **op)


class _Off:
    """The meter's own operations are not traced."""

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
            came = [value for value in _flat((args, kwargs or {})) if isinstance(value, torch.Tensor)]
            tracked = any(value.requires_grad for value in came)
            result = function(*args, **(kwargs or {}))
            _paused += 1
            try:
                name = _named(function, resolve_name(function) or "")
                if name is not None:
                    with torch._C.DisableTorchFunctionSubclass():
                        tracer.record(name, args, kwargs or {}, result, tracked=tracked)
            except Exception as error:
                _WRITER.write("trouble", error=repr(error))
            finally:
                _paused -= 1
            return result

    return Mode()


def _named(function: Any, full: str) -> str | None:
    """`detach`, `data`, `sqrt`; None for what makes no value."""
    name = full.rpartition(".")[2] or getattr(function, "__name__", "")
    if name == "__get__":
        attribute = full.split(".")[-2] if "." in full else ""
        return attribute if attribute in ("data", "real", "imag", "T", "mT") else None
    return None if name in _SILENT else name


def _flat(value: Any, depth: int = 3) -> Iterator[Any]:
    if isinstance(value, list | tuple) and depth:
        for item in value:
            yield from _flat(item, depth - 1)
    elif isinstance(value, dict) and depth:
        for item in value.values():
            yield from _flat(item, depth - 1)
    else:
        yield value


def _place() -> str | None:
    frame: Any = sys._getframe(2)
    while frame is not None:
        place = authors(_ROOT, frame.f_code.co_filename)
        if place is not None:
            return f"{place}:{frame.f_lineno}"
        frame = frame.f_back
    return None


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """The test itself; fixtures have run."""
    torch = sys.modules.get("torch")
    if torch is None:
        return (yield)
    tracer = _Tracer(torch)
    try:
        with _mode(torch, tracer):
            return (yield)
    finally:
        tracer.write(item.nodeid)
