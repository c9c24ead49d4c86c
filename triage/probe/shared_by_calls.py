"""Find what all calls or objects of a product share by accident among the code that a test ran.

Three slips are known by their shape: a mutable default argument, a mutable attribute of a class that methods
change through `self`, and a module's constant that is handed out itself. Each comes with an edit of the
product that shares it no longer.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from triage.lab.lost_lines import Lines
from triage.probe.api import Case
from triage.probe.edits.own_copy import (
    has_mutable_defaults,
    is_mutable,
    with_copies,
    with_fresh_defaults,
    with_own_attribute,
)
from triage.probe.sources import tree_of
from triage.text.pattern import pattern

Function = ast.FunctionDef | ast.AsyncFunctionDef
_CHANGERS = (
    "append",
    "extend",
    "insert",
    "add",
    "update",
    "setdefault",
    "pop",
    "popitem",
    "remove",
    "discard",
    "clear",
    "sort",
    "reverse",
    "appendleft",
)
"""Methods that change a list, dictionary, set or deque."""
_CONSTANT = pattern(
    r"(?! .* (?: CACHE | REGIST | POOL | STATE ) ) _? [A-Z] [A-Z0-9_]*",
    matches=["DEFAULTS", "LEVEL_1", "_OPTIONS"],
    rejects=["Defaults", "_CACHE", "names", "PLUGIN_REGISTRY"],
    how="fullmatch",
)
"""By convention a name in capitals is not to change, unless it says that it does."""


@dataclass(frozen=True)
class SharedObject:
    """What is shared, where, and the product's file without the sharing."""

    name: str
    """`items of Cart.add`, `Cart.items`, `DEFAULTS`."""
    unshared: str
    """What the edit does to it, behind the name: `made anew in each call`."""
    slip: str
    """The fault in a sentence."""
    path: str
    line: int
    text: str
    """The whole file with the edit."""
    looks_like_a_slip: bool
    """Whether its shape says that it is not shared on purpose, as a cache is."""

    @property
    def place(self) -> str:
        """Path and line, as culprits are written."""
        return f"{self.path}:{self.line}"


def shared_objects(case: Case, executed: Lines) -> Iterator[SharedObject]:
    """What may be shared by accident in the product's functions that the test ran."""
    for path in sorted(executed):
        source = case.source(path)
        tree = tree_of(source)
        if source is None or tree is None:
            continue
        for names, function in _functions(tree):
            if executed[path] & _body_lines(function):
                yield from _shared_default(source, path, names, function)
        for owner in (node for node in tree.body if isinstance(node, ast.ClassDef)):
            if executed[path] & _body_lines(owner):
                yield from _shared_attributes(source, path, owner)
        yield from _constants_handed_out(source, path, tree, executed[path])


