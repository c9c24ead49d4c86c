"""Node ids taken apart, also those with `::` and brackets where one does not expect them."""

from __future__ import annotations

import pytest

from triage.model.nodeid import file_of, function_of, is_within, names_within, without_parameters


@pytest.mark.parametrize(
    ("nodeid", "file", "names", "plain"),
    [
        ("tests/test_a.py::test_c", "tests/test_a.py", ("test_c",), "tests/test_a.py::test_c"),
        ("test_a.py::TestB::test_c[d]", "test_a.py", ("TestB", "test_c"), "test_a.py::TestB::test_c"),
        ("test_a.py::test_c[x::y[0]]", "test_a.py", ("test_c",), "test_a.py::test_c"),
        ("test_a[1].py::test_c[d]", "test_a[1].py", ("test_c",), "test_a[1].py::test_c"),
        ("tests/test_a[1].py", "tests/test_a[1].py", (), "tests/test_a[1].py"),
        ("tests", "tests", (), "tests"),
    ],
)
def test_the_parts_of_a_node_id(nodeid, file, names, plain):
    assert file_of(nodeid) == file
    assert names_within(nodeid) == names
    assert without_parameters(nodeid) == plain
    assert function_of(nodeid) == (names[-1] if names else "")


def test_what_lies_within_a_name():
    test = "tests/test_a.py::TestB::test_c[d]"
    above = ("tests", "tests/test_a.py", "tests/test_a.py::TestB", "tests/test_a.py::TestB::test_c", test)
    for name in above:
        assert is_within(test, [name])
    for name in ("test", "tests/test_a", "tests/test_a.py::TestB::test_", f"{test}x", ""):
        assert not is_within(test, [name])
    assert not is_within(test, [])
