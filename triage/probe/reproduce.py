"""Check the claim first: does it fail here, alone, in its file, in the suite?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from triage.lab.lab import BudgetSpent, Lab
from triage.lab.protocol import Look, Observation, Setup
from triage.lab.verdict import still_allowed
from triage.model.failure import Failure
from triage.model.outcome import Outcome

Context = Literal["alone", "file", "chunk", "suite"]
_FIRST = 2
_CAUTIOUS, _SHORT = 30.0, 6.0
_MORE_ALONE = 10


@dataclass(frozen=True)
class Claim:
    """Where the failure was seen, or that it was not."""

    nodeid: str
    setup: Setup | None
    context: Context | None
    observed: Observation | None
    failed: int
    runs: int
    text: str
    """One sentence with its n."""
    skipped: bool = False
    alone: tuple[Observation, ...] = ()
    """The runs alone, which may have passed: what differs in them is evidence."""

    @property
    def failure(self) -> Failure:
        """The failure that was seen; one without a message where the process died or hung."""
        found = self.observed.failures.get(self.nodeid) if self.observed else None
        if found is not None:
            return found
        outcome = self.observed.outcome(self.nodeid) if self.observed else Outcome.NOT_RUN
        return Failure(nodeid=self.nodeid, phase="call", longrepr=outcome.value)


def check(lab: Lab, nodeid: str, suite: Sequence[str], chunk: Sequence[str] = ()) -> Claim:
    """Run it alone, then in wider surroundings, until it fails; the last word is `not reproduced`."""
    alone = Setup(nodeids=(nodeid,))
    first = _alone_with_patience(lab, nodeid, alone)
    if any(run.red(nodeid) for run in first):
        return _seen(nodeid, alone, "alone", first, first)
    if not any(run.outcome(nodeid).passes for run in first):  # and none is red
        return _cannot(nodeid, first)
    for context, setup in _wider(nodeid, suite, chunk):
        runs = lab.look([Look(setup=setup, why=f"the claim: does it fail in its {context}?")])
        if runs[0].red(nodeid):
            return _seen(nodeid, setup, context, runs, first)
    return _again_alone(lab, nodeid, alone, first)


def _alone_with_patience(lab: Lab, nodeid: str, alone: Setup) -> list[Observation]:
    """A short limit first. Whoever stands at one line then stands still, and further runs need not wait long;
    whoever got on gets the suite's own limit.
    """
    whole = lab.limits
    cautious = min(whole.test_timeout or _CAUTIOUS, _CAUTIOUS)
    lab.limits = whole.model_copy(update={"test_timeout": cautious})
    looks = [Look(setup=alone, why="the claim: does it fail alone?")] * _FIRST
    first = lab.look(looks)
    if not any(run.outcome(nodeid) is Outcome.TIMEOUT for run in first) or whole.test_timeout == cautious:
        lab.limits = whole if not any(run.outcome(nodeid) is Outcome.TIMEOUT for run in first) else lab.limits
        return first
    if len({tuple(_stack(run, nodeid)) for run in first}) == 1:
        lab.limits = whole.model_copy(update={"test_timeout": _SHORT})
        lab.notes.append(
            f"It stood at the same line after {cautious:g} s in {len(first)} runs: "
            f"the experiments wait {_SHORT:g} s, not the suite's limit."
        )
        return first
    lab.limits = whole
    return lab.look(looks)


def _stack(run: Observation, nodeid: str) -> list[tuple[str, int | None]]:
    failure = run.failures.get(nodeid)
    return [(f.path, f.lineno) for raised in failure.chain for f in raised.frames] if failure else []


def _wider(nodeid: str, suite: Sequence[str], chunk: Sequence[str]) -> Iterator[tuple[Context, Setup]]:
    path = nodeid.partition("::")[0]
    same = tuple(other for other in suite if other.partition("::")[0] == path)
    if len(same) > 1:
        yield "file", Setup(nodeids=same)
    known = set(suite)
    together = tuple(other for other in chunk if other in known)
    if nodeid in together and set(together) not in (set(same), known):
        yield "chunk", Setup(nodeids=together)
    if len(suite) > len(same):
        yield "suite", Setup(nodeids=tuple(suite))


def _again_alone(lab: Lab, nodeid: str, alone: Setup, first: list[Observation]) -> Claim:
    runs = list(first)
    try:
        for _ in range(_MORE_ALONE // 2):
            runs += lab.look([Look(setup=alone, why="the claim: does it ever fail?")] * 2)
            if any(run.red(nodeid) for run in runs):
                return _seen(nodeid, alone, "alone", runs, first)
    except BudgetSpent:
        pass
    bound = still_allowed(len(runs))
    text = (
        f"Not reproduced: passed {len(runs)} of {len(runs)} times alone, and in its file and the suite; "
        f"a failure rate up to {bound:.0%} is not excluded."
    )
    return Claim(nodeid, None, None, runs[-1], 0, len(runs), text, alone=tuple(first))


def _cannot(nodeid: str, runs: list[Observation]) -> Claim:
    outcome = runs[0].outcome(nodeid).value.replace("_", " ")
    text = f"Not reproduced: the test is {outcome} here, so there is no failure to explain."
    return Claim(nodeid, None, None, runs[0], 0, len(runs), text, skipped=True)


def _seen(
    nodeid: str, setup: Setup, context: Context, runs: Sequence[Observation], alone: Sequence[Observation]
) -> Claim:
    red = [run for run in runs if run.red(nodeid)]
    where = {
        "alone": "alone in its process",
        "file": "with the tests of its file",
        "chunk": "in its chunk of the latest run",
        "suite": "in the whole suite",
    }
    text = f"Reproduced {where[context]}: failed {len(red)} of {len(runs)} times."
    return Claim(nodeid, setup, context, red[0], len(red), len(runs), text, alone=tuple(alone))


def facts_of(claim: Claim) -> Mapping[str, Any]:
    """What the check knows beside the failure."""
    return {"alone": [run.outcome(claim.nodeid).value for run in claim.alone]}
