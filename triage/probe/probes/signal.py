"""Test whether gradients are zero because the input carries no signal.

d(0)/dx = 0: where the loss is identically zero, an intact graph gives zero gradients and no line of the
product is wrong. The probe measures loss, leaves and graph inside the failing test; where the signal is
missing it tries control values for the numeric defaults on which the test relied, smallest set first.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from triage.lab.measurements import backward_calls, graph_state, main_backward
from triage.lab.protocol import Experiment, Observation, Trial
from triage.model.experiment import Factor, Patch, RootCause, Status
from triage.model.nodeid import file_of
from triage.probe.api import Case, Finding, Steps, look, test
from triage.probe.claim import SIGNAL_METERS
from triage.probe.config_zeros import config_zeros
from triage.probe.default_values import (
    DefaultValue,
    default_values,
    factor_of,
    overriding,
    paths_and_values,
)
from triage.probe.edits.docstring_note import with_note
from triage.probe.edits.statements import add_keyword, patch_of
from triage.probe.minimise import minimise
from triage.probe.stated_values import reason_against
from triage.probe.treatment import USUAL_ALPHA, repeats_at, settle

_GRADIENT_WORDS = re.compile(r"grad|backward|autograd|requires_grad|differentiab", re.IGNORECASE)
_NUMERIC_WORDS = re.compile(r"zero|nan|inf\b|finite|loss|tensor|intensity|0\.0", re.IGNORECASE)
TRACE_METERS = (*SIGNAL_METERS, "configs")
"""What the unchanged case is measured with."""
_MOST_TRIED = 40
_MOST_FILES = 400
"""Sources that are read in search of an import of torch."""
_AT_ONCE = 4
"""Single defaults that are screened before what helps is tested."""
_SIDE_BY_SIDE = 2
"""... and how many of them in one batch."""
_MOST_WINNERS = 2
_Groups = Generator[Any, Any, Sequence[tuple[DefaultValue, ...]]]


def names_a_gradient(case: Case) -> bool:
    """Whether a test with torch fails with a message, or has a name, that speaks of gradients."""
    if not touches_torch(case):
        return False
    return bool(_GRADIENT_WORDS.search(case.failure.message) or _GRADIENT_WORDS.search(case.nodeid))


def shows_a_gradient(case: Case) -> bool:
    """Whether gradients appear in how the failure of a test with torch is shown."""
    return touches_torch(case) and _GRADIENT_WORDS.search(case.failure.longrepr) is not None


def names_a_number(case: Case) -> bool:
    """Whether the message of a test with torch speaks of zeros, losses or tensors."""
    return touches_torch(case) and _NUMERIC_WORDS.search(case.failure.message) is not None


def touches_torch(case: Case) -> bool:
    """Whether the test's file or its failure names torch."""
    source = case.source(file_of(case.nodeid)) or ""
    return "torch" in source or "torch" in case.failure.longrepr or "backward" in source


def suite_imports_torch(case: Case) -> bool:
    """Whether any file of the suite imports torch."""
    python = islice((path for path in case.files if path.endswith(".py")), _MOST_FILES)
    return any("import torch" in (case.source(path) or "") for path in python)


class Signal:
    """Find the numeric default that makes the loss zero."""

    name = "signal"

    def investigate(self, case: Case) -> Steps:
        """Measure; where the loss is zero and the graph intact, find the default that kills the signal."""
        (seen,) = yield from look(
            case.base.measuring(*TRACE_METERS),
            why="loss, leaves, gradients and graph",
            known_will_do=not case.flaky,
        )
        calls = backward_calls(seen.lines("gradients"))
        if not calls:
            return Finding(excluded="the test makes no backward call")
        call = main_backward(calls)
        if not has_no_signal(call):
            return Finding(excluded=f"the signal is there: {_described(call)}")
        trials: list[Trial] = []
        for group in _named_by_the_user(case):
            trials += yield from test(self._experiment(case, group))
        if not any(trial.result.status is Status.CONFIRMED for trial in trials):
            groups = yield from _search(case, default_values(seen.lines("configs")))
            for group in groups:
                trials += yield from test(self._experiment(case, group))
            if not groups:
                in_files = yield from settle(
                    self.name, case, config_zeros(case), "a zero of a configuration file changed"
                )
                if in_files is not None:
                    return in_files
        return self._conclusion(case, call, trials, seen)

    def _experiment(self, case: Case, group: tuple[DefaultValue, ...]) -> Experiment:
        changes = " and ".join(f"{value.path} = {value.control}" for value in group)
        return Experiment(
            probe=self.name,
            factor=factor_of(group),
            prediction=(
                f"With {changes} the loss is not zero, gradients are not zero and the test passes: "
                "the graph is intact, only the signal is missing."
            ),
            baseline=overriding(case.base, ()).measuring("gradients"),
            treated=overriding(case.base, group).measuring("gradients"),
            watch=(case.nodeid,),
            repeats=repeats_at(case, USUAL_ALPHA),
        )

    def _conclusion(
        self, case: Case, call: Mapping[str, Any], trials: Sequence[Trial], seen: Observation
    ) -> Finding:
        state = _described(call)
        factor = after = None
        for trial in trials:
            # A test may also pass because it no longer looks: only a signal that is there counts.
            if trial.result.status is Status.CONFIRMED and _has_signal(trial.result.measurements):
                factor, after = trial.result.factor, trial.result.measurements.get("treated", {})
                break
        if factor is None or after is None:
            summary = f"{state}: the input carries no signal, and no numeric default brings it to life"
            culprits = (str(call["where"]),) if call.get("where") else ()
            return Finding(
                cause=RootCause(kind="zero-signal", summary=summary, confidence="likely", culprits=culprits)
            )
        callers = _callers(seen, factor)
        summary = (
            f"{state}; with {factor.name} = {factor.to} the loss is {after.get('loss')} and the gradients "
            "are not zero: the fixture carries no signal"
        )
        cause = RootCause(
            kind="zero-signal", summary=summary, factor=factor, culprits=callers, confidence="proven"
        )
        group = tuple(
            DefaultValue(path=path, default=None, control=control)
            for path, control in paths_and_values(factor)
        )
        return Finding(
            cause=cause, proof=self._experiment(case, group), patches=_patches(case, factor, callers)
        )


