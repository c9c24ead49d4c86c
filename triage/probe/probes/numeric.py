"""Test whether the arithmetic decides: precision, tolerance, threads, compilation."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from triage.lab.protocol import Setup
from triage.model.experiment import Factor
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.edits.statements import patch_of
from triage.probe.edits.tolerance import Comparison, comparisons, equality, loosened
from triage.probe.symptoms import failing_files, file_of, message_of, own_frames, own_places, places, uses
from triage.probe.treatment import Treatment, settle, with_instrument
from triage.text.pattern import pattern

_NOT_CLOSE = pattern(
    r"""
    allclose | assert_close | isclose | approx | almost | not [ ] close | toleran   # the usual checks
    | Mismatch | differ | gradcheck
    | ± | e-\d\d | \d\.\d+ [ ] != | != [ ] -?\d+\.\d | \d\.\d{6,}                 # numbers as they show them
    | nan | inf\b
    """,
    matches=[
        "Not equal to tolerance rtol",
        "assert 0.1 == 0.2 ± 1.0e-7",
        "0.30000000000000004",
        "Mismatched",
    ],
    rejects=["assert 1 == 2", "KeyError: 'a'"],
    flags=re.IGNORECASE,
)
"""How failed comparisons of floats read."""
_COMPARES_FLOATS = pattern(
    r"""
    isclose | approx | allclose | assert_close | [Aa]lmost | toler
    | \beps | 1e- | \babs\( | == [ ]* -?\d+\.\d
    """,
    matches=["abs(a - b) < 1e-6", "x == 0.5", "pytest.approx(1)"],
    rejects=["assert x == 5", "name == 'a'"],
)
_COMPILER = pattern(
    r"torch\._dynamo | torch\._inductor | BackendCompilerFailed | torch\.compile | inductor | InvalidCxx",
    matches=["torch._dynamo.exc.Unsupported", "backend='inductor' raised"],
    rejects=["re.compile failed"],
)
_ASKS_TYPE = pattern(
    r"""
    dtype \s* (?: == | != | is\b | in\b | not[ ]in\b )
    | (?: == | != ) \s* (?: np | numpy | torch ) \. (?: b?float | half | single | double )
    | isinstance\( [^)]* \b (?: float(?:16|32|64) | floating | half | single | double ) \b
    | is_floating_point | \[ [^]\n]* \.dtype \]
    """,
    matches=["if x.dtype == torch.float32:", "isinstance(x, np.float64)", "LIMITS[x.dtype]"],
    rejects=["torch.zeros(3, dtype=torch.float32)", "x.is_leaf"],
)
_FEW, _FEW_OF_TINY = 10.0, 100.0
"""Misses beyond so many tolerances are wrong results, not tight ones; more where the limit itself is tiny."""
_TINY = 1e-6
_FINE, _FEW_OF_COARSE = 1e-6, 3.0
"""Beyond this relative miss fewer tolerances are a few: a wrong constant misses by five as well."""
_ROUNDING = 1e-11
"""Relative misses up to here are what rounding of doubles adds up to."""
_RELATIVE = 1e-2
"""A result that is off by more than a percent is wrong, however wide the tolerance."""
_LAST_DIGITS = {"float16": 2.0**-9, "bfloat16": 2.0**-6, "float32": 2.0**-17, "float64": 2.0**-46}
"""Relative errors that rounding explains: 64 units of the last place, two where one is worth a percent."""
_WIDEST = 1e12
"""Wider tolerances accept anything."""
_MOST_FILES = 400


def names_the_compiler(case: Case) -> bool:
    """Whether the failure comes from torch's compiler."""
    return _COMPILER.search(message_of(case)) is not None


def names_a_numeric_comparison(case: Case) -> bool:
    """Whether the failure reads like a failed comparison of floats."""
    return _NOT_CLOSE.search(message_of(case)) is not None


def uses_threads(case: Case) -> bool:
    """Whether the test starts threads."""
    return bool(uses(case, "threads"))


def uses_arrays(case: Case) -> bool:
    """Whether a file that the failure went through names torch or numpy."""
    return any(re.search(r"\b(torch|numpy)\b", case.source(path) or "") for path in failing_files(case))


def compares_floats(case: Case) -> bool:
    """Whether the test's file compares floats."""
    return _COMPARES_FLOATS.search(case.source(file_of(case)) or "") is not None


