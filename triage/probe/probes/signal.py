"""`signal`: gradients are zero because there is nothing to differentiate.

d(0)/dx = 0: where the loss is identically zero, an intact graph gives zero gradients and no line of the
product is wrong. The probe measures loss, leaves and graph inside the failing test; where the signal is
missing it tries control values for the numeric defaults on which the test relied, smallest set first.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from triage.lab.measurements import backward_calls, graph_state, main_backward
from triage.lab.protocol import Experiment, Observation, Setup, Trial
from triage.lab.verdict import repeats_for
from triage.model.base import Value
from triage.model.experiment import Factor, Patch, RootCause, Status
from triage.probe.api import Case, Finding, Steps, look, test
from triage.probe.edits.statements import add_keyword, patch_of
from triage.probe.minimise import minimise
from triage.probe.treatment import Treatment, settle

_KINDS = (".json", ".yaml", ".yml", ".toml", ".ini", ".cfg")
_TOOLS = frozenset({"pyproject.toml", "setup.cfg", "tox.ini", "pytest.ini", "mypy.ini", "package-lock.json"})
_ZERO = re.compile(
    r"(?<![\w.-])[\"']?([A-Za-z_][\w.-]*)[\"']?\s*[:=]\s*(0(?:\.0*)?)(?=\s*(?:[,}\]#;]|$))", re.M
)
_MOST_TEXT, _MOST = 65536, 12


def livened_files(case: Case) -> list[Treatment]:
    """One treatment for each zero that a configuration file gives a name: the same file with a one there."""
    found = [treatment for path in case.files if _is_config(path) for treatment in _in_file(case, path)]
    return found[:_MOST]


def _is_config(path: str) -> bool:
    return path.endswith(_KINDS) and path.rpartition("/")[2] not in _TOOLS


def _in_file(case: Case, path: str) -> Iterator[Treatment]:
    before = case.source(path)
    if before is None or len(before) > _MOST_TEXT:
        return
    for match in _ZERO.finditer(before):
        name, old = match[1], match[2]
        new = "1.0" if "." in old else "1"
        after = before[: match.start(2)] + new + before[match.end(2) :]
        place = f"{path}:{before.count(chr(10), 0, match.start(2)) + 1}"
        yield Treatment(
            factor=Factor(kind="literal", name=f"{place} {name}", from_=float(old), to=float(new)),
            kind="zero-signal",
            baseline=case.base,
            treated=case.base.plus(edits={path: after}),
            prediction=f"With {name} = {new} in {path} gradients are not zero and the test passes.",
            summary=f"{name} is {old} in {path}: with {new} there is a signal and the test passes",
            culprits=(place, name),
            patches=(
                patch_of(path, before, after, f"{name} = {new} in {path}", "What the experiment changed."),
            ),
        )


class Candidate(Value):
    """One field with its default, and a value under which a dead signal may live."""

    path: str
    """package.module.Class.field"""
    default: Any
    control: Any
    zero: bool = False
    """Whether the default is zero: a factor that can kill a product."""
    first: bool = True
    """Whether this is the control value to try first."""


def candidates(lines: Iterable[Mapping[str, Any]]) -> list[Candidate]:
    """From the lines of the meter `configs`, zero floats first; each field with its control values."""
    fields: dict[str, Any] = {}
    for line in lines:
        if line.get("event") == "default":
            fields.setdefault(f"{line['owner']}.{line['field']}", line["value"])
    found = [
        Candidate(path=path, default=value, control=control, zero=_is_zero(value), first=number == 0)
        for path, value in fields.items()
        for number, control in enumerate(controls(value))
    ]
    return sorted(found, key=lambda c: (not c.zero, not isinstance(c.default, float)))


def controls(value: Any) -> tuple[Any, ...]:
    """Control values for a default: far from zero, then near; an on for an off."""
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, list | tuple):
        return tuple(type(value)(parts) for parts in zip(*(controls(item) for item in value), strict=False))
    if isinstance(value, float):
        return (100.0, 1.0, 0.5) if value == 0 else (value * 10.0, value / 10.0, -value)
    return (100, 1) if value == 0 else (value * 2, max(1, value // 2))


def overriding(setup: Setup, group: Sequence[Candidate]) -> Setup:
    """The setup with these defaults overridden; with none it is the placebo: the instrument, idle."""
    overrides = {candidate.path: candidate.control for candidate in group}
    return setup.plus(instruments={"defaults": {"overrides": overrides}})


def _is_zero(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_zero(item) for item in value)
    return not isinstance(value, bool) and value == 0


METERS = ("gradients", "configs")
_GRADIENT_WORDS = re.compile(r"grad|backward|autograd|requires_grad|differentiab", re.IGNORECASE)
_NUMERIC_WORDS = re.compile(r"zero|nan|inf\b|finite|loss|tensor|intensity|0\.0", re.IGNORECASE)
_MOST_TRIED = 40
_MOST_FILES = 400
_ROUND = 4


class Signal:
    """Zero or missing gradients with an intact graph: the input carries no signal."""

    name = "signal"

    def likelihood(self, case: Case) -> float:
        """High where the failure speaks of gradients, nothing where the test has no torch."""
        return gradient_likelihood(case)

    def investigate(self, case: Case) -> Steps:
        """Measure; where the loss is zero and the graph intact, find the default that kills the signal."""
        (seen,) = yield from look(case.base.measuring(*METERS), why="loss, leaves, gradients and graph")
        calls = backward_calls(seen.lines("gradients"))
        if not calls:
            return Finding(excluded="the test makes no backward call")
        call = main_backward(calls)
        if not is_dead(call):
            return Finding(excluded=f"the signal is there: {_described(call)}")
        trials: list[Trial] = []
        for group in _asked_for(case):
            trials += yield from test(self._experiment(case, group))
        if not any(trial.result.status is Status.CONFIRMED for trial in trials):
            found = yield from _search(case, candidates(seen.lines("configs")))
            for group in found:
                trials += yield from test(self._experiment(case, group))
            if not found:
                kept_in_files = yield from settle(
                    self.name, case, livened_files(case), "a zero of a configuration file changed"
                )
                if kept_in_files is not None:
                    return kept_in_files
        return self._conclusion(case, call, trials, seen)

    def _experiment(self, case: Case, group: tuple[Candidate, ...]) -> Experiment:
        prediction = (
            f"With {' and '.join(f'{c.path} = {c.control}' for c in group)} the loss is not zero, "
            "gradients are not zero and the test passes: the graph is intact, only the signal is missing."
        )
        return Experiment(
            probe=self.name,
            factor=factor_of(group),
            prediction=prediction,
            baseline=overriding(case.base, ()).measuring("gradients"),
            treated=overriding(case.base, group).measuring("gradients"),
            watch=(case.nodeid,),
            repeats=repeats_for(case.rate, 0.05) if case.flaky else 4,
        )

    def _conclusion(
        self, case: Case, call: Mapping[str, Any], trials: Sequence[Trial], seen: Observation
    ) -> Finding:
        proven = next(
            (t for t in trials if t.result.status is Status.CONFIRMED and _alive_in(t.result.measurements)),
            None,
        )
        state = _described(call)
        if proven is None:
            summary = f"{state}: the input carries no signal, and no numeric default brings it to life"
            cause = RootCause(kind="zero-signal", summary=summary, confidence="likely", culprits=_where(call))
            return Finding(cause=cause)
        factor = proven.result.factor
        after = proven.result.measurements.get("treated", {})
        places = _callers(seen, factor)
        summary = (
            f"{state}; with {factor.name if factor else ''} = {factor.to if factor else ''} the loss is "
            f"{after.get('loss')} and the gradients are not zero: the fixture carries no signal"
        )
        return Finding(
            cause=RootCause(
                kind="zero-signal", summary=summary, factor=factor, culprits=places, confidence="proven"
            ),
            proof=_again(self, case, factor),
            patches=_patches(case, factor, places),
        )


def gradient_likelihood(case: Case) -> float:
    """How much a failure looks like one of gradients: its text, its test, the imports of its file."""
    source = case.source(case.nodeid.partition("::")[0]) or ""
    if "torch" not in source and "torch" not in case.failure.longrepr and "backward" not in source:
        return 0.1 if any("import torch" in (case.source(path) or "") for path in _python(case)) else 0.0
    if _GRADIENT_WORDS.search(case.failure.message) or _GRADIENT_WORDS.search(case.nodeid):
        return 0.9
    if _GRADIENT_WORDS.search(case.failure.longrepr):
        return 0.7
    return 0.4 if _NUMERIC_WORDS.search(case.failure.message) else 0.2


def _python(case: Case) -> Iterator[str]:
    return islice((path for path in case.files if path.endswith(".py")), _MOST_FILES)


def is_dead(call: Mapping[str, Any]) -> bool:
    """Loss exactly zero, graph intact, every gradient zero."""
    leaves = call.get("leaves", ())
    quiet = all(leaf.get("max_abs") in (0, 0.0, None) and not leaf.get("nonfinite") for leaf in leaves)
    return call.get("loss") in (0, 0.0) and quiet and graph_state(call) != "broken"


def factor_of(group: Sequence[Candidate]) -> Factor:
    """One field is one factor; several are written as a joint one."""
    if len(group) == 1:
        only = group[0]
        return Factor(kind="config", name=only.path, from_=only.default, to=only.control)
    return Factor(
        kind="config",
        name=" + ".join(c.path for c in group),
        from_=[c.default for c in group],
        to=[c.control for c in group],
    )


def _search(case: Case, found: Sequence[Candidate]) -> Generator[Any, Any, list[tuple[Candidate, ...]]]:
    """Groups of defaults whose control values make the test pass: singles, or a minimal joint set."""
    tried = list(_by_round(found))[:_MOST_TRIED]
    for start in range(0, len(tried), _ROUND):
        asked = tried[start : start + _ROUND]
        runs = yield from look(*(_screen(case, (c,)) for c in asked), why="one default changed")
        winners: dict[str, Candidate] = {}
        for candidate, run in zip(asked, runs, strict=False):
            if run.passed(case.nodeid):
                winners.setdefault(candidate.path, candidate)
        if winners:
            singles: list[tuple[Candidate, ...]] = [(candidate,) for candidate in winners.values()]
            return singles[:2]
    zeros = [c for c in tried if c.zero and c.first]
    if len(zeros) < 2:
        return []
    (run,) = yield from look(_screen(case, tuple(zeros)), why="all zero defaults changed at once")
    if not run.passed(case.nodeid):
        return []
    kept = yield from minimise(
        zeros,
        lambda part: _screen(case, part),
        lambda seen: seen.passed(case.nodeid),
        "fewer defaults changed",
    )
    return [kept]


def _by_round(found: Sequence[Candidate]) -> Iterator[Candidate]:
    """Zero defaults before others, first control values before second ones."""
    for zero in (True, False):
        for first in (True, False):
            yield from (c for c in found if c.zero is zero and c.first is first)


def _screen(case: Case, group: tuple[Candidate, ...]) -> Setup:
    return overriding(case.base, group)


def _asked_for(case: Case) -> Iterator[tuple[Candidate, ...]]:
    for factor in case.factors:
        if factor.kind == "config":
            yield (Candidate(path=factor.name, default=factor.from_, control=factor.to),)


def _alive_in(measured: Mapping[str, Any]) -> bool:
    """Whether the treated runs had a signal: a test may pass because it no longer looks."""
    treated = measured.get("treated", {})
    return any(_not_zero(value) for value in (treated.get("loss"), *treated.get("gradients", {}).values()))


def _not_zero(value: Any) -> bool:
    if isinstance(value, list):
        return any(_not_zero(item) for item in value)
    return bool(value.get("norm")) if isinstance(value, dict) else value not in (None, 0, 0.0)


def _again(probe: Signal, case: Case, factor: Factor | None) -> Experiment | None:
    if factor is None:
        return None
    names, values = factor.name.split(" + "), factor.to
    values = values if len(names) > 1 else [values]
    group = tuple(Candidate(path=n, default=None, control=v) for n, v in zip(names, values, strict=True))
    return probe._experiment(case, group)


def _patches(case: Case, factor: Factor | None, places: Sequence[str]) -> tuple[Patch, ...]:
    """The keyword in the call that left the default alone, where the call is in the suite's own files."""
    if factor is None:
        return ()
    names = factor.name.split(" + ")
    values = [factor.to] if len(names) == 1 else factor.to
    for place in places:
        path, _, line = place.rpartition(":")
        before = after = case.source(path)
        for name, value in zip(names, values, strict=True):
            owner, _, field = name.rpartition(".")
            callee = owner.rpartition(".")[2]
            after = add_keyword(after, int(line), callee, field, value) if after else None
        if before and after:
            keywords = [
                f"{name.rpartition('.')[2]}={value!r}" for name, value in zip(names, values, strict=True)
            ]
            reason = "The treatment that made the test pass, as an edit."
            return (patch_of(path, before, after, f"{', '.join(keywords)} in {place}", reason),)
    return ()


def _described(call: Mapping[str, Any]) -> str:
    leaves = call.get("leaves", ())
    zero = sum(leaf.get("max_abs") in (0, 0.0, None) for leaf in leaves)
    loss = call.get("loss") if call.get("loss") is not None else "of several values"
    return f"loss {loss}, {zero} of {len(leaves)} gradients are zero, graph {graph_state(call)}"


def _where(call: Mapping[str, Any]) -> tuple[str, ...]:
    return (str(call["where"]),) if call.get("where") else ()


def _callers(seen: Observation, factor: Factor | None) -> tuple[str, ...]:
    names = factor.name.split(" + ") if factor else []
    lines = [
        str(line["caller"])
        for line in seen.lines("configs", "default")
        if f"{line.get('owner')}.{line.get('field')}" in names and line.get("caller")
    ]
    return tuple(dict.fromkeys(lines))
