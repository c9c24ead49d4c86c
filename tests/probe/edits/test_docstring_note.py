"""A note in the docstring of a test, whatever it had before."""

from __future__ import annotations

import ast

import pytest

from triage.probe.edits.docstring_note import with_note

NOTE = "Note: gives depth=3, because with the default of 0 every gradient is zero."
T = "t.py::test_it"


def docstring(source: str, *names: str) -> str:
    node: ast.AST = ast.parse(source)
    for name in names:
        node = next(each for each in ast.iter_child_nodes(node) if getattr(each, "name", None) == name)
    return ast.get_docstring(node) or ""


def test_a_test_without_a_docstring_gets_one():
    assert with_note("def test_it():\n    pass\n", T, "Note: a=1.") == (
        'def test_it():\n    """Note: a=1."""\n    pass\n'
    )


def test_a_docstring_keeps_its_words():
    noted = with_note('def test_it():\n    """Says one thing."""\n    pass\n', T, NOTE)
    assert docstring(noted, "test_it") == f"Says one thing.\n\n{NOTE}"


def test_a_long_docstring_of_a_method_keeps_its_lines():
    source = (
        'class TestA:\n    def test_it(self):\n        """One.\n\n        Two.\n        """\n        pass\n'
    )
    noted = with_note(source, "t.py::TestA::test_it[1]", f"{NOTE} {NOTE}")
    said = docstring(noted, "TestA", "test_it")
    assert said.startswith("One.\n\nTwo.\n\nNote: gives depth=3")
    assert " ".join(said.split()).endswith(f"{NOTE} {NOTE}")
    assert max(map(len, noted.splitlines())) <= 88


@pytest.mark.parametrize(
    "source", ["def other(): pass\n", "def test_it(: broken", "def test_it():\n    'short'\n    pass\n"]
)
def test_what_has_no_place_for_it_is_unchanged(source):
    assert with_note(source, T, NOTE) == source
