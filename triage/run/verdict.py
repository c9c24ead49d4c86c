"""What one attempt came to: whose fault its end was, and whether the rest may go on."""

from __future__ import annotations

from dataclasses import dataclass

from triage.executor.api import ProcessOutcome
from triage.model.outcome import Outcome
from triage.run.seen import Key, Seen


@dataclass(frozen=True)
class Verdict:
    """The end of one process, judged from its record and from what the kernel said."""

    ended: str
    """finished, crashed, test-timeout, chunk-timeout, interrupted, lost."""
    culprit: Key | None = None
    outcome: Outcome | None = None
    """Of the culprit."""
    note: str | None = None


def judge(seen: Seen, outcome: ProcessOutcome) -> Verdict:
    """The verdict. A culprit is the test that ran when the process died; nobody else is blamed."""
    if outcome.ended == "interrupted":
        return Verdict("interrupted", note=outcome.note)
    if outcome.ended == "lost":
        return Verdict("lost", seen.culprit, note=outcome.note)
    if seen.cut is not None and not seen.tearing_down:
        return Verdict(
            "crashed", seen.key(seen.cut["i"]), Outcome.CRASHED, f"ended the session: {seen.cut['what']}"
        )
    if seen.culprit is not None:
        return _with_culprit(seen, outcome, seen.culprit)
    return _without_culprit(seen, outcome)


def _with_culprit(seen: Seen, outcome: ProcessOutcome, culprit: Key) -> Verdict:
    if outcome.ended == "test-timeout":
        return Verdict("test-timeout", culprit, Outcome.TIMEOUT, "no end within the limit of a test")
    if outcome.ended == "chunk-timeout":
        if seen.finished:
            return Verdict(
                "chunk-timeout", note=f"split after {len(seen.finished)} tests: the chunk's time was up"
            )
        return Verdict("chunk-timeout", culprit, Outcome.TIMEOUT, "alone took all the time of a chunk")
    return Verdict("crashed", culprit, Outcome.CRASHED, _death(outcome))


def _without_culprit(seen: Seen, outcome: ProcessOutcome) -> Verdict:
    where = _stage(seen)
    if outcome.ended in ("test-timeout", "chunk-timeout"):
        return Verdict(outcome.ended, note=f"hung {where}")
    if seen.end is None:
        return Verdict("crashed", note=f"{_death(outcome)} {where}")
    if outcome.signal is not None or outcome.exit_code != seen.end["exitcode"]:
        return Verdict("crashed", note=f"{_death(outcome)} {where}")
    return Verdict("finished", note=seen.end.get("reason"))


def _stage(seen: Seen) -> str:
    if seen.tearing_down:
        return "in the teardown of fixtures behind the last test"
    if seen.end is not None:
        return "at interpreter exit, after the last test"
    if seen.collected is not None:
        if len(seen.finished) >= len(seen.keys):
            return "after the last test"
        return "between tests" if seen.finished else "before the first test"
    if seen.collecting is not None:
        return f"while collecting {seen.collecting['id']}"
    return "while collecting" if seen.begin else "before collection"


def _death(outcome: ProcessOutcome) -> str:
    if outcome.signal is not None:
        return f"died of {outcome.signal}"
    if outcome.exit_code is not None:
        return f"ended with exit code {outcome.exit_code}"
    return outcome.note or "vanished"
