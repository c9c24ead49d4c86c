"""Test whether the arithmetic decides: precision, tolerance, threads, compilation."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace

from triage.lab.lost_lines import executed_lines
from triage.lab.protocol import Answer, Observation, Setup, Step
from triage.model.experiment import Factor, RootCause
from triage.model.failure import is_test
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.edits.statements import patch_of
from triage.probe.edits.tolerance import (
    Comparison,
    comparisons,
    equality,
    loosened,
    with_measured_limit,
)
from triage.probe.misses import (
    FEW,
    Miss,
    misses_of,
    objection_to_rounding,
    reason_for_rounding,
    worst_of,
)
from triage.probe.numeric_symptoms import (
    asks_for_types,
    compiles,
    names_the_compiler,
    narrowing_lines,
    uses_arrays,
)
from triage.probe.symptoms import own_frames, own_places, places, uses
from triage.probe.treatment import Treatment, settle, with_instrument

_FEW_OF_TINY = 100.0
"""Tolerances by which a miss may be a tight limit where the limit itself is tiny (else `FEW`)."""
_TINY = 1e-6
_NARROW = frozenset({"float16", "bfloat16", "float32"})
"""Types whose rounding a wider one takes away."""
_WIDEST = 1e12
"""Wider tolerances accept anything."""


class Numeric:
    """Change the arithmetic and not the logic: type, threads, compiler, tolerance."""

    name = "numeric"

    def investigate(self, case: Case) -> Steps:
        """By how much it misses; then wider floats, fewer threads, no compiler, looser limits."""
        (seen,) = yield from look(
            case.base.measuring("tolerance", "lines"), why="by how much comparisons miss"
        )
        worst = worst_of(seen.lines("tolerance", "miss"))
        narrowing = narrowing_lines(case, executed_lines(seen, case.nodeid))
        other_arithmetic = [*_compiling(case), *_precision(case, worst, narrowing), *_threads(case)]
        found = yield from settle(self.name, case, other_arithmetic, "with other arithmetic")
        if found is not None:
            return (yield from _examined_in_both_types(found, worst))
        looser = [*_tolerances(case, worst), *_comparisons(case)]
        found = yield from settle(self.name, case, looser, "with a looser tolerance")
        if found is not None:
            return found
        origin = yield from _origin_of_nonfinite(case, seen)
        if origin is not None:
            return Finding(cause=origin)
        by = f"; the worst comparison misses by {worst.tolerances:.3g} tolerances" if worst else ""
        return Finding(
            excluded=f"neither precision, threads, compilation nor a small slack decide{by}",
            facts={"tried": other_arithmetic},
        )


def _origin_of_nonfinite(
    case: Case, seen: Observation
) -> Generator[tuple[Step, ...], tuple[Answer, ...], RootCause | None]:
    """The line at which numpy warns first, where what a comparison was given is not finite."""
    if not any(line.get("nonfinite") for line in seen.lines("tolerance", "miss")):
        return None
    warned = case.base.plus(pytest_args=("-W", "error::RuntimeWarning"))
    (run,) = yield from look(warned, why="which line makes a value that is not finite")
    failure = run.failures.get(case.nodeid)
    if failure is None or failure.exception != "RuntimeWarning":
        return None
    frames = own_frames(replace(case, failure=failure))
    if not frames:
        return None
    path, line = frames[0]
    return RootCause(
        kind="test-defect" if is_test(path) else "product-defect",
        summary=(
            f"{failure.message} at {path}:{line}: there the first value arises that is not finite, "
            "and what the test compares comes from it"
        ),
        culprits=(f"{path}:{line}",),
        confidence="likely",
    )


def _precision(case: Case, worst: Miss | None, narrowing: Sequence[str]) -> Iterator[Treatment]:
    if not uses_arrays(case):
        return
    baseline, treated = with_instrument(case.base, "numerics", {"dtype": "float64"})
    yield Treatment(
        factor=Factor(kind="dtype", name="default", from_="as written", to="float64"),
        kind="dtype",
        baseline=baseline,
        treated=treated,
        prediction="In float64 the test passes: single precision loses what it asserts.",
        summary="the test passes in float64 and fails in the narrower type of the code: precision is lost",
        culprits=(*narrowing, *own_places(case, 2)),
        sure=not asks_for_types(case),
        because=_rounding(worst),
    )


def _examined_in_both_types(found: Finding, narrow: Miss | None) -> Steps:
    """The finding that a wider type helps, with what its own misses say for and against rounding."""
    is_type = (
        found.cause is not None and found.cause.factor is not None and found.cause.factor.kind == "dtype"
    )
    if narrow is None or found.proof is None or not is_type:
        return found
    # nothing is tolerated: what is left of the miss is recorded
    strict = found.proof.treated.plus(instruments={"tolerance": {"factor": 0.0}})
    (run,) = yield from look(strict, why="what is left of the miss in the wider type")
    misses = misses_of(run.lines("tolerance", "miss"))
    wide = next((miss for miss in misses if miss.where == narrow.where), None)
    if wide is None:
        return found
    doubt = objection_to_rounding(narrow, wide)
    if doubt:
        return found.model_copy(update={"against": (doubt,)})
    return found.model_copy(update={"because": found.because or reason_for_rounding(narrow, wide)})


def _rounding(worst: Miss | None) -> str:
    """That the miss is what rounding in a narrow type gives, as a clause; empty where it is not."""
    if worst is None or worst.dtype not in _NARROW or not worst.is_in_last_digits:
        return ""
    return f"the miss (relative {worst.relative:.2g}) is in the last digits of {worst.dtype}"


def _threads(case: Case) -> Iterator[Treatment]:
    if uses_arrays(case):
        one = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        baseline, treated = with_instrument(case.base, "numerics", {"threads": 1})
        yield _threading(case, "torch and BLAS", baseline, treated.plus(env=one), "one")
        baseline, treated = with_instrument(case.base, "numerics", {"deterministic": True})
        yield _threading(case, "algorithms", baseline, treated, "deterministic")
    if uses(case, "threads"):
        baseline, treated = with_instrument(case.base, "threads", {"serial": True})
        yield _threading(case, "threads of the test", baseline, treated, "one after another")


def _threading(case: Case, name: str, baseline: Setup, treated: Setup, to: str) -> Treatment:
    return Treatment(
        factor=Factor(kind="threads", name=name, from_="as they run", to=to),
        kind="threads",
        baseline=baseline,
        treated=treated,
        prediction=f"With {name} {to} the test passes: what runs at the same time decides.",
        summary=f"the result depends on threads: with {name} {to} the test passes",
        culprits=places(uses(case, "threads")) or own_places(case, 2),
    )


def _compiling(case: Case) -> Iterator[Treatment]:
    if not (names_the_compiler(case) or compiles(case)):
        return
    off = {"TORCHDYNAMO_DISABLE": "1", "TORCH_COMPILE_DISABLE": "1", "PYTORCH_JIT": "0"}
    baseline, treated = with_instrument(case.base, "numerics", {"compile": False})
    yield Treatment(
        factor=Factor(kind="compile", name="torch.compile", from_="on", to="off"),
        kind="compile",
        baseline=baseline,
        treated=treated.plus(env=off),
        prediction="Without compilation the test passes: the compiled code differs, or cannot be made here.",
        summary="the test passes without torch.compile (or torch.jit) and fails with it",
        culprits=own_places(case, 2),
    )


def _tolerances(case: Case, worst: Miss | None) -> Iterator[Treatment]:
    """Wider tolerances, where what is missed may be rounding or a limit that is tight."""
    if worst is None:
        return
    if not (worst.is_in_last_digits or worst.is_narrow or worst.is_rounding):
        return
    if worst.factor > _WIDEST:
        return
    baseline, treated = with_instrument(case.base, "tolerance", {"factor": worst.factor})
    by = f"{worst.tolerances:.3g} tolerances"
    if worst.is_in_last_digits:
        by += ", in the last digits"
    yield Treatment(
        factor=Factor(kind="tolerance", name=worst.name, from_=1.0, to=worst.factor),
        kind="tolerance",
        baseline=baseline,
        treated=treated,
        prediction=f"With tolerances {worst.factor:g} times as wide it passes: it misses by {by}.",
        summary=f"{worst.name} misses by {by} (relative {worst.relative:.3g}): the limit is tight",
        culprits=(worst.where or case.nodeid,),
        sure=worst.is_in_last_digits or worst.is_rounding,
    )


def _comparisons(case: Case) -> Iterator[Treatment]:
    """A plain `assert abs(a - b) < limit`, or floats compared with `==`."""
    for found in _shown_comparisons(case):
        few = _FEW_OF_TINY if found.limit <= _TINY else FEW
        if not found.near(few):
            continue
        before = case.source(found.path)
        after = loosened(before, found) if before else None
        if before is not None and after is not None:
            yield _loosening(case, found, before, after)


def _shown_comparisons(case: Case) -> list[Comparison]:
    """Comparisons with a limit that the failure shows; where there is none, an equality of floats."""
    frames = own_frames(case)
    with_limit = list(comparisons(case.failure, frames))
    if with_limit or not frames:
        return with_limit
    path = frames[0][0]
    exact = equality(case.source(path) or "", frames)
    return [] if exact is None else [exact]


def _loosening(case: Case, found: Comparison, before: str, after: str) -> Treatment:
    place = f"{found.path}:{found.line}"
    patch = patch_of(
        found.path,
        before,
        with_measured_limit(before, found) or after,
        f"more slack at {place}",
        f"Measured: {found.shown}. The limit follows from that, and is no wider than the next power of ten.",
    )
    return Treatment(
        factor=Factor(kind="tolerance", name=place, from_=found.shown, to=f"{found.slack:g} times as wide"),
        kind="tolerance",
        baseline=case.base,
        treated=case.base.plus(edits={found.path: after}),
        prediction=f"With {found.slack:g} times the slack at {place} it passes: it misses by little.",
        summary=f"{place} misses narrowly ({found.shown}): the limit is tighter than the arithmetic",
        culprits=(place,),
        patches=(patch,),
        sure=found.rounding,
    )
