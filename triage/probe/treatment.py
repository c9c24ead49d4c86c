"""A treatment: one factor changed, the cause it would be; how a list of them is screened and settled."""

from __future__ import annotations

import ast
from collections.abc import Generator, Sequence
from typing import Any

from triage.lab.protocol import Answer, Experiment, Observation, Setup, Step
from triage.lab.verdict import repeats_for, runs_needed
from triage.model.base import Value
from triage.model.experiment import CauseKind, Factor, Patch, RootCause, Status
from triage.probe.api import Case, Finding, look, test
from triage.probe.sources import tree_of

HOLLOW = "though with it the test does not come to what failed"


def watching(case: Case, setup: Setup) -> Setup:
    """The setup with the meter on the statement that failed; unchanged where no such statement is known."""
    told = _statement(case)
    if told is None or told["path"] in setup.edits or setup.commit is not None:
        return setup
    return setup.plus(instruments={"reach": told})


def came_there(case: Case, run: Observation) -> bool:
    """Whether a passing run came to the statement that failed, as far as that was looked at."""
    lines = [line for line in run.lines("reach", "reached") if line.get("nodeid") == case.nodeid]
    return all(line.get("hit") and not line.get("hollow") for line in lines)


def _statement(case: Case) -> dict[str, object] | None:
    """First and last line of the statement in the test's own file through which the failure went."""
    path = case.nodeid.partition("::")[0]
    if case.failure.phase != "call":
        return None
    lines = [f.lineno for raised in case.failure.chain[:1] for f in raised.frames if f.path == path]
    if not lines or lines[0] is None:
        return None
    first, last = _span(case.source(path) or "", lines[0])
    return {"path": path, "first": first, "last": last}


def _span(source: str, line: int) -> tuple[int, int]:
    """The innermost statement around a line; of one with a body, its head."""
    tree = tree_of(source)
    if tree is None:
        return line, line
    spans = [
        (node.lineno, _end(node))
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= line <= _end(node)
    ]
    return min(spans, key=lambda span: span[1] - span[0], default=(line, line))


def _end(node: ast.stmt) -> int:
    body = getattr(node, "body", None)
    if isinstance(body, list) and body:
        return max(node.lineno, int(body[0].lineno) - 1)
    return int(node.end_lineno or node.lineno)


_FLAKY_ALPHA = 0.01
"""Stricter where chance plays along: many treatments are tried, and one may look good by luck."""
_MOST_LOOKS = 6
_MOST_TRIALS = 3


class Treatment(Value):
    """A change that would make the subject pass, if its factor is the cause."""

    factor: Factor
    kind: CauseKind
    baseline: Setup
    treated: Setup
    prediction: str
    summary: str
    """The cause in a sentence, should the experiment confirm it."""
    culprits: tuple[str, ...] = ()
    patches: tuple[Patch, ...] = ()
    sure: bool = True
    """Whether a pass can mean nothing else: more slack also hides a wrong result, so that is only likely."""
    hollow: bool = False
    """Whether the subject then passes without coming to the statement that failed."""


Settling = Generator[tuple[Step, ...], tuple[Answer, ...], Finding | None]


def looks_needed(case: Case) -> int:
    """Screening runs of one treatment: one where the failure is steady, several where luck may pass it."""
    return 1 if not case.flaky else min(_MOST_LOOKS, max(2, runs_needed(min(case.rate, 0.95), 0.1)))


def repeats_of(case: Case) -> tuple[int, float]:
    """Repeats of each arm, and the highest p that counts."""
    if not case.flaky:
        return 4, 0.05
    return repeats_for(case.rate, _FLAKY_ALPHA), _FLAKY_ALPHA


def experiment_on(probe: str, case: Case, treatment: Treatment) -> Experiment:
    """The experiment that settles a treatment."""
    repeats, alpha = repeats_of(case)
    return Experiment(
        probe=probe,
        factor=treatment.factor,
        prediction=treatment.prediction,
        baseline=treatment.baseline,
        treated=treatment.treated,
        watch=(case.nodeid,),
        repeats=repeats,
        alpha=alpha,
    )


