"""`hang`: a test that does not end: too slow for its limit, or who waits for what, and does that decide?"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from triage.lab.protocol import Answer, Step
from triage.model.experiment import CauseKind, Factor, Patch, RootCause
from triage.model.failure import Failure
from triage.model.outcome import Outcome
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.edits.statements import patch_of, without_loop, without_statement
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

Line = Mapping[str, Any]
_PLACE = re.compile(r".+:[0-9]+")


def lock_cycle(line: Line) -> list[tuple[str, Line, str]]:
    """Threads that wait for each other's locks: each with the lock that it wants, and where it wants it."""
    wants: dict[str, tuple[Line, str]] = {}
    for lock in line.get("locks", ()):
        for thread, place in lock["waiting"].items():
            if lock["owner"]:
                wants[thread] = (lock, place)
    for first in wants:
        path, thread = [first], wants[first][0]["owner"]
        while thread in wants and thread not in path:
            path.append(thread)
            thread = wants[thread][0]["owner"]
        if thread in path:
            return [(name, *wants[name]) for name in path[path.index(thread) :]]
    return []


def explained(line: Line) -> tuple[str, tuple[str, ...]]:
    """One sentence on who waits for what, and the places that it names."""
    cycle = lock_cycle(line)
    if cycle:
        return _cycle_in_words(cycle)
    words: list[str] = []
    found: list[str] = []
    for thread in _chain(line):
        at = thread["frames"][0] if thread["frames"] else ""
        named = "it" if thread["main"] else f"thread {thread['name']}"
        started = f" (started at {thread['born']})" if thread["born"] else ""
        where = f" at {at}" if at else ""
        if thread["for"]:
            words.append(f"{named}{started}{where} waits for {thread['for']}")
        found += [place for place in (at, thread["born"]) if place]
    for child in line.get("children", ()):
        waits = f" waits for {child['for']}" if child["for"] else " still runs"
        words.append(f"its child `{child['command'][:120]}` (pid {child['pid']}){waits}")
    return "; ".join(words), tuple(dict.fromkeys(found))


def frames_in(line: Line) -> list[tuple[str, int]]:
    """The author's lines where it stands: of the thread that is waited for in the end first."""
    found = [place for thread in reversed(_chain(line)) for place in thread["frames"]]
    split = [place.rpartition(":") for place in dict.fromkeys(found) if _PLACE.fullmatch(place)]
    return [(path, int(number)) for path, _, number in split]


def released(case: Case, line: Line) -> Iterator[Treatment]:
    """Treatments that fit what is waited for: one lock for several, children that end, threads in turn."""
    words, found = explained(line)
    cycle = lock_cycle(line)
    if cycle:
        born = sorted({str(lock["born"]) for _, lock, _ in cycle})
        change = f"one reentrant lock in place of those of {' and '.join(born)}"
        yield _treatment(case, ("locks", {"one": born}), change, words, found)
    if line.get("children"):
        found = (*found, str(line["children"][0]["command"])[:120])
        yield _treatment(case, ("children", {"drain": True}), "its output pipes read", words, found)
        yield _treatment(case, ("children", {"answer": True}), "its input ended", words, found)
    if uses(case, "threads") or len(line.get("threads", ())) > 1:
        where = tuple(dict.fromkeys((*found, *places(uses(case, "threads")))))
        yield _treatment(case, ("threads", {"serial": True}), "its threads one after another", words, where)


def _treatment(
    case: Case, instrument: tuple[str, dict[str, Any]], change: str, words: str, culprits: Sequence[str]
) -> Treatment:
    name, told = instrument
    baseline, treated = with_instrument(case.base, name, told)
    return Treatment(
        factor=Factor(kind=name, name=f"{name} of the test", from_="as they are", to=change),
        kind="threads" if name == "threads" else "timeout",
        baseline=baseline,
        treated=treated,
        prediction=f"With {change} it ends: {words or 'they wait for each other'}.",
        summary=f"{words or 'its threads wait for each other'}; with {change} it ends",
        culprits=tuple(culprits)[:5],
    )


