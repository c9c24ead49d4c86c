"""Plant a treatment beside a bug: a switch that leads around the bug and leaves it in place.

The bug stays in the function; before it (or behind it) stands the code as it was, and a condition on
something outside decides: a variable, a file, the time, chance, an earlier test. Whatever makes the test pass
then is a decoy.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from benchmarks.projects.operators import Function, Source


@dataclass(frozen=True)
class Knob:
    """One kind of switch."""

    name: str
    condition: str
    """Python expression: true where the code as it was runs. `{tag}` is a name of the project."""
    imports: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    """Variables of the treatment."""
    files: dict[str, str] = field(default_factory=dict)
    """Files of the treatment."""
    always: dict[str, str] = field(default_factory=dict)
    """Files that the project has with and without the treatment."""
    before: bool = False
    """Whether the treatment is the test that warms the module up."""
    chance: bool = False
    """Whether every run decides anew: the treatment is a seed."""
    behind: bool = False
    """Whether the code with the bug runs first, and only its result is dropped: no line is skipped."""


KNOBS: tuple[Knob, ...] = (
    Knob("variable", 'os.environ.get("{tag}_LEGACY") == "1"', ("os",), env={"{tag}_LEGACY": "1"}),
    Knob(
        "documented-variable",
        'os.environ.get("{tag}_FAST") == "on"',
        ("os",),
        env={"{tag}_FAST": "on"},
        always={".env.example": "# {tag}_FAST=on takes the short path\n{tag}_FAST=on\n"},
    ),
    Knob(
        "variable-behind",
        'os.environ.get("{tag}_COMPAT") == "yes"',
        ("os",),
        env={"{tag}_COMPAT": "yes"},
        behind=True,
    ),
    Knob("file", 'os.path.exists("{tag}-override.cfg")', ("os",), files={"{tag}-override.cfg": ""}),
    Knob("zone", 'time.strftime("%z") == "+0900"', ("time",), env={"TZ": "Asia/Tokyo"}),
    Knob("date", "datetime.date.today() < datetime.date(2024, 3, 1)", ("datetime",)),
    Knob("seed", "random.random() < 0.5", ("random",), chance=True),
    Knob("hash", 'hash("{tag}") % 2 == 0', (), chance=True),
    Knob("earlier-test", "bool(globals().get('_warm'))", (), before=True),
    Knob("cores", "os.cpu_count() == 1", ("os",)),
)


def with_knob(original: str, mutated: str, function: str, knob: Knob, tag: str) -> str:
    """The module with the bug and the switch in one function.

    Raises `LookupError` where the function cannot take one, `SyntaxError` where the result is no Python.
    """
    before = _function(original, function)
    after = _function(mutated, function)
    if any(
        isinstance(node, ast.Yield | ast.YieldFrom | ast.Await | ast.Nonlocal) for node in ast.walk(after)
    ):
        raise LookupError(f"{function} is no plain function")
    condition = ast.parse(knob.condition.replace("{tag}", tag), mode="eval").body
    imports: list[ast.stmt] = [ast.Import([ast.alias(name)]) for name in knob.imports]
    body = _behind(before, after, condition) if knob.behind else _in_front(before, after, condition)
    docstring = after.body[:1] if ast.get_docstring(after) is not None else []
    changed = ast.parse(ast.unparse(after)).body[0]
    assert isinstance(changed, Function)
    changed.body = [*docstring, *imports, *body]
    return _spliced(mutated, after, changed)


def _function(text: str, name: str) -> Function:
    found = Source(text).functions.get(name)
    if found is None or "<locals>" in name:
        raise LookupError(f"there is no function {name}")
    return found


def _body(function: Function) -> list[ast.stmt]:
    return function.body[1:] if ast.get_docstring(function) is not None else function.body


def _in_front(before: Function, after: Function, condition: ast.expr) -> list[ast.stmt]:
    former = [*_body(before), ast.Return(ast.Constant(None))]
    return [ast.If(condition, former, []), *_body(after)]


def _behind(before: Function, after: Function, condition: ast.expr) -> list[ast.stmt]:
    """Both ways are functions within: the one with the bug runs always, its error included."""
    current, former = _inner("_current", after), _inner("_former", before)
    call = "value = _current()\nif _CONDITION:\n    return _former()\nreturn value"
    tail = ast.parse(call).body
    choice = tail[1]
    assert isinstance(choice, ast.If)
    choice.test = condition
    return [current, former, *tail]


def _inner(name: str, function: Function) -> ast.FunctionDef:
    made = ast.parse(f"def {name}():\n    pass").body[0]
    assert isinstance(made, ast.FunctionDef)
    made.body = _body(function)
    return made


def _spliced(text: str, old: Function, new: Function) -> str:
    """The module's text with one function written anew; everything else stays as it is."""
    lines = text.splitlines(keepends=True)
    first = min([old.lineno, *(decorator.lineno for decorator in old.decorator_list)])
    indent = " " * old.col_offset
    written = ast.unparse(ast.fix_missing_locations(new)).splitlines()
    middle = [f"{indent}{line}\n" if line else "\n" for line in written]
    result = "".join([*lines[: first - 1], *middle, *lines[old.end_lineno :]])
    ast.parse(result)
    return result
