"""Rewrite statements that change process state as calls of `monkeypatch`, which takes the change back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

_ENVIRON = ("os.environ", "environ")
_CHDIR = ("os.chdir", "chdir")
_UNRESTORABLE = "env:TZ"
"""monkeypatch would put the variable back, and the C library would keep the zone that it read from it."""
_IGNORE_ABSENT = ", raising=False"
"""`pop` with a default does not complain where nothing is there; `del` does."""


@dataclass(frozen=True)
class _Replacement:
    """A call of `monkeypatch`, and the key of the process state that it changes."""

    key: str
    call: str


class Monkeypatching(cst.CSTTransformer):
    """Rewrite one test, named by its classes and its function, for the keys of the state that it leaks."""

    def __init__(self, names: Sequence[str], keys: Sequence[str]) -> None:
        super().__init__()
        self._names, self._keys = list(names), set(keys)
        self._stack: list[str] = []
        """Names of the classes and functions around the node."""
        self._class_has_bases: list[bool] = []
        self._handled: set[str] = set()
        self._inside = False
        """Whether the node is in the test, and the test can get a fixture."""
        self.complete = False
        """Whether a statement was rewritten for every key."""

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._stack.append(node.name.value)
        self._class_has_bases.append(bool(node.bases))

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        self._stack.pop()
        self._class_has_bases.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._stack.append(node.name.value)
        if self._stack == self._names:
            self._handled = set()
            # A class with bases may be a TestCase, whose methods get no fixtures.
            self._inside = not any(self._class_has_bases)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        is_the_test = self._stack == self._names and self._inside
        self._stack.pop()
        if not is_the_test:
            return updated_node
        self._inside = False
        self.complete = self._handled == self._keys
        parameters = updated_node.params
        if any(param.name.value == "monkeypatch" for param in parameters.params):
            return updated_node
        added = [*parameters.params, cst.Param(cst.Name("monkeypatch"))]
        return updated_node.with_changes(params=parameters.with_changes(params=added))

    def leave_Assign(self, original_node: cst.Assign, updated_node: cst.Assign) -> cst.BaseSmallStatement:
        if len(updated_node.targets) != 1:
            return updated_node
        found = self._assignment(updated_node.targets[0].target, _code(updated_node.value))
        return self._replaced(updated_node, found)

    def leave_Del(self, original_node: cst.Del, updated_node: cst.Del) -> cst.BaseSmallStatement:
        item = _item(updated_node.target)
        return self._replaced(updated_node, _removal(*item, "") if item is not None else None)

    def leave_Expr(self, original_node: cst.Expr, updated_node: cst.Expr) -> cst.BaseSmallStatement:
        call = updated_node.value
        if not isinstance(call, cst.Call):
            return updated_node
        values = [_code(arg.value) for arg in call.args if arg.keyword is None and not arg.star]
        return self._replaced(updated_node, self._call(_code(call.func), values))

    def _replaced(
        self, statement: cst.BaseSmallStatement, found: _Replacement | None
    ) -> cst.BaseSmallStatement:
        """The call in place of the statement, inside the test and for the keys that it leaks."""
        if not self._inside or found is None:
            return statement
        if found.key not in self._keys or found.key == _UNRESTORABLE:
            return statement
        self._handled.add(found.key)
        return cst.Expr(cst.parse_expression(found.call))

    def _assignment(self, target: cst.BaseExpression, value: str) -> _Replacement | None:
        if isinstance(target, cst.Attribute):
            name = target.attr.value
            call = f'monkeypatch.setattr({_code(target.value)}, "{name}", {value})'
            return self._of_attribute(name, call)
        item = _item(target)
        if item is None:
            return None
        owner, key = item
        if owner in _ENVIRON:
            return _Replacement(f"env:{_literal(key)}", f"monkeypatch.setenv({key}, {value})")
        if owner == "sys.modules":
            return _Replacement(
                f"module:{_literal(key)}", f"monkeypatch.setitem(sys.modules, {key}, {value})"
            )
        return self._of_attribute(owner.rpartition(".")[2], f"monkeypatch.setitem({owner}, {key}, {value})")

    def _call(self, function: str, values: Sequence[str]) -> _Replacement | None:
        if function in _CHDIR and len(values) == 1:
            return _Replacement("cwd", f"monkeypatch.chdir({values[0]})")
        if function == "sys.path.insert" and len(values) == 2 and values[0] == "0":
            return _Replacement("sys.path", f"monkeypatch.syspath_prepend({values[1]})")
        if function == "setattr" and len(values) == 3:
            call = f"monkeypatch.setattr({', '.join(values)})"
            return self._of_attribute(_literal(values[1]), call)
        if function.endswith(".pop") and values:
            return _removal(function.removesuffix(".pop"), values[0], _IGNORE_ABSENT)
        return None

    def _of_attribute(self, name: str, call: str) -> _Replacement | None:
        """The call, for the leaked attribute of this name; whose it is, the source alone does not tell."""
        for key in self._keys:
            if key.startswith("attr:") and key.endswith(f".{name}"):
                return _Replacement(key, call)
        return None


def _removal(owner: str, key: str, raising: str) -> _Replacement | None:
    if owner in _ENVIRON:
        return _Replacement(f"env:{_literal(key)}", f"monkeypatch.delenv({key}{raising})")
    if owner == "sys.modules":
        return _Replacement(f"module:{_literal(key)}", f"monkeypatch.delitem(sys.modules, {key}{raising})")
    return None


def _code(node: cst.CSTNode) -> str:
    """The source text of a node."""
    return cst.Module(body=()).code_for_node(node)


def _item(target: cst.BaseExpression) -> tuple[str, str] | None:
    """Owner and key of `owner[key]`."""
    if not isinstance(target, cst.Subscript) or len(target.slice) != 1:
        return None
    index = target.slice[0].slice
    return (_code(target.value), _code(index.value)) if isinstance(index, cst.Index) else None


def _literal(source: str) -> str:
    """The text of a string literal; for another expression a text that no key of process state has."""
    try:
        node = cst.parse_expression(source)
    except cst.ParserSyntaxError:
        return "\0"
    value = node.evaluated_value if isinstance(node, cst.SimpleString) else None
    return value if isinstance(value, str) else "\0"
