"""Test where the graph breaks, where the signal dies, where a gradient stops being a number.

The trace says which operation did it; the treatment is that operation changed in the scratch copy (a `detach`
taken out, a root kept away from zero, a literal that gives a signal). Only a test that passes then, with
gradients that are there, proves it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from triage.lab.measurements import backward_calls
from triage.model.experiment import CauseKind, Factor, RootCause
from triage.model.failure import is_test
from triage.model.nodeid import file_of
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.claim import SIGNAL_METERS
from triage.probe.edits.autograd import Edit, guarded, reconnected
from triage.probe.edits.numbers import NumberChange, changed_numbers
from triage.probe.edits.statements import patch_of, without_statement
from triage.probe.gradient_trace import GradientTrace, Site
from triage.probe.symptoms import message_of
from triage.probe.treatment import Treatment, settle
from triage.text.plural import counted_noun

_MOST_SITES = 6
_MOST_NUMBERS = 12
_BROKEN_OR_NOT_FINITE = re.compile("nan|inf|does not require grad|None")
_REASON = "What the experiment changed."
Rewrite = Callable[[str, int, str], Iterator[Edit]]
"""Source, line and operation in; edits of that line out."""


def names_what_is_not_finite(case: Case) -> bool:
    """Whether the failure shows a nan, an infinity, a missing gradient or a tensor without a graph."""
    return _BROKEN_OR_NOT_FINITE.search(message_of(case)) is not None


class Gradient:
    """Change the operation at which the graph breaks, the signal dies or the gradient is not finite."""

    name = "gradient"

    def investigate(self, case: Case) -> Steps:
        """One traced run; then the sites that it names, nearest to the loss first."""
        (seen,) = yield from look(
            case.base.measuring(*SIGNAL_METERS), why="every operation with its gradient"
        )
        operations, calls = seen.lines("trace", "op"), backward_calls(seen.lines("gradients"))
        if not operations:
            return Finding(excluded="the test runs no torch operation")
        trace = GradientTrace(operations, calls)
        spoiled, broken = trace.nonfinite_at(), trace.broken_at()
        dead = [] if broken else trace.dead_at()
        suspects: list[tuple[CauseKind, list[Site], Rewrite]] = [
            ("nonfinite-gradient", spoiled, guarded),
            ("graph-break", broken, reconnected),
        ]
        for kind, sites, rewrite in suspects:
            treatments = [t for site in sites[:_MOST_SITES] for t in _rewritten(case, kind, site, rewrite)]
            found = yield from settle(self.name, case, treatments, "with that operation changed")
            if found is not None:
                return found
        treatments = [] if broken else list(_doubtful(case, trace.partly_broken_at()))
        treatments += [t for site in trace.tampered_at()[:_MOST_SITES] for t in _removed(case, site)]
        found = yield from settle(self.name, case, treatments, "with the graph left alone")
        if found is not None:
            return found
        if spoiled:
            numbers = _other_numbers(case, "nonfinite-gradient", spoiled[0])
        elif dead:
            numbers = _other_numbers(case, "zero-signal", dead[0])
        else:
            numbers = []
        found = yield from settle(self.name, case, numbers, "with another number in the test")
        if found is not None:
            return found
        named: list[tuple[CauseKind, Site]] = [
            *(("nonfinite-gradient", site) for site in spoiled),
            *(("graph-break", site) for site in broken),
            *(("zero-signal", site) for site in dead),
        ]
        return _likely(named, calls)


def _doubtful(case: Case, sites: Sequence[Site]) -> Iterator[Treatment]:
    for site in sites[:_MOST_SITES]:
        for treatment in _rewritten(case, "graph-break", site, reconnected):
            # In the test itself, what is without a graph on purpose is often the value to compare with.
            yield treatment.model_copy(update={"sure": not is_test(site.path)})


def _rewritten(case: Case, kind: CauseKind, site: Site, rewrite: Rewrite) -> Iterator[Treatment]:
    before = case.source(site.path)
    if before is None:
        return
    if kind == "graph-break":
        reason = f"the graph breaks in {site.op}"
    else:
        reason = f"the gradient of {site.op} is not finite there"
    for title, after in rewrite(before, site.line, site.op):
        yield Treatment(
            factor=Factor(kind="edit", name=site.place, from_=site.op, to=title),
            kind=kind,
            baseline=case.base,
            treated=case.base.plus(edits={site.path: after}),
            prediction=f"With {title} at {site.place} the test passes: {reason}.",
            summary=f"{reason} ({site.place}); with {title} the test passes",
            culprits=(site.place,),
            patches=(patch_of(site.path, before, after, f"{title} at {site.place}", _REASON),),
        )


def _removed(case: Case, site: Site) -> Iterator[Treatment]:
    """The statement taken out that puts a hook on a gradient or writes a value behind the graph's back."""
    before = case.source(site.path)
    after = without_statement(before, site.line) if before is not None else None
    if before is None or after is None:
        return
    if "hook" in site.op:
        reason = "a hook changes the gradient"
    else:
        reason = "a value of the graph is written through `.data`, which the graph does not see"
    title = f"{site.path} without what {site.place} does"
    yield Treatment(
        factor=Factor(kind="edit", name=site.place, from_=site.op, to="taken out"),
        kind="product-defect",
        baseline=case.base,
        treated=case.base.plus(edits={site.path: after}),
        prediction=f"Without {site.place} the gradient is right: {reason} there.",
        summary=f"{reason} ({site.place}); without that the test passes",
        culprits=(site.place,),
        patches=(patch_of(site.path, before, after, title, _REASON),),
    )


