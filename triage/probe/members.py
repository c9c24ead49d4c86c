"""Try the proven treatment on the other tests of a cluster: a cluster is one cause, or it has to be split."""

from __future__ import annotations

from dataclasses import dataclass

from triage.lab.budget import BudgetSpent
from triage.lab.lab import Lab
from triage.lab.protocol import Experiment, Setup
from triage.lab.sentences import arm_names
from triage.model.experiment import ExperimentResult, Status
from triage.text.plural import counted_noun

_MOST_MEMBERS = 12
_MOST_NAMED = 3
"""Members in one sentence; the experiments have all of them."""


@dataclass(frozen=True)
class Division:
    """Members by what the proven treatment does to them."""

    moved: tuple[str, ...] = ()
    """Those that pass with it, the subject first."""
    unmoved: tuple[str, ...] = ()
    """Those that fail with it too."""
    results: tuple[ExperimentResult, ...] = ()
    notes: tuple[str, ...] = ()


def divide(lab: Lab, proof: Experiment | None, members: tuple[str, ...]) -> Division:
    """Try the proof on every other member; those that it does not flip are proposed for a split."""
    if proof is None or len(members) < 2:
        return Division()
    moved, unmoved, results = [proof.watch[0]], [], []
    others = [member for member in members if member not in proof.watch]
    notes = []
    if proof.treated_watch not in ((), proof.watch):
        # the treated arm watches a test under another name or with other parameters: that of no other member
        return Division(moved=(proof.watch[0],))
    if len(others) > _MOST_MEMBERS:
        notes.append(f"The treatment was tried on {_MOST_MEMBERS} of {len(others)} other members.")
    # The other members may fail with other messages than the subject.
    reason, lab.reason = lab.reason, None
    try:
        for member in others[:_MOST_MEMBERS]:
            result = lab.experiment(_for_member(proof, member)).result
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
        named = ", ".join(unmoved[:_MOST_NAMED])
        more = f" and {len(unmoved) - _MOST_NAMED} more" if len(unmoved) > _MOST_NAMED else ""
        notes.append(f"It flips {counted_noun(len(moved), 'member')}, and does not flip {named}{more}.")
    return Division(tuple(moved), tuple(unmoved), tuple(results), tuple(notes))


def _for_member(proof: Experiment, member: str) -> Experiment:
    subject = proof.watch[0]
    baseline, treated = arm_names(proof)
    return proof.model_copy(
        update={
            "watch": (member,),
            "arm_names": (f"with {member} in its place, {baseline}", treated),
            "treated_watch": (),
            "prediction": f"The treatment that flips {subject} flips {member} too: they have one cause.",
            "baseline": _with_member(proof.baseline, subject, member),
            "treated": _with_member(proof.treated, subject, member),
        }
    )


def _with_member(setup: Setup, subject: str, member: str) -> Setup:
    """The setup with the member in the subject's place; where it ran before, it runs no more.

    One of two tests that disturb each other in two processes stays where it is.
    """
    if setup.workers is not None and member in setup.nodeids:
        return setup
    others = [nodeid for nodeid in setup.nodeids if nodeid != member]
    nodeids = tuple(member if nodeid == subject else nodeid for nodeid in others)
    return setup.model_copy(update={"nodeids": nodeids})
