"""What a polluter leaks, put back by an edit of its file: with `monkeypatch`, or in a fixture's teardown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst
from libcst.codemod import CodemodContext
from libcst.codemod.visitors import AddImportsVisitor

from triage.probe.monkeypatching import Monkeypatching
from triage.probe.parsing import module_of
from triage.probe.putback import PutBack, put_back

Edit = tuple[str, str]
"""What was done, and the whole text with it."""
_FIXTURE = "put_back"


def restored(
    source: str, nodeid: str, places: Sequence[str], usual: Sequence[str], files: Sequence[str] = ()
) -> Iterator[Edit]:
    """Edits of the test `nodeid`, the tidiest first, after which the leaked places should be as before.

    `usual` has the short text of each place as it is without the leak; `files` are those of the suite, which
    tell modules from classes. Nothing comes where the file cannot be parsed or the test is not in it.
    """
    module = module_of(source)
    if module is None:
        return
    path, _, inside = nodeid.partition("::")
    names = [part.partition("[")[0] for part in inside.split("::")]
    patched = module.visit(editor := Monkeypatching(names, places))
    if editor.complete:
        yield f"{names[-1]} takes back what it changes ({', '.join(places)})", patched.code
    steps = [put_back(place, text, path, files) for place, text in zip(places, usual, strict=True)]
    known = [step for step in steps if step is not None]
    if len(known) == len(places) and (text := _with_fixture(module, names, known)) is not None:
        yield f"a fixture puts {', '.join(places)} back after {names[-1]}", text


def _with_fixture(module: cst.Module, names: Sequence[str], steps: Sequence[PutBack]) -> str | None:
    name = _FIXTURE
    while name in module.code:
        name += "_again"
    decorated = module.visit(marker := _Marked(names, name))
    at = next((n for n, part in enumerate(decorated.body) if _name(part) == names[0]), None)
    if not marker.done or at is None:
        return None
    fixture = cst.parse_module(_fixture(name, steps)).body[0]
    assert isinstance(fixture, cst.FunctionDef)
    spaced = fixture.with_changes(leading_lines=decorated.body[at].leading_lines)
    following = decorated.body[at].with_changes(leading_lines=[cst.EmptyLine(indent=False)] * 2)
    body = [*decorated.body[:at], spaced, following, *decorated.body[at + 1 :]]
    context = CodemodContext()
    for needed in ("pytest", *(module for step in steps for module in step.imports)):
        AddImportsVisitor.add_needed_import(context, needed)
    changed = AddImportsVisitor(context).transform_module(decorated.with_changes(body=body))
    return changed.code


def _fixture(name: str, steps: Sequence[PutBack]) -> str:
    """The fixture's source: read everything, hand over, put everything back."""
    lines = [f"@pytest.fixture\ndef {name}():"]
    names = [step.declared for step in steps if step.declared]
    lines += [f"    global {', '.join(names)}"] if names else []
    for number, step in enumerate(steps):
        lines += [f"    {_numbered(line, number, steps)}" for line in step.before]
    contexts = [step.context for step in steps if step.context]
    lines += [f"    with {', '.join(contexts)}:", "        yield"] if contexts else ["    yield"]
    for number, step in enumerate(steps):
        lines += [f"    {_numbered(line, number, steps)}" for line in step.after]
    return "\n".join(lines) + "\n"


def _numbered(line: str, number: int, steps: Sequence[PutBack]) -> str:
    return line.replace("BEFORE", "before" if len(steps) == 1 else f"before_{number + 1}")


def _name(node: cst.CSTNode) -> str:
    return node.name.value if isinstance(node, cst.FunctionDef | cst.ClassDef) else ""


class _Marked(cst.CSTTransformer):
    """`@pytest.mark.usefixtures(...)` on one test."""

    def __init__(self, names: Sequence[str], fixture: str) -> None:
        super().__init__()
        self._names, self._stack, self.done = list(names), list[str](), False
        self._mark = cst.Decorator(cst.parse_expression(f'pytest.mark.usefixtures("{fixture}")'))

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._stack.append(node.name.value)

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        self._stack.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._stack.append(node.name.value)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        here = self._stack == self._names
        self._stack.pop()
        if not here or self.done:
            return updated_node
        self.done = True
        return updated_node.with_changes(decorators=[self._mark, *updated_node.decorators])
