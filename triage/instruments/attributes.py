"""Read and restore state in modules: the user's own attributes, and library functions that get patched."""

from __future__ import annotations

import ast
import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from triage.instruments.base import beneath
from triage.instruments.contents import save_contents

OFTEN_PATCHED = (
    "builtins", "datetime", "functools", "glob", "io", "json", "math", "os", "os.path", "pathlib",
    "platform", "random", "requests", "secrets", "shutil", "socket", "string", "subprocess", "tempfile",
    "time", "urllib.request", "uuid", "numpy", "torch", "logging", "pickle", "copy", "itertools", "asyncio",
    "threading",
)  # fmt: skip
"""Libraries whose functions tests replace; to read every module of every library would take seconds."""
_MODULE_OWN = frozenset({"__builtins__", "__cached__", "__doc__", "__file__", "__loader__", "__spec__"})
_CHANGING = frozenset({"environ", "modules", "_", "last_value", "last_traceback", "last_type"})
"""Attributes of libraries that change without anybody's doing, or that have a key of their own."""
_MOST_MEMBERS = 5000
"""Attributes of the objects that one container holds."""
_CLASS_OWN = frozenset({"_abc_impl", "pytestmark"})


_first_specs: dict[str, Any] = {}
"""By the name of a module below the root: the specification with which it was first seen."""


def module_values(root: str) -> Iterator[tuple[str, Any]]:
    """Yield `module:NAME`, `reload:NAME`, `attr:MODULE.NAME` and `attr:MODULE.CLASS.NAME` with live values.

    Of modules below `root` everything, of often patched libraries their callables.
    """
    for name, module in list(sys.modules.items()):
        if not _was_imported(module):
            # a stand-in that somebody put into sys.modules
            if name not in ("__main__", "builtins") and not name.startswith("_pytest"):
                yield f"module:{name}", type(module).__name__
        elif beneath(root, getattr(module, "__file__", None) or "") is not None:
            yield f"module:{name}", "present"
            if _first_specs.setdefault(name, module.__spec__) is not module.__spec__:
                yield f"reload:{name}", "loaded anew"
            yield from _attributes(name, module)
        elif name in OFTEN_PATCHED:
            for attribute, value in _callables(module):
                yield f"attr:{name}.{attribute}", _qualified_name(value)


def remember_modules(root: str) -> None:
    """Note how modules below `root` were imported: `importlib.reload` gives them another specification."""
    for name, module in list(sys.modules.items()):
        if _was_imported(module) and beneath(root, getattr(module, "__file__", None) or "") is not None:
            _first_specs.setdefault(name, module.__spec__)


def _was_imported(module: object) -> bool:
    return isinstance(module, ModuleType) and getattr(module, "__spec__", None) is not None


def _callables(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name, value in list(vars(module).items()):
        if name not in _MODULE_OWN and name not in _CHANGING and callable(value):
            yield name, value


def _qualified_name(value: Any) -> str:
    """What tells a library's function from one that replaced it; its contents do not matter."""
    module = getattr(value, "__module__", "")
    name = getattr(value, "__qualname__", type(value).__name__)
    return f"{module}.{name}"


def _attributes(module_name: str, module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Attributes of one of the user's modules, and of the classes that it defines."""
    for name, value in list(vars(module).items()):
        # names with @ are pytest's, put there when it rewrites assertions
        if name in _MODULE_OWN or name.startswith("@") or isinstance(value, ModuleType):
            continue
        yield f"attr:{module_name}.{name}", value
        if isinstance(value, type) and value.__module__ == module_name:
            for inner, item in list(vars(value).items()):
                if not inner.startswith("__") and inner not in _CLASS_OWN:
                    yield f"attr:{module_name}.{name}.{inner}", item


def members_of(key: str) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of a container's objects with live values: `attr:app.FORMATS['de'].digits`."""
    container = value_of(key)
    if isinstance(container, Mapping):
        items = [(name, item) for name, item in container.items() if isinstance(name, str | int)]
    elif isinstance(container, Sequence) and not isinstance(container, str | bytes):
        items = list(enumerate(container))
    else:
        return
    left = _MOST_MEMBERS
    for name, item in items:
        if isinstance(item, type | ModuleType) or callable(item):
            continue
        for attribute, value in list(getattr(item, "__dict__", {}).items())[:left]:
            left -= 1
            yield f"{key}[{name!r}].{attribute}", value


def value_of(key: str) -> Any:
    """Return the present value of an attribute. Raises LookupError where there is none."""
    found = _owner(key.removeprefix("attr:"))
    if found is None:
        raise LookupError(key)
    owner, name = found
    return vars(owner)[name]


def save(key: str) -> Callable[[], None] | None:
    """Return a function that restores an attribute to its present value; None where there is none."""
    found = _owner(key.removeprefix("attr:"))
    if found is None:
        return None
    owner, name = found
    value = vars(owner)[name]
    restore_contents = save_contents(value)

    def restore() -> None:
        with contextlib.suppress(Exception):
            setattr(owner, name, value)
        if restore_contents is not None:
            restore_contents()

    return restore


def _owner(path: str) -> tuple[Any, str] | None:
    """The module or object that has the attribute, and its own name; the longest module name wins."""
    head, bracket, item = path.partition("[")
    if bracket:
        return _owner_of_member(head, ast.parse(f"_[{item}", mode="eval").body)
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


def _owner_of_member(container: str, member: ast.expr) -> tuple[Any, str] | None:
    """The same for `['de'].digits` of a container."""
    found = _owner(container)
    match member:
        case ast.Attribute(value=ast.Subscript(slice=ast.Constant(value=name)), attr=attribute) if found:
            owner, own_name = found
            try:
                item = vars(owner)[own_name][name]
            except (LookupError, TypeError):
                return None
            return (item, attribute) if attribute in getattr(item, "__dict__", {}) else None
    return None
