"""Give each caller or object a copy of its own of what a product shares by accident.

Four slips leave behind what one call has changed: a mutable default argument, a mutable attribute of a class
that methods change through `self`, a module's object that is handed out, and an object that is taken from a
module's container and keeps what one call needs in its own attributes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

import libcst as cst

from triage.probe.edits.imports import with_import
from triage.probe.edits.one_test import OneTestEditor
from triage.probe.sources import module_of, tree_of

_MAKERS = frozenset({"list", "dict", "set", "OrderedDict", "defaultdict", "Counter", "deque"})
_MOST_PLACES = 4
"""Places at which an object of a module is handed out that are tried one by one."""


def with_fresh_defaults(source: str, names: Sequence[str]) -> str | None:
    """The source with each mutable default of a function made anew in every call; None where it has none.

    `names` are those of the classes around it, outermost first, and its own.
    """
    module = module_of(source)
    if module is None:
        return None
    editor = _FreshDefaults(names, spells_optional="Optional" in _names_imported(source))
    changed = module.visit(editor)
    return changed.code if editor.done else None


def with_own_attribute(source: str, class_name: str, attribute: str) -> str | None:
    """The source with a mutable attribute of a class made in `__init__`; None for another kind of class."""
    module = module_of(source)
    if module is None:
        return None
    editor = _OwnAttribute(class_name, attribute)
    changed = module.visit(editor)
    return changed.code if editor.done else None


def with_copies(source: str, name: str) -> Iterator[tuple[int, str]]:
    """Line and source, for each place at which the module's object `name` is handed out: a deep copy is."""
    tree = tree_of(source)
    if tree is None or module_of(source) is None:
        return
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    places = [place for function in functions for place in _handed_out(function, name)]
    for place in list(dict.fromkeys(places))[:_MOST_PLACES]:
        yield place[0], _with_copy(source, name, place)


def with_copied_items(source: str, name: str, maker: str) -> Iterator[tuple[int, str]]:
    """Line and source, for each place at which an item of the module's container `name` is taken: a copy is.

    `maker` is the function that copies.
    """
    tree = tree_of(source)
    if tree is None or module_of(source) is None:
        return
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    taken = [value for function in functions for value in _items_taken(function, name)]
    places = {(value.lineno, value.col_offset): value for value in taken}
    for (line, column), value in list(places.items())[:_MOST_PLACES]:
        assert value.end_col_offset is not None
        yield line, _wrapped(source, line, column, value.end_col_offset, maker)


def has_mutable_defaults(source: str | None, names: Sequence[str]) -> bool:
    """Whether a function of the source has a default that all of its calls share."""
    return source is not None and with_fresh_defaults(source, names) is not None


def is_mutable(expression: str) -> bool:
    """Whether an expression makes a list, dictionary, set or the like."""
    try:
        return _is_mutable(cst.parse_expression(expression))
    except (cst.ParserSyntaxError, ValueError, RecursionError):
        return False


class _FreshDefaults(OneTestEditor):
    def __init__(self, names: Sequence[str], *, spells_optional: bool) -> None:
        super().__init__(names)
        self._spells_optional = spells_optional
        self.done = False

    def edited(self, function: cst.FunctionDef) -> cst.FunctionDef:
        made: list[cst.BaseStatement] = []
        params = function.params.with_changes(
            params=[self._fresh(param, made) for param in function.params.params],
            kwonly_params=[self._fresh(param, made) for param in function.params.kwonly_params],
        )
        if not made or not isinstance(function.body, cst.IndentedBlock):
            return function
        self.done = True
        body = list(function.body.body)
        place = 1 if function.get_docstring() is not None else 0
        return function.with_changes(
            params=params, body=function.body.with_changes(body=[*body[:place], *made, *body[place:]])
        )

    def _fresh(self, param: cst.Param, made: list[cst.BaseStatement]) -> cst.Param:
        """The parameter with None for a mutable default, which a statement in `made` makes anew."""
        if param.default is None or not _is_mutable(param.default):
            return param
        name = param.name.value
        made.append(cst.parse_statement(f"if {name} is None:\n    {name} = {_code(param.default)}\n"))
        annotation = param.annotation
        if annotation is not None:
            kind = _code(annotation.annotation)
            optional = f"Optional[{kind}]" if self._spells_optional else f"{kind} | None"
            annotation = annotation.with_changes(annotation=cst.parse_expression(optional))
        return param.with_changes(default=cst.Name("None"), annotation=annotation)