def _cycle_in_words(cycle: Sequence[tuple[str, Line, str]]) -> tuple[str, tuple[str, ...]]:
    if len(cycle) == 1:
        thread, lock, place = cycle[0]
        words = (
            f"{thread} waits at {place} for the lock of {lock['born']} that it took at {lock['taken']} itself"
        )
        return words, (place, lock["taken"], lock["born"])
    parts = [
        f"{thread} waits at {place} for the lock that {lock['owner']} took at {lock['taken']}"
        for thread, lock, place in cycle
    ]
    found = [spot for _, lock, place in cycle for spot in (place, lock["taken"], lock["born"]) if spot]
    return "a cycle of locks: " + "; ".join(parts), tuple(dict.fromkeys(found))


def _chain(line: Line) -> list[Line]:
    """The main thread, the thread that it joins, the one that that joins, ..."""
    threads = {thread["name"]: thread for thread in line.get("threads", ())}
    at = next((thread for thread in threads.values() if thread["main"]), None)
    found: list[Line] = []
    while at is not None and at not in found:
        found.append(at)
        at = threads.get(at["joins"])
    return found


_LONGER = (4.0, 20.0)
_MOST_FRAMES = 4
_LOOK_AFTER, _PATIENCE = 5.0, 30.0
_BUSY = 0.5


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
        """What it waits for; a longer limit where it moves; then what it waits for released or taken out."""
        limit = float(case.facts.get("test_timeout") or 60.0)
        line = (yield from _standing_at(case, limit)) if _outcome(case) is Outcome.TIMEOUT else {}
        if line is None or _moves(line):
            found = yield from self._with_more_time(case, limit)
            if found is not None:
                return found
        line = line or {}
        words, where = explained(line)
        cut = list(ablated(case, "timeout", frames_in(line) or own_frames(case)))
        treatments = [*released(case, line), *(_because(treatment, words, where) for treatment in cut)]
        found = yield from settle(self.name, case, treatments, "without what it waits for")
        if found is not None:
            return found
        still = (
            f"it stands still, also with {_LONGER[0]:g} times its limit"
            if _moves(line)
            else "it stands still"
        )
        return standing(case, "timeout", f"{still}: {words}" if words else still, where)

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


def _standing_at(
    case: Case, limit: float
) -> Generator[tuple[Step, ...], tuple[Answer, ...], dict[str, Any] | None]:
    """What the meter saw; None where the test ended before the meter looked."""
    after = min(max(0.6 * limit, 1.0), _LOOK_AFTER)
    setup = case.base.plus(test_timeout=max(limit, _PATIENCE), instruments={"waits": {"after": after}})
    (seen,) = yield from look(setup, why="what it waits for")
    return None if seen.passed(case.nodeid) else next(iter(seen.lines("waits", "standing")), {})


def _moves(line: Mapping[str, Any]) -> bool:
    """Whether it was at other lines, worked, or waited for time to pass: more of it may help."""
    main: Mapping[str, Any] = next((thread for thread in line.get("threads", ()) if thread["main"]), {})
    return not line or bool(line.get("moved")) or line.get("busy", 0) > _BUSY or "time" in main.get("for", "")


def _because(treatment: Treatment, words: str, where: Sequence[str]) -> Treatment:
    """With what it waits for, which the line alone does not say."""
    if not words:
        return treatment
    culprits = tuple(dict.fromkeys((*treatment.culprits, *where)))
    return treatment.model_copy(update={"summary": f"{words}; {treatment.summary}", "culprits": culprits[:5]})


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
        treated=case.base.plus(test_timeout=seconds),
        prediction=f"With {seconds:g} s in place of {limit:g} s it passes: it is slow, not stuck.",
        summary=f"the test needs more than its limit of {limit:g} s and passes within {seconds:g} s",
        culprits=_frames(case)[:1],
    )


def ablated(case: Case, kind: CauseKind, frames: Sequence[tuple[str, int]]) -> Iterator[Treatment]:
    """The statements at these lines taken out, one by one, and the loops around them."""
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


def standing(case: Case, kind: CauseKind, words: str, steps: Sequence[str] = ()) -> Finding:
    """What is seen and could not be shown by a treatment: likely."""
    frames = tuple(_frames(case) or steps)
    at = f" at {frames[0]}" if frames else ""
    culprits = tuple(dict.fromkeys((*frames[:2], *steps)))[:4]
    cause = RootCause(kind=kind, summary=f"{words}{at}", culprits=culprits, confidence="likely")
    return Finding(cause=cause)


def _frames(case: Case) -> Sequence[str]:
    return tuple(f"{path}:{line}" for path, line in own_frames(case))
