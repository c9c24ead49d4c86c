"""`design.json`: everything that the phase C document states and that no other artifact holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from triage.config import Settings
from triage.evidence.folder import EvidenceFolder
from triage.lab.measurements import measurements
from triage.lab.protocol import Observation
from triage.lab.session import evidence_name
from triage.model.criterion import Bound, Criterion
from triage.model.outcome import Outcome
from triage.repair.criteria import capture_command, floors, magnitude, pytest_command
from triage.repair.inputs import Basis
from triage.repair.options import apply_command
from triage.repair.ranking import RULE, against, below_floors, cons, pros, rank, require_breaks
from triage.repair.trial import RUNS, Trial, Trials

AGREES = 1e-6


def option_values(
    root: Path, folder: EvidenceFolder, basis: Basis, trials: Trials, settings: Settings
) -> list[dict[str, Any]]:
    """Every option with what running it gave, its eligibility, and what speaks for and against it."""
    options = [_option(root, folder, basis, trials, trial) for trial in trials.options]
    cut_off = measurements(trials.as_is.measured).get("unreached", [])
    require_breaks(options, basis.report.root_cause.kind, cut_off)
    bounds = floors(basis, settings, control_of(basis))
    for option in options:
        option["below"] = [bound.quantity for bound in bounds if _is_below(option, bound)]
        option["against"] = against(option)
    if any(not option["against"] and not option["below"] for option in options):
        for option in options:
            option["against"] += below_floors(option)
    for option in options:
        option["eligible"] = not option["against"]
    for option in options:
        others = [other for other in options if other is not option and other["applies"]]
        option["pros"] = pros(option, others) if option["applies"] else []
        option["cons"] = cons(option, others)
    for place, option in enumerate(rank(options), 1):
        option["rank"] = place
    return options


def _is_below(option: dict[str, Any], bound: Bound) -> bool:
    return bool(option["gradients"]) and not bound.holds(magnitude(option["gradients"].get(bound.quantity)))


def design_values(
    root: Path,
    folder: EvidenceFolder,
    basis: Basis,
    trials: Trials,
    *,
    options: Sequence[dict[str, Any]],
    criteria: Sequence[Criterion],
    settings: Settings,
    owner: str,
) -> dict[str, Any]:
    """The whole document."""
    chosen = next((option for option in options if option.get("rank") == 1), None)
    return {
        "v": 1,
        "stamp": folder.stamp,
        "campaign": folder.campaign,
        "folder": folder.relative(root),
        "cluster": basis.cluster.id,
        "title": basis.cluster.title,
        "owner": basis.cluster.owner or owner,
        "subject": list(basis.subject),
        "context": list(basis.context),
        "probe": evidence_name(root, str(basis.probe)),
        "proof": basis.proof,
        "run": evidence_name(root, str(basis.run_folder / "summary.json")) if basis.run_folder else None,
        "as_is": _run(root, trials.as_is, basis.subject),
        "reproduced": trials.as_is.red(*basis.subject),
        "rule": RULE,
        "options": list(options),
        "recommended": chosen["letter"] if chosen else None,
        "choice": options.index(chosen) if chosen else None,
        "criteria": [criterion.model_dump(mode="json") for criterion in criteria],
        "commands": {
            "targeted": pytest_command(settings, basis.subject, "--maxfail=1", "--durations=25"),
            "capture": capture_command(settings, basis.subject) if _differentiates(trials) else None,
            "chunk": next((c.command for c in criteria if c.name == "chunk"), None),
            "apply": chosen["apply"] if chosen else None,
            "verify": f"triage verify {basis.cluster.id}",
        },
        "tasks": _tasks(basis, chosen, criteria, trials),
        "touchpoints": _touchpoints(basis, chosen, criteria),
        "others_red": list(basis.tolerated),
        "members": list(basis.cluster.members),
        "approval": _approval(basis, options, chosen, trials),
    }


def _option(root: Path, folder: EvidenceFolder, basis: Basis, trials: Trials, trial: Trial) -> dict[str, Any]:
    applied = trial.applied
    proposal = applied.proposal
    patch_file = f"{folder.relative(root)}/options/{proposal.letter}.patch"
    measured = trial.measured()
    return {
        "letter": proposal.letter,
        "title": proposal.title,
        "source": proposal.source,
        "patch": proposal.patch,
        "patch_file": patch_file,
        "apply": apply_command(proposal, patch_file),
        "applies": applied.why_not is None,
        "why_not": applied.why_not,
        "files": [change.model_dump(mode="json") for change in applied.files],
        "added": sum(change.added for change in applied.files),
        "removed": sum(change.removed for change in applied.files),
        "strength": applied.strength.model_dump(mode="json"),
        "keywords": list(applied.keywords),
        "runs": RUNS if applied.why_not is None else 0,
        "passed": trial.passed(basis.subject),
        "seconds": trial.seconds(basis.subject),
        "targeted": [_run(root, seen, basis.subject) for seen in trial.targeted],
        "loss": measured.get("loss"),
        "graph": measured.get("graph"),
        "unreached": measured.get("unreached", []),
        "gradients": measured.get("gradients", {}),
        "agrees_with_control": _agrees(basis, measured),
        "new_reads": sorted(set(trial.reads()) - _reads(trials.as_is)),
        "chunk": _chunk(root, basis, trial),
        "breaks": trial.breaks(basis.subject),
        "rank": None,
    }


def _run(root: Path, seen: Observation, subject: Sequence[str]) -> dict[str, Any]:
    red = [nodeid for nodeid in subject if seen.outcome(nodeid) is not Outcome.PASSED]
    return {
        "outcome": seen.outcome(red[0]).value if red else "passed",
        "seconds": round(seen.seconds, 3),
        "loss": measurements(seen.measured).get("loss"),
        "command": seen.command,
        "evidence": evidence_name(root, seen.evidence),
    }


def _chunk(root: Path, basis: Basis, trial: Trial) -> dict[str, Any] | None:
    if trial.chunk is None or basis.chunk is None:
        return None
    seen = trial.chunk
    passed = sum(outcome is Outcome.PASSED for outcome in seen.outcomes.values())
    return {
        "name": basis.chunk.name,
        "tests": len(basis.chunk.nodeids),
        "passed": passed,
        "new_failures": trial.new_failures(basis),
        "unanswered": [n for n in basis.chunk.nodeids if seen.outcome(n) is Outcome.NOT_RUN],
        "seconds": round(seen.seconds, 3),
        "evidence": evidence_name(root, seen.evidence),
    }


def _reads(seen: Observation) -> set[str]:
    return {line["path"] for line in seen.lines("reads", "read")}


def _agrees(basis: Basis, measured: dict[str, Any]) -> bool:
    """Whether loss and every gradient are those of the control case, to one part in a million."""
    control = control_of(basis)
    if not control or not measured:
        return False
    pairs = [(control.get("loss"), measured.get("loss"))]
    pairs += [
        (value, measured["gradients"].get(name)) for name, value in control.get("gradients", {}).items()
    ]
    return all(_close(magnitude(one), magnitude(other)) for one, other in pairs)


def _close(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and abs(one - other) <= AGREES * max(one, other, 1.0)


def control_of(basis: Basis) -> dict[str, Any]:
    """What instruments saw in the treated arm of the proof; empty where nothing was measured."""
    measured: dict[str, Any] = basis.proven.measurements.get("treated", {}) if basis.proven else {}
    return measured if measured.get("gradients") else {}


def _differentiates(trials: Trials) -> bool:
    seen = (trials.as_is, *(run for trial in trials.options for run in trial.targeted))
    return any(measurements(run.measured) for run in seen)


def _tasks(
    basis: Basis, chosen: dict[str, Any] | None, criteria: Sequence[Criterion], trials: Trials
) -> list[dict[str, Any]]:
    """What phase D does, with the time that the runs of this phase say it takes."""
    if chosen is None:
        return []
    one = chosen["targeted"][-1]["seconds"] if chosen["targeted"] else trials.as_is.seconds
    chunk = chosen["chunk"]["seconds"] if chosen["chunk"] else None
    tasks: list[dict[str, Any]] = [
        {"id": "D1", "what": "apply the recommended option", "command": chosen["apply"], "seconds": None}
    ]
    for criterion in criteria:
        if criterion.kind == "measures" and any(task["command"] == criterion.command for task in tasks):
            continue
        seconds = {"alone": one, "context": one, "chunk": chunk}.get(criterion.scope.value)
        tasks.append(
            {
                "id": f"D{len(tasks) + 1}",
                "what": criterion.text,
                "command": criterion.command or None,
                "seconds": round(seconds * max(1, criterion.runs), 1) if seconds is not None else None,
            }
        )
    verify = {"what": "let triage run all of these and resolve the cluster", "seconds": None}
    return [*tasks, {"id": f"D{len(tasks) + 1}", "command": f"triage verify {basis.cluster.id}", **verify}]


def _touchpoints(
    basis: Basis, chosen: dict[str, Any] | None, criteria: Sequence[Criterion]
) -> list[dict[str, Any]]:
    """Every place that phase D changes, and who changes it."""
    changed = [
        {"path": file["path"], "what": "the repair", "by": "person"}
        for file in (chosen or {}).get("files", [])
    ]
    noted = [c for c in criteria if c.kind == "docstring"]
    changed += [
        {"path": nodeid, "what": "a note in the docstring", "by": "person"}
        for criterion in noted
        for nodeid in criterion.nodeids
    ]
    return [
        *changed,
        {"path": "plans/fix_plan.md", "what": "attempts of phases C and D", "by": "triage"},
        {"path": "reports/remediation_tracker.md", "what": f"status of {basis.cluster.id}", "by": "triage"},
    ]


def _approval(
    basis: Basis, options: Sequence[dict[str, Any]], chosen: dict[str, Any] | None, trials: Trials
) -> list[dict[str, Any]]:
    """What an approver would look for, answered from the evidence."""
    return [
        {
            "what": "the cause is proven by a controlled experiment",
            "holds": basis.report.root_cause.confidence == "proven",
        },
        {"what": "the failure is still there in the present tree", "holds": trials.as_is.red(*basis.subject)},
        {
            "what": "several options were compared by running them",
            "holds": sum(o["applies"] for o in options) > 1,
        },
        {"what": "one option is eligible under the rule", "holds": chosen is not None},
        {
            "what": "the repaired test still notices planted breaks",
            "holds": bool(chosen and chosen["breaks"]),
        },
        {
            "what": "the chunk of the subject was run with the option",
            "holds": bool(chosen and chosen["chunk"]),
        },
    ]
