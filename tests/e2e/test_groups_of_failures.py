"""A property test with two bugs: the bug of the first run keeps its cluster when the next run finds both."""

from __future__ import annotations

import pytest

from tests.fixtures.projects import Project

SUITE = """
from hypothesis import given, settings
from hypothesis import strategies as st

from shop import parse


@settings(derandomize=True, database=None, deadline=None)
@given(st.integers(-100, 100))
def test_parses(number):
    parse(number)


def test_both_tasks():
    first = ExceptionGroup("first", [KeyError("mass")])
    raise ExceptionGroup("tasks failed", [first, OSError("no disk left")])
"""
FIRST = "def parse(number):\n    if number > 50:\n        raise ValueError('too many items')\n"
BOTH = FIRST + "    if number < -50:\n        raise LookupError('no such item')\n"


def clusters(project: Project) -> dict[str, tuple[str, ...]]:
    rows = project.triage("clusters", "--json").json["clusters"]
    return {row["title"]: tuple(row["members"]) for row in rows}


@pytest.mark.slow
def test_members_of_a_group_are_clustered_one_by_one(project: Project) -> None:
    project.file("test_parse.py", SUITE).file("shop.py", FIRST).commit()
    assert project.triage("run").code == 1
    alone = clusters(project)
    assert alone == {
        "ValueError: too many items": ("test_parse.py::test_parses",),
        "KeyError: 'mass'": ("test_parse.py::test_both_tasks",),
        "OSError: no disk left": ("test_parse.py::test_both_tasks",),
    }
    project.file("shop.py", BOTH).commit()
    again = project.triage("run", "--json")
    assert again.code == 1
    both = clusters(project)
    assert both == {**alone, "LookupError: no such item": ("test_parse.py::test_parses",)}
    states = {
        row["title"]: row["state_in_run"] for row in project.triage("clusters", "--json").json["clusters"]
    }
    assert [title for title, state in states.items() if state == "new"] == ["LookupError: no such item"]
