"""The figures of `python -m benchmarks style`, on code that can be counted by hand."""

from __future__ import annotations

import pytest

from benchmarks.style import LONG_PATTERN, Figures, main, measure

CODE = f'''"""A docstring
of three lines, one of them blank.

"""

import re  # counted

LONG = re.compile("{"a" * LONG_PATTERN}" r"b")
SHORT = re.compile(r"a+")


# Counted too.
def pick(values):
    """Not code."""
    text = """in a string
    # no comment, and code
    """
    return [value for value in values if value] if values else text


class Kept:
    def short(self): return {{name: 1 for name in self}}
'''


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "package" / "testing").mkdir(parents=True)
    for name in ("package/__init__.py", "package/code.py", "package/testing/kit.py"):
        (tmp_path / name).write_text(CODE, encoding="utf-8")
    return tmp_path / "package"


def test_what_is_counted_is_what_the_docstring_says(folder):
    figures = measure(folder)
    lines = len(CODE.splitlines())
    assert (figures.files, figures.shipped_lines, figures.module_lengths) == (1, 3 * lines, [lines])
    assert figures.code_lines == len(
        ["import", "LONG", "SHORT", "def", "text", "#", '"""', "return", "class", "short"]
    )
    assert (figures.comprehensions, figures.conditionals, figures.comments) == (2, 1, 2)
    assert (figures.patterns, figures.long_patterns) == (2, 1)
    assert sorted(figures.function_lengths) == [0, 5]


def test_nodes_are_those_of_the_syntax_tree():
    figures = Figures()
    figures.add("x = 1\n")
    assert figures.nodes == len(["Module", "Assign", "Name", "Store", "Constant"])


def test_trees_are_printed_side_by_side(folder, capsys):
    assert main([str(folder), str(folder)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split() == ["package", "package"]
    assert printed[5].split() == ["re.compile", "(of", "over", "120", "characters)", "2", "(1)", "2", "(1)"]


@pytest.mark.parametrize(("name", "said"), [("none", "no folder"), (".", "no Python code below")])
def test_a_folder_without_code_is_said(tmp_path, monkeypatch, capsys, name, said):
    monkeypatch.chdir(tmp_path)
    assert main([name]) == 2
    assert capsys.readouterr().err.startswith(said)