def has_no_signal(call: Mapping[str, Any]) -> bool:
    """Whether a backward call has a loss of exactly zero, an intact graph and every gradient zero."""
    for leaf in call.get("leaves", ()):
        if leaf.get("max_abs") not in (0, 0.0, None) or leaf.get("nonfinite"):
            return False
    return call.get("loss") in (0, 0.0) and graph_state(call) != "broken"


def _named_by_the_user(case: Case) -> Iterator[tuple[DefaultValue, ...]]:
    for factor in case.factors:
        if factor.kind == "config":
            yield (DefaultValue(path=factor.name, default=factor.from_, control=factor.to),)


def _search(case: Case, found: Sequence[DefaultValue]) -> _Groups:
    """Groups of defaults whose control values make the test pass: singles, or a minimal joint set."""
    tried = _likeliest_first(case, found)[:_MOST_TRIED]
    for start in range(0, len(tried), _AT_ONCE):
        winners = yield from _winners(case, tried[start : start + _AT_ONCE])
        if winners:
            return [(value,) for value in winners][:_MOST_WINNERS]
    zeros = [value for value in tried if value.zero and value.first]
    if len(zeros) < 2:
        return []
    (run,) = yield from look(overriding(case.base, zeros), why="all zero defaults changed at once")
    if not run.passed(case.nodeid):
        return []
    kept = yield from minimise(
        zeros,
        lambda part: overriding(case.base, part),
        lambda seen: seen.passed(case.nodeid),
        "fewer defaults changed",
    )
    return [kept]


def _winners(case: Case, screened: Sequence[DefaultValue]) -> Generator[Any, Any, Sequence[DefaultValue]]:
    """The control values with which the test passes, one a default; one that others give ends the search."""
    winners: dict[str, DefaultValue] = {}
    waiting = list(screened)
    while waiting:
        # one that others give is likely to end the search by itself
        size = 1 if _is_given_elsewhere(case, waiting[0]) else _SIDE_BY_SIDE
        batch, waiting = waiting[:size], waiting[size:]
        setups = [overriding(case.base, (value,)).measuring(*SIGNAL_METERS) for value in batch]
        runs = yield from look(*setups, why="one default changed")
        for value, run in zip(batch, runs, strict=False):
            if run.passed(case.nodeid):
                winners.setdefault(value.path, value)
        if any(_is_given_elsewhere(case, value) for value in winners.values()):
            break
    return list(winners.values())


def _likeliest_first(case: Case, found: Sequence[DefaultValue]) -> list[DefaultValue]:
    """Zeros that another caller gives a value, then other zeros; of each the first control value first."""
    given = {value.path for value in found if value.zero and _is_given_elsewhere(case, value)}
    return sorted(found, key=lambda value: (not value.zero, not value.first, value.path not in given))


def _is_given_elsewhere(case: Case, value: DefaultValue) -> bool:
    """Whether a test, an example or a document gives the keyword a value of its own."""
    return bool(reason_against(case, factor_of((value,))))


def _has_signal(measurements: Mapping[str, Any]) -> bool:
    """Whether the treated runs had a loss or a gradient that is not zero."""
    treated = measurements.get("treated", {})
    return any(_not_zero(value) for value in (treated.get("loss"), *treated.get("gradients", {}).values()))


def _not_zero(value: Any) -> bool:
    if isinstance(value, list):
        return any(_not_zero(item) for item in value)
    return bool(value.get("norm")) if isinstance(value, dict) else value not in (None, 0, 0.0)


def _patches(case: Case, factor: Factor, callers: Sequence[str]) -> tuple[Patch, ...]:
    """The keyword in the call that left the default alone, where the call is in the suite's own files."""
    changes = paths_and_values(factor)
    for place in callers:
        path, _, line = place.rpartition(":")
        before = after = case.source(path)
        for name, value in changes:
            owner, _, field = name.rpartition(".")
            callee = owner.rpartition(".")[2]
            after = add_keyword(after, int(line), callee, field, value) if after else None
        if before and after:
            keywords = ", ".join(f"{name.rpartition('.')[2]}={value!r}" for name, value in changes)
            reason = "The treatment that made the test pass, as an edit."
            if path == file_of(case.nodeid):  # the criteria of a design ask for the note
                note = (
                    f"Note: gives {keywords}, because with the default there is no signal to differentiate."
                )
                after = with_note(after, case.nodeid, note)
            return (patch_of(path, before, after, f"{keywords} in {place}", reason),)
    return ()


def _described(call: Mapping[str, Any]) -> str:
    leaves = call.get("leaves", ())
    zero = sum(leaf.get("max_abs") in (0, 0.0, None) for leaf in leaves)
    loss = call.get("loss") if call.get("loss") is not None else "of several values"
    return f"loss {loss}, {zero} of {len(leaves)} gradients are zero, graph {graph_state(call)}"


def _callers(seen: Observation, factor: Factor) -> tuple[str, ...]:
    """Places of the calls that left these defaults alone."""
    paths = factor.name.split(" + ")
    callers: dict[str, None] = {}
    for line in seen.lines("configs", "default"):
        if f"{line.get('owner')}.{line.get('field')}" in paths and line.get("caller"):
            callers[str(line["caller"])] = None
    return tuple(callers)
