"""`environment`: variables that are set and should not be, or are missing, or have another value."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from triage.lab.protocol import Setup
from triage.model.experiment import Factor
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.factors import kind_of
from triage.probe.minimise import minimise
from triage.probe.related_files import related
from triage.probe.sources import near_variable, spans, tree_of
from triage.probe.treatment import Settling, Treatment, message_of, own_frames, places, said, settle, uses
from triage.text.redact import is_secret_name

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


_PLUMBING = re.compile(
    r"PATH|PWD|OLDPWD|SHLVL|_|TMPDIR|TERM|USER|LOGNAME|SHELL|VIRTUAL_ENV|LD_LIBRARY_PATH|PYTEST_.*|TRIAGE_.*|"
    r"OMP_WAIT_POLICY|HOSTNAME|PYTHONDONTWRITEBYTECODE"
)
_ESSENTIAL = re.compile(
    r"PATH|HOME|TMPDIR|LD_LIBRARY_PATH|VIRTUAL_ENV|PYTHONPATH|TRIAGE_.*|OMP_WAIT_POLICY|SYSTEMROOT"
)
_MOST_VALUES, _MOST_UNREAD = 8, 2
_MOST_CHANGES = 40


class Environment:
    """Set and unset, minimised to the variable that decides."""

    name = "environment"

    def likelihood(self, case: Case) -> float:
        """High where the failure names a variable or the code reads one."""
        text = message_of(case)
        read = uses(case, "variable")
        names = [str(line.get("name")) for line in read if not _PLUMBING.fullmatch(str(line.get("name")))]
        if any(re.search(rf"\b{re.escape(name)}\b", text) for name in names) or "os.environ" in text:
            return 0.85
        if case.flaky:
            return 0.1 if names else 0.0
        return 0.55 if names else 0.25

    def investigate(self, case: Case) -> Steps:
        """What was read first; then everything that is set, at once; then values for what is missing."""
        read = [line for line in uses(case, "variable") if not _PLUMBING.fullmatch(str(line["name"]))]
        read += _named(read, case)
        known_good: Mapping[str, str] = case.facts.get("environment_when_passing", {})
        names = list(dict.fromkeys(str(line["name"]) for line in read))
        treatments: list[Treatment] = []
        for some in (
            [*_differing(case, known_good), *_unsetting(case, read, names)],
            _setting(case, read, names, known_good),
        ):
            treatments += some
            found = yield from settle(self.name, case, some, "one variable changed")
            if found is not None:
                return found
        found = yield from self._all_at_once(case, names)
        if found is not None:
            return found
        return Finding(
            excluded=f"no variable decides ({len(treatments)} changes tried)", facts={"tried": treatments}
        )

    def _all_at_once(self, case: Case, tried: Sequence[str]) -> Settling:
        """Variables that nobody was seen to read: C code and child processes read them too."""
        rest = [name for name in case.env if not _ESSENTIAL.fullmatch(name) and name not in tried]
        if not rest:
            return None
        (bare,) = yield from look(_without(case.base, rest), why="without any variable that is not essential")
        if not bare.passed(case.nodeid):
            return None
        kept = yield from minimise(
            rest,
            lambda part: _without(case.base, part),
            lambda run: run.passed(case.nodeid),
            "fewer variables unset",
        )
        return (yield from settle(self.name, case, [_unset(case, kept, ())], "the smallest set unset"))


def setting(case: Case, name: str, value: str | None, where: Sequence[str] = ()) -> Treatment:
    """One variable with another value, or unset."""
    before = case.env.get(name)
    change = f"{name} unset" if value is None else f"{name}={value}"
    shown = "unset" if before is None else repr(before)
    return Treatment(
        factor=Factor(kind="env", name=name, from_=before, to=value),
        kind=kind_of(name),
        baseline=case.base,
        treated=case.base.plus(env={name: value}),
        prediction=f"With {change} the test passes: its value here ({shown}) makes it fail.",
        summary=f"the test fails where {name} is {shown} and passes with {change}",
        culprits=(name, *where),
    )


def _named(read: Sequence[dict[str, Any]], case: Case) -> list[dict[str, Any]]:
    """Variables that the source names beside those that were read: `a and b` may never come to b."""
    known = {line["name"] for line in read}
    named = [pair for pair in variables_in(case) if pair[0] not in known and not _PLUMBING.fullmatch(pair[0])]
    return [{"name": name, "where": place} for name, place in named] if not case.flaky else []


def _differing(case: Case, good: Mapping[str, str]) -> list[Treatment]:
    names = [n for n in {*good, *case.env} if good.get(n) != case.env.get(n)] if good else []
    return [setting(case, name, good.get(name)) for name in sorted(names) if not _ESSENTIAL.fullmatch(name)]


def _unsetting(case: Case, read: Sequence[dict[str, Any]], names: Sequence[str]) -> list[Treatment]:
    present = [name for name in names if case.env.get(name) is not None]
    return [setting(case, name, None, _readers(read, name)) for name in present]


def _setting(
    case: Case, read: Sequence[dict[str, Any]], names: Sequence[str], good: Mapping[str, str]
) -> list[Treatment]:
    """Values for what is read. Code that copes without a variable may be led around its fault by setting it:
    only where the failure names the variable or shows its value, where the project writes the new value down
    for it, or where an earlier run had it, does it count as the cause.
    """
    found, text = [], said(case)
    for name in names:
        values = [good[name]] if name in good else []
        values += values_for(case, name, [str(line["where"]) for line in read if line["name"] == name])
        seen_read = any(line["name"] == name and line.get("event") for line in read)
        most = _MOST_VALUES if seen_read else _MOST_UNREAD
        wanted = [v for v in dict.fromkeys(values) if v != case.env.get(name)][:most]
        asked_for = name in good or re.search(rf"\b{re.escape(name)}\b", text) is not None
        told = {*written_down(case, name), *(expected(case) if _shows(text, case.env.get(name)) else ())}
        found += [
            setting(case, name, value, _readers(read, name)).model_copy(
                update={"sure": asked_for or value in told}
            )
            for value in wanted
        ]
    return found[:_MOST_CHANGES]


def _shows(text: str, value: str | None) -> bool:
    """Whether the failure shows the value that the variable has here: it came to what was compared."""
    return value is not None and len(value) > 1 and value in text


def _readers(read: Sequence[dict[str, Any]], name: str) -> tuple[str, ...]:
    return places([line for line in read if line["name"] == name])[:2]


def _without(setup: Setup, names: Sequence[str]) -> Setup:
    return setup.plus(env=dict.fromkeys(names))


def _unset(case: Case, names: Sequence[str], where: Sequence[str]) -> Treatment:
    if len(names) == 1:
        return setting(case, names[0], None, where)
    joined = " and ".join(names)
    return Treatment(
        factor=Factor(kind="env", name=" + ".join(names), from_=[case.env.get(n) for n in names], to=None),
        kind="environment-variable",
        baseline=case.base,
        treated=_without(case.base, names),
        prediction=f"Without {joined} the test passes; each of them alone is not enough.",
        summary=f"the test fails where {joined} are set together",
        culprits=tuple(names),
    )
