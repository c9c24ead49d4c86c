"""`gradient`: where the graph breaks, where the signal dies, where a gradient stops being a number.

The trace says which operation did it; the treatment is that operation changed in the scratch copy (a `detach`
taken out, a root kept away from zero, a literal that gives a signal). Only a test that passes then, with
gradients that are there, proves it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from triage.model.experiment import CauseKind, Factor, RootCause
from triage.model.origin import is_test
from triage.probe.ablation import without_statement
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.graph import Site, broken_at, dead_at, nonfinite_at, partly_broken_at, tampered_at
from triage.probe.patching import patch_of
from triage.probe.rewiring import guarded, livened, reconnected
from triage.probe.signal import gradient_likelihood
from triage.probe.summary import backward_calls
from triage.probe.treatment import Treatment, message_of, settle

_MOST_SITES = 6
_MOST_LITERALS = 12


class Gradient:
    """Broken graphs, dead signals, gradients that are not numbers."""

    name = "gradient"

    def likelihood(self, case: Case) -> float:
        """After `signal`, which is cheaper and answers the commonest case."""
        usual = gradient_likelihood(case)
        text = message_of(case)
        if usual > 0.1 and any(word in text for word in ("nan", "inf", "does not require grad", "None")):
            usual = max(usual, 0.8)
        return usual * 0.97

    def investigate(self, case: Case) -> Steps:
        """One traced run; then the sites that it names, nearest to the loss first."""
        (seen,) = yield from look(
            case.base.measuring("gradients", "trace"), why="every operation with its gradient"
        )
        ops, calls = seen.lines("trace", "op"), backward_calls(seen.lines("gradients"))
        if not ops:
            return Finding(excluded="the test runs no torch operation")
        spoiled, broken = nonfinite_at(ops, calls), broken_at(ops, calls)
        suspects: list[tuple[CauseKind, list[Site], Any]] = [
            ("nonfinite-gradient", spoiled, guarded),
            ("graph-break", broken, reconnected),
        ]
        named: list[tuple[CauseKind, Site]] = []
        for kind, sites, rewrite in suspects:
            named += [(kind, site) for site in sites]
            treatments = [t for site in sites[:_MOST_SITES] for t in _rewritten(case, kind, site, rewrite)]
            found = yield from settle(self.name, case, treatments, "with that operation changed")
            if found is not None:
                return found
        doubtful = [] if broken else partly_broken_at(ops)[:_MOST_SITES]
        treatments = [
            # In the test itself, what is without a graph on purpose is often the value to compare with.
            t.model_copy(update={"sure": not is_test(site.path)})
            for site in doubtful
            for t in _rewritten(case, "graph-break", site, reconnected)
        ]
        treatments += [t for site in tampered_at(ops)[:_MOST_SITES] for t in _untouched(case, site)]
        found = yield from settle(self.name, case, treatments, "with the graph left alone")
        if found is not None:
            return found
        dead = [] if broken else dead_at(ops, calls)
        named += [("zero-signal", site) for site in dead]
        where = (*spoiled, *dead)[:1]
        if where:
            kind = "nonfinite-gradient" if spoiled else "zero-signal"
            literals = list(_literals(case, kind, where[0]))[:_MOST_LITERALS]
            found = yield from settle(self.name, case, literals, "with another number in the test")
            if found is not None:
                return found
        return _likely(named, calls)


def _rewritten(case: Case, kind: CauseKind, site: Site, rewrite: Any) -> Iterator[Treatment]:
    before = case.source(site.path)
    if before is None:
        return
    for title, after in rewrite(before, site.line, site.op):
        yield Treatment(
            factor=Factor(kind="edit", name=f"{site.path}:{site.line}", from_=site.op, to=title),
            kind=kind,
            baseline=case.base,
            treated=case.base.plus(edits={site.path: after}),
            prediction=f"With {title} at {site.path}:{site.line} the test passes: {_because(kind, site)}.",
            summary=f"{_because(kind, site)} ({site.path}:{site.line}); with {title} the test passes",
            culprits=(f"{site.path}:{site.line}",),
            patches=(
                patch_of(
                    site.path,
                    before,
                    after,
                    f"{title} at {site.path}:{site.line}",
                    "What the experiment changed.",
                ),
            ),
        )


def _untouched(case: Case, site: Site) -> Iterator[Treatment]:
    before = case.source(site.path)
    after = without_statement(before, site.line) if before is not None else None
    if before is None or after is None:
        return
    what = (
        "a hook changes the gradient"
        if "hook" in site.op
        else "a value of the graph is written behind its back"
    )
    title = f"{site.path} without what {site.path}:{site.line} does"
    yield Treatment(
        factor=Factor(kind="edit", name=f"{site.path}:{site.line}", from_=site.op, to="taken out"),
        kind="product-defect",
        baseline=case.base,
        treated=case.base.plus(edits={site.path: after}),
        prediction=f"Without {site.path}:{site.line} the gradient is right: {what} there.",
        summary=f"{what} ({site.path}:{site.line}); without that the test passes",
        culprits=(f"{site.path}:{site.line}",),
        patches=(patch_of(site.path, before, after, title, "What the experiment changed."),),
    )


def _literals(case: Case, kind: CauseKind, where: Site) -> Iterator[Treatment]:
    for path in _test_files(case):
        before = case.source(path)
        for line, old, new, after in livened(before, case.nodeid) if before is not None else ():
            yield _renumbered(case, kind, where, path, ((line, old, new), (before or "", after)))


def _test_files(case: Case) -> Iterator[str]:
    """The test's own file, and the conftest files above it."""
    path = case.nodeid.partition("::")[0]
    yield path
    folder = path
    while folder:
        folder = folder.rpartition("/")[0]
        yield f"{folder}/conftest.py".lstrip("/")


