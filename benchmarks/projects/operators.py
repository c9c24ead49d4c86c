"""Make one realistic bug in one function: an operator names the kind, a number which of its places."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import NamedTuple

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Edit(NamedTuple):
    """A piece of source, and what stands in its place after the edit."""

    node: ast.AST
    """What is replaced: its position in the source counts, not its content."""
    text: str


Operator = Callable[[Function, "Source"], Iterator[Edit]]
"""Every edit of its kind in one function, in the order of the source."""


class Source:
    """A module as text, with its functions."""

    def __init__(self, text: str) -> None:
        self.data = text.encode("utf-8")
        """Columns of syntax nodes count bytes."""
        self.functions = dict(_functions(ast.parse(text), ""))
        """By qualified name, as code objects have it; of several with one name the last."""
        self._starts = [0]
        for line in self.data.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def text_of(self, node: ast.AST) -> str:
        """The source of a node."""
        start, end = self._span(node)
        return self.data[start:end].decode("utf-8")

    def edited(self, edit: Edit) -> str:
        """The module with one piece replaced. Raises `SyntaxError` where that is no Python any more."""
        start, end = self._span(edit.node)
        changed = self.data[:start] + edit.text.encode("utf-8") + self.data[end:]
        text = changed.decode("utf-8")
        ast.parse(text)
        return text

    def _span(self, node: ast.AST) -> tuple[int, int]:
        assert isinstance(node, ast.expr | ast.stmt | ast.alias | ast.arg)
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._starts[node.lineno - 1] + node.col_offset
        return start, self._starts[node.end_lineno - 1] + node.end_col_offset


def line_of(edit: Edit) -> int:
    """The line on which the edit begins."""
    assert isinstance(edit.node, ast.expr | ast.stmt | ast.alias | ast.arg)
    return edit.node.lineno


def edits_of(source: Source, function: str, operator: str) -> list[Edit]:
    """Every edit of one kind in one function; none where the module has no such function."""
    node = source.functions.get(function)
    if node is None:
        return []
    return list(OPERATORS[operator](node, source))


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield prefix + child.name, child
            yield from _functions(child, f"{prefix}{child.name}.<locals>.")
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        else:
            yield from _functions(child, prefix)


def _inside(function: Function) -> Iterator[ast.AST]:
    """The nodes of the function's own body, without functions and classes within it, as they stand."""
    pending: list[ast.AST] = list(reversed(function.body))
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, Function | ast.ClassDef | ast.Lambda | ast.JoinedStr):
            continue  # functions within have names of their own; parts of f-strings have no exact position
        pending.extend(reversed(list(ast.iter_child_nodes(node))))


def _wrong_default(function: Function, source: Source) -> Iterator[Edit]:
    """A parameter that is left out has another value."""
    arguments = function.args
    for default in (*arguments.defaults, *arguments.kw_defaults):
        if isinstance(default, ast.Constant):
            text = _other_constant(default.value)
            if text is not None:
                yield Edit(default, text)


def _other_constant(value: object) -> str | None:
    if isinstance(value, bool):
        return repr(not value)
    if isinstance(value, int):
        return repr(value + 1)
    if isinstance(value, float):
        return repr(value * 10 if value else 1.0)
    if isinstance(value, str):
        return repr(value + " " if value.strip() else "-")
    if value is None:
        return "0"
    return None


_SHIFTED = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">"}


def _off_by_one(function: Function, source: Source) -> Iterator[Edit]:
    """A bound, an index or a step is one too far."""
    for node in _inside(function):
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _SHIFTED:
            left, right = source.text_of(node.left), source.text_of(node.comparators[0])
            yield Edit(node, f"({left} {_SHIFTED[type(node.ops[0])]} {right})")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            if _is_int(node.right):
                yield Edit(node.right, _one_more(node.right))
        elif isinstance(node, ast.Subscript):
            yield from _shifted_bounds(node.slice)
        elif isinstance(node, ast.Call) and _called(node) in ("range", "enumerate"):
            for argument in node.args:
                if _is_int(argument):
                    yield Edit(argument, _one_more(argument))


