"""Statements that change process state, as calls of pytest's `monkeypatch`, which takes them back."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst


class Monkeypatching(cst.CSTTransformer):
    """Rewrites one test, named by `names` (classes, then the function), for the places that it leaks."""

    def __init__(self, names: Sequence[str], places: Sequence[str]) -> None:
        super().__init__()
        self._names, self._wanted = list(names), set(places)
        self._stack: list[str] = []
        self._bases: list[bool] = []
        self._handled: set[str] = set()
        self._inside = False
        self.complete = False
        """Whether a statement was found for every place."""

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._stack.append(node.name.value)
        self._bases.append(bool(node.bases))

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        self._stack.pop()
        self._bases.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._stack.append(node.name.value)
        if self._stack == self._names:
            self._inside, self._handled = not any(self._bases), set()  # a TestCase gets no fixtures by name

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        here = self._stack == self._names and self._inside
        self._stack.pop()
        if not here:
            return updated_node
        self._inside = False
        self.complete = self._handled == self._wanted
        parameters = updated_node.params
        if any(param.name.value == "monkeypatch" for param in parameters.params):
            return updated_node
        added = [*parameters.params, cst.Param(cst.Name("monkeypatch"))]
        return updated_node.with_changes(params=parameters.with_changes(params=added))

    def leave_Assign(self, original_node: cst.Assign, updated_node: cst.Assign) -> cst.BaseSmallStatement:
        if not self._inside or len(updated_node.targets) != 1:
            return updated_node
        call = self._assigned(updated_node.targets[0].target, code_of(updated_node.value))
        return updated_node if call is None else cst.Expr(cst.parse_expression(call))

    def leave_Del(self, original_node: cst.Del, updated_node: cst.Del) -> cst.BaseSmallStatement:
        found = _item(updated_node.target) if self._inside else None
        if found is None:
            return updated_node
        call = self._removed(*found, "")
        return updated_node if call is None else cst.Expr(cst.parse_expression(call))

    def leave_Expr(self, original_node: cst.Expr, updated_node: cst.Expr) -> cst.BaseSmallStatement:
        if not self._inside or not isinstance(updated_node.value, cst.Call):
            return updated_node
        name = code_of(updated_node.value.func)
        values = [
            code_of(arg.value) for arg in updated_node.value.args if arg.keyword is None and not arg.star
        ]
        call = self._called(name, values)
        return updated_node if call is None else cst.Expr(cst.parse_expression(call))

    def _assigned(self, target: cst.BaseExpression, value: str) -> str | None:
        if isinstance(target, cst.Attribute):
            place = self._attribute(target.attr.value)
            return place and self._take(
                place, f'monkeypatch.setattr({code_of(target.value)}, "{target.attr.value}", {value})'
            )
        found = _item(target)
        if found is None:
            return None
        owner, key = found
        if owner in ("os.environ", "environ"):
            return self._take(f"env:{_plain(key)}", f"monkeypatch.setenv({key}, {value})")
        if owner == "sys.modules":
            return self._take(f"module:{_plain(key)}", f"monkeypatch.setitem(sys.modules, {key}, {value})")
        place = self._attribute(owner.rpartition(".")[2])
        return place and self._take(place, f"monkeypatch.setitem({owner}, {key}, {value})")

    def _removed(self, owner: str, key: str, raising: str) -> str | None:
        if owner in ("os.environ", "environ"):
            return self._take(f"env:{_plain(key)}", f"monkeypatch.delenv({key}{raising})")
        if owner == "sys.modules":
            return self._take(f"module:{_plain(key)}", f"monkeypatch.delitem(sys.modules, {key}{raising})")
        return None

    def _called(self, name: str, values: Sequence[str]) -> str | None:
        if name in ("os.chdir", "chdir") and len(values) == 1:
            return self._take("cwd", f"monkeypatch.chdir({values[0]})")
        if name == "sys.path.insert" and len(values) == 2 and values[0] == "0":
            return self._take("sys.path", f"monkeypatch.syspath_prepend({values[1]})")
        if name == "setattr" and len(values) == 3:
            place = self._attribute(_plain(values[1]))
            return place and self._take(place, f"monkeypatch.setattr({', '.join(values)})")
        if name.endswith(".pop") and values:
            return self._removed(name.removesuffix(".pop"), values[0], ", raising=False")
        return None

    def _attribute(self, name: str) -> str | None:
        return next(
            (place for place in self._wanted if place.startswith("attr:") and place.endswith(f".{name}")),
            None,
        )

    def _take(self, place: str, call: str) -> str | None:
        if place not in self._wanted or place == "env:TZ":  # what the C library made of it would stay
            return None
        self._handled.add(place)
        return call


def code_of(node: cst.CSTNode) -> str:
    """The source text of a node."""
    return cst.Module(body=()).code_for_node(node)


def _item(target: cst.BaseExpression) -> tuple[str, str] | None:
    """Owner and key of `owner[key]`."""
    if not isinstance(target, cst.Subscript) or len(target.slice) != 1:
        return None
    index = target.slice[0].slice
    return (code_of(target.value), code_of(index.value)) if isinstance(index, cst.Index) else None


def _plain(key: str) -> str:
    """The text of a string literal, else nothing that a place could be named."""
    try:
        node = cst.parse_expression(key)
    except cst.ParserSyntaxError:
        return "\0"
    value = node.evaluated_value if isinstance(node, cst.SimpleString) else None
    return value if isinstance(value, str) else "\0"
