"""A cluster is one cause: the treatment that flips one member must flip them all, or it is a split."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from triage.cluster.registry import ClusterRegistry
from triage.errors import UsageError, VoidError
from triage.lab.collect import Collected
from triage.lab.lab import BudgetSpent, Lab
from triage.lab.protocol import Experiment, Setup
from triage.model.cluster import ClusterStatus
from triage.model.experiment import ExperimentResult, Status
from triage.model.run import RunRecord
from triage.probe.schedule import Climb

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


_CLUSTER = re.compile(r"C[1-9][0-9]*", re.IGNORECASE)


@dataclass(frozen=True)
class Subject:
    """Tests with one cause, as far as is known."""

    nodeids: tuple[str, ...]
    cluster: str | None = None


def find_subject(
    text: str, registry: ClusterRegistry, collected: Collected, record: RunRecord | None
) -> Subject:
    """What the user named.

    Raises `UsageError` where there is no such cluster or test, `VoidError` where its file does not collect
    and the file itself was not what was asked about.
    """
    suite = collected.tests
    if _CLUSTER.fullmatch(text):
        return _of_cluster(text.upper(), registry, collected)
    if text in suite or text in collected.broken:
        return Subject((text,), _home(text, registry))
    inside = tuple(nodeid for nodeid in suite if nodeid.startswith((text + "[", text + "::", text + "/")))
    if inside:
        red = _red(record)
        failing = tuple(nodeid for nodeid in inside if nodeid in red)
        return Subject(failing or inside)
    for broken, reason in collected.broken.items():
        if text.partition("::")[0].startswith(broken):
            raise VoidError(
                "not-collected", f"{broken} cannot be collected: {reason}", f"try `triage probe {broken}`"
            )
    raise _unknown(text, suite)


def _of_cluster(name: str, registry: ClusterRegistry, collected: Collected) -> Subject:
    cluster = registry.cluster(name)
    if cluster.status is ClusterStatus.RESOLVED:
        raise UsageError(
            "resolved-cluster", f"{cluster.id} is resolved", "probe a test by its node id, or run the suite"
        )
    if not cluster.members:
        raise UsageError("no-such-test", f"{cluster.id} has no tests", "run the suite again")
    known = {*collected.tests, *collected.broken}
    here = tuple(member for member in cluster.members if member in known)
    if not here:
        raise UsageError(
            "no-such-test",
            f"no test of {cluster.id} is in the suite any more (it had {cluster.members[0]})",
            "run the suite again",
        )
    return Subject(here, cluster.id)


def _home(nodeid: str, registry: ClusterRegistry) -> str | None:
    for cluster in reversed(registry.live):
        if nodeid in cluster.members and cluster.status is not ClusterStatus.RESOLVED:
            return cluster.id
    return None


def _red(record: RunRecord | None) -> set[str]:
    return {result.nodeid for result in record.results if result.outcome.is_red} if record else set()


def _unknown(text: str, suite: Sequence[str]) -> UsageError:
    near = difflib.get_close_matches(text, suite, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else "`pytest --collect-only -q` lists the tests"
    return UsageError("no-such-test", f"the suite has no test {text!r}", hint)
