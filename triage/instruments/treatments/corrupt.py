"""Treatment: falsify what the product returns to a test and see whether the test notices.

Before its ordinary run each test is run once to see which functions and methods of the product it calls
itself, and then once for each of them with the returned value falsified: a number off by one, a truth
inverted, a text or a list with an end cut or added. A test that passes every time checks nothing that it
calls. The ordinary run comes last, with everything put back.
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
from _pytest.runner import runtestprotocol

from triage.instruments.base import Writer, beneath, settings

_ROOT = os.getcwd()
_WRITER = Writer("corrupt")
_MOST = int(settings("corrupt").get("targets", 6))
_SECONDS = float(settings("corrupt").get("seconds", 12.0))
_NOTHING = object()


class _Plan:
    """What is watched and falsified now."""

    test_file = ""
    target: str | None = None
    called: dict[str, int] = {}
    falsified = 0


def _attempt(item: pytest.Item, nextitem: pytest.Item | None, target: str | None) -> tuple[str, str]:
    """One run with a target falsified (None: only watched): its outcome and its last words."""
    _Plan.test_file, _Plan.target, _Plan.called, _Plan.falsified = str(item.path), target, {}, 0
    with _wrapped():
        if hasattr(item, "_initrequest"):
            item._initrequest()
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
    outcome = "passed"
    if any(report.failed for report in reports):
        outcome = "failed"
    elif any(report.skipped for report in reports):
        outcome = "skipped"
    said = next((report.longreprtext.strip().rsplit("\n", 1)[-1] for report in reports if report.failed), "")
    return outcome, said[:300]


@contextmanager
def _wrapped() -> Iterator[None]:
    """Every function of the product watched, wherever a module of the user's has a name for it."""
    undo: list[tuple[Any, str, Any]] = []
    mine = [module for module in list(sys.modules.values()) if _is_users(module)]
    wrappers = {
        id(function): _watched(f"{module.__name__}.{function.__qualname__}", function)
        for module in mine
        if not _is_test(str(module.__file__))
        for function in vars(module).values()
        if isinstance(function, FunctionType) and function.__module__ == module.__name__
    }
    for module in mine:
        for name, value in list(vars(module).items()):
            if id(value) in wrappers and isinstance(value, FunctionType):
                undo.append((module, name, value))
            elif (
                isinstance(value, type)
                and value.__module__ == module.__name__
                and not _is_test(str(module.__file__))
            ):
                undo += [(value, key, method) for key, method in _methods(value)]
    for owner, name, value in undo:
        made = wrappers.get(id(value)) or _watched(f"{value.__module__}.{value.__qualname__}", value)
        with suppress(AttributeError, TypeError):
            setattr(owner, name, made)
    try:
        yield
    finally:
        for owner, name, value in undo:
            with suppress(AttributeError, TypeError):
                setattr(owner, name, value)


def _methods(owner: type) -> list[tuple[str, FunctionType]]:
    return [
        (name, value)
        for name, value in list(vars(owner).items())
        if isinstance(value, FunctionType) and (name == "__call__" or not name.startswith("__"))
    ]


def _watched(name: str, function: FunctionType) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if sys._getframe(1).f_code.co_filename != _Plan.test_file:
            return result
        wrong = _falsified(result)
        if wrong is _NOTHING:
            return result
        _Plan.called[name] = _Plan.called.get(name, 0) + 1
        if name != _Plan.target:
            return result
        _Plan.falsified += 1
        return wrong

    return call


def _falsified(value: Any) -> Any:
    """Another value of the same kind; `_NOTHING` where there is no telling what that would be."""
    for kind, falsify in _WAYS:
        if type(value) in kind:
            return falsify(value)
    dtype = getattr(value, "dtype", None)
    if dtype is None or not hasattr(value, "shape"):
        return _NOTHING
    try:
        return ~value if "bool" in str(dtype) else value + 1
    except (TypeError, ValueError, RuntimeError):
        return _NOTHING


_WAYS: tuple[tuple[tuple[type, ...], Callable[[Any], Any]], ...] = (
    ((bool,), lambda value: not value),
    ((int, float, complex), lambda value: value + 1),
    ((str,), lambda value: value + "?"),
    ((bytes,), lambda value: value + b"?"),
    ((list, tuple), lambda value: value[:-1] if value else type(value)((None,))),
    ((dict,), lambda value: {} if value else {"?": None}),
    ((set, frozenset), lambda value: type(value)() if value else type(value)(("?",))),
)


def _is_users(module: ModuleType) -> bool:
    path = getattr(module, "__file__", None)
    return isinstance(path, str) and beneath(_ROOT, path) is not None


def _is_test(path: str) -> bool:
    name = os.path.basename(path)
    folders = os.path.relpath(path, _ROOT).split(os.sep)[:-1]
    named = name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"
    return named or bool({"tests", "test"} & set(folders))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Watch, falsify one thing after the other, then leave the test to its ordinary protocol."""
    began = time.monotonic()
    outcome, _ = _attempt(item, nextitem, None)
    targets = list(_Plan.called)[:_MOST] if outcome == "passed" else []
    for target in targets:
        if time.monotonic() - began > _SECONDS:
            break
        outcome, said = _attempt(item, nextitem, target)
        _WRITER.write(
            "corruption",
            nodeid=item.nodeid,
            mode=f"wrong:{target}",
            calls=_Plan.falsified,
            outcome=outcome,
            said=said,
        )
    if hasattr(item, "_initrequest"):
        item._initrequest()
