"""Treatment: arithmetic. Settings, each optional: {"dtype": "float64"}, {"threads": 1},
{"deterministic": true}, {"compile": false}. torch and numpy are changed when the test imports them.
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
_NARROW = ("float32", "float16", "half", "single")
_SMALL = ("int8", "int16", "int32", "intc", "short")


def _torch(torch: ModuleType) -> None:
    if "threads" in _SETTINGS:
        torch.set_num_threads(int(_SETTINGS["threads"]))
    if _SETTINGS.get("deterministic"):
        torch.use_deterministic_algorithms(True, warn_only=True)
    if _SETTINGS.get("compile") is False:
        torch.compile = _not_compiled  # type: ignore[attr-defined]
        if "torch.jit" in sys.modules:
            torch.jit.script = lambda thing, *rest, **more: thing
    if "dtype" in _SETTINGS:
        torch.set_default_dtype(getattr(torch, _SETTINGS["dtype"]))


def _not_compiled(model: Any = None, **options: Any) -> Any:
    return (lambda made: made) if model is None else model


def _numpy(numpy: ModuleType) -> None:
    if "dtype" in _SETTINGS:
        for names, wide in ((_NARROW, _SETTINGS["dtype"]), (_SMALL, "int64")):
            for name in names:
                if hasattr(numpy, name):
                    setattr(numpy, name, getattr(numpy, wide))


def _widening(torch: ModuleType) -> Any:
    """Every narrow dtype that is asked for becomes the wide one."""
    from torch.overrides import TorchFunctionMode

    wide = getattr(torch, _SETTINGS["dtype"])
    instead = dict.fromkeys((torch.float32, torch.float16, torch.bfloat16), wide)
    instead |= dict.fromkeys((torch.int8, torch.int16, torch.int32), torch.int64)
    methods = {torch.Tensor.float: torch.Tensor.double, torch.Tensor.half: torch.Tensor.double}

    class Mode(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            words = {name: _wider(value, instead) for name, value in (kwargs or {}).items()}
            things = tuple(_wider(value, instead) for value in args)
            return methods.get(function, function)(*things, **words)

    return Mode()


def _wider(value: Any, instead: dict[Any, Any]) -> Any:
    try:
        return instead.get(value, value)
    except (TypeError, RuntimeError):
        return value


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Wait for the libraries."""
    when_imported("torch", _torch)
    when_imported("numpy", _numpy)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Set-up, call and tear-down alike."""
    torch = sys.modules.get("torch")
    wide = _widening(torch) if torch is not None and "dtype" in _SETTINGS else contextlib.nullcontext()
    if torch is not None:
        _torch(torch)
    with wide:
        return (yield)
