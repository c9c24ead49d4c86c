"""From observations to a verdict: interleaving, early stopping, Fisher's exact test, the control.

A verdict needs a control that behaved. `confirmed` takes all of: the baseline fails, for the
subject's reason; every treated run passes (an error or a skip is not a pass); p <= alpha.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any, assert_never

from triage.lab.measurements import measurements_of
from triage.lab.protocol import Experiment, Observation, Trial
from triage.lab.sentences import both_arms, treated_arm
from triage.model.criterion import allowed_rate
from triage.model.experiment import ExperimentResult, Status, Tally
from triage.model.failure import Failure
from triage.model.outcome import Outcome
from triage.model.statistics import one_sided
from triage.text.pattern import pattern

_EXTENDED_ALPHA = 0.01
"""Stricter where an arm was lengthened after a look at the result."""
_COMPARED_LENGTH = 200
"""Characters of a message's first line that two failures must share."""
_VOLATILE = pattern(
    r"""
    0x[0-9a-fA-F]+                            # an address
    | [-+]? \d+ (?:\.\d*)? (?:[eE][-+]?\d+)?  # a number
    | / [^\s'"]+                              # a path
    """,
    matches=["at 0x7f3a", "got -0.25", "1e-08 is small", "no /tmp/a1/x"],
    rejects=["disk full", "KeyError: 'name'"],
)


def interleaved(repeats: int) -> list[tuple[str, str]]:
    """Rounds of the two arms, A the baseline: A B, B A, A B ... so that a drift hits both alike."""
    return [("A", "B") if number % 2 == 0 else ("B", "A") for number in range(repeats)]


def decided(experiment: Experiment, baseline: Sequence[Observation], treated: Sequence[Observation]) -> bool:
    """Whether further runs could not lead to `confirmed`: then they are not worth their time."""
    if any(not run.passed(*_treated_watch(experiment)) for run in treated):
        return True
    if baseline and not any(experiment.is_red(run) for run in baseline):
        return len(baseline) >= experiment.repeats
    return False


def lengthened(
    experiment: Experiment, baseline: Sequence[Observation], treated: Sequence[Observation]
) -> int:
    """Further rounds that a noisy baseline needs; 0 where the planned ones answer."""
    if decided(experiment, baseline, treated):
        return 0
    failed = sum(experiment.is_red(run) for run in baseline)
    p = one_sided(failed, len(baseline), 0, len(treated))
    steady = failed in (0, len(baseline))
    if steady or p <= experiment.alpha:
        return 0
    needed = repeats_for(failed / len(baseline), _EXTENDED_ALPHA)
    return max(0, needed - len(baseline))


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
    runs = (*baseline, *treated)
    examples = (*treated, *baseline)
    result = ExperimentResult(
        probe=experiment.probe,
        factor=experiment.factor,
        prediction=experiment.prediction,
        status=status,
        baseline=before,
        treated=after,
        p_value=p if baseline and treated else None,
        sentence=sentence,
        command=examples[0].command if examples else "",
        measurements=_measurements(baseline, treated),
        evidence=tuple(run.evidence for run in runs if run.evidence),
    )
    return Trial(result=result, baseline=tuple(baseline), treated=tuple(treated))


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
    missed = [text for run in treated for text in _not_applied(run)]
    if missed:
        return Status.INCONCLUSIVE, f"The change could not be applied: {missed[0]}."
    if after.failed:
        return _still_failing(experiment, treated, before, after)
    if before.failed == 0:
        return (
            Status.INVALID_CONTROL,
            f"Unchanged it passed {before.runs} of {before.runs} times, so there is no failure to compare.",
        )
    if not experiment.any_reason and not _shows_reason(experiment, baseline, reason):
        return Status.INVALID_CONTROL, "Unchanged it failed for another reason than the subject."
    counts = both_arms(experiment, before, after)
    if p <= alpha:
        return Status.CONFIRMED, f"{counts} (p = {p:.2g})."
    return Status.INCONCLUSIVE, f"{counts}: too few runs to tell (p = {p:.2g})."