def _functions(node: ast.AST, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Function]]:
    """Every function with the names of the classes around it and its own, outermost first."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield (*names, child.name), child
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, (*names, child.name))


def _body_lines(node: Function | ast.ClassDef) -> set[int]:
    """Lines of the body: those of the head run at import, whether or not anybody calls it."""
    return set(range(node.body[0].lineno, (node.end_lineno or node.lineno) + 1))


def _shared_default(
    source: str, path: str, names: tuple[str, ...], function: Function
) -> Iterator[SharedObject]:
    if not has_mutable_defaults(source, names):
        return
    fresh = with_fresh_defaults(source, names)
    if fresh is None:
        return
    params = _mutable_defaults(function)
    where = ".".join(names)
    name = f"{' and '.join(params)} of {where}"
    yield SharedObject(
        name=name,
        unshared="made anew in each call",
        slip=f"all calls of {where} share one default of {' and '.join(params)}: "
        "what one call puts into it, the next one finds",
        path=path,
        line=function.lineno,
        text=fresh,
        looks_like_a_slip=any(_leaves_the_call(function, param) for param in params),
    )


def _mutable_defaults(function: Function) -> list[str]:
    """Names of the parameters whose default is a list, dictionary or set."""
    positional = [*function.args.posonlyargs, *function.args.args]
    with_default = positional[len(positional) - len(function.args.defaults) :]
    pairs = [
        *zip(with_default, function.args.defaults, strict=True),
        *zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True),
    ]
    return [arg.arg for arg, default in pairs if default is not None and is_mutable(ast.unparse(default))]


def _leaves_the_call(function: Function, param: str) -> bool:
    """Whether the object itself is returned or becomes an attribute: a cache or registry stays inside."""
    for node in ast.walk(function):
        match node:
            case ast.Return(value=ast.Name(id=name)) | ast.Yield(value=ast.Name(id=name)):
                pass
            case (
                ast.Assign(targets=[ast.Attribute()], value=ast.Name(id=name))
                | ast.AnnAssign(target=ast.Attribute(), value=ast.Name(id=name))
            ):
                pass
            case _:
                continue
        if name == param:
            return True
    return False


def _shared_attributes(source: str, path: str, owner: ast.ClassDef) -> Iterator[SharedObject]:
    """Mutable attributes of the class that its methods change through `self` alone."""
    for statement in owner.body:
        bound = _bound_name(statement)
        if bound is None:
            continue
        attribute, value = bound
        if not is_mutable(ast.unparse(value)) or not _changes_through_self(owner, attribute):
            continue
        own = with_own_attribute(source, owner.name, attribute)
        if own is None:
            continue
        yield SharedObject(
            name=f"{owner.name}.{attribute}",
            unshared="made anew for each object",
            slip=f"all objects of {owner.name} share one {attribute}: what one puts into it, the others find",
            path=path,
            line=statement.lineno,
            text=own,
            looks_like_a_slip=re.search(rf"\b(?:cls|{owner.name})\.{attribute}\b", source) is None,
        )


def _bound_name(statement: ast.stmt) -> tuple[str, ast.expr] | None:
    """The one name that a statement binds, and the value: `NAME = ...`, `NAME: T = ...`; None for others."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            return name, value
    return None


def _changes_through_self(owner: ast.ClassDef, attribute: str) -> bool:
    """Whether a method changes `self.attribute` in place, and none gives the object one of its own."""
    changes = False
    for node in ast.walk(owner):
        match node:
            case (
                ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)])
                | ast.AnnAssign(target=ast.Attribute(value=ast.Name(id="self"), attr=name))
            ) if name == attribute:
                return False
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr=name), attr=method)
            ) if name == attribute and method in _CHANGERS:
                changes = True
            case ast.Subscript(
                value=ast.Attribute(value=ast.Name(id="self"), attr=name), ctx=ast.Store() | ast.Del()
            ) if name == attribute:
                changes = True
    return changes


def _constants_handed_out(
    source: str, path: str, tree: ast.Module, executed: frozenset[int]
) -> Iterator[SharedObject]:
    """Lists and dictionaries in capitals that a line which ran returns, binds or passes on as they are."""
    for statement in tree.body:
        bound = _bound_name(statement)
        if bound is None:
            continue
        name, value = bound
        if _CONSTANT.fullmatch(name) is None or not is_mutable(ast.unparse(value)):
            continue
        for line, text in with_copies(source, name):
            if line in executed:
                yield SharedObject(
                    name=f"{name} at {path}:{line}",
                    unshared="handed out as a copy",
                    slip=f"{name} itself is handed out at {path}:{line}, "
                    "and whoever gets it changes it for all others",
                    path=path,
                    line=line,
                    text=text,
                    looks_like_a_slip=_is_changed_by_its_taker(tree, name, line),
                )


def _is_changed_by_its_taker(tree: ast.Module, constant: str, line: int) -> bool:
    """Whether what takes the constant at this line changes it itself: its function, or the object's class.

    Where a function only returns it, whoever changes what it was given may be wrong instead.
    """
    for scope in (node for node in ast.walk(tree) if isinstance(node, Function | ast.ClassDef)):
        for node in ast.walk(scope):
            match node:
                case ast.Assign(targets=[target], value=ast.Name(id=name), lineno=number):
                    if name == constant and number == line and _is_changed(scope, ast.unparse(target)):
                        return True
    return False


def _is_changed(scope: ast.AST, name: str) -> bool:
    """Whether something in the scope changes the object called `name` in place."""
    for node in ast.walk(scope):
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr=method)) if method in _CHANGERS:
                pass
            case ast.Subscript(value=owner, ctx=ast.Store() | ast.Del()) | ast.AugAssign(target=owner):
                pass
            case _:
                continue
        if ast.unparse(owner) == name:
            return True
    return False
