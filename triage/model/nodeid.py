"""Take a node id apart: `tests/test_a.py::TestB::test_c[d]` is a file, names within it, and parameters.

Parameters may hold `::` and brackets, and the name of a file may hold brackets, too: the file ends at the
first `::`, and the names end at the first bracket behind it.
"""

from __future__ import annotations

from collections.abc import Collection


def file_of(nodeid: str) -> str:
    """`tests/test_a.py`; of a file or folder itself, the whole."""
    return nodeid.partition("::")[0]


def without_parameters(nodeid: str) -> str:
    """`tests/test_a.py::TestB::test_c`."""
    file, separator, rest = nodeid.partition("::")
    return file + separator + rest.partition("[")[0]


def names_within(nodeid: str) -> tuple[str, ...]:
    """`TestB` and `test_c`: the classes and the function; nothing of a file or folder."""
    inside = without_parameters(nodeid).partition("::")[2]
    return tuple(inside.split("::")) if inside else ()


def function_of(nodeid: str) -> str:
    """`test_c`; empty of a file or folder."""
    return names_within(nodeid)[-1] if "::" in nodeid else ""


def is_within(nodeid: str, names: Collection[str]) -> bool:
    """Whether one of the names is the id, or a folder, file, class or function that it lies in."""
    # behind a name come parameters, names within a file or class, or the files of a folder
    beginnings = tuple(name + separator for name in names for separator in ("[", "::", "/"))
    return nodeid in names or nodeid.startswith(beginnings)