def _shifted_bounds(index: ast.expr) -> Iterator[Edit]:
    bounds = (index.lower, index.upper) if isinstance(index, ast.Slice) else (index,)
    for bound in bounds:
        if bound is not None and _is_int(bound):
            yield Edit(bound, _one_more(bound))


def _is_int(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant) and type(node.value) is int


def _one_more(node: ast.expr) -> str:
    return repr(int(ast.literal_eval(node)) + 1)


def _renamed_key(function: Function, source: Source) -> Iterator[Edit]:
    """A key of a dictionary or the name of an attribute is another one at one place."""
    for node in _inside(function):
        keys: list[ast.expr | None] = []
        if isinstance(node, ast.Subscript):
            keys = [node.slice]
        elif isinstance(node, ast.Call) and _called(node) in ("get", "pop", "setdefault", "getattr"):
            keys = list(node.args[:2] if _called(node) == "getattr" else node.args[:1])
        elif isinstance(node, ast.Dict):
            keys = list(node.keys)
        for key in keys:
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value:
                yield Edit(key, repr(key.value + "_name"))


def _swapped_arguments(function: Function, source: Source) -> Iterator[Edit]:
    """Two neighbouring arguments of a call stand in the wrong order."""
    for node in _inside(function):
        if not isinstance(node, ast.Call) or len(node.args) < 2 or _called(node) in ("isinstance", "super"):
            continue
        first, second = source.text_of(node.args[0]), source.text_of(node.args[1])
        starred = any(isinstance(argument, ast.Starred) for argument in node.args[:2])
        if starred or first == second:
            continue
        yield Edit(_Between(node.args[0], node.args[1]), f"{second}, {first}")


class _Between(ast.expr):
    """The piece of source from one node to the end of another."""

    def __init__(self, first: ast.expr, last: ast.expr) -> None:
        super().__init__()
        self.lineno, self.col_offset = first.lineno, first.col_offset
        self.end_lineno, self.end_col_offset = last.end_lineno, last.end_col_offset


def _lost_return(function: Function, source: Source) -> Iterator[Edit]:
    """A value is computed and not returned."""
    for node in _inside(function):
        if isinstance(node, ast.Return) and node.value is not None:
            is_plain = isinstance(node.value, ast.Constant)
            if not is_plain:
                yield Edit(node, f"({source.text_of(node.value)})")


_OTHER_TYPES = {
    "int": "float", "float": "int", "list": "tuple", "tuple": "list", "str": "repr", "set": "list",
    "dict": "list", "bytes": "bytearray", "sorted": "list", "bytearray": "bytes", "frozenset": "tuple",
}  # fmt: skip


def _changed_type(function: Function, source: Source) -> Iterator[Edit]:
    """A value of another type: a float for an int, a tuple for a list, true division for floor division."""
    for node in _inside(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
            other = _OTHER_TYPES.get(node.func.id)
            if other is not None and not node.keywords:
                yield Edit(node.func, other)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv):
            yield Edit(node, f"({source.text_of(node.left)} / {source.text_of(node.right)})")
        elif isinstance(node, ast.keyword) and node.arg == "dtype":
            yield Edit(node.value, "'float32'")


def _missing_attribute(function: Function, source: Source) -> Iterator[Edit]:
    """An attribute is never set."""
    for node in _inside(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Attribute) and source.text_of(target.value) == "self":
                yield Edit(target, target.attr)


