"""A treatment: one factor changed, the cause it would be; how a list of them is screened and settled."""

from __future__ import annotations

import ast
from collections.abc import Generator, Sequence
from typing import Any

from triage.lab.protocol import Answer, Experiment, Observation, Setup, Step
from triage.lab.verdict import repeats_for
from triage.model.base import Value
from triage.model.experiment import CauseKind, Factor, Patch, RootCause, Status
from triage.model.nodeid import file_of
from triage.model.rate import runs_needed
from triage.probe.api import Case, Finding, look, test
from triage.probe.sources import tree_of

_STEADY_REPEATS, USUAL_ALPHA = 4, 0.05
"""4 failures of 4 against 0 of 4 have p = 0.014 by Fisher's exact test: the fewest repeats below alpha."""
_FLAKY_ALPHA = 0.01
"""Stricter where chance plays along: many treatments are tried, and one may look good by luck."""
_MOST_LOOKS = 6
_SCREENED_AT_ONCE = 2
"""Treatments that are screened before what helps is tested: as many as run side by side."""
_MOST_TRIALS = 3
"""Experiments for one list of treatments; those that screening ranks lower seldom confirm."""

BYPASS = "but with it the test does not reach the statement that failed"


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
    because: str = ""
    """Why the old value is wrong, as a clause, where something beside the experiment says so."""
    bypasses: bool = False
    """Whether the subject then passes without reaching the statement that failed."""


Settling = Generator[tuple[Step, ...], tuple[Answer, ...], Finding | None]


def with_instrument(setup: Setup, name: str, settings: dict[str, Any]) -> tuple[Setup, Setup]:
    """Return the baseline with the instrument idle, and the treated arm with it set so."""
    return setup.plus(instruments={name: {}}), setup.plus(instruments={name: settings})


def looks_needed(case: Case) -> int:
    """Screening runs of one treatment: one where the failure is steady, several where luck may pass it."""
    if not case.flaky:
        return 1
    return min(_MOST_LOOKS, max(2, runs_needed(min(case.rate, 0.95), 0.1)))


def repeats_of(case: Case) -> tuple[int, float]:
    """Repeats of each arm, and the highest p that counts, where many treatments are tried."""
    alpha = _FLAKY_ALPHA if case.flaky else USUAL_ALPHA
    return repeats_at(case, alpha), alpha


def repeats_at(case: Case, alpha: float) -> int:
    """Repeats of each arm so that the failure rate of the case against none gives this p."""
    return repeats_for(case.rate, alpha) if case.flaky else _STEADY_REPEATS


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
    """Keep the treatments with which the subject passed in every screening run.

    Those that lead it past the statement that failed come last. Treatments that make the same setup are
    screened by the same runs.
    """
    kept = list(treatments)
    bypassing: set[int] = set()
    for _ in range(looks_needed(case)):
        setups = {_key(treatment): watching_failed_statement(case, treatment.treated) for treatment in kept}
        observations = yield from look(*setups.values(), why=why)
        runs = dict(zip(setups, observations, strict=False))
        passing = []
        for treatment in kept:
            run = runs.get(_key(treatment))
            if run is None or not run.passed(case.nodeid):
                continue
            passing.append(treatment)
            if not reached_failed_statement(case, run):
                bypassing.add(id(treatment))
        kept = passing
        if not kept:
            break
    marked = [t.model_copy(update={"bypasses": id(t) in bypassing}) for t in kept]
    return sorted(marked, key=lambda treatment: treatment.bypasses)


def _key(treatment: Treatment) -> str:
    return treatment.treated.model_dump_json()


def settle(probe: str, case: Case, treatments: Sequence[Treatment], why: str) -> Settling:
    """Screen, a few at a time, and test what seems to help; the first that is confirmed is the finding.

    What leads past the statement that failed is tested only where nothing else helps.
    """
    bypassing: list[Treatment] = []
    tests_left = _MOST_TRIALS
    for start in range(0, len(treatments), _SCREENED_AT_ONCE):
        promising = yield from screen(case, treatments[start : start + _SCREENED_AT_ONCE], why)
        # a guess that also leads past what failed is no candidate at all
        bypassing += [treatment for treatment in promising if treatment.bypasses and treatment.sure]
        candidates = [treatment for treatment in promising if not treatment.bypasses][:tests_left]
        tests_left -= len(candidates)
        found = yield from _first_confirmed(probe, case, candidates)
        if found is not None:
            return found
        if not tests_left:
            return None
    return (yield from _first_confirmed(probe, case, bypassing[:tests_left]))


def _first_confirmed(probe: str, case: Case, candidates: Sequence[Treatment]) -> Settling:
    for treatment in candidates:
        experiment = experiment_on(probe, case, treatment)
        (trial,) = yield from test(experiment)
        if trial.result.status is Status.CONFIRMED:
            return concluded(treatment, experiment)
    return None


def concluded(treatment: Treatment, experiment: Experiment) -> Finding:
    """The finding of a confirmed treatment: a sure one is a proof until it is examined (see `claim`).

    One that leads past the statement that failed shows a condition, and no other test is tried with it.
    """
    proven = treatment.sure and not treatment.bypasses
    cause = RootCause(
        kind=treatment.kind,
        summary=f"{treatment.summary}, {BYPASS}" if treatment.bypasses else treatment.summary,
        factor=treatment.factor,
        culprits=treatment.culprits,
        confidence="proven" if proven else "likely",
        claim="condition" if treatment.bypasses else None,
    )
    if treatment.bypasses:
        return Finding(cause=cause)
    return Finding(cause=cause, patches=treatment.patches, proof=experiment, because=treatment.because)


def watching_failed_statement(case: Case, setup: Setup) -> Setup:
    """Add the meter that tells whether the statement that failed is reached.

    The setup is unchanged where no such statement is known, or where its line may lie elsewhere: in an edited
    file or at another commit.
    """
    statement = _failed_statement(case)
    if statement is None or statement["path"] in setup.edits or setup.commit is not None:
        return setup
    return setup.plus(instruments={"reach": statement})


def reached_failed_statement(case: Case, run: Observation) -> bool:
    """Whether a passing run reached the statement that failed; True where nothing was measured."""
    lines = [line for line in run.lines("reach", "reached") if line.get("nodeid") == case.nodeid]
    return all(line.get("hit") and not line.get("hollow") for line in lines)


def _failed_statement(case: Case) -> dict[str, object] | None:
    """File, first and last line of the statement of the test's own file through which the failure went."""
    path = file_of(case.nodeid)
    if case.failure.phase != "call":
        return None
    lines = [f.lineno for raised in case.failure.chain[:1] for f in raised.frames if f.path == path]
    if not lines or lines[0] is None:
        return None
    first, last = _statement_around(case.source(path) or "", lines[0])
    return {"path": path, "first": first, "last": last}


def _statement_around(source: str, line: int) -> tuple[int, int]:
    """First and last line of the innermost statement around a line; of one with a body, its head."""
    tree = tree_of(source)
    if tree is None:
        return line, line
    around = [
        (node.lineno, _last_line(node))
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= line <= _last_line(node)
    ]
    return min(around, key=lambda span: span[1] - span[0], default=(line, line))


def _last_line(node: ast.stmt) -> int:
    body = getattr(node, "body", None)
    if isinstance(body, list) and body:
        return max(node.lineno, int(body[0].lineno) - 1)
    return int(node.end_lineno or node.lineno)
