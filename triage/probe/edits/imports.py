"""Add an import where the file's own order puts it: in its group, sorted, `import` before `from`."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from enum import IntEnum
from itertools import takewhile

import libcst as cst

_Line = cst.SimpleStatementLine | cst.BaseCompoundStatement


class _Group(IntEnum):
    """Groups of imports, in the order in which formatters put them."""

    FUTURE = 0
    STANDARD = 1
    OTHERS = 2
    OWN = 3


def with_import(module: cst.Module, name: str, own: Collection[str] = ()) -> cst.Module:
    """The module with `import NAME`; unchanged where it has it. `own` are the project's own packages."""
    body = list(module.body)
    if any(name in _plain_names(line) for line in body):
        return module
    group = group_of(name, own)
    head = takewhile(lambda line: not isinstance(line, cst.FunctionDef | cst.ClassDef), body)
    imports = [at for at, line in enumerate(head) if _imported(line) is not None]
    same = [at for at in imports if group_of(_imported(body[at]) or "", own) is group]
    new = cst.parse_statement(f"import {name}\n")
    assert isinstance(new, cst.SimpleStatementLine)
    if same:
        at = next((at for at in same if _comes_behind(body[at], name)), None)
        if at is None:
            body.insert(same[-1] + 1, new)
        else:
            # blank lines and comments before the group stay before it
            behind = body[at]
            body[at : at + 1] = [
                new.with_changes(leading_lines=behind.leading_lines),
                behind.with_changes(leading_lines=[]),
            ]
        return module.with_changes(body=body)
    earlier = [at for at in imports if group_of(_imported(body[at]) or "", own) < group]
    return module.with_changes(body=_with_new_group(body, earlier, new))


def with_name_from(module: cst.Module, origin: str, name: str) -> cst.Module:
    """The module with `name` in its `from ORIGIN import ...`; unchanged where it has none of ORIGIN.

    Names that were sorted stay so.
    """
    adder = _NameAdder(origin, name)
    return module.visit(adder)


class _NameAdder(cst.CSTTransformer):
    def __init__(self, origin: str, name: str) -> None:
        super().__init__()
        self._origin, self._name = origin, name
        self._done = False

    def leave_ImportFrom(self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom) -> cst.ImportFrom:
        names = updated_node.names
        is_meant = _imported(cst.SimpleStatementLine(body=[updated_node])) == self._origin
        if self._done or not is_meant or isinstance(names, cst.ImportStar):
            return updated_node
        self._done = True
        have = [alias.evaluated_name for alias in names]
        if self._name in have:
            return updated_node
        behind = [at for at, each in enumerate(have) if each > self._name]
        place = behind[0] if behind and have == sorted(have) else len(have)
        comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        new = cst.ImportAlias(cst.Name(self._name))
        if place < len(have):
            added = [*names[:place], new.with_changes(comma=comma), *names[place:]]
        else:
            last = names[-1]
            added = [*names[:-1], last.with_changes(comma=comma), new.with_changes(comma=last.comma)]
        return updated_node.with_changes(names=added)


def own_packages(files: Collection[str]) -> frozenset[str]:
    """Names under which the files of a project are imported: their first folders, without `src`."""
    return frozenset(
        file.removeprefix("src/").partition("/")[0].removesuffix(".py")
        for file in files
        if file.endswith(".py")
    )


def _with_new_group(
    body: Sequence[_Line], earlier: Sequence[int], new: cst.SimpleStatementLine
) -> list[_Line]:
    """The import as a group of its own: behind the earlier groups, else behind the docstring."""
    has_docstring = bool(body) and _is_text(body[0])
    place = earlier[-1] + 1 if earlier else int(has_docstring)
    if place:
        new = new.with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    rest = list(body[place:])
    if rest and not any(
        isinstance(line, cst.EmptyLine) and line.comment is None for line in rest[0].leading_lines
    ):
        rest[0] = rest[0].with_changes(leading_lines=[cst.EmptyLine(indent=False), *rest[0].leading_lines])
    return [*body[:place], new, *rest]


def _is_text(line: _Line) -> bool:
    match line:
        case cst.SimpleStatementLine(body=[cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString())]):
            return True
    return False


def _imported(line: _Line) -> str | None:
    """The first module that a line imports; None where it is no import."""
    match line:
        case cst.SimpleStatementLine(body=[cst.Import(names=[first, *_])]):
            return first.evaluated_name
        case cst.SimpleStatementLine(body=[cst.ImportFrom(module=module, relative=relative)]):
            return "." if relative or module is None else cst.Module([]).code_for_node(module)
    return None


def _plain_names(line: _Line) -> list[str]:
    """The modules of an `import A, B` under their own names."""
    match line:
        case cst.SimpleStatementLine(body=[cst.Import(names=names)]):
            return [alias.evaluated_name for alias in names if alias.asname is None]
    return []


def _comes_behind(line: _Line, name: str) -> bool:
    """Whether a line of the same group follows `import NAME`."""
    plain = _plain_names(line)
    return not plain or plain[0] > name


def group_of(name: str, own: Collection[str]) -> int:
    """Which group of imports a module belongs to; lower ones stand first."""
    top = name.partition(".")[0]
    if top == "__future__":
        return _Group.FUTURE
    if top in sys.stdlib_module_names:
        return _Group.STANDARD
    return _Group.OWN if not top or top in own else _Group.OTHERS
