"""Decide what a confirmed experiment shows: the cause, or only a condition on which the test depends.

Both arms run once more under a meter of executed lines (and, for gradients, of torch operations). The factor
is the cause where nothing speaks against it (see `objections`).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from triage.lab.lost_lines import Lines, executed_lines, lost_lines
from triage.lab.measurements import backward_calls
from triage.lab.protocol import Answer, Experiment, Observation, Setup, Step
from triage.model.experiment import CauseKind, Factor, RootCause
from triage.model.failure import CRASHED, TIMED_OUT
from triage.probe.api import Case, Finding, look
from triage.probe.commit_objections import lines_added
from triage.probe.gradient_trace import GradientTrace
from triage.probe.objections import Evidence, left_open, objections
from triage.probe.stated_values import reason_against
from triage.text.capital import capitalised

_COMPARED_ELSEWHERE = frozenset({"commit", "restore", "backward", "workers"})
"""Factors that change the code, undo a leak or keep tests apart: which lines run is then no hint."""
_SIGNALS = frozenset({"zero-signal", "graph-break", "nonfinite-gradient"})
SIGNAL_METERS = ("gradients", "lines", "trace")
"""What both arms are measured with where a signal died: a probe whose looks have these saves two runs."""
_DIED = frozenset({CRASHED, TIMED_OUT})
"""Failures that take the process along, and with it what a meter would write when the test is over."""
_MOST_TRIES = 4
"""Runs of an arm of a flaky test until it fails, or passes, as in the experiment."""

Examining = Generator[tuple[Step, ...], tuple[Answer, ...], Finding]


def examined(case: Case, finding: Finding) -> Examining:
    """The finding with its claim; runs both arms of its proof once more under meters."""
    cause, proof = finding.cause, finding.proof
    if cause is None or proof is None or proof.factor is None or cause.claim is not None:
        return finding
    evidence = yield from _gathered(case, finding, cause, proof)
    # a place outside of the suite is another one on every machine
    if evidence.dies_at is not None and not evidence.dies_at.path.startswith("/"):
        site = evidence.dies_at
        cause = cause.model_copy(
            update={
                "summary": f"{cause.summary}; the signal dies in {site.op} ({site.place})",
                "culprits": tuple(dict.fromkeys((*cause.culprits, site.place))),
            }
        )
    against = objections(finding, proof, evidence)
    if against:
        return _as_condition(finding, cause, proof.factor, evidence, against)
    summary = f"{cause.summary}; {evidence.reason}" if evidence.reason else cause.summary
    settled = cause.model_copy(update={"claim": "cause", "confidence": "proven", "summary": summary})
    return finding.model_copy(update={"cause": settled})


def _gathered(
    case: Case, finding: Finding, cause: RootCause, proof: Experiment
) -> Generator[tuple[Step, ...], tuple[Answer, ...], Evidence]:
    assert proof.factor is not None
    reason = finding.because or reason_against(case, proof.factor)
    is_elsewhere = proof.factor.kind in _COMPARED_ELSEWHERE or is_polluted(proof.factor)
    if is_elsewhere and finding.beside is None:
        return Evidence(reason)
    if case.failure.exception in _DIED or case.failure.phase == "collect":
        return Evidence(reason)  # there are no lines of a test to compare
    meters = SIGNAL_METERS if cause.kind in _SIGNALS else ("lines",)
    arms = (proof.baseline, proof.treated) if finding.beside is None else (case.base, finding.beside)
    failing, treated = yield from _both_arms(case, arms, meters)
    if not (_has_lines(failing, case.nodeid) and _has_lines(treated, case.nodeid)):
        return Evidence(reason, unseen=True)
    assert failing is not None
    assert treated is not None
    before = executed_lines(failing, case.nodeid)
    if finding.beside is not None:
        before = _of_older_code(case, before, finding.beside)
    lost = lost_lines(
        before,
        executed_lines(treated, case.nodeid),
        failing.failures.get(case.nodeid, case.failure),
        case.source,
        arms[1].edits,
    )
    signal = GradientTrace(failing.lines("trace", "op"), backward_calls(failing.lines("gradients")))
    revived = GradientTrace(treated.lines("trace", "op"))
    ends = signal.dead_ends()
    # where one stays dead the treatment has revived another path
    left = next((site for site in ends if revived.is_dead_at(site)), None)
    return Evidence(reason, lost, left, dies_at=ends[0] if ends else None)


def _of_older_code(case: Case, executed: Lines, treated: Setup) -> Lines:
    """Executed lines without those that a change of the code brought itself."""
    return {
        path: lines - lines_added(path, treated.edits, case.source(path)) for path, lines in executed.items()
    }


def _has_lines(run: Observation | None, nodeid: str) -> bool:
    """Whether every line that the test executed is on record."""
    records = run.lines("lines", "executed") if run is not None else []
    return any(record.get("nodeid") == nodeid and record.get("detail") == "lines" for record in records)


def _both_arms(
    case: Case, arms: tuple[Setup, Setup], meters: Sequence[str]
) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[Observation | None, Observation | None]]:
    """A failing run of the first setup and a passing one of the second, under the meters; None for none.

    Where the failure is steady a run that was made under these meters before is as good as a new one.
    """
    setups = tuple(_measured(arm, meters) for arm in arms)
    failing: Observation | None = None
    treated: Observation | None = None
    for _ in range(_MOST_TRIES if case.flaky else 1):
        runs = yield from look(*setups, why="which product lines each arm runs", known_will_do=not case.flaky)
        if failing is None and runs[0].red(case.nodeid):
            failing = runs[0]
        if treated is None and runs[1].passed(case.nodeid):
            treated = runs[1]
        if failing is not None and treated is not None:
            break
    return failing, treated


def _measured(setup: Setup, meters: Sequence[str]) -> Setup:
    missing = {name: dict[str, Any]() for name in meters if name not in setup.instruments}
    return setup.plus(instruments=missing)


def is_polluted(factor: Factor) -> bool:
    """Whether the experiment left out tests that ran before: what they leak is no input of the product."""
    return factor.kind == "order" and isinstance(factor.from_, list)


def _as_condition(
    finding: Finding, cause: RootCause, factor: Factor, evidence: Evidence, against: Sequence[str]
) -> Finding:
    said = next((objection for objection in against if objection), "")
    undecided = f"{said}: {left_open(factor)}" if said else left_open(factor)
    summary = f"proven: the test depends on {_named(factor)}; {undecided}"
    kind, culprits = cause.kind, cause.culprits
    if _leads_around(kind, factor, evidence):
        kind = "product-defect"
        culprits = (*evidence.lost.no_longer_run, *culprits)
    elif finding.beside is not None:
        culprits = (*culprits, *evidence.lost.no_longer_run)
    elif evidence.dead is not None:
        # a gradient of zero is no broken graph
        kind = "zero-signal"
        culprits = (evidence.dead.place, *culprits)
    condition = cause.model_copy(
        update={
            "claim": "condition",
            "confidence": "likely",
            "kind": kind,
            "summary": f"{summary}. {capitalised(cause.summary)}",
            "culprits": tuple(dict.fromkeys(culprits)),
            "lines_no_longer_run": evidence.lost.no_longer_run,
        }
    )
    avoids = bool(evidence.lost) or evidence.dead is not None
    # an edit that only leads around the fault is no repair
    return finding.model_copy(update={"cause": condition, "patches": () if avoids else finding.patches})


def _named(factor: Factor) -> str:
    match factor.kind:
        case "seed":
            return "the random numbers that it draws"
        case "clock":
            return "the time at which it runs"
        case "order":
            return "the tests that run before it"
        case "tolerance":
            return f"the tolerance of {factor.name}"
        case "limit":
            return "its time limit"
        case "dtype":
            return "the floating-point type"
        case "commit":
            return f"what changed since {str(factor.to)[:12]}"
    return factor.name


def _leads_around(kind: CauseKind, factor: Factor, evidence: Evidence) -> bool:
    """Whether something was set or provided that nothing asks for, and it keeps product code from running.

    What fails then is the code as it runs by default, so the fault is likelier in the lines that are skipped.
    """
    # zone, locale and the like are part of every run, set or not
    if kind not in ("environment-variable", "missing-file") or factor.to is None:
        return False
    was_absent = factor.from_ is None or factor.from_ == "absent"
    return was_absent and (evidence.lost.only_skips or (bool(evidence.lost) and not evidence.reason))


def unexamined(kind: CauseKind, factor: Factor, sentence: str) -> RootCause:
    """What a confirmed experiment shows where no time is left to examine it: mostly a condition."""
    if is_polluted(factor):
        culprits = tuple(factor.from_)
        return RootCause(
            kind=kind, summary=sentence, factor=factor, culprits=culprits, confidence="proven", claim="cause"
        )
    depends = f"the test depends on {_named(factor)}; no time was left to tell what is wrong"
    return RootCause(
        kind=kind,
        summary=f"proven: {depends}. {sentence}",
        factor=factor,
        culprits=(str(factor.from_) if factor.kind == "commit" else factor.name,),
        confidence="likely",
        claim="condition",
    )
