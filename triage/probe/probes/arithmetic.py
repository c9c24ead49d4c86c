"""`numeric`: precision, tolerance, threads, compilation: arithmetic that differs, not logic."""

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
from triage.probe.treatment import (
    Treatment,
    message_of,
    own_frames,
    places,
    settle,
    uses,
    with_instrument,
)

_CLOSE = re.compile(
    r"allclose|assert_close|not close|approx|almost|isclose|Mismatch|toleran|differ|±|e-\d\d|gradcheck|"
    r"\d\.\d+ !=|!= -?\d+\.\d|\d\.\d{6,}|nan|inf\b", re.IGNORECASE
)  # fmt: skip
_COMPARING = re.compile(
    r"isclose|approx|allclose|assert_close|[Aa]lmost|toler|\beps|1e-|\babs\(|== *-?\d+\.\d"
)
_COMPILED = re.compile(
    r"torch\._dynamo|torch\._inductor|BackendCompilerFailed|torch\.compile|inductor|InvalidCxx"
)
_ASKS_TYPE = re.compile(
    r"dtype\s*(==|!=|is\b|in\b|not in\b)|(==|!=)\s*(np|numpy|torch)\.(b?float|half|single|double)|"
    r"isinstance\([^)]*\b(float(16|32|64)|floating|half|single|double)\b|is_floating_point|\[[^]\n]*\.dtype\]"
)
_FEW, _CLOSE_ENOUGH = 10.0, 100.0
"""Misses beyond so many tolerances are wrong results, not tight ones; more where the limit itself is tiny."""
_FINE, _COARSE = 1e-6, 3.0
"""Beyond this relative miss fewer tolerances are a few: a wrong constant misses by five as well."""
_ROUNDING = 1e-11
_RELATIVE = 1e-2


class Numeric:
    """What changes when the arithmetic changes."""

    name = "numeric"

    def likelihood(self, case: Case) -> float:
        """High for failed numeric comparisons."""
        text = message_of(case)
        if _COMPILED.search(text):
            return 0.9
        if _CLOSE.search(text):
            return 0.75
        if uses(case, "threads"):
            return 0.6
        source = case.source(case.nodeid.partition("::")[0]) or ""
        return 0.3 if _uses_arrays(case) else 0.05 if _COMPARING.search(source) else 0.0

    def investigate(self, case: Case) -> Steps:
        """By how much it misses; then wider floats, fewer threads, no compiler, looser limits."""
        (seen,) = yield from look(case.base.measuring("tolerance"), why="by how much comparisons miss")
        misses = seen.lines("tolerance", "miss")
        first = [*_compiling(case), *_precision(case), *_threads(case)]
        found = yield from settle(self.name, case, first, "with other arithmetic")
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
            facts={"tried": first},
        )


def _uses_arrays(case: Case) -> bool:
    files = {case.nodeid.partition("::")[0], *(path for path, _ in own_frames(case))}
    return any(re.search(r"\b(torch|numpy)\b", case.source(path) or "") for path in files)


def _branches(case: Case) -> bool:
    """Whether the suite's code asks for the type of its numbers: another type may then take another path."""
    files = [path for path in case.files if path.endswith(".py")][:400]
    return any(_ASKS_TYPE.search(case.source(path) or "") for path in files)


def _compiles(case: Case) -> bool:
    files = [path for path in case.files if path.endswith(".py")][:400]
    return any(re.search(r"torch\.(compile|jit)", case.source(path) or "") for path in files)


def _precision(case: Case) -> Iterator[Treatment]:
    if not _uses_arrays(case):
        return
    baseline, treated = with_instrument(case.base, "numerics", {"dtype": "float64"})
    yield Treatment(
        factor=Factor(kind="dtype", name="default", from_="as written", to="float64"),
        kind="dtype",
        baseline=baseline,
        treated=treated,
        prediction="In float64 the test passes: single precision loses what it asserts.",
        summary="the test passes in float64 and fails in the narrower type of the code: precision is lost",
        culprits=_where(case),
        sure=not _branches(case),
    )


def _threads(case: Case) -> Iterator[Treatment]:
    if _uses_arrays(case):
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
        culprits=places(uses(case, "threads")) or _where(case),
    )


def _compiling(case: Case) -> Iterator[Treatment]:
    if not (_COMPILED.search(message_of(case)) or _compiles(case)):
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
        culprits=_where(case),
    )


def _worst(misses: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    finite = [
        m for m in misses if math.isfinite(float(m.get("ratio") or math.inf)) and not m.get("nonfinite")
    ]
    return max(finite, key=lambda miss: float(miss["ratio"]), default=None)


def _tolerances(case: Case, misses: Sequence[Mapping[str, Any]]) -> Iterator[Treatment]:
    worst = _worst(misses)
    if worst is None:
        return
    ratio, relative = float(worst["ratio"]), float(worst["relative"])
    last_digits = relative <= _LAST_DIGITS.get(str(worst.get("dtype")), 64 * 2.0**-52)
    few = _FEW if relative <= _FINE else _COARSE
    if not (last_digits or (ratio <= few and relative <= _RELATIVE) or relative <= _ROUNDING):
        return
    factor = float(10 ** max(1, math.ceil(math.log10(max(ratio, 1.0) * 1.01))))
    if factor > 1e12:
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


_LAST_DIGITS = {"float16": 2.0**-9, "bfloat16": 2.0**-6, "float32": 2.0**-17, "float64": 2.0**-46}
"""Relative errors that rounding explains: 64 units of the last place, two where one is worth a percent."""


def _comparisons(case: Case) -> Iterator[Treatment]:
    """A plain `assert abs(a - b) < limit`, or floats compared with `==`."""
    frames = own_frames(case)
    shown = list(comparisons(case.failure, frames))
    plain = equality(case.source(frames[0][0]) or "", frames) if frames and not shown else None
    for found in (*shown, *([plain] if plain else [])):
        if not found.near(_CLOSE_ENOUGH if found.limit <= 1e-6 else _FEW):
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


def _where(case: Case) -> tuple[str, ...]:
    return tuple(f"{path}:{line}" for path, line in own_frames(case)[:2])
