"""Convert between the names in reports and pytest's node ids.

JUnit's newer family has a dotted class path and no file, from which a node id does not follow for certain.
So these are asked in order: a collection of the suite; the file that the report names; the files beneath the
root; and where none of them knows, pytest's naming rules, whose guesses are counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache

from triage.formats.imported_test import ImportedName
from triage.model.failure import posix


class NodeIds:
    """Resolves names; `collected` may be empty, `is_file` says whether a path beneath the root is a file."""

    def __init__(self, collected: Iterable[str] = (), is_file: Callable[[str], bool] | None = None) -> None:
        self._collected = frozenset(collected)
        self._by_dotted: dict[str, list[str]] = defaultdict(list)
        for nodeid in sorted(self._collected):
            self._by_dotted[_dotted(nodeid)].append(nodeid)
        self._is_file = cache(is_file) if is_file is not None else None
        self.guessed = 0
        """How many follow from naming rules alone."""
        self.unknown = 0
        """How many are not in the collection."""

    def resolve(self, name: ImportedName, *, is_collection_error: bool = False) -> str:
        """The node id; never empty."""
        nodeid = name.nodeid or self._from_parts(name, is_collection_error)
        if self._collected and not is_collection_error and nodeid not in self._collected:
            self.unknown += 1
        return nodeid or "(unnamed test)"

    def _from_parts(self, name: ImportedName, is_collection_error: bool) -> str:
        classname_is_nodeid = "::" in name.classname.split("[")[0]
        if classname_is_nodeid:
            return f"{name.classname}::{name.name}"
        dotted = f"{name.classname}.{name.name}" if name.classname else name.name
        collected = self._by_dotted.get(dotted)
        if collected:
            return collected[0]
        if name.file:
            return self._with_file(name, is_collection_error)
        if is_collection_error:
            return self._path_of(name.name.split(".")) or name.name.replace(".", "/") + ".py"
        return self._without_file(name)

    def _with_file(self, name: ImportedName, is_collection_error: bool) -> str:
        file = posix(name.file)
        if is_collection_error:
            return file
        module = file.removesuffix(".py").replace("/", ".")
        if not file.endswith(".py"):  # of another language: its classes are not pytest's
            classname = name.classname if name.classname not in (file, module) else ""
            return "::".join(part for part in (file, classname, name.name) if part)
        in_module = name.classname.startswith(module)
        classes = name.classname.removeprefix(module).split(".") if in_module else []
        return "::".join([file, *filter(None, classes), name.name])

    def _without_file(self, name: ImportedName) -> str:
        parts = [part for part in name.classname.split(".") if part]
        if not parts:
            return name.name
        path = self._path_of(parts)
        if path is not None:
            classes = parts[path.count("/") + 1 :]
            return "::".join([path, *classes, name.name])
        self.guessed += 1
        length = _guessed_module_length(parts)
        if length is None:
            return f"{name.classname}::{name.name}"
        module = "/".join(parts[:length]) + ".py"
        return "::".join([module, *parts[length:], name.name])

    def _path_of(self, parts: list[str]) -> str | None:
        """The longest prefix of the dotted path that is a Python file beneath the root."""
        if self._is_file is None:
            return None
        for length in range(len(parts), 0, -1):
            path = "/".join(parts[:length]) + ".py"
            outside = path.startswith(("/", "."))  # a report may name anything: never ask for files elsewhere
            if not outside and self._is_file(path):
                return path
        return None


def junit_names(nodeid: str) -> tuple[str, str]:
    """Split a node id into `classname` and `name` as pytest's JUnit writer does.

    `tests/test_a.py::TestB::test_c[x::y]` gives `tests.test_a.TestB` and `test_c[x::y]`; a file alone has no
    classname.
    """
    path, separator, rest = nodeid.partition("::")
    in_parameters = path.count("[") > path.count("]")  # the `::` belongs to a parameter: there is no path
    if not separator or in_parameters:
        return "", nodeid
    head, bracket, parameters = rest.partition("[")
    *classes, function = head.split("::")
    module = path.removesuffix(".py").replace("/", ".")
    return ".".join([module, *classes]), function + bracket + parameters


def _dotted(nodeid: str) -> str:
    """The two names of JUnit as one: `tests.test_a.TestB.test_c[d]`."""
    classname, name = junit_names(nodeid)
    return f"{classname}.{name}" if classname else name.removesuffix(".py").replace("/", ".")


def _guessed_module_length(parts: list[str]) -> int | None:
    """How many parts are the module: up to the last one named as test modules are, classes behind it."""
    for length in range(len(parts), 0, -1):
        name = parts[length - 1]
        is_test_module = name.startswith("test_") or name.endswith("_test")
        are_classes = all(part[:1].isupper() for part in parts[length:])
        if is_test_module and are_classes:
            return length
    return None
