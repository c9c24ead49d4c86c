"""Treatment: change the arithmetic of torch and numpy.

Settings, each optional: {"dtype": "float64"} replaces every narrower type that is asked for, {"threads": 1},
{"deterministic": true}, {"compile": false}, {"denormals": "flushed"}. A library is changed when the test
imports it.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from triage.instruments.base import settings
from triage.instruments.imports import when_imported

_SETTINGS = settings("numerics")
_NARROW_FLOATS = ("float32", "float16", "half", "single")
_NARROW_INTEGERS = ("int8", "int16", "int32", "intc", "short")


def _torch(torch: ModuleType) -> None:
    if "threads" in _SETTINGS:
        torch.set_num_threads(int(_SETTINGS["threads"]))
    if _SETTINGS.get("deterministic"):
        torch.use_deterministic_algorithms(True, warn_only=True)
    if _SETTINGS.get("compile") is False:
        torch.compile = _not_compiled  # type: ignore[attr-defined]
        if "torch.jit" in sys.modules:
            torch.jit.script = lambda thing, *rest, **more: thing
    if _SETTINGS.get("denormals") == "flushed":
        # of the whole thread: numpy computes with the same unit
        torch.set_flush_denormal(True)
    if "dtype" in _SETTINGS:
        torch.set_default_dtype(getattr(torch, _SETTINGS["dtype"]))


def _not_compiled(model: Any = None, **options: Any) -> Any:
    """Stands for `torch.compile`, also as a decorator with options."""
    if model is None:
        return lambda decorated: decorated
    return model


def _numpy(numpy: ModuleType) -> None:
    if "dtype" in _SETTINGS:
        for narrow, wide in ((_NARROW_FLOATS, _SETTINGS["dtype"]), (_NARROW_INTEGERS, "int64")):
            for name in narrow:
                if hasattr(numpy, name):
                    setattr(numpy, name, getattr(numpy, wide))


def _widening(torch: ModuleType) -> Any:
    """A mode of torch in which every narrow dtype that is asked for becomes the wide one."""
    from torch.overrides import TorchFunctionMode

    wide = getattr(torch, _SETTINGS["dtype"])
    wider = dict.fromkeys((torch.float32, torch.float16, torch.bfloat16), wide)
    wider |= dict.fromkeys((torch.int8, torch.int16, torch.int32), torch.int64)
    methods = {torch.Tensor.float: torch.Tensor.double, torch.Tensor.half: torch.Tensor.double}

    class Mode(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            wide_args = tuple(_widened(value, wider) for value in args)
            wide_kwargs = {name: _widened(value, wider) for name, value in (kwargs or {}).items()}
            return methods.get(function, function)(*wide_args, **wide_kwargs)

    return Mode()


def _widened(value: Any, wider: dict[Any, Any]) -> Any:
    try:
        return wider.get(value, value)
    except (TypeError, RuntimeError):
        # neither hashable nor comparable, so no dtype
        return value


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Wait for the libraries."""
    when_imported("torch", _torch)
    when_imported("numpy", _numpy)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Apply the settings again, which an earlier test may have changed, and widen during the whole test."""
    torch = sys.modules.get("torch")
    mode: Any = contextlib.nullcontext()
    if torch is not None:
        _torch(torch)
        if "dtype" in _SETTINGS:
            mode = _widening(torch)
    with mode:
        return (yield)
