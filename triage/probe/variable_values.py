"""Find values that an environment variable may be meant to have, in sources, settings and documents."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Sequence

from triage.model.nodeid import file_of
from triage.probe.api import Case
from triage.probe.related_files import related
from triage.probe.sources import spans, tree_of
from triage.probe.symptoms import own_frames
from triage.text.pattern import pattern
from triage.text.redact import is_secret_name

_SETTINGS_FILE = pattern(
    r"""
    (?: ^ | / )
    (?: \.env[^/]* | [^/]*\.env | \.envrc                   # dotenv files
      | tox\.ini | setup\.cfg | pytest\.ini | pyproject\.toml | noxfile\.py | tasks\.py | conftest\.py
      | Makefile | [^/]*\.mk | justfile | Dockerfile[^/]* | [^/]*\.ya?ml
      | [^/]*\.(?: md | rst | sh | envrc ) | README[^/]* | CONTRIBUTING[^/]* ) $
    """,
    matches=[".env.example", "ci/test.yml", "docs/setup.md", "Dockerfile.dev", "README"],
    rejects=["src/app.py", "data.json", "environment.txt"],
)
"""Files in which projects write down what variables are set to."""
_VARIABLE_READ = pattern(
    r"""
    (?: environ\.get\( | getenv\( | environ\[ ) \s*
    ["'] ( [A-Za-z_][A-Za-z0-9_]* ) ["']
    """,
    matches=["os.environ.get('MODE')", 'os.getenv("MODE", "x")', "os.environ['MODE']"],
    rejects=["os.environ.get(name)", "environ"],
)
_USUAL = ("1", "true", "test", "0", "")
"""Values that switches have, where nothing names another one."""
_MOST_FILES = 300
_MOST_LENGTH = 200
"""Longer texts are no values of variables."""
_MOST_NEARBY_LENGTH = 40
_BEFORE_USUAL, _AFTER_USUAL = 4, 12
"""Constants beside a variable's use: the first four are tried before the usual values."""
_MOST_VARIABLES = 12


def variables_in(case: Case) -> list[tuple[str, str]]:
    """Variables that the source of what the test runs names, with the place: not all have to be read."""
    found: dict[str, str] = {}
    for path in sorted(related(case)):
        for number, line in enumerate((case.source(path) or "").splitlines(), 1):
            for match in _VARIABLE_READ.finditer(line):
                found.setdefault(match[1], f"{path}:{number}")
    return list(found.items())[:_MOST_VARIABLES]


def values_for(case: Case, name: str, where: Sequence[str]) -> list[str]:
    """Likeliest first: compared with it, written down for it, expected by the test, near its use.

    `where` are the places (`path:line`) at which the variable is read.
    """
    found = [
        *_compared(case, name, where),
        *written_down(case, name),
        *expected(case),
        *_nearby(case, name, where),
    ]
    # No variable can hold a zero byte.
    return [value for value in dict.fromkeys(found) if "\0" not in value]


def _compared(case: Case, name: str, where: Sequence[str]) -> Iterator[str]:
    """Constants that the variable's value is compared with, directly or by a name that it was given to."""
    for path in dict.fromkeys(place.rpartition(":")[0] for place in where):
        tree = tree_of(case.source(path))
        if tree is None:
            continue
        holders = _holders(tree, name)
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare) and _is_about(node, name, holders):
                others = [text for text in _constants(node) if text != name]
                yield from (text for text in others if not _is_default(node, text))
                yield from others


def _holders(tree: ast.Module, name: str) -> set[str]:
    """Names that are assigned from an expression in which the variable is named."""
    holders: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and name in _constants(node.value):
            holders.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return holders


def _is_about(node: ast.Compare, name: str, holders: set[str]) -> bool:
    used = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    return name in _constants(node) or bool(holders & used)


def _is_default(node: ast.Compare, text: str) -> bool:
    """Whether the constant stands inside a call: `get(NAME, default)`, beside which the other is compared."""
    calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    return any(text in _constants(argument) for call in calls for argument in call.args)


def written_down(case: Case, name: str) -> Iterator[str]:
    """`NAME=value`, `NAME: value`, `setenv("NAME", "value")` and the like in settings, scripts and prose."""
    assignment = re.compile(
        rf"""
        (?<! [A-Za-z0-9_] ) {re.escape(name)} ["']? \]?
        [ \t]* (?: :=|[:=,] | [ \t] ) [ \t]*
        (?: "([^"\n]*)" | '([^'\n]*)' | ([^\s"'`,;)}}\]]+) )
        """,
        re.VERBOSE,
    )
    sources = [path for path in case.files if path.endswith(".py")]
    for path in list(dict.fromkeys([*settings_files(case, name), *sources]))[:_MOST_FILES]:
        text = case.source(path) or ""
        if name not in text:
            continue
        for match in assignment.finditer(text):
            value = next((group for group in match.groups() if group is not None), "")
            is_comparison = value in ("=", "==", "!=")
            if len(value) <= _MOST_LENGTH and not is_comparison and "${" not in value:
                yield value


def settings_files(case: Case, name: str) -> list[str]:
    """Settings and documents that may write a variable down, dotenv files first."""
    secret = is_secret_name(name)
    found = [
        path for path in case.files if _SETTINGS_FILE.search(path) and not (secret and _is_private(path))
    ]
    return sorted(found, key=_depth)[:_MOST_FILES]


def _is_private(path: str) -> bool:
    """Settings of one machine: a real secret may stand there, and evidence is shown around."""
    name = posixpath.basename(path)
    return ".env" in name and not re.search(r"example|sample|template|dist|test|ci", name)


def _depth(path: str) -> tuple[bool, int]:
    return not posixpath.basename(path).startswith(".env"), path.count("/")


def expected(case: Case) -> Iterator[str]:
    """Constants of the assertion that failed."""
    path = file_of(case.nodeid)
    tree = tree_of(case.source(path))
    if tree is None:
        return
    lines = {line for file, line in own_frames(case) if file == path}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and any(spans(node, line) for line in lines):
            yield from (text for text in _constants(node.test) if len(text) <= _MOST_LENGTH)


def _nearby(case: Case, name: str, where: Sequence[str]) -> list[str]:
    """Constants in comparisons, then in collections and calls, of the files that read it; usual values."""
    compared: list[str] = []
    beside: list[str] = []
    for place in where:
        path, _, line = place.rpartition(":")
        tree = tree_of(case.source(path))
        if tree is None or not line.isdigit():
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare):
                compared += [text for text in _constants(node) if text != name]
            elif isinstance(node, ast.Dict | ast.Set | ast.List | ast.Tuple | ast.Call | ast.Match):
                beside += [text for text in _constants(node) if text != name]
    short = [text for text in (*compared, *beside) if len(text) <= _MOST_NEARBY_LENGTH and "\n" not in text]
    return list(dict.fromkeys([*short[:_BEFORE_USUAL], *_USUAL, *short[_BEFORE_USUAL:_AFTER_USUAL]]))


def _constants(node: ast.AST) -> list[str]:
    """Texts and numbers below a node, as text; True and False are no values of variables."""
    found = []
    for inner in ast.walk(node):
        value = inner.value if isinstance(inner, ast.Constant) else None
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            found.append(str(value))
    return found
