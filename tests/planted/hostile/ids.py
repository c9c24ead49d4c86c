"""Suites whose node ids are hostile: everything that pytest, doctest, unittest and custom collectors make."""

# ruff: noqa: E501 - the long lines are texts of suites
from __future__ import annotations

from tests.planted.hostile.api import HostileSuite

_LONG = "L" * 5000
ODD_IDS = (
    "a b", " lead", "trail ", "x[y]", "]", "[", "a::b", "::", "a/b", "../..", "-x", "--maxfail=1", "@file", "ä", "日本",
    "Case", "case", "CASE", "'", '"', "$HOME", "`id`", "*", "?", "#", "%41", "a\\b", "tab\tx", "line\nbreak", "nul\0x",
    "\x1b[31m", "", _LONG, "é", "e\u0301", "\u202edesrever", "=", "; rm -rf /", "a\u2028b",
)  # fmt: skip


def odd_parameters() -> HostileSuite:
    """Parameter ids of every kind, raw and escaped; the outcome of each is known by its value."""
    text = f"""
        import pytest
        IDS = {list(ODD_IDS)!r}
        @pytest.mark.parametrize("n", range(len(IDS)), ids=IDS)
        def test_odd(n): assert n % 7 != 3
    """
    return HostileSuite({"test_odd.py": text, "pytest.ini": _RAW}, {})


_RAW = "[pytest]\ndisable_test_id_escaping_and_forfeit_all_rights_to_community_support = true\n"


def odd_files() -> HostileSuite:
    """Same base names, dashes, spaces and brackets in files and folders, cases that differ."""
    names = (
        "one/test_same.py", "two/test_same.py", "-dash/test_-x.py", "sp ace/test_a b.py", "br[1]/test_[x].py",
        "Case/test_case.py", "case/test_case.py", "ünï/test_ü.py", "@at/test_at.py", "dots.in.name/test_d.o.t.py",
    )  # fmt: skip
    body = "import os, pytest\ndef test_ok(): pass\ndef test_bad(): assert 0\nclass TestC:\n    def test_ok(self): pass\n"
    files = dict.fromkeys(names, body) | {"pytest.ini": "[pytest]\naddopts = --import-mode=importlib\n"}
    expected: dict[str, str] = {}
    for name in names:
        expected |= {
            f"{name}::test_ok": "passed",
            f"{name}::test_bad": "failed",
            f"{name}::TestC::test_ok": "passed",
        }
    return HostileSuite(files, expected)


def other_makers() -> HostileSuite:
    """doctest, unittest with subtests, pytest's subtests, a custom collector with equal and many-lined ids."""
    files = {
        "pytest.ini": "[pytest]\naddopts = --doctest-modules --doctest-glob=*.rst\n",
        "mod.py": 'def twice(x):\n    """\n    >>> twice(2)\n    4\n    >>> twice(3)\n    7\n    """\n    return 2 * x\n',
        "page.rst": ">>> 1 + 1\n2\n",
        "test_unit.py": """
            import unittest
            class T(unittest.TestCase):
                def test_sub(self):
                    for i in range(3):
                        with self.subTest(i=i): self.assertNotEqual(i, 1)
                def test_fine(self): pass
                @unittest.expectedFailure
                def test_expected(self): self.fail()
                @unittest.expectedFailure
                def test_unexpected(self): pass
                @unittest.skip("later")
                def test_skipped(self): pass
        """,
        "test_subs.py": """
            def test_two_of_three(subtests):
                for i in range(3):
                    with subtests.test("part", i=i): assert i == 1
            def test_all_well(subtests):
                with subtests.test(): pass
        """,
        "conftest.py": """
            import pytest
            class Line(pytest.Item):
                def __init__(self, *, word, **kw):
                    super().__init__(**kw); self.word = word
                def runtest(self): assert self.word != "bad", "bad line"
            class Lines(pytest.File):
                def collect(self):
                    for word in self.path.read_text().split(): yield Line.from_parent(self, name="same\\nline", word=word)
            def pytest_collect_file(file_path, parent):
                if file_path.suffix == ".lines": return Lines.from_parent(parent, path=file_path)
        """,
        "x.lines": "good bad good",
    }
    return HostileSuite(
        files,
        {
            "mod.py::mod.twice": "failed",
            "page.rst::page.rst": "passed",
            "test_unit.py::T::test_sub": "failed",
            "test_unit.py::T::test_fine": "passed",
            "test_unit.py::T::test_expected": "xfailed",
            "test_unit.py::T::test_unexpected": "failed",
            "test_unit.py::T::test_skipped": "skipped",
            "test_subs.py::test_two_of_three": "failed",
            "test_subs.py::test_all_well": "passed",
        },
    )


SAME_LINES = "x.lines::same\nline"
"""The id that three items of `other_makers` share; the second of them fails."""