def screen(
    case: Case, treatments: Sequence[Treatment], why: str
) -> Generator[tuple[Step, ...], tuple[Answer, ...], list[Treatment]]:
    """Those after which the subject passed every time it was looked at; last those that lead it past the
    statement that failed."""
    kept = list(treatments)
    hollow: list[Treatment] = []
    for _ in range(looks_needed(case)):
        runs = yield from look(*(watching(case, treatment.treated) for treatment in kept), why=why)
        seen = [(t, run) for t, run in zip(kept, runs, strict=False) if run.passed(case.nodeid)]
        hollow += [t for t, run in seen if not came_there(case, run)]
        kept = [t for t, _ in seen]
        if not kept:
            break
    past = {id(t) for t in hollow}
    return sorted(
        (t.model_copy(update={"hollow": id(t) in past}) for t in kept), key=lambda treatment: treatment.hollow
    )


def settle(probe: str, case: Case, treatments: Sequence[Treatment], why: str) -> Settling:
    """Screen, then test the first few that seem to help; the first that is confirmed is the finding."""
    promising = yield from screen(case, treatments, why)
    # A guess that leads past what failed is no candidate at all.
    worth_it = [t for t in promising if t.sure or not t.hollow]
    for treatment in worth_it[:_MOST_TRIALS]:
        experiment = experiment_on(probe, case, treatment)
        (trial,) = yield from test(experiment)
        if trial.result.status is Status.CONFIRMED:
            return concluded(treatment, experiment)
    return None


def concluded(treatment: Treatment, experiment: Experiment) -> Finding:
    """The finding of a confirmed treatment: proven, unless the change may help without being the cause."""
    sure = treatment.sure and not treatment.hollow
    cause = RootCause(
        kind=treatment.kind,
        summary=f"{treatment.summary}, {HOLLOW}" if treatment.hollow else treatment.summary,
        factor=treatment.factor,
        culprits=treatment.culprits,
        confidence="proven" if sure else "likely",
    )
    return Finding(
        cause=cause,
        patches=() if treatment.hollow else treatment.patches,
        proof=None if treatment.hollow else experiment,
    )


def with_instrument(setup: Setup, name: str, told: dict[str, Any]) -> tuple[Setup, Setup]:
    """Baseline with the instrument idle, and treated with these settings."""
    return setup.plus(instruments={name: {}}), setup.plus(instruments={name: told})


def uses(case: Case, *kinds: str) -> list[dict[str, Any]]:
    """What the survey saw the test use, of these kinds."""
    survey = case.facts.get("survey")
    lines = survey.facts.get("usage", ()) if isinstance(survey, Finding) else ()
    return [line for line in lines if line.get("what") in kinds]


def places(lines: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Where something was used: the suite's own places first, a few."""
    found = dict.fromkeys(str(line.get("where", "")) for line in lines if line.get("where"))
    return tuple(sorted(found, key=lambda place: place.startswith("/")))[:3]


def message_of(case: Case) -> str:
    """Type and message of every exception of the failure, and how it is shown."""
    parts = [f"{raised.type}: {raised.message}" for raised in case.failure.chain]
    return "\n".join([*parts, case.failure.longrepr[-4000:]])


def said(case: Case) -> str:
    """What the failure itself says: its exceptions and the lines that raised, not the text around."""
    parts = [f"{raised.type}: {raised.message}" for raised in case.failure.chain]
    lines = [raised.frames[-1].code or "" for raised in case.failure.chain if raised.frames]
    return "\n".join([*parts, *lines])


def own_frames(case: Case) -> list[tuple[str, int]]:
    """The author's lines that the failure went through, innermost first."""
    frames = [frame for raised in case.failure.chain for frame in reversed(raised.frames)]
    return [(f.path, f.lineno) for f in frames if f.origin in ("product", "test") and f.lineno]


def passed_everywhere(case: Case, runs: Sequence[Observation]) -> bool:
    """Whether the subject passed in all of these."""
    return bool(runs) and all(run.passed(case.nodeid) for run in runs)
