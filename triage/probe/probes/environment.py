"""Test which environment variable decides: set and should not be, missing, or with another value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from triage.lab.protocol import Setup
from triage.model.experiment import Factor
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.factors import kind_of
from triage.probe.minimise import minimise
from triage.probe.symptoms import message_of, places, raised_text, uses
from triage.probe.treatment import Settling, Treatment, settle
from triage.probe.variable_values import expected, values_for, variables_in, written_down
from triage.text.pattern import pattern
from triage.text.plural import counted_noun

_ALWAYS_READ = pattern(
    r"""
    PATH | PWD | OLDPWD | SHLVL | _ | TMPDIR | TERM | USER | LOGNAME | SHELL | HOSTNAME
    | VIRTUAL_ENV | LD_LIBRARY_PATH | PYTHONDONTWRITEBYTECODE | OMP_WAIT_POLICY | PYTEST_.* | TRIAGE_.*
    """,
    matches=["PATH", "PYTEST_CURRENT_TEST", "_"],
    rejects=["HOME", "APP_PATH", "MODE"],
    how="fullmatch",
)
"""What shells, Python and pytest read in every process: no hint at the test."""
_ESSENTIAL = pattern(
    r"""
    PATH | HOME | TMPDIR | LD_LIBRARY_PATH | SYSTEMROOT
    | VIRTUAL_ENV | PYTHONPATH | OMP_WAIT_POLICY | TRIAGE_.*
    """,
    matches=["PATH", "TRIAGE_INSTRUMENT", "PYTHONPATH"],
    rejects=["MODE", "PYTHONUTF8"],
    how="fullmatch",
)
"""Without these the process does not start, or another Python does: they are never unset."""
_MOST_VALUES, _MOST_UNREAD_VALUES = 8, 2
"""Values tried for a variable that was seen to be read, and for one that the source only names."""
_MOST_CHANGES = 40


def names_a_variable(case: Case) -> bool:
    """Whether the failure names `os.environ` or a variable that the test reads."""
    text = message_of(case)
    if "os.environ" in text:
        return True
    return any(re.search(rf"\b{re.escape(name)}\b", text) for name in _read_names(case))


def reads_variables(case: Case) -> bool:
    """Whether the test reads variables of its own."""
    return bool(_read_names(case))


def _read(case: Case) -> list[dict[str, Any]]:
    """Lines of the survey for variables that not every process reads."""
    return [line for line in uses(case, "variable") if not _ALWAYS_READ.fullmatch(str(line.get("name")))]


def _read_names(case: Case) -> list[str]:
    return [str(line.get("name")) for line in _read(case)]


class Environment:
    """Set and unset variables, minimised to the one that decides."""

    name = "environment"

    def investigate(self, case: Case) -> Steps:
        """What was read first; then everything that is set, at once; then values for what is missing."""
        read = [*_read(case), *_named_in_source(case)]
        names = list(dict.fromkeys(str(line["name"]) for line in read))
        known_good: Mapping[str, str] = case.facts.get("environment_when_passing", {})
        tried: list[Treatment] = []
        for treatments in (
            [*_as_when_passing(case, known_good), *_unset_each(case, read, names)],
            _set_each(case, read, names, known_good),
        ):
            tried += treatments
            found = yield from settle(self.name, case, treatments, "one variable changed")
            if found is not None:
                return found
        found = yield from self._all_at_once(case, names)
        if found is not None:
            return found
        changes = counted_noun(len(tried), "change")
        excluded = f"no variable decides ({changes} tried)" if tried else "the test reads no variable"
        return Finding(excluded=excluded, facts={"tried": tried})

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
        return (yield from settle(self.name, case, [_unset_together(case, kept)], "the smallest set unset"))


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


def _named_in_source(case: Case) -> list[dict[str, Any]]:
    """Variables that the source names beside those that were read: `a and b` may never come to b."""
    if case.flaky:
        return []
    known = {line["name"] for line in _read(case)}
    found = []
    for name, place in variables_in(case):
        if name not in known and not _ALWAYS_READ.fullmatch(name):
            found.append({"name": name, "where": place})
    return found


def _as_when_passing(case: Case, good: Mapping[str, str]) -> list[Treatment]:
    """Each variable set as it was in the last run in which the test passed."""
    if not good:
        return []
    differing = [name for name in {*good, *case.env} if good.get(name) != case.env.get(name)]
    return [
        setting(case, name, good.get(name)) for name in sorted(differing) if not _ESSENTIAL.fullmatch(name)
    ]


def _unset_each(case: Case, read: Sequence[dict[str, Any]], names: Sequence[str]) -> list[Treatment]:
    present = [name for name in names if case.env.get(name) is not None]
    return [setting(case, name, None, _readers(read, name)) for name in present]


def _set_each(
    case: Case, read: Sequence[dict[str, Any]], names: Sequence[str], good: Mapping[str, str]
) -> list[Treatment]:
    """Values for what is read. Code that copes without a variable may be led around its fault by setting it:
    only where the failure names the variable or shows its value, where the project writes the new value down
    for it, or where an earlier run had it, does it count as the cause.
    """
    found: list[Treatment] = []
    text = raised_text(case)
    for name in names:
        here = case.env.get(name)
        lines = [line for line in read if line["name"] == name]
        values = [good[name]] if name in good else []
        values += values_for(case, name, [str(line["where"]) for line in lines])
        was_read = any(line.get("event") for line in lines)
        most = _MOST_VALUES if was_read else _MOST_UNREAD_VALUES
        is_named = name in good or re.search(rf"\b{re.escape(name)}\b", text) is not None
        meant = set(written_down(case, name))
        if _shows(text, here):
            meant.update(expected(case))
        for value in [v for v in dict.fromkeys(values) if v != here][:most]:
            treatment = setting(case, name, value, _readers(read, name))
            found.append(treatment.model_copy(update={"sure": is_named or value in meant}))
    return found[:_MOST_CHANGES]


def _shows(text: str, value: str | None) -> bool:
    """Whether the failure shows the value that the variable has here: it came to what was compared."""
    return value is not None and len(value) > 1 and value in text


def _readers(read: Sequence[dict[str, Any]], name: str) -> tuple[str, ...]:
    return places([line for line in read if line["name"] == name])[:2]


def _without(setup: Setup, names: Sequence[str]) -> Setup:
    return setup.plus(env=dict.fromkeys(names))


def _unset_together(case: Case, names: Sequence[str]) -> Treatment:
    if len(names) == 1:
        return setting(case, names[0], None)
    joined = " and ".join(names)
    before = [case.env.get(name) for name in names]
    return Treatment(
        factor=Factor(kind="env", name=" + ".join(names), from_=before, to=None),
        kind="environment-variable",
        baseline=case.base,
        treated=_without(case.base, names),
        prediction=f"Without {joined} the test passes; each of them alone is not enough.",
        summary=f"the test fails where {joined} are set together",
        culprits=tuple(names),
    )
