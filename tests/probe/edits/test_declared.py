"""What a test needs of its surroundings, declared in the suite."""

from __future__ import annotations

import pytest

from triage.probe.edits.declared import (
    in_folder,
    in_test,
    variable_at_import,
    variable_call,
    variable_in_conftest,
    variable_in_unittest,
    zone_in_conftest,
)

TEST = '''import os


def test_mode(tmp_path):
    """It has a mode."""
    assert os.environ["MODE"] == "ci"
'''


def test_a_test_sets_its_variable_behind_its_docstring():
    assert in_test(TEST, "tests/test_a.py::test_mode", variable_call("MODE", "ci")) == TEST.replace(
        "(tmp_path)", "(tmp_path, monkeypatch)"
    ).replace('mode."""\n', 'mode."""\n    monkeypatch.setenv("MODE", "ci")\n')


def test_a_fixture_that_is_there_is_not_asked_for_twice():
    text = in_test("def test_a(monkeypatch):\n    pass\n", "t.py::test_a[1]", variable_call("A", None))
    assert text == 'def test_a(monkeypatch):\n    monkeypatch.delenv("A", raising=False)\n    pass\n'


@pytest.mark.parametrize(
    ("base", "edited"), [("", True), ("(unittest.TestCase)", False)], ids=["plain class", "TestCase"]
)
def test_only_plain_classes_get_fixtures(base, edited):
    source = f"class TestA{base}:\n    def test_a(self):\n        pass\n"
    assert (in_test(source, "t.py::TestA::test_a", "monkeypatch.undo()") is not None) == edited


@pytest.mark.parametrize("nodeid", ["t.py", "t.py::test_other"])
def test_without_the_test_there_is_no_edit(nodeid):
    assert in_test(TEST, nodeid, "monkeypatch.undo()") is None


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("it's", '"it\'s"'),
        ('say "a"', '"say \\"a\\""'),
        ("a\\b", '"a\\\\b"'),
        ("line\nbreak", '"line\\nbreak"'),
    ],
)
def test_values_are_literals_in_double_quotes(value, literal):
    call = variable_call("A", value)
    assert call == f'monkeypatch.setenv("A", {literal})'
    assert eval(literal) == value


def test_a_new_conftest_and_one_that_is_there():
    fixture = '''@pytest.fixture(autouse=True)
def app_mode(monkeypatch):
    """Run every test here with APP_MODE=ci, whatever the machine has."""
    monkeypatch.setenv("APP_MODE", "ci")
'''
    assert variable_in_conftest("", "APP_MODE", "ci") == f"import pytest\n\n\n{fixture}"
    there = "import os\n\nimport pytest\n\nROOT = os.getcwd()\n"
    text = variable_in_conftest(there, "APP_MODE", "ci")
    assert text == f"{there}\n\n{fixture}"
    assert variable_in_conftest(text, "APP_MODE", "dev") is None


def test_what_is_read_at_import_is_set_behind_the_imports():
    text = variable_at_import('"""Doc."""\n\nimport pytest\n\n\n@pytest.fixture\ndef a(): ...\n', "A", "1")
    assert text == (
        '"""Doc."""\n\nimport os\n\nimport pytest\n\n'
        "# read while modules are imported, before any fixture runs\n"
        'os.environ["A"] = "1"\n\n\n@pytest.fixture\ndef a(): ...\n'
    )
    assert 'os.environ.pop("A", None)' in variable_at_import("", "A", None)


def test_a_zone_is_left_again():
    text = zone_in_conftest("", "UTC")
    compile(text, "conftest.py", "exec")
    assert text.startswith("import time\n\nimport pytest\n")
    assert text.count("time.tzset()") == 2
    assert zone_in_conftest(text, "UTC") is None


@pytest.mark.parametrize(
    ("file", "folder", "target"),
    [
        ("tests/unit/test_a.py", "tests/unit", "pathlib.Path(__file__).parent"),
        ("tests/unit/test_a.py", ".", "pathlib.Path(__file__).parents[2]"),
        ("tests/unit/test_a.py", "data", 'pathlib.Path(__file__).parents[2] / "data"'),
        ("test_a.py", "data", 'pathlib.Path(__file__).parents[0] / "data"'),
    ],
)
def test_a_folder_is_found_from_the_tests_own_file(file, folder, target):
    text = in_folder("def test_a():\n    pass\n", f"{file}::test_a", folder)
    assert text.startswith("import pathlib\n")
    assert f"    monkeypatch.chdir({target})\n" in text


def test_a_path_that_is_imported_by_name_is_used():
    text = in_folder("from pathlib import Path\ndef test_a(): Path('x')\n", "t/test_a.py::test_a", "t")
    assert text is None  # a body on the line of its head is left alone
    source = "from pathlib import Path\ndef test_a():\n    Path('x')\n"
    assert "    monkeypatch.chdir(Path(__file__).parent)\n" in in_folder(source, "t/test_a.py::test_a", "t")


UNITTEST = "import unittest\n\n\nclass TestA(unittest.TestCase):\n    def test_a(self):\n        pass\n"


def test_a_method_of_a_test_case_has_its_variable_by_a_decorator():
    text = variable_in_unittest(UNITTEST, "t.py::TestA::test_a", "APP_HOME", "/srv")
    assert text.startswith("import os\nimport unittest\nimport unittest.mock\n")
    assert '    @unittest.mock.patch.dict(os.environ, {"APP_HOME": "/srv"})\n    def test_a' in text
    plain = UNITTEST.replace("(unittest.TestCase)", "")
    assert variable_in_unittest(plain, "t.py::TestA::test_a", "APP_HOME", "/srv") is None
    assert variable_in_unittest("def test_a(): pass\n", "t.py::test_a", "APP_HOME", "/srv") is None
