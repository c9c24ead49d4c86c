"""Treatment: change the defaults of parameters and fields, for callers that do not pass a value.

Settings: {"overrides": {"package.module.Class.field": value}}. Works on dataclasses, attrs, pydantic, named
tuples, plain classes and functions. What was applied, and what was not, is recorded when the tests are over.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import pytest

from triage.instruments.base import Writer, settings
from triage.instruments.imports import when_imported

_OVERRIDES: dict[str, Any] = dict(settings("defaults").get("overrides", {}))
_APPLIED: dict[str, str] = {}
_WRITER = Writer("defaults")


def override(owner: Any, field: str, value: Any) -> str | None:
    """Change the default of one field of a class or function; return how, or None where it has none."""
    if isinstance(owner, FunctionType):
        return _in_signature(owner, field, value)
    if not inspect.isclass(owner):
        return None
    fields = _pydantic_fields(owner)
    if fields is not None:
        return _by_wrapping(owner, field, value) if field in fields else None
    for name in ("__init__", "__new__"):
        constructor = inspect.getattr_static(owner, name, None)
        if isinstance(constructor, staticmethod):
            constructor = constructor.__func__
        if isinstance(constructor, FunctionType):
            how = _in_signature(constructor, field, value)
            if how:
                return how
    if field in vars(owner) and not callable(vars(owner)[field]):
        setattr(owner, field, value)
        return "class attribute"
    return None


def _in_signature(function: FunctionType, field: str, value: Any) -> str | None:
    """Change the default on the function object, where every importer of the function sees it."""
    plain = inspect.unwrap(function)
    if not isinstance(plain, FunctionType):
        return None
    if plain.__kwdefaults__ and field in plain.__kwdefaults__:
        plain.__kwdefaults__ = {**plain.__kwdefaults__, field: value}
        return "keyword default"
    code = plain.__code__
    names = code.co_varnames[: code.co_argcount]
    first = len(names) - len(plain.__defaults__ or ())
    if field in names[first:]:
        values = list(plain.__defaults__ or ())
        values[names.index(field) - first] = value
        plain.__defaults__ = tuple(values)
        return "default"
    return None


def _pydantic_fields(owner: type) -> dict[str, Any] | None:
    fields = getattr(owner, "__pydantic_fields__", None)
    return fields if isinstance(fields, dict) else None


def _by_wrapping(owner: Any, field: str, value: Any) -> str:
    """Pass the value as if the caller had: pydantic keeps its defaults in compiled code."""
    original: Callable[..., None] = owner.__init__
    alias = getattr((_pydantic_fields(owner) or {})[field], "alias", None)

    @functools.wraps(original)
    def __init__(self: Any, /, *args: Any, **kwargs: Any) -> None:
        if not args and field not in kwargs and alias not in kwargs:
            kwargs[alias or field] = value
        original(self, *args, **kwargs)

    owner.__init__ = __init__
    return "model default"


def _apply(path: str, value: Any, module: ModuleType, trail: list[str]) -> None:
    """Change what `trail` names in the module, and note under `path` how."""
    owner: Any = module
    for name in trail[:-1]:
        owner = getattr(owner, name, None)
    how = None
    if owner is module:
        if hasattr(module, trail[-1]):
            setattr(module, trail[-1], value)
            how = "module attribute"
    elif owner is not None:
        how = override(owner, trail[-1], value)
    if how:
        _APPLIED[path] = how


def _wait_for(path: str, value: Any) -> None:
    """Apply an override once its module is imported.

    Any split of the dotted name into module and trail may be meant: the first that fits wins.
    """
    parts = path.split(".")
    for cut in range(len(parts) - 1, 0, -1):

        def apply_to(module: ModuleType, cut: int = cut) -> None:
            if path not in _APPLIED:
                _apply(path, value, module, parts[cut:])

        when_imported(".".join(parts[:cut]), apply_to)


def _apply_to_imported() -> None:
    """Apply overrides to modules that were imported past the finders, as test modules are."""
    for path, value in _OVERRIDES.items():
        parts = path.split(".")
        for cut in range(len(parts) - 1, 0, -1):
            module = sys.modules.get(".".join(parts[:cut]))
            if module is not None and path not in _APPLIED:
                _apply(path, value, module, parts[cut:])


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Begin before any test module is imported, so that configurations made there have the new value."""
    for path, value in _OVERRIDES.items():
        _wait_for(path, _as_given(value))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Look once more for what has not been found."""
    if len(_APPLIED) < len(_OVERRIDES):
        _apply_to_imported()


def pytest_sessionfinish() -> None:
    """Record what was applied and what was not found."""
    for path in _OVERRIDES:
        if path in _APPLIED:
            _WRITER.write("applied", name=path, how=_APPLIED[path])
        else:
            _WRITER.write("missed", name=path, missed=f"no default named {path} was found")


def _as_given(value: Any) -> Any:
    """Settings are JSON, which has no tuples; a list as a default would be shared."""
    return tuple(value) if isinstance(value, list) else value
