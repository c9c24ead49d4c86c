"""Convert between the names in reports and pytest's node ids.

JUnit's newer family has a dotted class path and no file, from which a node id does not follow for certain.
So these are asked in order: a collection of the suite; the file that the report names; the files beneath the
root; and where none of them knows, pytest's naming rules, whose guesses are counted. Absolute paths become
relative to the project (`project_paths.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache

from triage.formats.imported_test import ImportedName
from triage.formats.junit_names import junit_names
from triage.formats.project_paths import ProjectPaths
from triage.model.failure import posix


class NodeIds:
    """Resolves names; `collected` may be empty, `is_file` says whether a path beneath the root is a file.

    All names are shown to `observe` before the first is resolved.
    """

    def __init__(
        self,
        collected: Iterable[str] = (),
        is_file: Callable[[str], bool] | None = None,
        root: str | None = None,
    ) -> None:
        self._collected = frozenset(collected)
        self._paths = ProjectPaths(root, is_file)
        self._by_dotted: dict[str, list[str]] = defaultdict(list)
        self._by_function: dict[tuple[str, str], list[str]] = defaultdict(list)
        for nodeid in sorted(self._collected):
            self._by_dotted[_dotted(nodeid)].append(nodeid)
            self._by_function[_file_and_function(nodeid)].append(nodeid)
        self._is_file = cache(is_file) if is_file is not None else None
        self.guessed = 0
        """How many follow from naming rules alone."""
        self.unknown = 0
        """How many are not in the collection."""

    def observe(self, name: ImportedName) -> None:
        """Learn from the paths of a name where the project lies."""
        for text in (name.file, name.classname, _file_of(name.nodeid)):
            self._paths.observe(text)

    def resolve(self, name: ImportedName, *, is_collection_error: bool = False) -> str:
        """The node id; a name that is not empty gives one that is not."""
        file = _file_of(name.nodeid)
        name = ImportedName(
            nodeid=self._paths.relative(file) + name.nodeid[len(file) :],
            classname=self._paths.relative(name.classname),
            name=name.name,
            file=self._paths.relative(name.file),
        )
        nodeid = name.nodeid or self._from_parts(name, is_collection_error)
        if self._collected and not is_collection_error and nodeid not in self._collected:
            nodeid = self._only_one_like(nodeid) or nodeid
            self.unknown += nodeid not in self._collected
        return nodeid

    def _only_one_like(self, nodeid: str) -> str | None:
        """The one test of the file with this name: a stack has the names of functions and not of classes."""
        alike = self._by_function.get(_file_and_function(nodeid), [])
        return alike[0] if len(alike) == 1 else None

    def missing(self, found: Iterable[str]) -> int:
        """How many tests of the collection are not among those found."""
        return len(self._collected - frozenset(found))

    @property
    def has_collection(self) -> bool:
        """Whether the suite was collected."""
        return bool(self._collected)

    def _from_parts(self, name: ImportedName, is_collection_error: bool) -> str:
        classname_is_nodeid = "::" in name.classname.split("[")[0]
        if classname_is_nodeid:
            return _joined(name.classname, name.name)
        dotted = f"{name.classname}.{name.name}" if name.classname else name.name
        collected = self._by_dotted.get(dotted)
        if collected:
            in_file = (nodeid for nodeid in collected if _file_of(nodeid) == posix(name.file))
            return next(in_file, collected[0])
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
            return _joined(file, classname, name.name)
        in_module = name.classname.startswith(module)
        classes = name.classname.removeprefix(module).split(".") if in_module else []
        return _joined(file, *classes, name.name)

    def _without_file(self, name: ImportedName) -> str:
        if name.classname == name.name:
            return name.name  # ctest knows no classes
        parts = [part for part in name.classname.split(".") if part]
        if not parts:
            return name.name
        path = self._path_of(parts)
        if path is not None:
            classes = parts[path.count("/") + 1 :]
            return _joined(path, *classes, name.name)
        self.guessed += 1
        is_doctest = name.name.startswith((f"{parts[-1]}.", f"{name.classname}."))
        length = len(parts) if is_doctest else _guessed_module_length(parts)
        if length is None:
            return _joined(name.classname, name.name)
        module = "/".join(parts[:length]) + ".py"
        return _joined(module, *parts[length:], name.name)

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


def _file_of(nodeid: str) -> str:
    """The path of a node id; empty where its `::` belongs to a parameter."""
    path, separator, _ = nodeid.partition("::")
    return path if separator and "[" not in path else ""


def _file_and_function(nodeid: str) -> tuple[str, str]:
    """`tests/test_a.py` and `test_c` of `tests/test_a.py::TestB::test_c[d]`."""
    head = nodeid.partition("[")[0]
    return _file_of(nodeid), head.rpartition("::")[2]


def _joined(*parts: str) -> str:
    """A node id of the parts that are there: an error in the set-up of a class has no name of a test."""
    return "::".join(part for part in parts if part)


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
