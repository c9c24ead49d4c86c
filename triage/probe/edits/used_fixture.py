"""Write a fixture before a test of the same file, and have the test use it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import libcst as cst

from triage.probe.edits.imports import with_import
from triage.probe.edits.one_test import OneTestEditor


def using_fixture(module: cst.Module, names: Sequence[str], fixture: str) -> cst.Module | None:
    """The file with the fixture used by a test (its classes, then the function); None without that test."""
    marker = _UseFixture(names, fixture)
    marked = module.visit(marker)
    return marked if marker.done else None


def with_used_fixture(
    module: cst.Module, names: Sequence[str], source: str, imports: Iterable[str], own: Collection[str]
) -> str | None:
    """The file's text with the fixture of this source before the test, which uses it; None without the test.

    `imports` are modules that the fixture names, besides pytest; `own` are the project's own packages.
    """
    fixture = cst.parse_module(source).body[0]
    assert isinstance(fixture, cst.FunctionDef)
    marked = using_fixture(module, names, fixture.name.value)
    position = _position(marked, names[0]) if marked is not None else None
    if marked is None or position is None:
        return None
    # the fixture takes over the blank lines before the test, which gets two of its own
    test = marked.body[position]
    spaced_fixture = fixture.with_changes(leading_lines=test.leading_lines)
    spaced_test = test.with_changes(leading_lines=[cst.EmptyLine(indent=False)] * 2)
    body = [*marked.body[:position], spaced_fixture, spaced_test, *marked.body[position + 1 :]]
    edited = marked.with_changes(body=body)
    for needed in ("pytest", *imports):
        edited = with_import(edited, needed, own)
    return edited.code


def _position(module: cst.Module, name: str) -> int | None:
    """Where in the file a top-level function or class stands."""
    for position, statement in enumerate(module.body):
        if isinstance(statement, cst.FunctionDef | cst.ClassDef) and statement.name.value == name:
            return position
    return None


class _UseFixture(OneTestEditor):
    """Adds `@pytest.mark.usefixtures(...)` to one test, named by `names` (classes, then the function)."""

    def __init__(self, names: Sequence[str], fixture: str) -> None:
        super().__init__(names)
        self.done = False
        self._mark = cst.Decorator(cst.parse_expression(f'pytest.mark.usefixtures("{fixture}")'))

    def edited(self, function: cst.FunctionDef) -> cst.FunctionDef:
        if self.done:
            return function
        self.done = True
        return function.with_changes(decorators=[self._mark, *function.decorators])
