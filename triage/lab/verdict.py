"""From observations to a verdict: interleaving, early stopping, Fisher's exact test, the control.

A verdict needs a control that behaved. `confirmed` takes all of: the baseline fails, for the
subject's reason; every treated run passes (an error or a skip is not a pass); p <= alpha.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import comb, isfinite, log, sqrt
from typing import Any, assert_never

from triage.lab.measurements import measurements
from triage.lab.protocol import Experiment, Observation, Trial
from triage.model.experiment import ExperimentResult, Status, Tally
from triage.model.failure import Failure
from triage.model.outcome import Outcome

_TOLERANCE = 1.0 + 1e-9


def one_sided(failed_a: int, runs_a: int, failed_b: int, runs_b: int) -> float:
    """P(at most `failed_b` failures in B), given the margins, if A and B fail equally often.

    Small where B fails less than A. Fisher's exact test; 1.0 where either arm is empty.
    Raises ValueError for counts that cannot be.
    """
    _checked(failed_a, runs_a, failed_b, runs_b)
    failed = failed_a + failed_b
    lowest = max(0, failed - runs_a)
    return min(1.0, sum(_point(k, runs_b, failed, runs_a + runs_b) for k in range(lowest, failed_b + 1)))


def two_sided(failed_a: int, runs_a: int, failed_b: int, runs_b: int) -> float:
    """Total probability of all tables with these margins that are no likelier than this one."""
    _checked(failed_a, runs_a, failed_b, runs_b)
    failed, total = failed_a + failed_b, runs_a + runs_b
    here = _point(failed_b, runs_b, failed, total) * _TOLERANCE
    span = range(max(0, failed - runs_a), min(failed, runs_b) + 1)
    return min(1.0, sum(p for k in span if (p := _point(k, runs_b, failed, total)) <= here))


def wilson(failed: int, runs: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Wilson's interval for a failure rate (95 % by default); (0, 1) without runs."""
    if runs == 0:
        return 0.0, 1.0
    rate, z2 = failed / runs, z * z
    middle = (rate + z2 / (2 * runs)) / (1 + z2 / runs)
    half = z * sqrt(rate * (1 - rate) / runs + z2 / (4 * runs * runs)) / (1 + z2 / runs)
    return max(0.0, middle - half), min(1.0, middle + half)


def still_allowed(runs: int, confidence: float = 0.95) -> float:
    """Failure rate that `runs` green runs do not exclude (one-sided): 1 - (1 - confidence)^(1/n)."""
    return 1.0 if runs <= 0 else float(1.0 - (1.0 - confidence) ** (1.0 / runs))


