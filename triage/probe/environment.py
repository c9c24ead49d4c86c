"""`environment`: variables that are set and should not be, or are missing, or have another value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from triage.model.experiment import CauseKind, Factor
from triage.probe.api import Case, Finding, Setup, Steps, look
from triage.probe.hints import expected, values_for, variables_in, written_down
from triage.probe.search import minimise
from triage.probe.treatment import Settling, Treatment, message_of, places, said, settle, uses

_PLUMBING = re.compile(
    r"PATH|PWD|OLDPWD|SHLVL|_|TMPDIR|TERM|USER|LOGNAME|SHELL|VIRTUAL_ENV|LD_LIBRARY_PATH|PYTEST_.*|TRIAGE_.*|"
    r"OMP_WAIT_POLICY|HOSTNAME|PYTHONDONTWRITEBYTECODE"
)
_ESSENTIAL = re.compile(
    r"PATH|HOME|TMPDIR|LD_LIBRARY_PATH|VIRTUAL_ENV|PYTHONPATH|TRIAGE_.*|OMP_WAIT_POLICY|SYSTEMROOT"
)
_KINDS: tuple[tuple[str, CauseKind], ...] = (
    (r"TZ", "clock"),
    (r"LC_.*|LANG|LANGUAGE|PYTHONUTF8|PYTHONIOENCODING|PYTHONCOERCECLOCALE", "locale"),
    (r"PYTHONHASHSEED", "seed"),
    (r"(OMP|MKL|OPENBLAS|NUMEXPR|VECLIB)_(NUM|MAXIMUM)_THREADS|PYTHON_CPU_COUNT", "threads"),
    (r"TORCHDYNAMO_DISABLE|TORCH_COMPILE_DISABLE|PYTORCH_JIT|.*_DISABLE_COMPILE", "compile"),
    (r"(https?|ftp|no|all)_proxy", "network"),
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


def kind_of(variable: str) -> CauseKind:
    """Some variables are how another cause is spelled: TZ is the clock's, LC_ALL the locale's."""
    for pattern, kind in _KINDS:
        if re.fullmatch(pattern, variable, re.IGNORECASE):
            return kind
    return "environment-variable"


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
