"""Prove what was red: one test of each cause first, then who shares it; explain while time is left."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from triage.hunt.changes import Change, OtherSurroundings, SecondRun
from triage.hunt.document import Suspected
from triage.hunt.factors import Surroundings
from triage.hunt.proof import Proof
from triage.hunt.prove import Prover
from triage.hunt.state import Hunt
from triage.hunt.suspects import explained
from triage.lab.budget import BudgetSpent
from triage.lab.environment import environment_of
from triage.model.failure import Failure
from triage.probe.api import Case
from triage.probe.case_facts import files_of, source_of

_SHARE_OF_ORDERS = 0.5
"""Of the time that is left, for searches in orders before anything else is proven."""
_EXPLAINED_SECONDS = 10.0
"""Time that must be left before a proof is explained: the state that leaks, its writer, a repair."""


def prove_all(hunt: Hunt) -> None:
    """Prove what the arms showed red, as long as there is time; the rest is suspected, and says so.

    What an earlier call has answered is not asked again.
    """
    prover = _prover(hunt)
    # one search after the other may take all the time, and many tests of one factor are confirmed at once
    _prove_orders(hunt, prover, until=hunt.seconds + _SHARE_OF_ORDERS * hunt.seconds_left)
    second_runs = _wanted(hunt, hunt.twice_red, _answered(hunt))
    _prove_change(hunt, prover, SecondRun(), second_runs, hunt.twice_red)
    for name, red in hunt.red_with.items():
        factor = hunt.factors[name]
        unknown = [nodeid for nodeid in _wanted(hunt, red) if not _is_known(hunt, nodeid, factor)]
        _prove_change(hunt, prover, OtherSurroundings(factor), unknown, red)
    _prove_orders(hunt, prover, until=hunt.budget)


def _answered(hunt: Hunt) -> set[str]:
    """Tests whose dependence on the order, or on a first run, is proven or was looked at."""
    proven = {nodeid for proof in hunt.proofs if proof.dependence != "factor" for nodeid in proof.tests}
    return proven | {suspect.nodeid for suspect in hunt.suspected if suspect.found_by not in hunt.factors}


def _prover(hunt: Hunt) -> Prover:
    return Prover(
        lab=hunt.lab,
        warm=hunt.warm,
        knowledge=hunt.knowledge,
        suite=hunt.collected,
        seed=hunt.request.seed,
        time_left=lambda: hunt.seconds_left,
    )


def _wanted(hunt: Hunt, nodeids: Iterable[str], answered: Collection[str] = ()) -> list[str]:
    subject = hunt.request.subject
    return [nodeid for nodeid in nodeids if nodeid not in answered and (subject is None or nodeid == subject)]


def _prove_orders(hunt: Hunt, prover: Prover, until: float) -> None:
    """One search a cause: who shares the culprits of a proven test is tried with them alone.

    No search begins after `until` seconds of the hunt; once the budget is spent the rest is named.
    """
    waiting = _wanted(hunt, hunt.knowledge.victims(), _answered(hunt))
    while waiting and (hunt.seconds < until or hunt.seconds_left <= 0):
        nodeid = waiting.pop(0)
        failure = hunt.knowledge.failure(nodeid)
        try:
            proof = prover.order_dependent(nodeid, hunt.proofs, _alike(hunt, failure, waiting))
            if isinstance(proof, str):
                _suspect(hunt, [nodeid], _first_red_arm(hunt, nodeid), proof)
                continue
            hunt.proofs.append(proof)
            _take_failure(proof, nodeid, failure)
            if proof.is_by_import:
                continue
            prover.further_sets(proof)
            for other in _may_share(hunt, proof, waiting):
                if prover.shares_cause(proof, other):
                    proof.members.append(other)
                    _take_failure(proof, other, hunt.knowledge.failure(other))
                    waiting.remove(other)
        except BudgetSpent:
            _no_time(hunt, [nodeid, *waiting], "an order")
            return


def _alike(hunt: Hunt, failure: Failure | None, nodeids: Sequence[str]) -> list[str]:
    """Tests that fail in the same way."""
    mine = hunt.signature(failure)
    return [nodeid for nodeid in nodeids if hunt.signature(hunt.knowledge.failure(nodeid)) == mine]


def _may_share(hunt: Hunt, proof: Proof, waiting: Sequence[str]) -> list[str]:
    """Tests that fail alike, or whose every red run can be laid to the same culprits."""
    alike = set(_alike(hunt, hunt.knowledge.failure(proof.nodeid), waiting))
    effect_is_red = proof.dependence == "polluted"
    return [
        nodeid
        for nodeid in waiting
        if nodeid in alike
        or explained(hunt.knowledge.places(nodeid), proof.culprits, effect_is_red=effect_is_red)
    ]


def _prove_change(
    hunt: Hunt, prover: Prover, change: Change, nodeids: Sequence[str], failures: Mapping[str, Failure]
) -> None:
    """Confirm the tests together; those that fail alike are one finding."""
    if not nodeids:
        return
    try:
        answers = prover.together(nodeids, change)
    except BudgetSpent:
        _no_time(hunt, nodeids, change.name)
        return
    known: dict[str, Proof] = {}
    for nodeid, answer in answers.items():
        if isinstance(answer, str):
            _suspect(hunt, [nodeid], change.name, answer)
            continue
        proof = known.setdefault(hunt.signature(failures[nodeid]), answer)
        if proof is not answer:
            proof.members.append(nodeid)
        _take_failure(proof, nodeid, failures[nodeid])
    hunt.proofs += known.values()


def _is_known(hunt: Hunt, nodeid: str, factor: Surroundings) -> bool:
    """Whether a factor of this kind has been tried on the test already: a second zone says no more."""
    is_proven = any(nodeid in proof.tests and proof.kind == factor.kind for proof in hunt.proofs)
    return is_proven or any(
        suspect.nodeid == nodeid and suspect.found_by == factor.name for suspect in hunt.suspected
    )


def explain_all(hunt: Hunt) -> None:
    """Find what leaks, who writes it, what repairs it: as long as there is time."""
    prover = _prover(hunt)
    for proof in hunt.proofs:
        failure = proof.failures.get(proof.nodeid)
        if proof.dependence != "polluted" or failure is None:
            continue
        if hunt.seconds_left < _EXPLAINED_SECONDS:
            hunt.notes.append(f"{proof.nodeid}: no time was left to find what leaks")
            continue
        try:
            prover.explain(proof, _case(hunt, proof, failure))
        except BudgetSpent:
            hunt.notes.append(f"{proof.nodeid}: the time was up before it was known what leaks")


def _case(hunt: Hunt, proof: Proof, failure: Failure) -> Case:
    return Case(
        nodeid=proof.nodeid,
        base=proof.red_setup,
        failure=failure,
        context="chunk",
        members=proof.tests,
        suite=hunt.collected,
        recorded=proof.order,
        env=environment_of(hunt.services).everything,
        source=source_of(hunt.services.root),
        files=files_of(hunt.services.root),
    )


def _first_red_arm(hunt: Hunt, nodeid: str) -> str:
    run = hunt.knowledge.first_red(nodeid)
    return run.arm if run is not None else "an order"


def _take_failure(proof: Proof, nodeid: str, failure: Failure | None) -> None:
    if failure is not None:
        proof.failures[nodeid] = failure


def _suspect(hunt: Hunt, nodeids: Iterable[str], found_by: str, reason: str) -> None:
    hunt.suspected += [Suspected(nodeid=nodeid, found_by=found_by, reason=reason) for nodeid in nodeids]


def _no_time(hunt: Hunt, nodeids: Iterable[str], found_by: str) -> None:
    _suspect(hunt, nodeids, found_by, "no time was left to prove it: give a larger --budget")
