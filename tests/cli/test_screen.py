"""Lines that fit any screen, in colour only where somebody sees them."""

from __future__ import annotations

from pathlib import Path

import pytest

from triage.cli.screen import Screen, Span, cut, file_link, width_of, wrapped


@pytest.mark.parametrize("width", [8, 10, 40, 200])
@pytest.mark.parametrize("text", ["", "short", "a word " * 40, "x" * 300, "漢字" * 60, "é" * 90])
def test_what_is_cut_or_wrapped_fits(text, width):
    assert width_of(cut(text, width)) <= width
    lines = wrapped(text, width, most=3)
    assert len(lines) <= 3
    assert all(width_of(line) <= width for line in lines)


def test_text_is_wrapped_at_blanks_and_cut_at_the_end():
    assert wrapped("one two three four five six", 13, most=2) == ["one two three", "four five six"]
    assert wrapped("one two three four five six", 13, most=1) == ["one two th..."]
    assert "".join(wrapped("x" * 30, 10, most=9)) == "x" * 30


def test_a_pipe_gets_no_escape_codes_and_a_usual_width(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    screen = Screen.of_stdout({})
    assert (screen.styled, screen.width) == (False, 80)
    screen.write([Span("red", "bold red", "file:///x"), Span(" plain  ")])
    assert capsys.readouterr().out == "red plain\n"


@pytest.mark.parametrize(
    ("environ", "styled"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_the_environment_decides_about_colours(environ, styled):
    assert Screen.of_stdout(environ).styled is styled


@pytest.mark.parametrize(("columns", "width"), [("10", 40), ("120", 120), ("999", 200)])
def test_the_width_is_kept_within_what_people_read(columns, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    assert Screen.of_stdout({}).width == width


def test_a_terminal_gets_colours_and_links_and_no_markup(capsys):
    Screen(width=80, styled=True).write([Span("[bold]x[/bold]", "red", "file:///tmp/a.py#3")])
    written = capsys.readouterr().out
    assert "\x1b[31m[bold]x[/bold]" in written
    assert "]8;" in written
    assert "file:///tmp/a.py#3" in written


def test_links_hold_no_blank_and_no_control_character():
    assert file_link(Path("/tmp/a b\x1b.py"), 3) == "file:///tmp/a%20b%1B.py#3"
    assert file_link(Path("relative.py")) is None
