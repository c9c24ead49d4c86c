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

from triage.instrument.base import settings
from triage.instrument.imports import when_imported

_SETTINGS = settings("numerics")
_NARROW = ("float32", "float16", "bfloat16", "half", "single")


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
        for name in _NARROW:
            if hasattr(numpy, name):
                setattr(numpy, name, getattr(numpy, _SETTINGS["dtype"]))


def _widening(torch: ModuleType) -> Any:
    """Every narrow dtype that is asked for becomes the wide one."""
    from torch.overrides import TorchFunctionMode

    wide = getattr(torch, _SETTINGS["dtype"])
    narrow = {torch.float32, torch.float16, torch.bfloat16}
    methods = {torch.Tensor.float: torch.Tensor.double, torch.Tensor.half: torch.Tensor.double}

    class Mode(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            words = {name: wide if _is(value, narrow) else value for name, value in (kwargs or {}).items()}
            things = tuple(wide if _is(value, narrow) else value for value in args)
            return methods.get(function, function)(*things, **words)

    return Mode()


def _is(value: Any, narrow: set[Any]) -> bool:
    try:
        return value in narrow
    except (TypeError, RuntimeError):
        return False


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