class Numeric:
    """Change the arithmetic and not the logic: type, threads, compiler, tolerance."""

    name = "numeric"

    def investigate(self, case: Case) -> Steps:
        """By how much it misses; then wider floats, fewer threads, no compiler, looser limits."""
        (seen,) = yield from look(case.base.measuring("tolerance"), why="by how much comparisons miss")
        misses = seen.lines("tolerance", "miss")
        other_arithmetic = [*_compiling(case), *_precision(case), *_threads(case)]
        found = yield from settle(self.name, case, other_arithmetic, "with other arithmetic")
        if found is not None:
            return found
        looser = [*_tolerances(case, misses), *_comparisons(case)]
        found = yield from settle(self.name, case, looser, "with a looser tolerance")
        if found is not None:
            return found
        measured = _worst(misses)
        by = f"; the worst comparison misses by {measured['ratio']:.3g} tolerances" if measured else ""
        return Finding(
            excluded=f"neither precision, threads, compilation nor a small slack decide{by}",
            facts={"tried": other_arithmetic},
        )


def _asks_for_types(case: Case) -> bool:
    """Whether the suite's code asks for the type of its numbers: another type may then take another path."""
    return any(_ASKS_TYPE.search(case.source(path) or "") for path in _python_files(case))


def _compiles(case: Case) -> bool:
    return any(re.search(r"torch\.(compile|jit)", case.source(path) or "") for path in _python_files(case))


def _python_files(case: Case) -> list[str]:
    return [path for path in case.files if path.endswith(".py")][:_MOST_FILES]


def _precision(case: Case) -> Iterator[Treatment]:
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
        culprits=own_places(case, 2),
        sure=not _asks_for_types(case),
    )


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
    if not (names_the_compiler(case) or _compiles(case)):
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


def _worst(misses: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The comparison that misses by most tolerances, of those that miss by a number."""
    finite = []
    for miss in misses:
        if math.isfinite(float(miss.get("ratio") or math.inf)) and not miss.get("nonfinite"):
            finite.append(miss)
    return max(finite, key=lambda miss: float(miss["ratio"]), default=None)


def _tolerances(case: Case, misses: Sequence[Mapping[str, Any]]) -> Iterator[Treatment]:
    worst = _worst(misses)
    if worst is None:
        return
    ratio, relative = float(worst["ratio"]), float(worst["relative"])
    last_digits = relative <= _LAST_DIGITS.get(str(worst.get("dtype")), _LAST_DIGITS["float64"])
    few = _FEW if relative <= _FINE else _FEW_OF_COARSE
    narrow = ratio <= few and relative <= _RELATIVE
    if not (last_digits or narrow or relative <= _ROUNDING):
        return
    # The next power of ten, one percent above what is missed.
    factor = float(10 ** max(1, math.ceil(math.log10(max(ratio, 1.0) * 1.01))))
    if factor > _WIDEST:
        return
    baseline, treated = with_instrument(case.base, "tolerance", {"factor": factor})
    by = f"{ratio:.3g} tolerances{', in the last digits' if last_digits else ''}"
    yield Treatment(
        factor=Factor(kind="tolerance", name=str(worst["name"]), from_=1.0, to=factor),
        kind="tolerance",
        baseline=baseline,
        treated=treated,
        prediction=f"With tolerances {factor:g} times as wide it passes: it misses by {by}.",
        summary=f"{worst['name']} misses by {by} (relative {relative:.3g}): the limit is tight",
        culprits=(str(worst.get("where") or case.nodeid),),
        sure=last_digits or relative <= _ROUNDING,
    )


def _comparisons(case: Case) -> Iterator[Treatment]:
    """A plain `assert abs(a - b) < limit`, or floats compared with `==`."""
    frames = own_frames(case)
    shown = list(comparisons(case.failure, frames))
    plain = equality(case.source(frames[0][0]) or "", frames) if frames and not shown else None
    for found in (*shown, *([plain] if plain else [])):
        if not found.near(_FEW_OF_TINY if found.limit <= _TINY else _FEW):
            continue
        before = case.source(found.path)
        after = loosened(before, found) if before else None
        if before is None or after is None:
            continue
        yield _loosening(case, found, before, after)


def _loosening(case: Case, found: Comparison, before: str, after: str) -> Treatment:
    place = f"{found.path}:{found.line}"
    reason = "The limit that was missed, with the slack that the experiment needed."
    return Treatment(
        factor=Factor(kind="tolerance", name=place, from_=found.shown, to=f"{found.slack:g} times as wide"),
        kind="tolerance",
        baseline=case.base,
        treated=case.base.plus(edits={found.path: after}),
        prediction=f"With {found.slack:g} times the slack at {place} it passes: it misses by little.",
        summary=f"{place} misses narrowly ({found.shown}): the limit is tighter than the arithmetic",
        culprits=(place,),
        patches=(patch_of(found.path, before, after, f"more slack at {place}", reason),),
        sure=found.rounding,
    )
