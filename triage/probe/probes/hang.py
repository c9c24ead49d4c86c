"""Test why a test does not end: too slow for its limit, or waiting for something that never comes."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any

from triage.lab.protocol import Answer, Step
from triage.model.experiment import Factor
from triage.model.failure import TIMED_OUT, Failure
from triage.model.outcome import Outcome
from triage.probe.api import Case, Steps, look
from triage.probe.line_removal import located, without_lines
from triage.probe.symptoms import message_of, own_frames, own_places, places, uses
from triage.probe.treatment import Settling, Treatment, settle, with_instrument
from triage.probe.waits import Line, explained, frames_in, lock_cycle, may_still_end

_LONGER = (4.0, 20.0)
"""Multiples of the limit: a slow machine, then a test that was never meant to be so quick."""
_MEASURE_AFTER, _METER_LIMIT = 5.0, 30.0
"""Seconds after which the meter looks where it stands, and the shortest limit that leaves it the time."""
_DEFAULT_LIMIT = 60.0
_MOST_CULPRITS = 5


def ended_by_the_limit(case: Case) -> bool:
    """Whether the time limit ended the test."""
    return _outcome(case) is Outcome.TIMEOUT or case.failure.exception == TIMED_OUT


def names_a_timeout(case: Case) -> bool:
    """Whether the failure itself speaks of a timeout."""
    text = message_of(case)
    return "TimeoutError" in text or "timed out" in text.lower()


class Hang:
    """Find out what it waits for; give it more time, release what it waits for, or take the line out."""

    name = "hang"

    def investigate(self, case: Case) -> Steps:
        """A longer limit where the test got on, then treatments that fit what it waits for."""
        limit = float(case.facts.get("test_timeout") or _DEFAULT_LIMIT)
        line: Line | None = {}
        if _outcome(case) is Outcome.TIMEOUT:
            line = yield from _measured(case, limit)
        if line is None or may_still_end(line):
            found = yield from self._with_more_time(case, limit)
            if found is not None:
                return found
        line = line or {}
        reason, where = explained(line)
        treatments = list(releasing(case, line))
        for removal in without_lines(case, "timeout", frames_in(line) or own_frames(case)):
            treatments.append(_with_reason(removal, reason, where))
        found = yield from settle(self.name, case, treatments, "without what it waits for")
        if found is not None:
            return found
        summary = "it stands still"
        if may_still_end(line):
            summary += f", also with {_LONGER[0]:g} times its limit"
        if reason:
            summary += f": {reason}"
        return located(case, "timeout", summary, where)

    def _with_more_time(self, case: Case, limit: float) -> Settling:
        """A test that is at the same line after a longer time stands still; one that got on gets more."""
        for factor in _LONGER:
            treatment = _longer(case, limit, factor)
            (run,) = yield from look(treatment.treated, why="with a longer limit")
            if run.passed(case.nodeid):
                return (yield from settle(self.name, case, [treatment], "with a longer limit"))
            if _stack(run.failures.get(case.nodeid)) == _stack(case.failure):
                return None
        return None


def _measured(
    case: Case, limit: float
) -> Generator[tuple[Step, ...], tuple[Answer, ...], dict[str, Any] | None]:
    """What the meter `waits` saw; None where the test ended before the meter looked."""
    after = min(max(0.6 * limit, 1.0), _MEASURE_AFTER)
    setup = case.base.plus(test_timeout=max(limit, _METER_LIMIT), instruments={"waits": {"after": after}})
    (seen,) = yield from look(setup, why="what it waits for")
    if seen.passed(case.nodeid):
        return None
    return next(iter(seen.lines("waits", "standing")), {})


def releasing(case: Case, line: Line) -> Iterator[Treatment]:
    """Treatments that fit what is waited for: one lock for several, children that end, threads in turn."""
    reason, where = explained(line)
    cycle = lock_cycle(line)
    if cycle:
        born = sorted({str(wait.lock["born"]) for wait in cycle})
        change = f"one reentrant lock in place of those of {' and '.join(born)}"
        yield _released(case, ("locks", {"one": born}), change, reason, where)
    if line.get("children"):
        where = (*where, str(line["children"][0]["command"])[:120])
        yield _released(case, ("children", {"drain": True}), "its output pipes read", reason, where)
        yield _released(case, ("children", {"answer": True}), "its input ended", reason, where)
    if uses(case, "threads") or len(line.get("threads", ())) > 1:
        where = tuple(dict.fromkeys((*where, *places(uses(case, "threads")))))
        yield _released(case, ("threads", {"serial": True}), "its threads one after another", reason, where)


def _released(
    case: Case, told: tuple[str, dict[str, Any]], change: str, reason: str, where: Sequence[str]
) -> Treatment:
    """`told` is the instrument with its settings."""
    instrument, settings = told
    baseline, treated = with_instrument(case.base, instrument, settings)
    return Treatment(
        factor=Factor(kind=instrument, name=f"{instrument} of the test", from_="as they are", to=change),
        kind="threads" if instrument == "threads" else "timeout",
        baseline=baseline,
        treated=treated,
        prediction=f"With {change} it ends: {reason or 'they wait for each other'}.",
        summary=f"{reason or 'its threads wait for each other'}; with {change} it ends",
        culprits=tuple(where)[:_MOST_CULPRITS],
    )


def _with_reason(treatment: Treatment, reason: str, where: Sequence[str]) -> Treatment:
    """Add what it waits for, which the line alone does not say."""
    if not reason:
        return treatment
    culprits = tuple(dict.fromkeys((*treatment.culprits, *where)))[:_MOST_CULPRITS]
    return treatment.model_copy(update={"summary": f"{reason}; {treatment.summary}", "culprits": culprits})


def _longer(case: Case, limit: float, factor: float) -> Treatment:
    seconds = limit * factor
    return Treatment(
        factor=Factor(kind="limit", name="test-timeout", from_=limit, to=seconds),
        kind="timeout",
        baseline=case.base,
        treated=case.base.plus(test_timeout=seconds),
        prediction=f"With {seconds:g} s in place of {limit:g} s it passes: it is slow, not stuck.",
        summary=f"the test needs more than its limit of {limit:g} s and passes within {seconds:g} s",
        culprits=own_places(case, 1),
    )


def _stack(failure: Failure | None) -> list[tuple[str, int | None]]:
    if failure is None:
        return []
    return [(frame.path, frame.lineno) for raised in failure.chain for frame in raised.frames]


def _outcome(case: Case) -> Outcome:
    return case.observed.outcome(case.nodeid)
