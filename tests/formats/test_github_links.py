"""Links of the step summary lead to the lines on the web, and nowhere else."""

from __future__ import annotations

import pytest

from triage.formats.github import with_source_links

URL = "https://github.com/o/r/blob/abc/{path}#L{line}"


@pytest.mark.parametrize(
    ("markdown", "linked"),
    [
        (
            "at [a.py:3](../../../../src/a%20b.py#L3)",
            "at [a.py:3](https://github.com/o/r/blob/abc/src/a%20b.py#L3)",
        ),
        ("[x](../../../../.github/x.py#L1)", "[x](https://github.com/o/r/blob/abc/.github/x.py#L1)"),
        ("([evidence](../../phase_b/S/probe.json))", "(evidence)"),
        ("[x](https://e.org/y)", "[x](https://e.org/y)"),
        (r"\[x](a.py#L1)", r"\[x](a.py#L1)"),
    ],
)
def test_links_to_lines_lead_to_the_web_and_others_become_text(markdown, linked):
    assert with_source_links(markdown, URL) == linked


def test_without_an_address_there_are_no_links():
    assert with_source_links("at [a.py:3](../../a.py#L3)!", None) == "at a.py:3!"