def runs_needed(rate: float, alpha: float = 0.05) -> int:
    """Green runs after which a failure rate of `rate` would have shown: n >= ln(alpha) / ln(1 - rate)."""
    if not isfinite(rate) or not 0.0 < rate <= 1.0:
        raise ValueError(f"a failure rate lies in (0, 1], not {rate}")
    if rate == 1.0:
        return 1
    return int(-(-log(alpha) // log(1.0 - rate)))


def repeats_for(rate: float, alpha: float, cap: int = 40) -> int:
    """Repeats of each arm so that a failure rate of `rate` against none gives p <= alpha.

    The expected count is lowered by one standard deviation, so that bad luck seldom spoils it.
    """
    for runs in range(4, cap + 1):
        seen = int(runs * rate - sqrt(runs * rate * (1.0 - rate)))
        if seen > 0 and one_sided(seen, runs, 0, runs) <= alpha:
            return runs
    return cap


def _checked(failed_a: int, runs_a: int, failed_b: int, runs_b: int) -> None:
    if not (0 <= failed_a <= runs_a and 0 <= failed_b <= runs_b):
        raise ValueError(f"impossible counts: {failed_a} of {runs_a} against {failed_b} of {runs_b}")


def _point(k: int, runs_b: int, failed: int, total: int) -> float:
    return comb(failed, k) * comb(total - failed, runs_b - k) / comb(total, runs_b)


_ACCIDENTAL = re.compile(r"0x[0-9a-fA-F]+|[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|/[^\s'\"]+")
_EXTENDED_ALPHA = 0.01
"""Stricter where an arm was lengthened after a look at the result."""


def interleaved(repeats: int) -> list[tuple[str, str]]:
    """Rounds of the two arms, A the baseline: A B, B A, A B ... so that a drift hits both alike."""
    return [("A", "B") if number % 2 == 0 else ("B", "A") for number in range(repeats)]


def decided(experiment: Experiment, baseline: Sequence[Observation], treated: Sequence[Observation]) -> bool:
    """Whether further runs could not lead to `confirmed`: then they are not worth their time."""
    if any(not run.passed(*_treated(experiment)) for run in treated):
        return True
    if baseline and not any(run.red(*experiment.watch) for run in baseline):
        return len(baseline) >= experiment.repeats
    return False


def lengthened(
    experiment: Experiment, baseline: Sequence[Observation], treated: Sequence[Observation]
) -> int:
    """Further rounds that a noisy baseline needs; 0 where the planned ones answer."""
    if decided(experiment, baseline, treated):
        return 0
    failed = sum(run.red(*experiment.watch) for run in baseline)
    p = one_sided(failed, len(baseline), 0, len(treated))
    if failed in (0, len(baseline)) or p <= experiment.alpha:
        return 0
    return max(0, repeats_for(failed / len(baseline), _EXTENDED_ALPHA) - len(baseline))


def judge(
    experiment: Experiment,
    baseline: Sequence[Observation],
    treated: Sequence[Observation],
    reason: Failure | None = None,
) -> Trial:
    """The verdict on what was observed; `reason` is the failure that the baseline must show."""
    before, after = _tallies(experiment, baseline, treated)
    p = one_sided(before.failed, before.runs, after.failed, after.runs)
    alpha = experiment.alpha
    if len(baseline) > experiment.repeats:
        alpha = min(alpha, _EXTENDED_ALPHA)
    status, sentence = _verdict(experiment, baseline, treated, p=p, alpha=alpha, reason=reason)
    example = treated[0] if treated else (baseline[0] if baseline else None)
    result = ExperimentResult(
        probe=experiment.probe,
        factor=experiment.factor,
        prediction=experiment.prediction,
        status=status,
        baseline=before,
        treated=after,
        p_value=p if baseline and treated else None,
        sentence=sentence,
        command=example.command if example else "",
        measurements=_measurements(baseline, treated),
        evidence=tuple(run.evidence for run in (*baseline, *treated) if run.evidence),
    )
    return Trial(result=result, baseline=tuple(baseline), treated=tuple(treated))


def same_reason(failure: Failure | None, other: Failure | None) -> bool:
    """Whether two failures are of one type and come from one line, or say the same.

    Numbers, addresses and paths in messages do not count; a message may show a whole dictionary that
    differs between processes, so the line alone is enough. A process that died or hung may have no failure
    of its own: two such are the same.
    """
    if failure is None or other is None:
        return failure is other
    if failure.exception != other.exception:
        return False
    here = _raised_at(failure)
    return (here is not None and here == _raised_at(other)) or _masked(failure) == _masked(other)


def _raised_at(failure: Failure) -> tuple[str, int | None, str | None] | None:
    frames = failure.chain[0].frames if failure.chain else ()
    return (frames[-1].path, frames[-1].lineno, frames[-1].function) if frames else None


def _verdict(
    experiment: Experiment,
    baseline: Sequence[Observation],
    treated: Sequence[Observation],
    *,
    p: float,
    alpha: float,
    reason: Failure | None,
) -> tuple[Status, str]:
    before, after = _tallies(experiment, baseline, treated)
    if not baseline or not treated:
        return Status.INCONCLUSIVE, "No time was left to run it."
    missed = [line for run in treated for line in _missed(run)]
    if missed:
        return Status.INCONCLUSIVE, f"The treatment did not take: {missed[0]}."
    if after.failed:
        return _still_failing(experiment, treated, before, after)
    if before.failed == 0:
        return Status.INVALID_CONTROL, f"The unchanged case passed {before.runs} times: it is no control."
    if not experiment.any_reason and not _behaved(experiment, baseline, reason):
        return Status.INVALID_CONTROL, "The unchanged case failed for another reason than the subject."
    counts = f"{before.failed} of {before.runs} failed without it, 0 of {after.runs} with it"
    if p <= alpha:
        return Status.CONFIRMED, f"{counts} (p = {p:.2g})."
    return Status.INCONCLUSIVE, f"{counts}: too few to tell (p = {p:.2g})."


def _treated(experiment: Experiment) -> tuple[str, ...]:
    return experiment.treated_watch or experiment.watch


def _tallies(
    experiment: Experiment, baseline: Sequence[Observation], treated: Sequence[Observation]
) -> tuple[Tally, Tally]:
    """A baseline fails where it is red; a treatment where it does not pass."""
    after = _treated(experiment)
    return (
        Tally(runs=len(baseline), failed=sum(run.red(*experiment.watch) for run in baseline)),
        Tally(runs=len(treated), failed=sum(not run.passed(*after) for run in treated)),
    )


def _still_failing(
    experiment: Experiment, treated: Sequence[Observation], before: Tally, after: Tally
) -> tuple[Status, str]:
    worst = [run.outcome(nodeid) for run in treated for nodeid in _treated(experiment)]
    instead = next((words for words in map(_instead_of_an_answer, worst) if words is not None), None)
    if instead is not None:
        return Status.REFUTED, f"With it the test {instead}, which is no pass."
    if after.failed < after.runs and before.failed == before.runs:
        return Status.INCONCLUSIVE, f"It still fails with it, but less: {after.failed} of {after.runs}."
    return Status.REFUTED, f"It fails with it too: {after.failed} of {after.runs}."


def _instead_of_an_answer(outcome: Outcome) -> str | None:
    """What the test did instead of passing or failing; None where it did one of them, or died."""
    match outcome:
        case Outcome.SKIPPED:
            return "skips"
        case Outcome.NOT_RUN:
            return "does not run"
        case Outcome.ERROR:
            return "errors"
        case Outcome.PASSED | Outcome.XPASSED | Outcome.XFAILED | Outcome.FAILED:
            return None
        case Outcome.CRASHED | Outcome.TIMEOUT:
            return None
        case _:
            assert_never(outcome)


def _behaved(experiment: Experiment, baseline: Sequence[Observation], reason: Failure | None) -> bool:
    if reason is None:
        return True
    shown = [run.failures.get(reason.nodeid) for run in baseline if run.red(*experiment.watch)]
    return any(same_reason(failure, reason) for failure in shown) or all(f is None for f in shown)


def _missed(run: Observation) -> list[str]:
    return [str(line["missed"]) for lines in run.measured.values() for line in lines if line.get("missed")]


def _masked(failure: Failure) -> str:
    return _ACCIDENTAL.sub("#", failure.message.strip().split("\n", 1)[0])[:200]


def _measurements(baseline: Sequence[Observation], treated: Sequence[Observation]) -> dict[str, Any]:
    arms = {"baseline": baseline, "treated": treated}
    seen = {arm: measurements(runs[0].measured) for arm, runs in arms.items() if runs}
    return seen if any(seen.values()) else {}
