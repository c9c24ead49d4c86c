"""Make a function put back the state that it changes, however its work ends: in a `finally`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from triage.probe.sources import function_at, spans, tree_of

_STEP = "    "
"""One level of indentation, where the source does not show another."""
_UNDOING = frozenset(
    {"clear", "close", "discard", "pop", "popitem", "remove", "reset", "restore", "setdefault", "update"}
)
"""Methods that take back what another method of the same object, or an item assignment, has changed."""


def restoring_always(source: str, line: int) -> str | None:
    """The source with the restore of the function at this line in a `finally`.

    The restore is what follows a `yield`, else a later statement that sets, calls or takes back what the line
    has changed. None where there is no such function, or nothing to move.
    """
    function = function_at(source, line)
    if function is None:
        return None
    for number, part in enumerate(function.body):
        if _yields(part) and function.body[number + 1 :]:
            return _with_finally(source, [part], function.body[number + 1 :])
    found = _restored_later(function.body, line)
    return None if found is None else _with_finally(source, *found)


def restoring_what_it_sets(source: str, line: int) -> str | None:
    """The source whose function at this line puts back what the line sets, however the work behind it ends.

    For the working directory, a variable of the environment, a global name or an attribute of a module. None
    where the function does nothing behind that line: then it is there to set it.
    """
    function = function_at(source, line)
    if function is None:
        return None
    place = next((at for at, part in enumerate(function.body) if spans(part, line)), None)
    work = function.body[place + 1 :] if place is not None else []
    if place is None or not work:
        return None
    state = _state_set_by(function.body[place], function, _imported(source))
    if state is None:
        return None
    lines = source.splitlines(keepends=True)
    start, middle = function.body[place].lineno - 1, work[0].lineno - 1
    end = work[-1].end_lineno or work[-1].lineno
    indent, step = _indent_of(lines[start]), _step(source)
    name = "before" if "before" not in ast.unparse(function) else "state_before"
    restore = [f"{indent}{step}{text.format(name=name, step=step)}\n" for text in state.restore]
    if not lines[end - 1].endswith("\n"):
        lines[end - 1] += "\n"
    return "".join(
        [
            *lines[:start],
            f"{indent}{name} = {state.value}\n",
            *lines[start:middle],
            f"{indent}try:\n",
            *_indented(lines, range(middle, end), step, _inside_text(source)),
            f"{indent}finally:\n",
            *restore,
            *lines[end:],
        ]
    )


@dataclass(frozen=True)
class _State:
    """How a function keeps what it is about to change, and the lines that put it back."""

    value: str
    restore: tuple[str, ...]
    """`{name}` is the name that keeps the value, `{step}` one level of indentation."""


def _state_set_by(part: ast.stmt, function: ast.AST, modules: frozenset[str]) -> _State | None:
    match part:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="os"), attr="chdir"))):
            return _State("os.getcwd()", ("os.chdir({name})",))
        case ast.Assign(targets=[ast.Subscript(value=ast.Attribute(attr="environ") as owner, slice=key)]):
            environ, variable = ast.unparse(owner), ast.unparse(key)
            restore = (
                "if {name} is None:",
                f"{{step}}{environ}.pop({variable}, None)",
                "else:",
                f"{{step}}{environ}[{variable}] = {{name}}",
            )
            return _State(f"{environ}.get({variable})", restore)
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=owner)) as target]) if owner in modules:
            return _State(ast.unparse(target), (f"{ast.unparse(target)} = {{name}}",))
        case ast.Assign(targets=[ast.Name(id=target_name)]) if target_name in _globals_of(function):
            return _State(target_name, (f"{target_name} = {{name}}",))
    return None


def _imported(source: str) -> frozenset[str]:
    """Names that the source's imports bind."""
    found: set[str] = set()
    for node in ast.walk(tree_of(source) or ast.Module([], [])):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    return frozenset(found)


def _globals_of(function: ast.AST) -> frozenset[str]:
    declared = [node.names for node in ast.walk(function) if isinstance(node, ast.Global)]
    return frozenset(name for names in declared for name in names)


def _yields(part: ast.stmt) -> bool:
    value = part.value if isinstance(part, ast.Expr | ast.Assign) else None
    return isinstance(value, ast.Yield)


