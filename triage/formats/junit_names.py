"""The two names that JUnit XML has for a test of pytest."""

from __future__ import annotations


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
