"""Meter: record which numeric defaults the test relied on.

Watches calls of the user's own constructors and functions and records each numeric parameter or field that
had its default value, with the line of the call. A probe changes these defaults in turn.
"""

from __future__ import annotations

import inspect
import os
import sys
import threading
from types import CodeType, FrameType, FunctionType
from typing import Any, cast

import pytest

from triage.instruments.base import Writer, authors

_ROOT = os.getcwd()
_WRITER = Writer("configs")
_FUNCTIONS: dict[CodeType, FunctionType | None] = {}
"""For each code that was called: its function, or None where its defaults are of no interest."""
_SEEN: dict[tuple[str, str], int] = {}
"""How often a default was seen: by its dotted name, and the line of the call."""
_MAX_CALLERS = 4
_MAX_TUPLE = 4
"""A longer tuple is data rather than a setting."""


def numeric(value: Any) -> bool:
    """Tell whether a value is a number, a boolean or a short tuple of these."""
    if isinstance(value, tuple):
        return 0 < len(value) <= _MAX_TUPLE and all(isinstance(item, int | float) for item in value)
    return isinstance(value, int | float)


def _watch(frame: FrameType, event: str, argument: Any) -> None:
    if event != "call":
        return
    code = frame.f_code
    if code in _FUNCTIONS:
        function = _FUNCTIONS[code]
        if function is None:
            return
    else:
        # to look it up may call the same code again
        _FUNCTIONS[code] = None
        function = _FUNCTIONS[code] = _function_of(frame)
    if function is not None:
        _record(frame, function)


def _function_of(frame: FrameType) -> FunctionType | None:
    """The function object of a call with numeric defaults in the user's code; None for all others."""
    code = frame.f_code
    if code.co_name in ("__init__", "__new__") or _of_named_tuple(code):
        return _constructor(frame)
    if code.co_name.startswith("<") or authors(_ROOT, code.co_filename) is None:
        return None
    found: Any = sys.modules.get(frame.f_globals.get("__name__", ""))
    for name in code.co_qualname.split("."):
        found = getattr(found, name, None)
    found = getattr(found, "__func__", found)
    if callable(found):
        found = inspect.unwrap(found)
    if not isinstance(found, FunctionType) or found.__code__ is not code:
        return None
    return found if _has_numeric_default(found) else None


def _constructor(frame: FrameType) -> FunctionType | None:
    """The `__init__` or `__new__` of one of the user's classes, where it has numeric defaults."""
    code = frame.f_code
    if not code.co_argcount:
        return None
    subject = frame.f_locals.get(code.co_varnames[0])
    owner = _class_of(subject)
    if hasattr(owner, "__pydantic_fields__") and not code.co_filename.startswith(_ROOT):
        return _pydantic_marker
    for base in owner.__mro__:
        function = _constructor_of(base, code)
        if isinstance(function, FunctionType) and function.__code__ is code:
            return function if _is_users(base) and _has_numeric_default(function) else None
    return None


def _of_named_tuple(code: CodeType) -> bool:
    """Tell whether code is the constructor that `namedtuple` makes, a lambda."""
    return code.co_name == "<lambda>" and code.co_varnames[:1] == ("_cls",)


def _constructor_of(base: type, code: CodeType) -> Any:
    name = "__new__" if _of_named_tuple(code) else code.co_name
    constructor = base.__dict__.get(name)
    return constructor.__func__ if isinstance(constructor, staticmethod) else constructor


def _class_of(subject: Any) -> type:
    """The class of an instance, or the class itself, which `__new__` gets.

    `isinstance` would run somebody's `__class__` property.
    """
    kind: type = type(subject)
    return subject if issubclass(kind, type) else kind


def _any_pydantic_model() -> None:
    """Stands for the constructor of any pydantic model."""


_pydantic_marker = cast(FunctionType, _any_pydantic_model)


def _has_numeric_default(function: FunctionType) -> bool:
    values = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    return any(numeric(value) for value in values)


def _is_users(owner: type) -> bool:
    module = sys.modules.get(owner.__module__)
    return authors(_ROOT, getattr(module, "__file__", None) or "") is not None