def _missing_name(function: Function, source: Source) -> Iterator[Edit]:
    """A function, class or constant of the module was renamed, and one use was not."""
    own = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
    for node in _inside(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in own:
            yield Edit(node.func, f"_{node.func.id}_impl")


def _renamed_method(function: Function, source: Source) -> Iterator[Edit]:
    """A method was renamed, and one call was not."""
    for node in _inside(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = source.text_of(node.func.value)
            yield Edit(node.func, f"{owner}.{node.func.attr}_value")


def _import_error(function: Function, source: Source) -> Iterator[Edit]:
    """A name is imported inside the function that its module does not have."""
    for node in _inside(function):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield Edit(alias, f"{alias.name}_impl as {alias.asname or alias.name}")


def _missing_file(function: Function, source: Source) -> Iterator[Edit]:
    """A file is opened under a name that it does not have."""
    for node in _inside(function):
        if isinstance(node, ast.Call) and _called(node) in ("open", "join", "joinpath", "Path"):
            for argument in node.args:
                name = argument.value if isinstance(argument, ast.Constant) else None
                if isinstance(name, str) and ("." in name or "/" in name):
                    yield Edit(argument, repr(name + ".bak"))


def _missing_variable(function: Function, source: Source) -> Iterator[Edit]:
    """An environment variable is read under another name."""
    for node in _inside(function):
        if isinstance(node, ast.Call) and _called(node) == "getenv" and node.args:
            yield Edit(node.args[0], repr("UNSET_VARIABLE"))
        elif isinstance(node, ast.Subscript) and source.text_of(node.value).endswith("environ"):
            yield Edit(node.slice, repr("UNSET_VARIABLE"))


def _leaked_state(function: Function, source: Source) -> Iterator[Edit]:
    """What was copied before it is changed, or put back afterwards, no longer is: state leaks."""
    for node in _inside(function):
        if isinstance(node, ast.Call) and _called(node) in ("copy", "deepcopy"):
            if node.args:
                yield Edit(node, f"({source.text_of(node.args[0])})")
            elif isinstance(node.func, ast.Attribute):
                yield Edit(node, f"({source.text_of(node.func.value)})")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
            is_copy = node.func.id in ("list", "dict", "set") and isinstance(
                node.args[0], ast.Name | ast.Attribute
            )
            if is_copy and not node.keywords:
                yield Edit(node, f"({source.text_of(node.args[0])})")
        elif isinstance(node, ast.Try):
            for statement in node.finalbody:
                yield Edit(statement, "pass")


def _wrong_condition(function: Function, source: Source) -> Iterator[Edit]:
    """A condition is the wrong way round."""
    for node in _inside(function):
        if isinstance(node, ast.If | ast.IfExp):
            yield Edit(node.test, f"(not ({source.text_of(node.test)}))")


def _wrong_constant(function: Function, source: Source) -> Iterator[Edit]:
    """A text or number that goes into the result is another one."""
    for node in _inside(function):
        values: list[ast.expr] = []
        if isinstance(node, ast.Return | ast.Assign) and node.value is not None:
            values = [node.value]
        elif isinstance(node, ast.BinOp):
            values = [node.left, node.right]
        elif isinstance(node, ast.Call):
            values = list(node.args)
        for value in values:
            if isinstance(value, ast.Constant) and isinstance(value.value, str | int | float):
                text = _other_constant(value.value)
                if text is not None:
                    yield Edit(value, text)


def _called(call: ast.Call) -> str:
    """The last part of the name that is called."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


OPERATORS: dict[str, Operator] = {
    "wrong-default": _wrong_default,
    "off-by-one": _off_by_one,
    "renamed-key": _renamed_key,
    "swapped-arguments": _swapped_arguments,
    "lost-return": _lost_return,
    "changed-type": _changed_type,
    "missing-attribute": _missing_attribute,
    "missing-name": _missing_name,
    "renamed-method": _renamed_method,
    "import-error": _import_error,
    "missing-file": _missing_file,
    "missing-variable": _missing_variable,
    "leaked-state": _leaked_state,
    "wrong-condition": _wrong_condition,
    "wrong-constant": _wrong_constant,
}
"""Every kind of bug, by the name that `mutants.json` has."""

RAISE_WHERE_MADE = frozenset({"missing-attribute", "missing-name", "renamed-method", "import-error"})
"""Kinds whose failures all end at the edited line, or say the missing name: any rule puts them together."""