def _restored_later(block: Sequence[ast.stmt], line: int) -> tuple[list[ast.stmt], list[ast.stmt]] | None:
    """What stands between the change at this line and its restore, and the restore; None for none."""
    place = _place_of(line, block)
    if place is None:
        return None
    for inner in _blocks(block[place]):
        found = _restored_later(inner, line)
        if found is not None:
            return found
    change = _simple_statement(block[place], line)
    if change is None:
        return None
    between: list[ast.stmt] = []
    for later in block[place + 1 :]:
        if _undoes(later, change):
            # where nothing stands between them, nothing can keep the restore from running
            return (between, [later]) if between else None
        between.append(later)
    return None


def _place_of(line: int, block: Sequence[ast.stmt]) -> int | None:
    """Index of the statement that holds the line."""
    for place, part in enumerate(block):
        if spans(part, line):
            return place
    return None


def _blocks(part: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The blocks of a compound statement; nothing of a `try` that has a `finally`, or of a definition."""
    if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    for name in ("body", "orelse"):
        block = getattr(part, name, None)
        if isinstance(block, list) and block:
            yield block


def _simple_statement(part: ast.stmt, line: int) -> ast.stmt | None:
    """The statement at this line that holds no others."""
    for node in ast.walk(part):
        holds_others = hasattr(node, "body")
        if isinstance(node, ast.stmt) and spans(node, line) and not holds_others:
            return node
    return None


def _undoes(later: ast.stmt, change: ast.stmt) -> bool:
    """Whether a later statement, or a branch of it, sets or calls what the change did."""
    changed = _changed(change)
    if not changed:
        return False
    parts = [later]
    if isinstance(later, ast.If):
        parts = [node for node in ast.walk(later) if isinstance(node, ast.stmt)]
    return any(changed & _changed(part) or _takes_back(part, changed) for part in parts)


def _changed(part: ast.stmt) -> set[str]:
    """What a statement binds or calls, as source text: `LEVEL`, `os.environ['A']`, `os.chdir()`."""
    match part:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            return {ast.unparse(target) for target in targets}
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            return {ast.unparse(target)}
        case ast.Expr(value=ast.Call(func=function)):
            return {f"{ast.unparse(function)}()"}
    return set()


def _takes_back(part: ast.stmt, changed: set[str]) -> bool:
    """Whether it calls an undoing method of an object whose method or item was the change."""
    match part:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=method))) if method in _UNDOING:
            name = ast.unparse(owner)
            return any(each.startswith((f"{name}[", f"{name}.")) for each in changed)
    return False


def _with_finally(source: str, work: Sequence[ast.stmt], restore: Sequence[ast.stmt]) -> str:
    """The source with `work` in a `try` and `restore`, which follows it, in its `finally`."""
    lines = source.splitlines(keepends=True)
    # indexes of lines: `work` is start to middle, `restore` is middle to end
    start = work[0].lineno - 1
    middle = work[-1].end_lineno or work[-1].lineno
    end = restore[-1].end_lineno or restore[-1].lineno
    indent = _indent_of(lines[start])
    step = _step(source)
    inside_text = _inside_text(source)
    edited = lines[:start]
    edited.append(f"{indent}try:\n")
    edited += _indented(lines, range(start, middle), step, inside_text)
    while not lines[middle].strip():  # no block begins with an empty line
        middle += 1
    edited.append(f"{indent}finally:\n")
    edited += _indented(lines, range(middle, end), step, inside_text)
    edited += lines[end:]
    return "".join(edited)


def _indented(lines: Sequence[str], part: range, step: str, inside_text: set[int]) -> list[str]:
    """These lines, one step further in; empty ones, and those within a string, as they are."""
    indented = []
    for number in part:
        line = lines[number]
        stays = not line.strip() or number in inside_text
        indented.append(line if stays else step + line)
    return indented


def _inside_text(source: str) -> set[int]:
    """Numbers, from 0, of lines that begin within a string: to indent them changes what it says."""
    found: set[int] = set()
    for node in ast.walk(tree_of(source) or ast.Module([], [])):
        match node:
            case ast.Constant(value=str()) | ast.JoinedStr():
                found.update(range(node.lineno, node.end_lineno or node.lineno))
    return found


def _step(source: str) -> str:
    """One level of indentation: that of the first line that is indented."""
    tree = tree_of(source) or ast.Module([], [])
    lines = source.splitlines()
    for node in tree.body:
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and body[0].lineno > node.lineno:
            return _indent_of(lines[body[0].lineno - 1]) or _STEP
    return _STEP


def _indent_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
