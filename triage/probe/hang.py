"""`hang` and `crash`: a process that died or stood still: at which line, and whether that line is enough."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from triage.model.experiment import CauseKind, Factor, Patch, RootCause
from triage.model.failure import Failure
from triage.model.outcome import Outcome
from triage.probe.ablation import without_loop, without_statement
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.patching import patch_of
from triage.probe.treatment import (
    Settling,
    Treatment,
    message_of,
    own_frames,
    places,
    settle,
    uses,
    with_instrument,
)

_LONGER = (4.0, 20.0)
_MOST_FRAMES = 4


class Hang:
    """Too slow for its limit, or standing still."""

    name = "hang"

    def likelihood(self, case: Case) -> float:
        """Only for a test that the limit ended, or that complains of time itself."""
        if _outcome(case) is Outcome.TIMEOUT or case.failure.exception == "Timeout":
            return 0.95
        text = message_of(case)
        return 0.3 if "TimeoutError" in text or "timed out" in text.lower() else 0.0

    def investigate(self, case: Case) -> Steps:
        """A longer limit first; then the line where it stands, taken out; then threads one by one."""
        limit = float(case.facts.get("test_seconds") or 60.0)
        found = (
            yield from self._with_more_time(case, limit) if _outcome(case) is Outcome.TIMEOUT else _nothing()
        )
        if found is not None:
            return found
        apart = list(_apart(case))
        found = yield from settle(
            self.name,
            case,
            [*apart, *_ablated(case, "timeout", own_frames(case))],
            "without what it waits for",
        )
        if found is not None:
            return found
        return _standing(case, "timeout", f"it stands still, also with {_LONGER[0]:g} times its limit")

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


class Crash:
    """The process under test died."""

    name = "crash"

    def likelihood(self, case: Case) -> float:
        """Only for a test that took its process along."""
        return 0.95 if _outcome(case) is Outcome.CRASHED or case.failure.exception == "Crashed" else 0.0

    def investigate(self, case: Case) -> Steps:
        """The line at which it died, taken out; each step is written down where the death left no stack."""
        (seen,) = yield from look(case.base.measuring("lastline"), why="the last line before it died")
        steps = [str(place) for line in seen.lines("lastline", "at")[-1:] for place in line.get("frames", ())]
        frames = own_frames(case) or [_split(place) for place in steps]
        found = yield from settle(
            self.name, case, list(_ablated(case, "crash", frames)), "without the line at which it died"
        )
        return found or _standing(
            case, "crash", f"the process died: {case.failure.message or 'no last words'}", steps
        )


def _nothing() -> Settling:
    yield from look()
    return None


def _stack(failure: Failure | None) -> list[tuple[str, int | None]]:
    return [(f.path, f.lineno) for raised in failure.chain for f in raised.frames] if failure else []


def _outcome(case: Case) -> Outcome:
    return case.observed.outcome(case.nodeid)


def _longer(case: Case, limit: float, factor: float) -> Treatment:
    seconds = limit * factor
    return Treatment(
        factor=Factor(kind="limit", name="test-timeout", from_=limit, to=seconds),
        kind="timeout",
        baseline=case.base,
        treated=case.base.plus(test_seconds=seconds),
        prediction=f"With {seconds:g} s in place of {limit:g} s it passes: it is slow, not stuck.",
        summary=f"the test needs more than its limit of {limit:g} s and passes within {seconds:g} s",
        culprits=_frames(case)[:1],
    )


def _apart(case: Case) -> Iterator[Treatment]:
    if not uses(case, "threads"):
        return
    baseline, treated = with_instrument(case.base, "threads", {"serial": True})
    yield Treatment(
        factor=Factor(
            kind="threads", name="threads of the test", from_="as they run", to="one after another"
        ),
        kind="threads",
        baseline=baseline,
        treated=treated,
        prediction="With its threads one after another it ends: they wait for each other.",
        summary="its threads wait for each other; one after another they end",
        culprits=places(uses(case, "threads")),
    )


def _split(place: str) -> tuple[str, int]:
    path, _, line = place.rpartition(":")
    return path, int(line)


def _ablated(case: Case, kind: CauseKind, frames: Sequence[tuple[str, int]]) -> Iterator[Treatment]:
    for path, line in frames[:_MOST_FRAMES]:
        before = case.source(path)
        if before is None:
            continue
        rows = before.splitlines()
        text = rows[line - 1].strip() if line <= len(rows) else ""
        for what, after in (
            (f"`{text}`", without_statement(before, line)),
            (f"the loop around `{text}`", _loop(kind, before, line)),
        ):
            if after is not None:
                yield _without(
                    case,
                    kind,
                    f"{path}:{line}",
                    what,
                    patch_of(path, before, after, f"{path} without {what}", _NOT_A_REPAIR),
                )


_NOT_A_REPAIR = "It locates the cause; it is no repair."


def _loop(kind: CauseKind, source: str, line: int) -> str | None:
    return without_loop(source, line) if kind == "timeout" else None


def _without(case: Case, kind: CauseKind, place: str, what: str, patch: Patch) -> Treatment:
    return Treatment(
        factor=Factor(kind="edit", name=place, from_=what, to="taken out"),
        kind=kind,
        baseline=case.base,
        treated=case.base.plus(edits={patch.path: patch.after}),
        prediction=f"Without {what} ({place}) it passes: that is where it {_does(kind)}.",
        summary=f"it {_does(kind)} in {what} ({place}); without it the test passes",
        culprits=(place,),
        patches=(patch,),
    )


def _does(kind: CauseKind) -> str:
    return "crashes" if kind == "crash" else "stands still"


def _standing(case: Case, kind: CauseKind, words: str, steps: Sequence[str] = ()) -> Finding:
    frames = tuple(_frames(case) or steps)
    at = f" at {frames[0]}" if frames else ""
    cause = RootCause(kind=kind, summary=f"{words}{at}", culprits=frames[:2], confidence="likely")
    return Finding(cause=cause)


def _frames(case: Case) -> Sequence[str]:
    return tuple(f"{path}:{line}" for path, line in own_frames(case))
