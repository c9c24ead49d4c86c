"""Meter: which numeric defaults the test relied on.

Watches calls of the user's own constructors and functions and records each numeric field that had
its default value, with the line that left it so. Candidates for the control values of a probe.
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
_SEEN: dict[tuple[str, str], int] = {}
_MOST_CALLERS = 4


def numeric(value: Any) -> bool:
    """Numbers, and short tuples of numbers; booleans too."""
    if isinstance(value, tuple):
        return 0 < len(value) <= 4 and all(isinstance(item, int | float) for item in value)
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
        function = _FUNCTIONS[code] = None  # also stops recursion while it is looked up
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
    found = inspect.unwrap(found) if callable(found) else found
    return found if isinstance(found, FunctionType) and found.__code__ is code and _has(found) else None


def _constructor(frame: FrameType) -> FunctionType | None:
    code = frame.f_code
    if not code.co_argcount:
        return None
    subject = frame.f_locals.get(code.co_varnames[0])
    owner = _class_of(subject)
    if hasattr(owner, "__pydantic_fields__") and not code.co_filename.startswith(_ROOT):
        return _pydantic_marker
    for base in owner.__mro__:
        made = _made_by(base, code)
        if isinstance(made, FunctionType) and made.__code__ is code:
            return made if _is_users(base) and _has(made) else None
    return None


def _of_named_tuple(code: CodeType) -> bool:
    """The constructor that `namedtuple` makes is a lambda."""
    return code.co_name == "<lambda>" and code.co_varnames[:1] == ("_cls",)


def _made_by(base: type, code: CodeType) -> Any:
    made = base.__dict__.get("__new__" if _of_named_tuple(code) else code.co_name)
    return made.__func__ if isinstance(made, staticmethod) else made


def _class_of(subject: Any) -> type:
    """The class, also where `__new__` got it; `isinstance` would run somebody's `__class__` property."""
    kind: type = type(subject)
    return subject if issubclass(kind, type) else kind


def _any_pydantic_model() -> None:
    """Stands for the constructor of any pydantic model."""


_pydantic_marker = cast(FunctionType, _any_pydantic_model)


def _has(function: FunctionType) -> bool:
    values = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    return any(numeric(value) for value in values)


def _is_users(owner: type) -> bool:
    module = sys.modules.get(owner.__module__)
    return authors(_ROOT, getattr(module, "__file__", None) or "") is not None


def _defaults(function: FunctionType) -> dict[str, Any]:
    code = function.__code__
    values = function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount][code.co_argcount - len(values) :]
    return {**dict(zip(names, values, strict=True)), **(function.__kwdefaults__ or {})}


def _record(frame: FrameType, function: FunctionType) -> None:
    if function is _pydantic_marker:
        owner, left = _left_pydantic(frame)
    else:
        owner = _owner_name(frame, function)
        left = {
            name: value
            for name, value in _defaults(function).items()
            if numeric(value) and name in frame.f_locals and _same(frame.f_locals[name], value)
        }
    if not owner:
        return
    caller = _caller(frame)
    for name, value in left.items():
        key = (f"{owner}.{name}", caller or "")
        _SEEN[key] = _SEEN.get(key, 0) + 1
        callers = sum(path == key[0] for path, _ in _SEEN)
        if _SEEN[key] == 1 and callers <= _MOST_CALLERS:
            _WRITER.write(
                "default", owner=owner, field=name, value=value, type=type(value).__name__, caller=caller
            )


def _left_pydantic(frame: FrameType) -> tuple[str, dict[str, Any]]:
    subject = frame.f_locals.get(frame.f_code.co_varnames[0])
    owner = type(subject)
    if not _is_users(owner):
        return "", {}
    given = {}
    for name in ("data", "kwargs"):
        value = frame.f_locals.get(name)
        given.update(value if isinstance(value, dict) else {})
    fields: dict[str, Any] = getattr(owner, "__pydantic_fields__", {})
    left = {
        name: field.default
        for name, field in fields.items()
        if name not in given and getattr(field, "alias", None) not in given and numeric(field.default)
    }
    return public_name(owner), left


def public_name(thing: Any) -> str:
    """Dotted name under which people import a class or function: of the nearest package that exports it."""
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
            if _made_by(base, function.__code__) is function:
                return public_name(base)
    return public_name(function)


def _same(given: Any, default: Any) -> bool:
    return type(given) is type(default) and (given is default or bool(given == default))


def _caller(frame: FrameType) -> str | None:
    """The line of the user's code that made the call: of the suite where there is one on the way."""
    above, nearest = frame.f_back, None
    while above is not None:
        place = authors(_ROOT, above.f_code.co_filename)
        if place is not None and not place.startswith("/"):
            return f"{place}:{above.f_lineno}"
        nearest = nearest or (f"{place}:{above.f_lineno}" if place else None)
        above = above.f_back
    return nearest


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """From before collection on: fixtures and module-level objects count too."""
    sys.setprofile(_watch)
    threading.setprofile(_watch)


def _constants() -> None:
    """Numbers in capitals at the top of the user's modules are configuration too, where they are zero."""
    for name, module in list(sys.modules.items()):
        if authors(_ROOT, getattr(module, "__file__", None) or "") is None:
            continue
        for field, value in list(vars(module).items()):
            if field.isupper() and type(value) in (int, float) and value == 0:
                _WRITER.write("default", owner=name, field=field, value=value, type="constant", caller=None)


def pytest_sessionfinish() -> None:
    """Let go."""
    _constants()
    sys.setprofile(None)
    threading.setprofile(None)