def _renumbered(
    case: Case, kind: CauseKind, where: Site, path: str, change: tuple[tuple[int, str, str], tuple[str, str]]
) -> Treatment:
    (line, old, new), (before, after) = change
    place, at = f"{path}:{line}", f"{where.op} ({where.path}:{where.line})"
    if kind == "zero-signal":
        what, why = f"the signal dies in {at}", "gradients are not zero"
    else:
        what, why = f"the gradient of {at} is not finite at this input", "gradients are finite"
    return Treatment(
        factor=Factor(kind="literal", name=place, from_=old, to=new),
        kind=kind,
        baseline=case.base,
        treated=case.base.plus(edits={path: after}),
        prediction=f"With {new} for {old} at {place} {why} and the test passes.",
        summary=f"{what}; with {new} for {old} at {place} {why} and the test passes",
        culprits=(place, f"{where.path}:{where.line}"),
        patches=(
            patch_of(path, before, after, f"{new} for {old} at {place}", "What the experiment changed."),
        ),
    )


def _because(kind: CauseKind, site: Site) -> str:
    if kind == "graph-break":
        return f"the graph breaks in {site.op}"
    return f"the gradient of {site.op} is not finite there"


def _likely(named: Sequence[tuple[CauseKind, Site]], calls: Sequence[Mapping[str, Any]]) -> Finding:
    if not named:
        state = f"{len(calls)} backward calls" if calls else "no backward call"
        return Finding(excluded=f"graph intact, signal alive, gradients finite ({state})")
    kind, site = named[0]
    words = {"graph-break": "the graph breaks in", "nonfinite-gradient": "the gradient stops being finite in"}
    summary = f"{words.get(kind, 'the signal dies in')} {site.op} ({site.path}:{site.line})"
    culprits = tuple(f"{s.path}:{s.line}" for _, s in named[:3])
    return Finding(cause=RootCause(kind=kind, summary=summary, culprits=culprits, confidence="likely"))
