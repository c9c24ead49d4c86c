"""The two names that JUnit XML has for a test of pytest."""

from __future__ import annotations

from functools import lru_cache

_MOST_FUNCTIONS = 1024
"""That are remembered: the parameters of one function follow each other."""


def junit_names(nodeid: str) -> tuple[str, str]:
    """Split a node id into `classname` and `name` as pytest's JUnit writer does.

    `tests/test_a.py::TestB::test_c[x::y]` gives `tests.test_a.TestB` and `test_c[x::y]`; a file alone has no
    classname.
    """
    path, separator, rest = nodeid.partition("::")
    if not separator:
        return "", nodeid
    head, bracket, parameters = rest.partition("[")
    names = _names_of_function(path, head)
    if names is None:
        return "", nodeid
    classname, function = names
    return classname, function + bracket + parameters


@lru_cache(_MOST_FUNCTIONS)
def _names_of_function(path: str, names: str) -> tuple[str, str] | None:
    """`classname` and function of `TestB::test_c` in a file; None where the `::` belongs to a parameter."""
    if path.count("[") > path.count("]"):
        return None
    *classes, function = names.split("::")
    module = path.removesuffix(".py").replace("/", ".")
    return ".".join([module, *classes]), function
