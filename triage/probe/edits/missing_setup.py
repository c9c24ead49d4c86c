"""Write into a brittle test the setup that it lacks, taken from the test that happens to make it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from triage.model.nodeid import file_of, names_within
from triage.probe.edits.one_test import OneTestEditor
from triage.probe.sources import module_of

_OWN_NAMES = frozenset({"self", "cls"})


@dataclass(frozen=True)
class _ImportOf:
    """How a module makes a name: `import module`, or `from module import attribute`, or with an alias."""

    module: str
    attribute: str | None
    alias: str | None


@dataclass(frozen=True)
class SetupEdits:
    """Edits of the test `victim` with parts of the test `setter`."""

    _module: cst.Module
    _victim: tuple[str, ...]
    _statements: tuple[cst.BaseStatement, ...]
    """Of the setter, without its docstring and its assertions."""
    fixtures: tuple[str, ...]
    """Arguments of the setter that the victim does not take."""
    _imports: dict[str, _ImportOf]
    """What the setter's file imports, by name; empty where both tests are in one file."""

    @classmethod
    def of(cls, source: str, victim: str, setter_source: str, setter: str) -> SetupEdits | None:
        """Both tests parsed; None where one cannot be found, or a setter's method needs its own class."""
        module, setter_module = module_of(source), module_of(setter_source)
        if module is None or setter_module is None:
            return None
        own, given = _function(module, names_within(victim)), _function(setter_module, names_within(setter))
        if own is None or given is None:
            return None
        same_file = file_of(victim) == file_of(setter)
        statements = tuple(statement for statement in _body(given) if not _is_left_out(statement))
        if not same_file or names_within(victim)[:-1] != names_within(setter)[:-1]:
            statements = tuple(each for each in statements if not _OWN_NAMES & _loaded(each))
        taken = set(_arguments(own)) | _OWN_NAMES
        return cls(
            module,
            names_within(victim),
            statements,
            tuple(name for name in _arguments(given) if name not in taken),
            {} if same_file else _imports_of(setter_module),
        )

    @property
    def count(self) -> int:
        """Statements of the setter that can be taken over."""
        return len(self._statements)

    def with_fixture(self, fixture: str) -> str:
        """The file's text where the victim takes one more fixture."""
        return self._module.visit(_Victim(self._victim, (), (fixture,))).code

    def with_statements(self, indexes: Sequence[int]) -> str | None:
        """The file's text where the victim begins with these statements; None for none.

        The fixtures that they name become arguments, and what they name of the setter's imports is imported.
        """
        if not indexes:
            return None
        chosen = tuple(self._statements[index] for index in indexes)
        names = {name for statement in chosen for name in _loaded(statement)}
        fixtures = tuple(name for name in self.fixtures if name in names)
        edited = self._module.visit(_Victim(self._victim, chosen, fixtures))
        # half a second of imports that most probes have no use for
        from libcst.codemod import CodemodContext
        from libcst.codemod.visitors import AddImportsVisitor

        context = CodemodContext()
        for name in sorted(names & self._imports.keys()):
            made = self._imports[name]
            AddImportsVisitor.add_needed_import(context, made.module, made.attribute, made.alias)
        return AddImportsVisitor(context).transform_module(edited).code


class _Victim(OneTestEditor):
    """Puts statements at the beginning of one function, and adds arguments to it."""

    def __init__(
        self, names: Sequence[str], statements: Sequence[cst.BaseStatement], arguments: Sequence[str]
    ) -> None:
        super().__init__(names)
        self._statements = statements
        self._arguments = arguments

    def edited(self, function: cst.FunctionDef) -> cst.FunctionDef:
        added = [cst.Param(cst.Name(name)) for name in self._arguments]
        parameters = function.params.with_changes(params=[*function.params.params, *added])
        body = function.body
        if self._statements and isinstance(body, cst.IndentedBlock):
            at = 1 if function.get_docstring() is not None else 0
            body = body.with_changes(body=[*body.body[:at], *self._statements, *body.body[at:]])
        return function.with_changes(params=parameters, body=body)


def _function(module: cst.Module, names: Sequence[str]) -> cst.FunctionDef | None:
    if not names:
        return None
    *classes, function = names
    body: Sequence[cst.CSTNode] = module.body
    for name in classes:
        found = _definition(body, name)
        if not isinstance(found, cst.ClassDef):
            return None
        body = found.body.body
    found = _definition(body, function)
    return found if isinstance(found, cst.FunctionDef) else None


def _definition(body: Sequence[cst.CSTNode], name: str) -> cst.ClassDef | cst.FunctionDef | None:
    """The first class or function of that name in a block."""
    for node in body:
        if isinstance(node, cst.ClassDef | cst.FunctionDef) and node.name.value == name:
            return node
    return None


def _body(function: cst.FunctionDef) -> list[cst.BaseStatement]:
    block = function.body
    if not isinstance(block, cst.IndentedBlock):
        return []
    start = 1 if function.get_docstring() is not None else 0
    return list(block.body[start:])


def _is_left_out(statement: cst.BaseStatement) -> bool:
    """Whether it is an assertion alone: what the setter checks is not what the victim needs."""
    if not isinstance(statement, cst.SimpleStatementLine):
        return False
    return all(isinstance(part, cst.Assert | cst.Pass | cst.Return) for part in statement.body)


def _arguments(function: cst.FunctionDef) -> list[str]:
    return [param.name.value for param in (*function.params.params, *function.params.kwonly_params)]


class _NamesIn(cst.CSTVisitor):
    def __init__(self) -> None:
        self.found: set[str] = set()

    def visit_Name(self, node: cst.Name) -> None:
        self.found.add(node.value)


def _loaded(statement: cst.CSTNode) -> set[str]:
    """Every name in a statement."""
    visitor = _NamesIn()
    statement.visit(visitor)
    return visitor.found


def _imports_of(module: cst.Module) -> dict[str, _ImportOf]:
    """What the imports at the top of a file make, by name; relative ones and stars are left out."""
    made: dict[str, _ImportOf] = {}
    for line in module.body:
        if not isinstance(line, cst.SimpleStatementLine):
            continue
        for part in line.body:
            if isinstance(part, cst.Import):
                made |= _made_by_import(part)
            elif isinstance(part, cst.ImportFrom):
                made |= _made_by_import_from(part)
    return made


def _made_by_import(statement: cst.Import) -> dict[str, _ImportOf]:
    """`import a.b` makes the name `a`, `import a.b as c` the name `c`."""
    made = {}
    for each in statement.names:
        module, alias = each.evaluated_name, each.evaluated_alias
        name = alias or module.partition(".")[0]
        made[name] = _ImportOf(module, None, alias)
    return made


def _made_by_import_from(statement: cst.ImportFrom) -> dict[str, _ImportOf]:
    """`from a import b` makes the name `b`, `from a import b as c` the name `c`."""
    if statement.relative or statement.module is None or isinstance(statement.names, cst.ImportStar):
        return {}
    module = cst.helpers.get_full_name_for_node(statement.module) or ""
    made = {}
    for each in statement.names:
        attribute, alias = each.evaluated_name, each.evaluated_alias
        made[alias or attribute] = _ImportOf(module, attribute, alias)
    return made