def _defaults(function: FunctionType) -> dict[str, Any]:
    """The defaults of a function by parameter."""
    code = function.__code__
    values = function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount][code.co_argcount - len(values) :]
    return {**dict(zip(names, values, strict=True)), **(function.__kwdefaults__ or {})}


def _record(frame: FrameType, function: FunctionType) -> None:
    """Record the numeric parameters of a call that have their default."""
    if function is _pydantic_marker:
        owner, used = _used_pydantic_defaults(frame)
    else:
        owner, used = _owner_name(frame, function), {}
        for name, value in _defaults(function).items():
            if numeric(value) and name in frame.f_locals and _same(frame.f_locals[name], value):
                used[name] = value
    if not owner:
        return
    caller = _caller(frame)
    for name, value in used.items():
        key = (f"{owner}.{name}", caller or "")
        _SEEN[key] = _SEEN.get(key, 0) + 1
        callers = sum(path == key[0] for path, _ in _SEEN)
        if _SEEN[key] == 1 and callers <= _MAX_CALLERS:
            _WRITER.write(
                "default", owner=owner, field=name, value=value, type=type(value).__name__, caller=caller
            )


def _used_pydantic_defaults(frame: FrameType) -> tuple[str, dict[str, Any]]:
    """The name of a pydantic model, and the numeric fields that its caller did not pass."""
    subject = frame.f_locals.get(frame.f_code.co_varnames[0])
    owner = type(subject)
    if not _is_users(owner):
        return "", {}
    given = {}
    for name in ("data", "kwargs"):
        value = frame.f_locals.get(name)
        given.update(value if isinstance(value, dict) else {})
    fields: dict[str, Any] = getattr(owner, "__pydantic_fields__", {})
    used = {}
    for name, field in fields.items():
        is_given = name in given or getattr(field, "alias", None) in given
        if not is_given and numeric(field.default):
            used[name] = field.default
    return public_name(owner), used


def public_name(thing: Any) -> str:
    """Return the dotted name of a class or function in the nearest package that exports it."""
    parts = thing.__module__.split(".")
    first, _, rest = thing.__qualname__.partition(".")
    for length in range(len(parts) - 1, 0, -1):
        package = ".".join(parts[:length])
        found: Any = getattr(sys.modules.get(package), first, None)
        for name in rest.split(".") if rest else ():
            found = getattr(found, name, None)
        if found is thing:
            return f"{package}.{thing.__qualname__}"
    return f"{thing.__module__}.{thing.__qualname__}"


def _owner_name(frame: FrameType, function: FunctionType) -> str:
    if function.__code__.co_name in ("__init__", "__new__") or _of_named_tuple(function.__code__):
        subject = frame.f_locals.get(function.__code__.co_varnames[0])
        for base in _class_of(subject).__mro__:
            if _constructor_of(base, function.__code__) is function:
                return public_name(base)
    return public_name(function)


def _same(given: Any, default: Any) -> bool:
    return type(given) is type(default) and (given is default or bool(given == default))


def _caller(frame: FrameType) -> str | None:
    """The nearest calling line in the suite's tree; where there is none, in the user's code elsewhere."""
    above = frame.f_back
    nearest: str | None = None
    while above is not None:
        file = authors(_ROOT, above.f_code.co_filename)
        if file is not None:
            line = f"{file}:{above.f_lineno}"
            if not file.startswith("/"):
                return line
            nearest = nearest or line
        above = above.f_back
    return nearest


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Watch from before collection on: fixtures and module-level objects count too."""
    sys.setprofile(_watch)
    threading.setprofile(_watch)


def _constants() -> None:
    """Record constants of the user's modules that are zero: settings that switch something off."""
    for name, module in list(sys.modules.items()):
        if authors(_ROOT, getattr(module, "__file__", None) or "") is None:
            continue
        for field, value in list(vars(module).items()):
            if field.isupper() and type(value) in (int, float) and value == 0:
                _WRITER.write("default", owner=name, field=field, value=value, type="constant", caller=None)


def pytest_sessionfinish() -> None:
    """Record constants, and stop watching."""
    _constants()
    sys.setprofile(None)
    threading.setprofile(None)
