"""A cluster is one cause: the treatment that flips one member must flip them all, or it is a split."""

from __future__ import annotations

from dataclasses import dataclass

from triage.model.experiment import ExperimentResult, Status
from triage.phase.probing.lab import BudgetSpent, Lab
from triage.phase.probing.ladder import Climb
from triage.probe.api import Experiment, Setup

_MOST_MEMBERS = 12


@dataclass(frozen=True)
class Division:
    """Members by what the proven treatment does to them."""

    moved: tuple[str, ...] = ()
    unmoved: tuple[str, ...] = ()
    results: tuple[ExperimentResult, ...] = ()
    notes: tuple[str, ...] = ()


def divide(lab: Lab, way: Climb, members: tuple[str, ...]) -> Division:
    """Try the proof on every other member; those that it does not flip are proposed for a split."""
    proof = way.proven.proof if way.proven else None
    if proof is None or len(members) < 2:
        return Division()
    moved, unmoved, results = [proof.watch[0]], [], []
    others = [member for member in members if member not in proof.watch]
    notes = []
    if len(others) > _MOST_MEMBERS:
        notes.append(f"The treatment was tried on {_MOST_MEMBERS} of {len(others)} other members.")
    reason, lab.reason = lab.reason, None
    try:
        for member in others[:_MOST_MEMBERS]:
            result = lab.experiment(_for(proof, member)).result
            results.append(result)
            if result.status is Status.CONFIRMED:
                moved.append(member)
            elif result.status is Status.REFUTED:
                unmoved.append(member)
    except BudgetSpent:
        notes.append("The budget was spent before the treatment was tried on every member.")
    finally:
        lab.reason = reason
    if unmoved:
        notes.append(
            f"It flips {len(moved)} members and not {len(unmoved)}: a split is proposed in the journal."
        )
    return Division(tuple(moved), tuple(unmoved), tuple(results), tuple(notes))


def _for(proof: Experiment, member: str) -> Experiment:
    prediction = f"The treatment that flips {proof.watch[0]} flips {member} too: they have one cause."
    return proof.model_copy(
        update={
            "watch": (member,),
            "prediction": prediction,
            "baseline": _swapped(proof.baseline, proof.watch[0], member),
            "treated": _swapped(proof.treated, proof.watch[0], member),
        }
    )


def _swapped(setup: Setup, old: str, new: str) -> Setup:
    kept = [nodeid for nodeid in setup.nodeids if nodeid != new]
    return setup.model_copy(update={"nodeids": tuple(new if nodeid == old else nodeid for nodeid in kept)})
