"""State in modules: attributes of the user's modules and classes, and of library modules that get patched."""

from __future__ import annotations

import contextlib
import copy
import functools
import sys
from collections import deque
from collections.abc import Callable, Iterator, MutableMapping, MutableSequence, MutableSet
from types import ModuleType
from typing import Any

from triage.instruments.base import beneath

_OFTEN_PATCHED = (
    "builtins", "datetime", "functools", "glob", "io", "json", "math", "os", "os.path", "pathlib",
    "platform", "random", "requests", "secrets", "shutil", "socket", "string", "subprocess", "tempfile",
    "time", "urllib.request", "uuid", "numpy", "torch", "logging", "pickle", "copy", "itertools", "asyncio",
    "threading",
)  # fmt: skip
_MODULE_OWN = frozenset({"__builtins__", "__cached__", "__doc__", "__file__", "__loader__", "__spec__"})
_CHANGING = frozenset({"environ", "modules", "_", "last_value", "last_traceback", "last_type"})
_Holder = tuple[Any, str]


def module_places(root: str) -> Iterator[tuple[str, Any]]:
    """`attr:module.NAME` and `attr:module.Class.NAME` with live values; modules as `module:NAME`."""
    for name, module in list(sys.modules.items()):
        if not isinstance(module, ModuleType) or getattr(module, "__spec__", None) is None:
            if name not in ("__main__", "builtins") and not name.startswith("_pytest"):
                yield f"module:{name}", type(module).__name__
            continue
        users = beneath(root, getattr(module, "__file__", None) or "") is not None
        if users:
            yield f"module:{name}", "present"
            yield from _users(name, module)
        elif name in _OFTEN_PATCHED:
            yield from ((f"attr:{name}.{key}", _identity(value)) for key, value in _public(module))


def _public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for key, value in list(vars(module).items()):
        if key not in _MODULE_OWN and key not in _CHANGING and callable(value):
            yield key, value


def _identity(value: Any) -> str:
    """A library's function is itself or was replaced; its contents do not matter."""
    module, name = getattr(value, "__module__", ""), getattr(value, "__qualname__", type(value).__name__)
    return f"{module}.{name}"


def _users(name: str, module: ModuleType) -> Iterator[tuple[str, Any]]:
    for key, value in list(vars(module).items()):
        if key in _MODULE_OWN or key.startswith("@") or isinstance(value, ModuleType):
            continue
        yield f"attr:{name}.{key}", value
        if isinstance(value, type) and value.__module__ == name:
            for inner, item in list(vars(value).items()):
                if not inner.startswith("__") and inner not in ("_abc_impl", "pytestmark"):
                    yield f"attr:{name}.{key}.{inner}", item


def save(place: str) -> Callable[[], None] | None:
    """A function that puts an attribute back as it is now; None where there is no such attribute."""
    if place.startswith("module:"):
        return _save_module(place[7:])
    holder = _holder(place.removeprefix("attr:"))
    if holder is None:
        return None
    owner, name = holder
    value = vars(owner)[name]
    contents = _contents(value)

    def back() -> None:
        with contextlib.suppress(Exception):
            setattr(owner, name, value)
        if contents is not None:
            contents()

    return back


def _holder(path: str) -> _Holder | None:
    parts = path.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        owner: Any = sys.modules.get(".".join(parts[:cut]))
        if owner is None:
            continue
        for name in parts[cut:-1]:
            owner = getattr(owner, name, None)
        if owner is not None and parts[-1] in getattr(owner, "__dict__", {}):
            return owner, parts[-1]
    return None


def _save_module(name: str) -> Callable[[], None]:
    module = sys.modules.get(name)

    def back() -> None:
        if module is None:
            sys.modules.pop(name, None)
        else:
            sys.modules[name] = module

    return back


def _contents(value: Any) -> Callable[[], None] | None:
    """Puts a mutable object's contents back in place, so that whoever holds it sees them."""
    clear = getattr(value, "cache_clear", None)
    if callable(clear):
        return functools.partial(_quietly, clear)
    try:
        if isinstance(value, MutableMapping):
            return _refill(value, copy.deepcopy(dict(value)), value.update)
        if isinstance(value, MutableSet):
            return _refill(value, set(value), value.update if isinstance(value, set) else value.__ior__)
        if isinstance(value, MutableSequence | deque):
            return _refill(value, copy.deepcopy(list(value)), value.extend)
        defaults = getattr(value, "__defaults__", None)
        if defaults and any(isinstance(item, list | dict | set) for item in defaults):
            kept = copy.deepcopy(defaults)
            return lambda: setattr(value, "__defaults__", copy.deepcopy(kept))
        attributes = getattr(value, "__dict__", None)
        if isinstance(attributes, dict) and not isinstance(value, type):
            return _refill(attributes, copy.deepcopy(attributes), attributes.update)
    except Exception:
        return None
    return None


def _quietly(call: Callable[[], Any]) -> None:
    with contextlib.suppress(Exception):
        call()


def _refill(target: Any, kept: Any, fill: Callable[[Any], Any]) -> Callable[[], None]:
    def back() -> None:
        target.clear()
        fill(copy.deepcopy(kept))

    return back
