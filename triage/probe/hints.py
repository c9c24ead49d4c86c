"""Values that a variable may be meant to have: written down, compared with, expected."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Sequence

from triage.probe.api import Case
from triage.probe.literals import near_variable
from triage.probe.parsing import spans, tree_of
from triage.probe.related import related
from triage.probe.treatment import own_frames
from triage.wire.redact import is_secret_name

_TOLD = re.compile(
    r"(^|/)(\.env[^/]*|[^/]*\.env|[^/]*\.ya?ml|tox\.ini|setup\.cfg|pytest\.ini|pyproject\.toml|Makefile|"
    r"[^/]*\.mk|justfile|Dockerfile[^/]*|noxfile\.py|tasks\.py|[^/]*\.(?:md|rst|sh|envrc)|\.envrc|conftest\.py|"
    r"README[^/]*|CONTRIBUTING[^/]*)$"
)
_MOST_FILES = 300
_MOST_LENGTH = 200
_MOST_VARIABLES = 12


_NAMED = re.compile(r"(?:environ\.get\(|getenv\(|environ\[)\s*[\"']([A-Za-z_][A-Za-z0-9_]*)[\"']")


def variables_in(case: Case) -> list[tuple[str, str]]:
    """Variables that the source of what the test runs names, with the place: not all have to be read."""
    found: dict[str, str] = {}
    for path in sorted(related(case)):
        for number, line in enumerate((case.source(path) or "").splitlines(), 1):
            for match in _NAMED.finditer(line):
                found.setdefault(match[1], f"{path}:{number}")
    return list(found.items())[:_MOST_VARIABLES]


def values_for(case: Case, name: str, where: Sequence[str]) -> list[str]:
    """Likeliest first: compared with it, written down for it, expected by the test, near its use."""
    found = [
        *_compared(case, name, where),
        *written_down(case, name),
        *expected(case),
        *near_variable(case.source, where, name),
    ]
    return [value for value in dict.fromkeys(found) if "\0" not in value]


def _compared(case: Case, name: str, where: Sequence[str]) -> Iterator[str]:
    """Constants that the variable's value is compared with, directly or by a name that it was given to."""
    for path in dict.fromkeys(place.rpartition(":")[0] for place in where):
        tree = tree_of(case.source(path))
        names = _holders(tree, name) if tree is not None else set()
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.Compare) and _about(node, name, names):
                yield from (text for text in _constants(node) if text != name and not _is_default(node, text))
                yield from (text for text in _constants(node) if text != name)


def _holders(tree: ast.Module, name: str) -> set[str]:
    """Names that are assigned from an expression in which the variable is named."""
    return {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and name in _constants(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _about(node: ast.Compare, name: str, names: set[str]) -> bool:
    used = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    return name in _constants(node) or bool(names & used)


def _is_default(node: ast.Compare, text: str) -> bool:
    """Whether the constant stands inside a call: `get(NAME, default)`, beside which the other is compared."""
    calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    return any(text in _constants(argument) for call in calls for argument in call.args)


def written_down(case: Case, name: str) -> Iterator[str]:
    """`NAME=value`, `NAME: value`, `setenv("NAME", "value")` and the like in settings, scripts and prose."""
    pattern = re.compile(
        rf"(?<![A-Za-z0-9_]){re.escape(name)}[\"']?\]?[ \t]*(?::=|[:=,]|[ \t])[ \t]*"
        r"(?:\"([^\"\n]*)\"|'([^'\n]*)'|([^\s\"'`,;)}\]]+))"
    )
    secret = is_secret_name(name)
    likely = [path for path in case.files if _TOLD.search(path) and not (secret and _is_private(path))]
    others = [path for path in case.files if path.endswith(".py") and path not in likely]
    for path in [*sorted(likely, key=_depth), *others][:_MOST_FILES]:
        text = case.source(path) or ""
        for match in pattern.finditer(text) if name in text else ():
            value = next((group for group in match.groups() if group is not None), "")
            if len(value) <= _MOST_LENGTH and value not in ("=", "==", "!=") and "${" not in value:
                yield value


def _is_private(path: str) -> bool:
    """Settings of one machine: a real secret may stand there, and evidence is shown around."""
    name = posixpath.basename(path)
    return ".env" in name and not re.search(r"example|sample|template|dist|test|ci", name)


def _depth(path: str) -> tuple[bool, int]:
    return not posixpath.basename(path).startswith(".env"), path.count("/")


def expected(case: Case) -> Iterator[str]:
    """Constants of the assertion that failed, and of the test's other assertions."""
    path = case.nodeid.partition("::")[0]
    tree = tree_of(case.source(path))
    if tree is None:
        return
    lines = {line for file, line in own_frames(case) if file == path}
    asserts = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    here = [node for node in asserts if any(spans(node, line) for line in lines)]
    for node in here:
        yield from (text for text in _constants(node.test) if len(text) <= _MOST_LENGTH)


def _constants(node: ast.AST) -> list[str]:
    return [
        str(inner.value)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Constant)
        and isinstance(inner.value, str | int | float)
        and not isinstance(inner.value, bool)
    ]