def _other_numbers(case: Case, kind: CauseKind, site: Site) -> list[Treatment]:
    """Each number of the test's own code changed, zeros first."""
    found: list[Treatment] = []
    for path in _test_files(case):
        before = case.source(path)
        if before is not None:
            for change in changed_numbers(before, case.nodeid):
                found.append(_with_number(case, kind, site, path, change))
    return found[:_MOST_NUMBERS]


def _test_files(case: Case) -> Iterator[str]:
    """The test's own file, and the conftest files above it."""
    path = file_of(case.nodeid)
    yield path
    folder = path
    while folder:
        folder = folder.rpartition("/")[0]
        yield f"{folder}/conftest.py".lstrip("/")


def _with_number(case: Case, kind: CauseKind, site: Site, path: str, change: NumberChange) -> Treatment:
    place, operation = f"{path}:{change.line}", f"{site.op} ({site.place})"
    if kind == "zero-signal":
        what, effect = f"the signal dies in {operation}", "gradients are not zero"
    else:
        what, effect = f"the gradient of {operation} is not finite at this input", "gradients are finite"
    title = f"{change.new} for {change.old} at {place}"
    return Treatment(
        factor=Factor(kind="literal", name=place, from_=change.old, to=change.new),
        kind=kind,
        baseline=case.base,
        treated=case.base.plus(edits={path: change.after}),
        prediction=f"With {title} {effect} and the test passes.",
        summary=f"{what}; with {title} {effect} and the test passes",
        culprits=(place, site.place),
        patches=(patch_of(path, change.before, change.after, title, _REASON),),
    )


_SYMPTOMS: dict[CauseKind, str] = {
    "graph-break": "the graph breaks in",
    "nonfinite-gradient": "the gradient stops being finite in",
    "zero-signal": "the signal dies in",
}


def _likely(named: Sequence[tuple[CauseKind, Site]], calls: Sequence[Mapping[str, Any]]) -> Finding:
    """What the trace shows where no treatment helped."""
    if not named:
        state = counted_noun(len(calls), "backward call") if calls else "no backward call"
        return Finding(excluded=f"graph intact, signal alive, gradients finite ({state})")
    kind, site = named[0]
    culprits = tuple(other.place for _, other in named[:3])
    summary = f"{_SYMPTOMS[kind]} {site.op} ({site.place})"
    return Finding(cause=RootCause(kind=kind, summary=summary, culprits=culprits, confidence="likely"))
