"""From the names that reports give to pytest's node ids.

JUnit's newer family has a dotted class path and no file, from which a node id cannot be had for sure.
So, in this order: the file that the report names; a collection of the suite; the files beneath the root;
and where none of them knows, a guess by pytest's naming rules, which is counted.
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
        """How many were told by naming rules alone."""
        self.unknown = 0
        """How many are not in the collection."""

    def resolve(self, name: ImportedName, *, is_collection_error: bool = False) -> str:
        """The node id; never empty."""
        nodeid = name.nodeid or self._from_parts(name, is_collection_error)
        if self._collected and not is_collection_error and nodeid not in self._collected:
            self.unknown += 1
        return nodeid or "(unnamed test)"

    def _from_parts(self, name: ImportedName, is_collection_error: bool) -> str:
        if "::" in name.classname.split("[")[0]:
            return f"{name.classname}::{name.name}"
        dotted = f"{name.classname}.{name.name}" if name.classname else name.name
        if found := self._by_dotted.get(dotted):
            return found[0]
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
        rest = name.classname.removeprefix(module).strip(".") if name.classname.startswith(module) else ""
        if not file.endswith(".py"):
            rest = name.classname if name.classname not in (file, module) else ""
            return "::".join(part for part in (file, rest, name.name) if part)
        return "::".join([file, *(part for part in rest.split(".") if part), name.name])

    def _without_file(self, name: ImportedName) -> str:
        parts = [part for part in name.classname.split(".") if part]
        if not parts:
            return name.name
        if path := self._path_of(parts):
            return "::".join([path, *parts[path.count("/") + 1 :], name.name])
        self.guessed += 1
        cut = _guessed_cut(parts)
        if cut is None:
            return f"{name.classname}::{name.name}"
        return "::".join(["/".join(parts[:cut]) + ".py", *parts[cut:], name.name])

    def _path_of(self, parts: list[str]) -> str | None:
        """The longest prefix of the dotted path that is a Python file beneath the root."""
        if self._is_file is not None:
            for cut in range(len(parts), 0, -1):
                path = "/".join(parts[:cut])
                if not path.startswith(("/", ".")) and self._is_file(path + ".py"):
                    return path + ".py"
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


def _guessed_cut(parts: list[str]) -> int | None:
    """How many parts are the module: up to the last one named as test modules are."""
    for cut in range(len(parts), 0, -1):
        name = parts[cut - 1]
        if (name.startswith("test_") or name.endswith("_test")) and all(p[:1].isupper() for p in parts[cut:]):
            return cut
    return None
