"""Where a test was before the change moved it."""

from __future__ import annotations

import pytest

from triage.base.moved_tests import TouchedModule, module_on_base

ONE = "def test_a():\n    pass\n\nclass TestB:\n    def test_c(self):\n        pass\n"


@pytest.mark.parametrize(
    ("nodeid", "touched", "expected"),
    [
        # moved from one module to another
        ("new.py::test_a", [("new.py", "", ONE), ("old.py", ONE, "")], "old.py"),
        ("new.py::TestB::test_c[1-x]", [("new.py", "", ONE), ("old.py", ONE, "x = 1\n")], "old.py"),
        # copied, or two of one name: nobody can tell
        ("new.py::test_a", [("new.py", "", ONE), ("old.py", ONE, ONE)], "new.py"),
        ("new.py::test_a", [("new.py", "", ONE), ("old.py", ONE, ""), ("older.py", ONE, "")], "new.py"),
        # it was there before
        ("new.py::test_a", [("new.py", ONE, ONE), ("old.py", ONE, "")], "new.py"),
        # the module was not touched, is a file alone, or is no Python
        ("new.py::test_a", [("old.py", ONE, "")], "new.py"),
        ("new.py", [("new.py", "", ONE), ("old.py", ONE, "")], "new.py"),
        ("new.py::test_a", [("new.py", "def (", ONE), ("old.py", "def (", "")], "new.py"),
    ],
)
def test_the_module_of_a_test_on_the_base(nodeid, touched, expected):
    modules = [TouchedModule(*each) for each in touched]
    assert module_on_base(nodeid, "new.py", modules) == expected
