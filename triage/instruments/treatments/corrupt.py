"""Treatment: falsify what the product returns to a test and see whether the test notices.

Before its ordinary run each test is run once to see which functions and methods of the product it calls
itself, and then once for each of them with the returned value falsified: a number off by one, a boolean
inverted, another text, an empty list. A test that passes every time checks nothing that it calls. The
ordinary run comes last, with everything restored.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FunctionType, ModuleType
from typing import Any

import pytest

from triage.instruments.base import Writer, beneath, settings
from triage.instruments.reruns import Rerun, renew_fixtures, run_again

_ROOT = os.getcwd()
_WRITER = Writer("corrupt")
_MAX_TARGETS = int(settings("corrupt").get("targets", 6))
_MAX_SECONDS = float(settings("corrupt").get("seconds", 12.0))
_UNKNOWN = object()
"""Stands for a value of which nobody can say what a wrong one would be."""


class _Plan:
    """What is watched and falsified in the present run."""

    test_file = ""
    target: str | None = None
    """Name of the function whose result is falsified; None: calls are only counted."""
    called: dict[str, int] = {}
    falsified = 0


def _run_with(item: pytest.Item, nextitem: pytest.Item | None, target: str | None) -> Rerun:
    """Run the test once with the results of `target` falsified."""
    _Plan.test_file, _Plan.target, _Plan.called, _Plan.falsified = str(item.path), target, {}, 0
    with _wrapped_product():
        return run_again(item, nextitem)


@contextmanager
def _wrapped_product() -> Iterator[None]:
    """Wrap every function and method of the product, wherever a module of the user's has a name for it."""
    users = [module for module in list(sys.modules.values()) if _is_users(module)]
    product = [module for module in users if not _is_test(str(module.__file__))]
    wrappers: dict[int, Callable[..., Any]] = {}
    for module in product:
        for value in vars(module).values():
            if isinstance(value, FunctionType) and value.__module__ == module.__name__:
                wrappers[id(value)] = _wrapper(f"{module.__name__}.{value.__qualname__}", value)

    originals: list[tuple[Any, str, FunctionType]] = []
    for module in users:
        for name, value in list(vars(module).items()):
            if isinstance(value, FunctionType) and id(value) in wrappers:
                originals.append((module, name, value))
    for module in product:
        for value in list(vars(module).values()):
            if isinstance(value, type) and value.__module__ == module.__name__:
                originals += [(value, name, method) for name, method in _methods(value)]

    for owner, name, original in originals:
        wrapper = wrappers.get(id(original))
        if wrapper is None:
            wrapper = _wrapper(f"{original.__module__}.{original.__qualname__}", original)
        _assign(owner, name, wrapper)
    try:
        yield
    finally:
        for owner, name, original in originals:
            _assign(owner, name, original)


def _assign(owner: Any, name: str, value: Any) -> None:
    # some classes refuse
    with suppress(AttributeError, TypeError):
        setattr(owner, name, value)


def _methods(owner: type) -> list[tuple[str, FunctionType]]:
    """Methods that a test calls itself; of those that Python calls only `__call__`."""
    found = []
    for name, value in list(vars(owner).items()):
        is_called_by_name = name == "__call__" or not name.startswith("__")
        if isinstance(value, FunctionType) and is_called_by_name:
            found.append((name, value))
    return found


def _wrapper(name: str, function: FunctionType) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if sys._getframe(1).f_code.co_filename != _Plan.test_file:
            return result
        wrong = _falsified(result)
        if wrong is _UNKNOWN:
            return result
        _Plan.called[name] = _Plan.called.get(name, 0) + 1
        if name != _Plan.target:
            return result
        _Plan.falsified += 1
        return wrong

    return call


def _falsified(value: Any) -> Any:
    """A wrong value of the same type, or `_UNKNOWN`."""
    for types, falsify in _FALSIFIERS:
        if type(value) in types:
            return falsify(value)
    dtype = getattr(value, "dtype", None)
    if dtype is None or not hasattr(value, "shape"):
        return _UNKNOWN
    try:
        return ~value if "bool" in str(dtype) else value + 1
    except (TypeError, ValueError, RuntimeError):
        return _UNKNOWN


_FALSIFIERS: tuple[tuple[tuple[type, ...], Callable[[Any], Any]], ...] = (
    ((bool,), lambda value: not value),
    ((int, float, complex), lambda value: value + 1),
    # nothing of a text or a list is kept: a test may look at any part of it
    ((str,), lambda value: "?" if value != "?" else ""),
    ((bytes,), lambda value: b"?" if value != b"?" else b""),
    ((list, tuple), lambda value: type(value)() if value else type(value)((None,))),
    ((dict,), lambda value: {} if value else {"?": None}),
    ((set, frozenset), lambda value: type(value)() if value else type(value)(("?",))),
)


def _is_users(module: ModuleType) -> bool:
    path = getattr(module, "__file__", None)
    return isinstance(path, str) and beneath(_ROOT, path) is not None


def _is_test(path: str) -> bool:
    name = os.path.basename(path)
    folders = os.path.relpath(path, _ROOT).split(os.sep)[:-1]
    has_test_name = name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"
    return has_test_name or bool({"tests", "test"} & set(folders))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Count the calls, falsify one function after the other, then leave the test to its ordinary run."""
    began = time.monotonic()
    watched = _run_with(item, nextitem, None)
    targets = list(_Plan.called)[:_MAX_TARGETS] if watched.outcome == "passed" else []
    for target in targets:
        if time.monotonic() - began > _MAX_SECONDS:
            break
        rerun = _run_with(item, nextitem, target)
        _WRITER.write(
            "corruption",
            nodeid=item.nodeid,
            mode=f"wrong:{target}",
            calls=_Plan.falsified,
            outcome=rerun.outcome,
            said=rerun.message,
        )
    renew_fixtures(item)
