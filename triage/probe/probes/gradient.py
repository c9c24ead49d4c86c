"""`gradient`: where the graph breaks, where the signal dies, where a gradient stops being a number.

The trace says which operation did it; the treatment is that operation changed in the scratch copy (a `detach`
taken out, a root kept away from zero, a literal that gives a signal). Only a test that passes then, with
gradients that are there, proves it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from triage.lab.measurements import backward_calls
from triage.model.base import Value
from triage.model.experiment import CauseKind, Factor, RootCause
from triage.model.failure import is_test
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.edits.autograd import guarded, livened, reconnected
from triage.probe.edits.statements import patch_of, without_statement
from triage.probe.probes.signal import gradient_likelihood
from triage.probe.treatment import Treatment, message_of, settle

Op = Mapping[str, Any]
_BREAKING = frozenset(
    [
        "detach",
        "detach_",
        "data",
        "item",
        "tolist",
        "numpy",
        "__array__",
        "__float__",
        "__int__",
        "tensor",
        "as_tensor",
        "from_numpy",
        "long",
        "int",
        "short",
        "byte",
        "round",
        "floor",
        "ceil",
        "trunc",
        "sign",
        "argmax",
        "argmin",
        "to",
        "argsort",
        "bucketize",
        "searchsorted",
        "heaviside",
        "floor_divide",
        "clone",
        "new_tensor",
        "full",
        "zeros_like",
        "ones_like",
        "full_like",
    ]
)
_STEPS = frozenset({"round", "floor", "ceil", "trunc", "sign", "heaviside"})
_TAMPERING = frozenset({"register_hook", "register_post_accumulate_grad_hook", "data"})
_COMPARING = frozenset(
    [
        "gt",
        "lt",
        "ge",
        "le",
        "eq",
        "ne",
        "__gt__",
        "__lt__",
        "__ge__",
        "__le__",
        "__eq__",
        "__ne__",
        "isfinite",
        "isnan",
        "isinf",
        "allclose",
        "isclose",
        "logical_and",
        "logical_or",
        "any",
        "all",
        "__bool__",
        "equal",
        "is_nonzero",
    ]
)


class Site(Value):
    """An operation at a line of the author's."""

    op: str
    path: str
    line: int


def broken_at(ops: Sequence[Op], calls: Sequence[Mapping[str, Any]]) -> list[Site]:
    """Operations that took something with a graph and gave something without, last ones first.

    Only where a leaf stayed without a gradient, or a backward call found no graph: elsewhere that is right.
    """
    broken = any(
        call.get("unreached") or call.get("error") or not call.get("has_graph", True) for call in calls
    )
    missing = any(leaf.get("grad") is None for call in calls for leaf in call.get("leaves", ()))
    if calls and not (broken or missing):
        return [] if not _flat_steps(ops) else _sites(_flat_steps(ops))
    left = [op for op in ops if op.get("left") and op.get("op") not in _COMPARING]
    ungraded = [op for op in left if not op.get("grad_mode", True)]
    breaking = [op for op in left if op.get("op") in _BREAKING]
    compared = [op for op in ops if op.get("left") and op.get("op") in _COMPARING]
    return _sites([*ungraded, *reversed(breaking), *(left or reversed(compared))])


def partly_broken_at(ops: Sequence[Op]) -> list[Site]:
    """Where a part of the graph was left although gradients came: rightly or not, an experiment tells."""
    return _sites([op for op in reversed(ops) if op.get("left") and op.get("op") in _BREAKING])


def tampered_at(ops: Sequence[Op]) -> list[Site]:
    """Hooks on gradients, and values that are reached behind the graph's back."""
    return _sites([op for op in ops if op.get("tracked") and op.get("op") in _TAMPERING])


def _flat_steps(ops: Sequence[Op]) -> list[Op]:
    """Step functions keep a graph whose gradient is zero everywhere."""
    return [op for op in ops if op.get("op") in _STEPS and op.get("tracked")]


def nonfinite_at(ops: Sequence[Op], calls: Sequence[Mapping[str, Any]]) -> list[Site]:
    """The first operation whose value is not finite although its inputs are; then, backwards, the first
    whose gradient is finite while that of what it took is not."""
    if not calls:
        return []  # nothing asked for a gradient: a value that is not finite is another matter
    born = [op for op in ops if op.get("nonfinite") and not op.get("nonfinite_in")]
    spoiled = any(leaf.get("nonfinite") for call in calls for leaf in call.get("leaves", ()))
    if not (born or spoiled or any(op.get("grad_nonfinite") for op in ops)):
        return []
    backward = [
        op
        for op in reversed(ops)
        if op.get("grad_nonfinite") is False and any(_bad(ops, source) for source in _sources(ops, op))
    ]
    return _sites([*backward, *born])


def dead_at(ops: Sequence[Op], calls: Sequence[Mapping[str, Any]]) -> list[Site]:
    """Operations behind which nothing comes back: gradient not zero at them, zero at all that they took.

    Where every gradient is zero because the value is, the first operation that made a zero of non-zeros.
    """
    zero = any(leaf.get("max_abs") in (0, 0.0) for call in calls for leaf in call.get("leaves", ()))
    if not zero:
        return []
    backward = [
        op
        for op in reversed(ops)
        if op.get("grad_zero") is False
        and (came := [entry for entry in _sources(ops, op) if "grad_zero" in entry])
        and all(entry["grad_zero"] for entry in came)
    ]
    forward = [op for op in ops if op.get("zero") and not op.get("zero_in") and op.get("tracked")]
    from_zero = [op for op in ops if op.get("zero") and op.get("tracked")]
    return _sites([*backward, *forward, *from_zero])


def _sources(ops: Sequence[Op], op: Op) -> list[Op]:
    made = [ops[number] for number in op.get("from", ()) if 0 <= number < len(ops)]
    leaves = set(op.get("leaves", ()))
    return made + [entry for entry in ops if entry.get("op") == "leaf" and entry.get("leaf") in leaves]


def _bad(ops: Sequence[Op], op: Op) -> bool:
    return bool(op.get("grad_nonfinite"))


def _sites(ops: Sequence[Op]) -> list[Site]:
    found: dict[tuple[str, int], Site] = {}
    for op in ops:
        path, _, line = str(op.get("where", "")).rpartition(":")
        if path and line.isdigit():
            found.setdefault((path, int(line)), Site(op=str(op["op"]), path=path, line=int(line)))
    return list(found.values())


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
