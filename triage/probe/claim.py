"""Decide what a confirmed experiment shows: the cause, or only a condition on which the test depends.

Both arms run once more under a meter of executed lines (and, for gradients, of torch operations). The factor
is the cause where nothing speaks against it: no product line of the failing arm is skipped, an input's old
value is wrong for a reason beside the experiment, the operation in which a signal died is alive, and it is no
treatment of the symptom.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from triage.lab.lost_lines import Lines, LostLines, executed_lines, lost_lines
from triage.lab.measurements import backward_calls
from triage.lab.protocol import Answer, Experiment, Observation, Setup, Step
from triage.lab.sentences import arm_names
from triage.model.experiment import CauseKind, Claim, Factor, RootCause
from triage.model.failure import CRASHED, TIMED_OUT
from triage.probe.api import Case, Finding, look
from triage.probe.commit_objections import lines_added
from triage.probe.gradient_trace import GradientTrace, Site
from triage.probe.stated_values import reason_against
from triage.text.capital import capitalised

_SYMPTOMS = frozenset({"tolerance", "limit"})
"""Factors that treat the symptom: they never make a cause."""
_INPUTS = frozenset(
    {"env", "config", "literal", "dtype", "seed", "clock", "network", "file", "cwd", "resource", "parameter"}
)
"""Factors that are values which the product takes in: wrong only where something else says so."""
_COMPARED_ELSEWHERE = frozenset({"commit", "restore", "backward", "workers"})
"""Factors that change the code, undo a leak or keep tests apart: which lines run is then no hint."""
_SIGNALS = frozenset({"zero-signal", "graph-break", "nonfinite-gradient"})
SIGNAL_METERS = ("gradients", "lines", "trace")
"""What both arms are measured with where a signal died: a probe whose looks have these saves two runs."""
_DIED = frozenset({CRASHED, TIMED_OUT})
"""Failures that take the process along, and with it what a meter would write when the test is over."""
_MOST_TRIES = 4
"""Runs of an arm of a flaky test until it fails, or passes, as in the experiment."""
_SHOWN_LINES = 4
"""Ranges of lines in the sentence; the report lists more."""

Examining = Generator[tuple[Step, ...], tuple[Answer, ...], Finding]


@dataclass(frozen=True)
class _Evidence:
    """What the two arms show beside their outcomes."""

    reason: str
    """Why the old value is wrong; empty where nothing says so."""
    lost: LostLines = field(default_factory=LostLines)
    dead: Site | None = None
    """The operation in which the signal dies in the failing arm, where the treatment leaves it dead."""
    dies_at: Site | None = None
    """The first operation, from the loss backwards, in which the signal of the failing arm dies."""
    unseen: bool = False
    """Whether the lines of an arm could not be recorded: a debugger or coverage owned the tracer, say."""


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
    claim: Claim = "cause" if _is_cause(finding, cause, proof.factor, evidence) else "condition"
    if claim == "cause":
        summary = f"{cause.summary}; {evidence.reason}" if evidence.reason else cause.summary
        settled = cause.model_copy(update={"claim": claim, "confidence": "proven", "summary": summary})
        return finding.model_copy(update={"cause": settled})
    return _as_condition(finding, cause, proof, evidence)


def _gathered(
    case: Case, finding: Finding, cause: RootCause, proof: Experiment
) -> Generator[tuple[Step, ...], tuple[Answer, ...], _Evidence]:
    assert proof.factor is not None
    reason = finding.because or reason_against(case, proof.factor)
    is_elsewhere = proof.factor.kind in _COMPARED_ELSEWHERE or is_polluted(proof.factor)
    if is_elsewhere and finding.beside is None:
        return _Evidence(reason)
    if case.failure.exception in _DIED or case.failure.phase == "collect":
        return _Evidence(reason)  # there are no lines of a test to compare
    meters = SIGNAL_METERS if cause.kind in _SIGNALS else ("lines",)
    arms = (proof.baseline, proof.treated) if finding.beside is None else (case.base, finding.beside)
    failing, treated = yield from _both_arms(case, arms, meters)
    if not (_has_lines(failing, case.nodeid) and _has_lines(treated, case.nodeid)):
        return _Evidence(reason, unseen=True)
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
    return _Evidence(reason, lost, left, dies_at=ends[0] if ends else None)


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


def _is_cause(finding: Finding, cause: RootCause, factor: Factor, evidence: _Evidence) -> bool:
    if cause.confidence != "proven" or evidence.lost or evidence.dead is not None or evidence.unseen:
        return False
    if is_symptom(factor) or finding.against:
        return False
    kinds = {part.partition(":")[0] for part in factor.name.split(" + ")} if factor.kind == "joint" else set()
    is_input = factor.kind in _INPUTS or bool(kinds & (_INPUTS | _SYMPTOMS))
    return bool(evidence.reason) or not is_input


def _as_condition(finding: Finding, cause: RootCause, proof: Experiment, evidence: _Evidence) -> Finding:
    factor = proof.factor
    assert factor is not None
    summary = f"proven: the test depends on {_named(factor)}; {_undecided(finding, proof, evidence)}"
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


def _undecided(finding: Finding, proof: Experiment, evidence: _Evidence) -> str:
    """What the experiment leaves open, and why."""
    open_question = "whether the value or the code is wrong is not decided"
    if proof.factor is not None and proof.factor.kind in (*_SYMPTOMS, "seed"):
        open_question = "whether the product or the tolerance is wrong is not decided"
    if proof.factor is not None and proof.factor.kind == "commit":
        open_question = "whether that change or older code is wrong is not decided"
    if finding.against:
        return f"{'; '.join(finding.against)}: {open_question}"
    if evidence.unseen:
        return f"which product lines each arm runs could not be recorded, so {open_question}"
    if evidence.lost:
        treated = "without that change" if finding.beside is not None else arm_names(proof)[1]
        shown = ", ".join(evidence.lost.no_longer_run[:_SHOWN_LINES])
        more = len(evidence.lost.no_longer_run) - _SHOWN_LINES
        others = f" and {more} more" if more > 0 else ""
        is_one_line = len(evidence.lost.no_longer_run) == 1 and "-" not in shown.rpartition(":")[2]
        verb = "does" if is_one_line else "do"
        return f"it passes {treated.rstrip(',')}, but then {shown}{others} {verb} not run: {open_question}"
    if evidence.dead is not None:
        dead = f"{evidence.dead.op} ({evidence.dead.place})"
        return f"the signal still dies in {dead} when it passes: {open_question}"
    return open_question


def _leads_around(kind: CauseKind, factor: Factor, evidence: _Evidence) -> bool:
    """Whether something was set or provided that nothing asks for, and it keeps product code from running.

    What fails then is the code as it runs by default, so the fault is likelier in the lines that are skipped.
    """
    # zone, locale and the like are part of every run, set or not
    if kind not in ("environment-variable", "missing-file") or factor.to is None:
        return False
    was_absent = factor.from_ is None or factor.from_ == "absent"
    return was_absent and (evidence.lost.only_skips or (bool(evidence.lost) and not evidence.reason))


def is_symptom(factor: Factor) -> bool:
    """Whether a factor treats the symptom: more slack, more time."""
    return factor.kind in _SYMPTOMS


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
