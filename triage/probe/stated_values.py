"""Find what says, independently of the failure, that the old value of an input is wrong.

That a test passes with another value shows only that it depends on it. A reason beside the experiment is a
file that prescribes the new value, an earlier run that had it and passed, or another caller that gives it.
That the code itself asks for a value is none: it may ask for the wrong one. Each reason is a clause with its
place; an empty text means that nothing was found.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from triage.model.experiment import Factor
from triage.model.failure import is_test
from triage.probe.api import Case
from triage.probe.default_values import paths_and_values
from triage.probe.related_files import related
from triage.probe.runs_of_tests import holds_for_tests
from triage.probe.sources import tree_of
from triage.probe.variable_values import settings_files
from triage.text.pattern import pattern

_PRESCRIBES = pattern(
    r"""
    \b (?: must | need (?:s|ed)? | requir (?:e|es|ed) | should | expect (?:s|ed)? | export | mandatory
         | set \b (?! [ ] to [ ] disable ) | has [ ] to [ ] be ) \b
    """,
    matches=["APP_MODE must be strict", "Set APP_MODE=ci before running", "export APP_MODE=ci"],
    rejects=["APP_MODE is read at start", "a value of 0 turns batching off"],
    flags=re.IGNORECASE,
)
"""Words of a sentence that says what a value has to be, and does not merely mention it."""
_ELSEWHERE = pattern(
    r"""
    \b (?: if | when | where | unless | only | benchmark s? | on [ ] (?: windows | mac (?:os)? | linux ) ) \b
    """,
    matches=["On Windows, set APP_ASCII=1", "If the disk is slow, set APP_BATCH=0", "Benchmarks need MODE=x"],
    rejects=["APP_MODE must be strict", "Set APP_MODE=ci before running"],
    flags=re.IGNORECASE,
)
"""Words of a sentence that is about some runs, and not about every one."""
_TESTS = re.compile(r"\b(?:tests?|pytest|suite|CI)\b", re.IGNORECASE)
_SWITCHED_OFF = frozenset({"0", "false", "off", "no", "none", "disabled", "never", ""})
_PROSE = (".md", ".rst", ".txt")
_MOST_FILES = 400
_MOST_CHARACTERS = 200_000
_WIDE = re.compile(r"float64|double[ -]precision|torch\.double", re.IGNORECASE)


def reason_against(case: Case, factor: Factor) -> str:
    """Why the old value of an input is wrong, beside the experiment; empty where nothing says so."""
    match factor.kind:
        case "env":
            return _of_each(factor, lambda name, old, new: _of_variable(case, name, old, new))
        case "config":
            return _of_defaults(case, factor)
        case "dtype":
            return _of_precision(case)
    return ""


def _of_each(factor: Factor, reason: Any) -> str:
    """The reasons for every variable of a joint factor; empty where one of them has none."""
    names = factor.name.split(" + ")
    old = factor.from_ if isinstance(factor.from_, list) else [factor.from_] * len(names)
    new = factor.to if isinstance(factor.to, list) else [factor.to] * len(names)
    found = [reason(*each) for each in zip(names, old, new, strict=True)]
    return " and ".join(found) if all(found) else ""


def _of_variable(case: Case, name: str, old: str | None, new: str | None) -> str:
    good: Mapping[str, str] | None = case.facts.get("environment_when_passing")
    if good is not None and good.get(name) == new and new != old:
        shown = "unset" if new is None else f"{name}={new}"
        return f"the last run in which it passed had {shown}"
    if new is None:
        return ""
    copes_without = old is None and _has_default(case, name)
    for place, line in _lines_with(case, name):
        if not _assigns(line, name, new) or not _prescribes(place, line, new):
            continue
        if not holds_for_tests(place.path, case.source(place.path) or "", place.line, name):
            continue
        if copes_without and _PRESCRIBES.search(line) is None:
            continue  # a run that sets it may work around a fault of the default
        return f"{place} says {name}={new}"
    return ""


def _has_default(case: Case, name: str) -> bool:
    """Whether the product reads the variable with a value of its own for where it is not set."""
    for path in related(case):
        if is_test(path):
            continue
        for node in ast.walk(tree_of(case.source(path)) or ast.Module(body=[], type_ignores=[])):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="get" | "getenv") | ast.Name(id="getenv"),
                    args=[ast.Constant(value=read), ast.Constant(value=default)],
                ) if read == name and default not in (None, ""):
                    return True
    return False


def _prescribes(place: _Place, line: str, value: str) -> bool:
    """Whether a line that gives the value says that it has to be so.

    Settings of runs do. An example of settings may list a switch that is off by default, and prose mentions
    many values: there the line has to say so in words, or the value must be more than a switch turned off.
    """
    if place.path.endswith(_PROSE):
        is_for_others = _ELSEWHERE.search(line) is not None and _TESTS.search(line) is None
        return _PRESCRIBES.search(line) is not None and not is_for_others
    is_example = ".env" in place.path
    return not is_example or value.lower() not in _SWITCHED_OFF or _PRESCRIBES.search(line) is not None


class _Place(str):
    """`path:line`, with the path apart."""

    path: str
    line: int

    def __new__(cls, path: str, line: int) -> _Place:
        """Join the two."""
        made = super().__new__(cls, f"{path}:{line}")
        made.path = path
        made.line = line
        return made


def _lines_with(case: Case, name: str) -> Iterator[tuple[_Place, str]]:
    """Lines of settings, documents and docstrings that name a variable."""
    named = re.compile(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])")
    for path in settings_files(case, name):
        text = case.source(path) or ""
        if len(text) > _MOST_CHARACTERS or path.endswith(".py"):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if named.search(line):
                yield _Place(path, number), line
    for path in sorted(related(case)):
        for number, line in _docstring_lines(case.source(path)):
            if named.search(line) and _PRESCRIBES.search(line):
                yield _Place(path, number), line


def _docstring_lines(text: str | None) -> Iterator[tuple[int, str]]:
    """Numbered lines of all docstrings of a source."""
    for node in ast.walk(tree_of(text) or ast.Module(body=[], type_ignores=[])):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            for offset, line in enumerate(str(first.value.value).splitlines()):
                yield first.lineno + offset, line


def _assigns(line: str, name: str, value: str | None) -> bool:
    """Whether a line gives the variable this value (None: any), as `NAME=x`, `NAME: x` or `NAME = "x"`."""
    found = re.search(rf"""{re.escape(name)}["']?\s*(?::=|[:=])\s*["']?([^\s"'`,;)}}\]]*)""", line)
    if found is None or found[1].startswith("="):
        return False
    # a sentence may end behind the value
    return value is None or value in (found[1], found[1].rstrip("."))


def _of_defaults(case: Case, factor: Factor) -> str:
    """Another caller that gives each of the defaults a value of its own."""
    found = [_other_caller(case, path, default) for path, default in _fields(factor)]
    return " and ".join(found) if found and all(found) else ""


def _fields(factor: Factor) -> Iterator[tuple[str, Any]]:
    old = factor.from_ if isinstance(factor.from_, list) else [factor.from_]
    for number, (path, _) in enumerate(paths_and_values(factor)):
        yield path, old[number] if number < len(old) else None


def _other_caller(case: Case, path: str, default: Any) -> str:
    """A place in tests, examples or documents that gives the keyword another value than the default."""
    keyword = path.rpartition(".")[2]
    given = re.compile(rf"[(,]\s*{re.escape(keyword)}\s*=\s*([-+\w.]+)")
    asking = {frame.lineno for raised in case.failure.chain for frame in raised.frames}
    for name in case.files[:_MOST_FILES]:
        if not (
            name.endswith((*_PROSE, ".py")) and (is_test(name) or name.endswith(_PROSE) or "example" in name)
        ):
            continue
        for number, line in enumerate((case.source(name) or "").splitlines(), 1):
            match = given.search(line)
            if match and match[1] != str(default) and number not in asking:
                return f"{name}:{number} gives {keyword}={match[1]}"
    return ""


def _of_precision(case: Case) -> str:
    """A document or a docstring that asks for double precision."""
    for name in case.files[:_MOST_FILES]:
        if not name.endswith(_PROSE):
            continue
        for number, line in enumerate((case.source(name) or "").splitlines(), 1):
            if _WIDE.search(line) and _PRESCRIBES.search(line):
                return f"{name}:{number} asks for double precision"
    return ""
