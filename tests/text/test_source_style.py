"""Added lines are written as the file around them is."""

from __future__ import annotations

import pytest

from triage.text.source_style import in_style_of, line_end_of, step_of, usual_quote, with_line_ends

TABS = "def f():\n\tif True:\n\t\treturn 'a'\n"
TWO = "class A:\n  def f(self):\n    return 1\n"
FIXTURE = '''

@pytest.fixture
def clean():
    """Put it back.

    However the test ends.
    """
    before = {"a": 1}
    for name in before:
        yield name
'''


@pytest.mark.parametrize(
    ("source", "step"),
    [(TABS, "\t"), (TWO, "  "), ("x = 1\n", "    "), ("if x:\n   y\n", "   "), ("def f(:\n", "    ")],
)
def test_the_indentation_of_most_blocks_counts(source, step):
    assert step_of(source) == step


def test_an_added_function_has_the_tabs_and_the_quotes_of_its_file():
    styled = in_style_of(TABS, TABS + FIXTURE)
    assert styled.startswith(TABS)
    assert "\n\tbefore = {'a': 1}\n\tfor name in before:\n\t\tyield name\n" in styled
    assert '\n\t"""Put it back.\n\n\tHowever the test ends.\n\t"""\n' in styled


def test_two_blanks_stay_two_at_every_depth():
    styled = in_style_of(TWO, TWO + FIXTURE)
    assert "\n  for name in before:\n    yield name\n" in styled
    assert styled.startswith(TWO)


def test_lines_that_were_there_keep_their_quotes():
    before = "a = 'x'\nb = 'y'\nc = \"z\"\n"
    styled = in_style_of(before, before + 'd = "w"\ne = "it\'s"\nf = "a\\n"\n')
    assert styled == before + 'd = \'w\'\ne = "it\'s"\nf = "a\\n"\n'


def test_a_block_that_mixes_indentations_stays_as_it_is():
    before = "if a:\n  x = 1\nif b:\n  x = 2\nif c:\n    x = 3\n"
    after = before.replace("    x = 3", "    y = 3\n    x = 3")
    assert in_style_of(before, after) == after


@pytest.mark.parametrize(("before", "after"), [("x = (\n", "x = (\ny\n"), ("", 'x = "a"\n')])
def test_what_cannot_be_read_or_has_no_style_stays_as_it_is(before, after):
    assert in_style_of(before, after) == after


def test_docstrings_say_nothing_of_quotes():
    assert usual_quote('"""A."""\nx = "a"\n') == '"'
    assert usual_quote('"""A."""\nx = \'a\'\n') == "'"
    assert usual_quote("x = 1\n") == '"'


def test_a_new_file_is_written_like_another():
    assert in_style_of("", "def f():\n    return 'b'\n", like=TABS) == "def f():\n\treturn 'b'\n"
    assert in_style_of("", "def f():\n    return 'b'\n") == 'def f():\n    return "b"\n'


def test_ends_of_lines():
    windows = "a\r\nb\r\n"
    assert line_end_of(windows) == "\r\n"
    assert line_end_of("a\nb\r\nc\n") == "\n"
    assert with_line_ends("a\nb\n", "\r\n") == windows
    assert with_line_ends(windows, "\n") == "a\nb\n"