class _OwnAttribute(cst.CSTTransformer):
    def __init__(self, class_name: str, attribute: str) -> None:
        super().__init__()
        self._class_name, self._attribute = class_name, attribute
        self._typed = ""
        """What follows the name where the class gives its type."""
        self.done = False

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        value = self._shared_value(updated_node)
        if updated_node.name.value != self._class_name or value is None or updated_node.decorators:
            return updated_node
        kept = [each for each in updated_node.body.body if not self._gives(each)]
        made = cst.parse_statement(f"self.{self._attribute}{self._typed} = {_code(value)}\n")
        place = next((at for at, each in enumerate(kept) if _is_init(each)), None)
        if place is not None:
            init = kept[place]
            assert isinstance(init, cst.FunctionDef)
            kept[place] = _beginning_with(init, made)
        elif updated_node.bases:
            return updated_node  # what its base class takes is not known here
        else:
            kept.insert(1 if updated_node.get_docstring() is not None else 0, _new_init(made))
        self.done = True
        return updated_node.with_changes(body=updated_node.body.with_changes(body=kept))

    def _shared_value(self, owner: cst.ClassDef) -> cst.BaseExpression | None:
        for each in owner.body.body:
            if self._gives(each):
                assert isinstance(each, cst.SimpleStatementLine)
                assignment = each.body[0]
                assert isinstance(assignment, cst.Assign | cst.AnnAssign)
                if isinstance(assignment, cst.AnnAssign):
                    self._typed = f": {_code(assignment.annotation.annotation)}"
                value = assignment.value
                return value if value is not None and _is_mutable(value) else None
        return None

    def _gives(self, part: cst.CSTNode) -> bool:
        """Whether this line of the class body binds the attribute, and nothing else."""
        if not isinstance(part, cst.SimpleStatementLine) or len(part.body) != 1:
            return False
        match part.body[0]:
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))]):
                return name == self._attribute
            case cst.AnnAssign(target=cst.Name(value=name), value=value):
                return name == self._attribute and value is not None
        return False


def _is_init(part: cst.CSTNode) -> bool:
    return isinstance(part, cst.FunctionDef) and part.name.value == "__init__"


def _beginning_with(
    function: cst.FunctionDef, statement: cst.SimpleStatementLine | cst.BaseCompoundStatement
) -> cst.FunctionDef:
    if not isinstance(function.body, cst.IndentedBlock):
        return function
    place = 1 if function.get_docstring() is not None else 0
    body = list(function.body.body)
    return function.with_changes(
        body=function.body.with_changes(body=[*body[:place], statement, *body[place:]])
    )


def _new_init(statement: cst.SimpleStatementLine | cst.BaseCompoundStatement) -> cst.FunctionDef:
    function = cst.parse_statement("def __init__(self):\n    pass\n")
    assert isinstance(function, cst.FunctionDef)
    return function.with_changes(
        body=cst.IndentedBlock(body=[statement]), lines_after_decorators=[], leading_lines=[]
    )


def _code(node: cst.CSTNode) -> str:
    return cst.Module([]).code_for_node(node)


def _is_mutable(value: cst.BaseExpression) -> bool:
    match value:
        case cst.List() | cst.Dict() | cst.Set():
            return True
        case cst.Call(func=cst.Name(value=maker)) | cst.Call(func=cst.Attribute(attr=cst.Name(value=maker))):
            return maker in _MAKERS
    return False


def _names_imported(source: str) -> set[str]:
    tree = tree_of(source) or ast.Module([], [])
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


def _handed_out(function: ast.AST, name: str) -> Iterator[tuple[int, int]]:
    """Line and column (in bytes) at which a function returns, binds or passes on the object itself."""
    for node in ast.walk(function):
        values: list[ast.expr | None] = []
        match node:
            case ast.Return(value=value) | ast.Assign(value=value) | ast.AnnAssign(value=value):
                values = [value]
            case ast.BoolOp(values=operands):
                values = list(operands)
            case ast.IfExp(body=body, orelse=orelse):
                values = [body, orelse]
            case ast.keyword(value=value):
                values = [value]
        for value in values:
            if isinstance(value, ast.Name) and value.id == name:
                yield value.lineno, value.col_offset


def _items_taken(function: ast.AST, name: str) -> Iterator[ast.expr]:
    """Each `NAME[key]` and `NAME.get(key)` on one line that a function binds or returns."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign | ast.AnnAssign | ast.Return):
            continue
        match node.value:
            case ast.Subscript(value=ast.Name(id=owner)) as value:
                is_of_it = owner == name
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr="get")) as value:
                is_of_it = owner == name
            case _:
                continue
        if is_of_it and value.lineno == value.end_lineno:
            yield value


def _with_copy(source: str, name: str, place: tuple[int, int]) -> str:
    line, column = place
    return _wrapped(source, line, column, column + len(name.encode("utf-8")), "copy.deepcopy")


def _wrapped(source: str, line: int, start: int, end: int, function: str) -> str:
    """The source with a call of a function of `copy` around a part of a line; columns count bytes."""
    lines = source.splitlines(keepends=True)
    data = lines[line - 1].encode("utf-8")
    changed = b"%s%s(%s)%s" % (data[:start], function.encode(), data[start:end], data[end:])
    text = "".join([*lines[: line - 1], changed.decode("utf-8"), *lines[line:]])
    return with_import(cst.parse_module(text), "copy").code
