"""Digest values so that equal ones have equal digests, also in another process."""

from __future__ import annotations

import hashlib
import re
import sys
from collections import deque
from contextvars import ContextVar
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_MAX_DEPTH = 4
_MAX_ITEMS = 300
_MAX_BRIEF = 2000
"""Long enough to hold the difference between two values, which readers are shown alone."""
_DEFAULT_REPRESENTATION = re.compile(r"<\S+ object at 0x[0-9a-fA-F]*>")
_PLAIN = (bool, int, float, complex, str, bytes, type(None))


def digest(value: Any) -> str:
    """Return 16 hex digits over the value's contents, bounded in depth and size; addresses do not count."""
    text = _text(value, _MAX_DEPTH, set())
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def brief(value: Any) -> str:
    """Return a short representation of the value for people; of an object that has none, its attributes.

    Of a function its defaults are shown too: a mutable one is state that its calls share. Of a context
    variable the value is shown, which its representation lacks.
    """
    try:
        text = repr(value)
        if isinstance(value, FunctionType) and value.__defaults__:
            text = f"{text} with defaults {value.__defaults__!r}"
        if isinstance(value, ContextVar):
            text = f"{text} with {_value_in_context(value)!r}"
        if _DEFAULT_REPRESENTATION.fullmatch(text) and getattr(value, "__dict__", None):
            text = f"{text} with {vars(value)!r}"
        text = _ADDRESS.sub("0x", text)
    except Exception:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _MAX_BRIEF else text[: _MAX_BRIEF - 3] + "..."


def _text(value: Any, depth: int, seen: set[int]) -> str:
    if isinstance(value, _PLAIN):
        return f"{type(value).__name__} {value!r}"
    if isinstance(value, type | FunctionType | BuiltinFunctionType | MethodType):
        return _callable_text(value, depth, seen)
    if isinstance(value, ModuleType):
        return f"module {value.__name__}"
    if depth == 0 or id(value) in seen:
        return f"<{type(value).__qualname__}>"
    seen = seen | {id(value)}
    if isinstance(value, dict):
        items = list(value.items())[:_MAX_ITEMS]
        inside = ", ".join(f"{_text(k, depth - 1, seen)}: {_text(v, depth - 1, seen)}" for k, v in items)
        return f"{type(value).__qualname__}({len(value)}) {{{inside}}}"
    if isinstance(value, list | tuple | deque):
        inside = ", ".join(_text(item, depth - 1, seen) for item in list(value)[:_MAX_ITEMS])
        return f"{type(value).__qualname__}({len(value)}) [{inside}]"
    if isinstance(value, set | frozenset):
        texts = sorted(_text(item, depth - 1, seen) for item in list(value)[:_MAX_ITEMS])
        return f"{type(value).__qualname__}({len(value)}) {texts}"
    return _object_text(value, depth, seen)


def _callable_text(value: Any, depth: int, seen: set[int]) -> str:
    name = f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
    defaults = getattr(value, "__defaults__", None)
    if defaults and depth > 0 and id(value) not in seen:
        return f"{name}({_text(defaults, depth - 1, seen | {id(value)})})"
    return name


def _object_text(value: Any, depth: int, seen: set[int]) -> str:
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if "torch" in sys.modules and isinstance(value, sys.modules["torch"].Tensor):
        return f"{name} {tuple(value.shape)} {_safely(lambda: float(value.detach().double().sum()))}"
    if "numpy" in sys.modules and isinstance(value, sys.modules["numpy"].ndarray):
        return f"{name} {value.shape} {_safely(lambda: hashlib.blake2b(value.tobytes()).hexdigest())}"
    if isinstance(value, ContextVar):
        return f"{name} {value.name} {_text(_value_in_context(value), depth - 1, seen)}"
    info = getattr(value, "cache_info", None)
    if callable(info):
        return f"{name} cached {_safely(lambda: info().currsize)}"
    attributes = getattr(value, "__dict__", None)
    if isinstance(attributes, dict) and attributes:
        return f"{name} {_text(attributes, depth - 1, seen)}"
    slots = _slots(value)
    if slots:
        return f"{name} {_text(slots, depth - 1, seen)}"
    return f"{name} {_ADDRESS.sub('0x', _safely(lambda: repr(value)))[:500]}"


def _value_in_context(variable: ContextVar[Any]) -> Any:
    """The value of a context variable in the present context, its default; ... where it has neither."""
    try:
        return variable.get()
    except LookupError:
        return ...


def _slots(value: Any) -> dict[str, Any]:
    names = [n for base in type(value).__mro__ for n in _names(base.__dict__.get("__slots__", ()))]
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


def _names(slots: Any) -> tuple[str, ...]:
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _safely(read: Any) -> str:
    try:
        return str(read())
    except Exception as error:
        return f"<{type(error).__name__}>"