def _still_failing(
    experiment: Experiment, treated: Sequence[Observation], before: Tally, after: Tally
) -> tuple[Status, str]:
    outcomes = [run.outcome(nodeid) for run in treated for nodeid in _treated_watch(experiment)]
    for outcome in outcomes:
        instead = _instead_of_an_answer(outcome)
        if instead is not None:
            return Status.REFUTED, f"{treated_arm(experiment)} the test {instead}, which is no pass."
    failed = f"{after.failed} of {after.runs}"
    arm = treated_arm(experiment)
    if after.failed < after.runs and before.failed == before.runs:
        return (
            Status.INCONCLUSIVE,
            f"{arm} it still fails, but less often: {failed} times.",
        )
    return Status.REFUTED, f"{arm} it fails too: {failed} times."


def _instead_of_an_answer(outcome: Outcome) -> str | None:
    """What the test did instead of passing or failing; None where it did one of them, or died."""
    match outcome:
        case Outcome.SKIPPED:
            return "is skipped"
        case Outcome.NOT_RUN:
            return "does not run"
        case Outcome.ERROR:
            return "ends in an error"
        case Outcome.PASSED | Outcome.XPASSED | Outcome.XFAILED | Outcome.FAILED:
            return None
        case Outcome.CRASHED | Outcome.TIMEOUT | Outcome.FLAKY:
            return None
        case _:
            assert_never(outcome)


def _shows_reason(experiment: Experiment, baseline: Sequence[Observation], reason: Failure | None) -> bool:
    """Whether the baseline fails as the subject does; runs that kept no failure do not contradict it."""
    if reason is None:
        return True
    shown = [run.failures.get(reason.nodeid) for run in baseline if experiment.is_red(run)]
    return any(same_reason(failure, reason) for failure in shown) or all(f is None for f in shown)


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
    line = _raised_at(failure)
    same_line = line is not None and line == _raised_at(other)
    return same_line or _masked(failure) == _masked(other)


def _raised_at(failure: Failure) -> tuple[str, int | None, str | None] | None:
    frames = failure.chain[0].frames if failure.chain else ()
    return (frames[-1].path, frames[-1].lineno, frames[-1].function) if frames else None


def _masked(failure: Failure) -> str:
    first_line = failure.message.strip().split("\n", 1)[0]
    return _VOLATILE.sub("#", first_line)[:_COMPARED_LENGTH]


def _treated_watch(experiment: Experiment) -> tuple[str, ...]:
    return experiment.treated_watch or experiment.watch


def _tallies(
    experiment: Experiment, baseline: Sequence[Observation], treated: Sequence[Observation]
) -> tuple[Tally, Tally]:
    """A baseline fails where it is red; a treatment where it does not pass."""
    watch_after = _treated_watch(experiment)
    return (
        Tally(runs=len(baseline), failed=sum(experiment.is_red(run) for run in baseline)),
        Tally(runs=len(treated), failed=sum(not run.passed(*watch_after) for run in treated)),
    )


def _not_applied(run: Observation) -> list[str]:
    """What instruments say of changes that found nothing to change."""
    return [str(line["missed"]) for lines in run.measured.values() for line in lines if line.get("missed")]


def _measurements(baseline: Sequence[Observation], treated: Sequence[Observation]) -> dict[str, Any]:
    """Numbers of the first run of each arm; empty where neither differentiated anything."""
    arms = {"baseline": baseline, "treated": treated}
    found: dict[str, Any] = {}
    for arm, runs in arms.items():
        if runs:
            measured = measurements_of(runs[0].measured)
            found[arm] = measured.model_dump() if measured is not None else {}
    return found if any(found.values()) else {}


def still_allowed(runs: int) -> float:
    """Failure rate that `runs` green runs do not exclude (one-sided, 95 %); 1.0 without runs."""
    rate = allowed_rate(runs)
    return 1.0 if rate is None else rate


def repeats_for(rate: float, alpha: float, cap: int = 40) -> int:
    """Repeats of each arm so that a failure rate of `rate` against none gives p <= alpha.

    The expected count is lowered by one standard deviation, so that bad luck seldom spoils it.
    """
    for runs in range(4, cap + 1):
        failed = int(runs * rate - sqrt(runs * rate * (1.0 - rate)))
        if failed > 0 and one_sided(failed, runs, 0, runs) <= alpha:
            return runs
    return cap
