"""Prove what was red: one test of each cause first, then who shares it; explain while time is left."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from math import ceil, inf

from triage.hunt.changes import OtherSurroundings, SecondRun
from triage.hunt.confirm import NOT_AS_ASSUMED, OrderConfirmer
from triage.hunt.document import NO_TIME, Suspected
from triage.hunt.factors import TWO_PROCESSES, Surroundings
from triage.hunt.meeting import meet_themselves
from triage.hunt.proof import Candidate, Proof
from triage.hunt.prove import OrderProver
from triage.hunt.prove_changes import ChangeProver, Claim
from triage.hunt.purposes import CONFIRMATION, SEARCH
from triage.hunt.seen import ended
from triage.hunt.state import Hunt
from triage.hunt.suspects import explained
from triage.lab.budget import BudgetSpent
from triage.lab.environment import environment_of
from triage.lab.protocol import Look, Setup
from triage.model.failure import Failure
from triage.probe.api import Case
from triage.probe.case_facts import files_of, source_of

_SHARE_OF_ORDERS = 0.5
"""Of the time that is left, for searches in orders before anything else is proven."""
_SECOND_RUNS = frozenset({SecondRun().name, SecondRun(whole_file=True).name})
"""What is found so says nothing of the order in which tests run once."""
_MOST_OF_A_KIND = 2
"""Factors of one kind that are tried on a test, where none is confirmed."""
_MOST_TOGETHER = 16
"""Causes that are confirmed at once: what is proven stands, should the time run out in the next ones."""
_SAMPLE = 8
"""Tests with which forks are compared: their files import what the suite needs, and they take no time."""
_ASSUMPTIONS = 2
"""Suspects that are tried on one test by themselves, before a whole recorded order is searched."""
_EXPLAINED_SECONDS = 10.0
"""Time that must be left before a proof is explained: the state that leaks, its writer, a repair."""


def prove_all(hunt: Hunt) -> None:
    """Prove what the arms showed red, as long as there is time; the rest is suspected, and says so.

    What an earlier call has answered is not asked again.
    """
    if not _is_anything_red(hunt):
        return
    prover = _prover(hunt)
    with suppress(BudgetSpent):
        _try_forks(hunt)
    with suppress(BudgetSpent):
        _set_aside_what_meets_itself(hunt)
    # one search after the other may take all the time, and many tests of one factor are confirmed at once
    _prove_orders(hunt, prover, until=hunt.seconds + _SHARE_OF_ORDERS * hunt.seconds_left)
    with hunt.purposes.named(CONFIRMATION):
        _prove_changes(hunt)
    _prove_orders(hunt, prover, until=inf)


def _is_anything_red(hunt: Hunt) -> bool:
    red = (hunt.twice_red, hunt.files_twice_red, hunt.by_chance, *hunt.red_with.values())
    return any(red) or bool(hunt.knowledge.victims())


def _try_forks(hunt: Hunt) -> None:
    """Run some sound tests twice: first in a new interpreter, then in a fork.

    The laboratory forks no run before it has seen that a fork gives what a new interpreter gives, and no
    other run of a hunt comes twice.
    """
    if hunt.are_forks_tried:
        return
    hunt.are_forks_tried = True
    red = {*hunt.twice_red, *hunt.knowledge.victims()}.union(*hunt.red_with.values())
    sound = [nodeid for nodeid in hunt.knowledge.tests if nodeid not in red] or list(hunt.knowledge.tests)
    some = tuple(sound[:: ceil(len(sound) / _SAMPLE)])
    for why in ("some sound tests in a new interpreter", "does a fork give what a new interpreter gives?"):
        hunt.lab.look([Look(setup=Setup(nodeids=some, seed=hunt.request.seed), why=why)])


def _set_aside_what_meets_itself(hunt: Hunt) -> None:
    """Tests that are red where the same test runs in another process, and for no factor.

    Factors are tried side by side: a port that both processes want would be laid to all of them.
    """
    kinds: dict[str, set[str]] = {}
    for arm, red in hunt.red_with.items():
        for nodeid in red:
            kinds.setdefault(nodeid, set()).add(hunt.factors[arm].kind)
    several = [nodeid for nodeid, found in kinds.items() if len(found) > 1 and nodeid not in hunt.by_chance]
    meeting = meet_themselves(hunt, several)
    for arm, red in hunt.red_with.items():
        hunt.red_with[arm] = {nodeid: failure for nodeid, failure in red.items() if nodeid not in meeting}
    hunt.by_chance = tuple(dict.fromkeys((*hunt.by_chance, *meeting)))


def _answered(hunt: Hunt) -> set[str]:
    """Tests of which no order is to be searched any more."""
    return _looked_at(hunt) | hunt.red_behind_itself


def _looked_at(hunt: Hunt) -> set[str]:
    """Tests whose dependence on the order, or on a first run, is proven or was looked at."""
    proven = {nodeid for proof in hunt.proofs if proof.dependence != "factor" for nodeid in proof.tests}
    others = {factor.name for factor in hunt.factors.values()} | _SECOND_RUNS
    looked_at = {suspect.nodeid for suspect in hunt.suspected if suspect.found_by not in others}
    return proven | looked_at


def _prover(hunt: Hunt) -> OrderProver:
    return OrderProver(
        lab=hunt.lab,
        warm=hunt.warm,
        knowledge=hunt.knowledge,
        keep=hunt.keep,
        suite=hunt.collected,
        seed=hunt.request.seed,
        signature=hunt.signature,
        in_force=hunt.in_force(),
        refuted=hunt.refuted,
        time_left=lambda: hunt.seconds_left,
        files_last=hunt.files_last,
    )


def _wanted(hunt: Hunt, nodeids: Iterable[str], answered: Collection[str] = ()) -> list[str]:
    subject = hunt.request.subject
    return [nodeid for nodeid in nodeids if nodeid not in answered and (subject is None or nodeid == subject)]


def _prove_orders(hunt: Hunt, prover: OrderProver, until: float) -> None:
    """One search a cause: who shares the culprits of a proven test is tried with them alone.

    No search begins after `until` seconds of the hunt; once the budget is spent the rest is named.
    """
    waiting = _wanted(hunt, hunt.knowledge.victims(), _answered(hunt))
    found: list[Candidate] = []
    try:
        for _ in range(_ASSUMPTIONS):
            with hunt.purposes.named(SEARCH):
                prover.bisect(waiting)
                found += prover.assumed(waiting)
            _confirm(hunt, prover, found)
            found.clear()
            waiting = _wanted(hunt, waiting, _answered(hunt))
        while waiting and (hunt.seconds < until or hunt.seconds_left <= 0):
            with hunt.purposes.named(SEARCH):
                candidate = _searched(hunt, prover, waiting, found)
            if candidate is not None:
                found.append(candidate)
            if found and (len(found) == _MOST_TOGETHER or not waiting):
                _confirm(hunt, prover, found)
                found.clear()
        _confirm(hunt, prover, found)
    except BudgetSpent:
        waiting += [nodeid for each in found for nodeid in (each.nodeid, *each.members)]
        _no_time(hunt, _wanted(hunt, dict.fromkeys(waiting), _answered(hunt)), "an order")


def _searched(
    hunt: Hunt, prover: OrderProver, waiting: list[str], found: Sequence[Candidate]
) -> Candidate | None:
    """Search for the culprits of the first that waits, and take those that share them from the others."""
    nodeid = waiting[0]
    alike = _alike(hunt, hunt.knowledge.failure(nodeid), waiting[1:])
    candidate = prover.search(nodeid, [*hunt.proofs, *found], alike)
    waiting.remove(nodeid)
    if isinstance(candidate, str):
        if _was_behind_itself(hunt, nodeid):
            hunt.red_behind_itself.add(nodeid)
        else:
            _suspect(hunt, [nodeid], _first_red_arm(hunt, nodeid), candidate)
        return None
    if not candidate.is_by_import:
        likely = _likely_to_share(hunt, candidate, waiting)
        candidate.members = prover.sharing(candidate, waiting, likely=likely)
        waiting[:] = [other for other in waiting if other not in candidate.members]
    return candidate


def _was_behind_itself(hunt: Hunt, nodeid: str) -> bool:
    """Whether it was red where it had run before, together with others."""
    return any(
        run.apart is not None and nodeid in run.red and nodeid in run.order[: run.apart]
        for run in hunt.knowledge.runs
    )


def _confirm(hunt: Hunt, prover: OrderProver, found: Sequence[Candidate]) -> None:
    """Confirm what searches have found, together; then look for further sets of culprits."""
    if not found:
        return
    confirmer = OrderConfirmer(
        lab=hunt.lab,
        suite=hunt.collected,
        seed=hunt.request.seed,
        knowledge=hunt.knowledge,
        forks=hunt.warm.forks,
    )
    proofs: dict[tuple[str, ...], Proof] = {}
    with hunt.purposes.named(CONFIRMATION):
        answers = confirmer.confirm(found)
    for candidate, answer in zip(found, answers, strict=True):
        members = (candidate.nodeid, *candidate.members)
        if isinstance(answer, str):
            if answer == NOT_AS_ASSUMED:
                hunt.refuted.add((candidate.nodeid, candidate.culprits))
            else:
                _suspect(hunt, members, _first_red_arm(hunt, candidate.nodeid), answer)
            continue
        proof = proofs.setdefault((answer.dependence, *answer.culprits), answer)
        if proof is not answer:
            proof.members += members
        for nodeid in members:
            _take_failure(proof, nodeid, hunt.knowledge.failure(nodeid))
    hunt.proofs += proofs.values()
    for proof in proofs.values():
        if not proof.is_by_import:
            with hunt.purposes.named(SEARCH):
                prover.further_sets(proof)


def _alike(hunt: Hunt, failure: Failure | None, nodeids: Sequence[str]) -> list[str]:
    """Tests that fail in the same way."""
    mine = hunt.signature(failure)
    return [nodeid for nodeid in nodeids if hunt.signature(hunt.knowledge.failure(nodeid)) == mine]


def _likely_to_share(hunt: Hunt, proof: Candidate, waiting: Sequence[str]) -> set[str]:
    """Tests that fail alike, or whose every red run can be laid to the same culprits."""
    alike = _alike(hunt, hunt.knowledge.failure(proof.nodeid), waiting)
    return {
        nodeid
        for nodeid in waiting
        if nodeid in alike
        or explained(hunt.knowledge.places(nodeid), proof.culprits, effect_is_red=proof.effect_is_red)
    }


def _prove_changes(hunt: Hunt) -> None:
    """Confirm what a second run or a factor made red; of factors of one kind the first that is confirmed."""
    prover = ChangeProver(lab=hunt.lab, suite=hunt.collected, seed=hunt.request.seed)
    claims = _claims(hunt)
    while claims:
        batches = list(prover.batches(claims))
        for number, batch in enumerate(batches):
            try:
                answers = prover.prove(batch)
            except BudgetSpent:
                for claim in (claim for left in batches[number:] for claim in left):
                    _no_time(hunt, [claim.nodeid], claim.change.name)
                return
            leads = _take_answers(hunt, batch, answers)
            with suppress(BudgetSpent):  # then the command has more tests than it needs
                prover.show_alone(leads)
        claims = _claims(hunt)


def _claims(hunt: Hunt) -> list[Claim]:
    """What is still to be confirmed: of each test and each kind of factor one claim."""
    found = _claims_of_second_runs(hunt)
    # two processes of the hunt itself were in each other's way, or it was chance
    found += [
        Claim(nodeid, OtherSurroundings(TWO_PROCESSES))
        for nodeid in _wanted(hunt, hunt.by_chance)
        if TWO_PROCESSES.name in hunt.factors and not _is_known(hunt, nodeid, TWO_PROCESSES)
    ]
    taken: set[tuple[str, str]] = set()
    for name, red in hunt.red_with.items():
        factor = hunt.factors[name]
        for nodeid in _wanted(hunt, red):
            if (nodeid, factor.kind) not in taken and not _is_known(hunt, nodeid, factor):
                taken.add((nodeid, factor.kind))
                found.append(Claim(nodeid, OtherSurroundings(factor)))
    return found


def _claims_of_second_runs(hunt: Hunt) -> list[Claim]:
    """A test by itself, or else behind the other tests of its file."""
    answered = _looked_at(hunt)
    answered |= {suspect.nodeid for suspect in hunt.suspected if suspect.found_by in _SECOND_RUNS}
    # what fails alone fails in a first run, too
    green_alone = [nodeid for nodeid in hunt.twice_red if not hunt.knowledge.alone_is_red(nodeid)]
    found = [Claim(nodeid, SecondRun()) for nodeid in _wanted(hunt, green_alone, answered)]
    # whoever hangs on the order is red behind its file, too
    answered |= {*hunt.twice_red, *hunt.knowledge.victims()} - hunt.red_behind_itself
    red = dict.fromkeys((*hunt.files_twice_red, *sorted(hunt.red_behind_itself)))
    behind_file = _wanted(hunt, red, answered)
    return found + [Claim(nodeid, SecondRun(whole_file=True)) for nodeid in behind_file]


def _take_answers(
    hunt: Hunt, claims: Sequence[Claim], answers: Sequence[Proof | str]
) -> list[tuple[Claim, Proof]]:
    """Keep the proofs, and return them; the tests that fail alike with one change are one finding."""
    known: dict[tuple[str, str], tuple[Claim, Proof]] = {}
    for claim, answer in zip(claims, answers, strict=True):
        if isinstance(answer, str):
            _suspect(hunt, [claim.nodeid], claim.change.name, answer)
            continue
        failure = failure_with(answer, claim.nodeid)
        _, proof = known.setdefault((claim.change.name, hunt.signature(failure)), (claim, answer))
        if proof is not answer:
            proof.members.append(claim.nodeid)
        _take_failure(proof, claim.nodeid, failure)
    leads = list(known.values())
    hunt.proofs += [proof for _, proof in leads]
    return leads


def failure_with(proof: Proof, nodeid: str) -> Failure:
    """How a test fails with a change, as the experiment saw it."""
    for run in proof.trial.baseline:
        if run.red(nodeid):
            return run.failures.get(nodeid) or ended(nodeid, run.outcome(nodeid))
    raise AssertionError(f"{nodeid} was never red in the experiment that confirms it")


def _is_known(hunt: Hunt, nodeid: str, factor: Surroundings) -> bool:
    """Whether factors of this kind have been tried on the test already: a second zone says no more.

    What two factors of a kind did not show again is no matter of that kind.
    """
    if any(nodeid in proof.tests and proof.kind == factor.kind for proof in hunt.proofs):
        return True
    kinds = {other.name: other.kind for other in hunt.factors.values()}
    tried = [suspect.found_by for suspect in hunt.suspected if suspect.nodeid == nodeid]
    of_kind = [name for name in tried if kinds.get(name) == factor.kind]
    return factor.name in tried or len(of_kind) >= _MOST_OF_A_KIND


def explain_all(hunt: Hunt) -> None:
    """Find what leaks, who writes it, what repairs it: as long as there is time."""
    prover = _prover(hunt)
    unexplained: list[str] = []
    for proof in hunt.proofs:
        failure = proof.failures.get(proof.nodeid)
        if not _is_explained(proof) or failure is None:
            continue
        if hunt.seconds_left < _EXPLAINED_SECONDS:
            unexplained.append(proof.nodeid)
            continue
        try:
            prover.explain(proof, _case(hunt, proof, failure))
        except BudgetSpent:
            unexplained.append(proof.nodeid)
    if unexplained:
        more = f" and of {len(unexplained) - 1} more" if len(unexplained) > 1 else ""
        hunt.notes.append(f"no time was left to explain {unexplained[0]}{more}, or to repair it")


def _is_explained(proof: Proof) -> bool:
    """Whether it can be asked what is left or lacking: not where files are the culprits."""
    return proof.dependence == "factor" or not proof.is_by_import


def _case(hunt: Hunt, proof: Proof, failure: Failure) -> Case:
    return Case(
        nodeid=proof.nodeid,
        base=proof.red_setup,
        failure=failure,
        context="alone" if proof.dependence == "factor" else "chunk",
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
    _suspect(hunt, nodeids, found_by, NO_TIME)
