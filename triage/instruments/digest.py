"""Digest values so that equal ones have equal digests, also in another process.

A value is written as a text, bounded in depth and size, from which addresses are left out; the digest is a
hash of that text.
"""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from hashlib import blake2b
from itertools import count
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_DEFAULT_REPRESENTATION = re.compile(r"<\S+ object at 0x[0-9a-fA-F]*>")
_DIGEST_BYTES = 8
_MAX_DEPTH = 4
"""Containers in containers; what lies deeper counts by its type alone."""
_MAX_ITEMS = 300
"""Items of one container; its length counts in any case."""
_MAX_PARTS = 100_000
"""Values inside of one value: what comes behind them counts by its type alone. They take some 0.05 s."""
_MAX_REPRESENTATION = 500
"""Characters of the `repr` of an object that shows nothing else of itself."""
_MAX_BRIEF = 2000
"""Long enough to hold the difference between two values, which readers are shown alone."""
_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_CALLABLE = (type, FunctionType, BuiltinFunctionType, MethodType)
_SEQUENCE = (list, tuple, deque)
_SET = (set, frozenset)


def digest(value: Any, *, own_folders: Sequence[str] = ()) -> str:
    """Return 16 hex digits over the value's contents; addresses do not count.

    Nor do the names of `own_folders`, which another process has elsewhere.
    """
    text = _Description().of(value)
    for folder in own_folders:
        text = text.replace(folder, ".")
    return blake2b(text.encode("utf-8", "replace"), digest_size=_DIGEST_BYTES).hexdigest()


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
        text = _without_addresses(text)
    except Exception:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _MAX_BRIEF else text[: _MAX_BRIEF - 3] + "..."


class _Description:
    """Describes one value; knows how deep it is, and which containers it is inside of."""

    def __init__(
        self,
        depth: int = _MAX_DEPTH,
        around: frozenset[int] = frozenset(),
        parts: Iterator[int] | None = None,
    ) -> None:
        self._depth = depth
        self._around = around
        """Identities of the values around: one that contains itself is not followed for ever."""
        self._parts = parts if parts is not None else count(1)
        """Numbers of the values that are described, of one outermost value."""

    def of(self, value: Any) -> str:
        """The description of a value."""
        counts = next(self._parts) <= _MAX_PARTS
        if counts and isinstance(value, _PLAIN):
            return f"{type(value).__name__} {value!r}"
        if isinstance(value, _CALLABLE):
            return self._of_callable(value)
        if isinstance(value, ModuleType):
            return f"module {value.__name__}"
        if not counts or self._is_too_deep(value):
            return f"<{type(value).__qualname__}>"
        if isinstance(value, dict):
            return self._of_container(value, "{", self._items(value), "}")
        if isinstance(value, _SEQUENCE):
            return self._of_container(value, "[", self._members(value), "]")
        if isinstance(value, _SET):
            # the order of a set differs from process to process
            return self._of_container(value, "[", sorted(self._members(value)), "]")
        return f"{type(value).__module__}.{type(value).__qualname__} {self._of_contents(value)}"

    def _is_too_deep(self, value: Any) -> bool:
        return self._depth == 0 or id(value) in self._around

    def _inside(self, value: Any) -> _Description:
        """What describes the contents of a value."""
        return _Description(self._depth - 1, self._around | {id(value)}, self._parts)

    def _of_container(self, value: Any, opening: str, parts: Iterable[str], closing: str) -> str:
        return f"{type(value).__qualname__}({len(value)}) {opening}{', '.join(parts)}{closing}"

    def _items(self, value: dict[Any, Any]) -> list[str]:
        inside = self._inside(value)
        first = list(value.items())[:_MAX_ITEMS]
        return [f"{inside.of(key)}: {inside.of(item)}" for key, item in first]

    def _members(self, value: Iterable[Any]) -> list[str]:
        inside = self._inside(value)
        first = list(value)[:_MAX_ITEMS]
        return [inside.of(item) for item in first]

    def _of_callable(self, value: Any) -> str:
        """The name of a class or function, with its defaults: a test may have changed a mutable one."""
        name = f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
        defaults = getattr(value, "__defaults__", None)
        if not defaults or self._is_too_deep(value):
            return name
        return f"{name}({self._inside(value).of(defaults)})"

    def _of_contents(self, value: Any) -> str:
        """What an object of any other class holds."""
        if _is_a("torch", "Tensor", value):
            return f"{tuple(value.shape)} {_read(lambda: float(value.detach().double().sum()))}"
        if _is_a("numpy", "ndarray", value):
            return f"{value.shape} {_read(lambda: blake2b(value.tobytes()).hexdigest())}"
        if isinstance(value, ContextVar):
            return f"{value.name} {self._inside(value).of(_value_in_context(value))}"
        cache_info = getattr(value, "cache_info", None)
        if callable(cache_info):
            return f"cached {_read(lambda: cache_info().currsize)}"
        attributes = getattr(value, "__dict__", None)
        if not isinstance(attributes, dict) or not attributes:
            attributes = _slots(value)
        if attributes:
            return self._inside(value).of(attributes)
        return _without_addresses(_read(lambda: repr(value)))[:_MAX_REPRESENTATION]


def _value_in_context(variable: ContextVar[Any]) -> Any:
    """The value of a context variable in the present context, its default; ... where it has neither."""
    try:
        return variable.get()
    except LookupError:
        return ...


def _is_a(module: str, name: str, value: Any) -> bool:
    """Whether a value is of a class of a library; which is not imported for it."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)


def _slots(value: Any) -> dict[str, Any]:
    """The attributes of an object without a `__dict__`."""
    found: dict[str, Any] = {}
    for base in type(value).__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                found[name] = getattr(value, name)
    return found


def _read(read: Callable[[], object]) -> str:
    """What reading gives, as a text; the exception's name where it raises."""
    try:
        return str(read())
    except Exception as error:
        return f"<{type(error).__name__}>"


def _without_addresses(text: str) -> str:
    return _ADDRESS.sub("0x", text)
