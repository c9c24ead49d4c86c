"""Confirm what surroundings or a second run make red: many tests and changes in the same processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from triage.hunt.changes import Change
from triage.hunt.proof import Proof
from triage.lab.lab import Lab
from triage.lab.protocol import Experiment, Look, Setup
from triage.model.experiment import Status
from triage.model.nodeid import file_of

_MOST_CHANGES = 8
"""Changes that share a control: what is proven stands, should the time run out in the next ones."""
_SHARED_FROM = 3
"""Changes from which a longer control that all share is cheaper than one for each."""
_SHARED_REPEATS, _SHARED_CONTROLS = 2, 5
"""2 failures of 2 against 0 of 5 have p = 0.048 by Fisher's exact test: the fewest runs of a change that
confirm with a control of reasonable length."""


@dataclass(frozen=True)
class Claim:
    """A test was red once with a change, and is green as it stands."""

    nodeid: str
    change: Change


@dataclass(kw_only=True)
class ChangeProver:
    """Confirms claims in the laboratory."""

    lab: Lab
    suite: tuple[str, ...]
    seed: int

    def batches(self, claims: Sequence[Claim]) -> Iterator[list[Claim]]:
        """Claims that share a control: a few changes at once, whose processes are started in the same way.

        A change that cannot be forked, or beside which nothing may run, would cost the others their forks or
        their time.
        """
        names = dict.fromkeys(claim.change.name for claim in claims)
        of_change = {name: [claim for claim in claims if claim.change.name == name] for name in names}
        by_start: dict[tuple[bool, bool, bool], list[list[Claim]]] = {}
        for several in of_change.values():
            by_start.setdefault(self._start(several[0].change), []).append(several)
        for alike in by_start.values():
            for start in range(0, len(alike), _MOST_CHANGES):
                yield [claim for several in alike[start : start + _MOST_CHANGES] for claim in several]

    def prove(self, claims: Sequence[Claim]) -> list[Proof | str]:
        """A verdict on each claim: a proof, or why it is none.

        All tests run in every process, so that a change is all in which its arm differs from the control, and
        the control serves all changes. What is not confirmed so is tried by itself.
        """
        before = self.lab.spending.runs
        experiments = self._experiments(claims)
        if len(experiments) == 1:
            # by itself it may go on for longer, where it is red in some runs alone
            trials = [self.lab.experiment(experiments[0])]
        else:
            trials = self.lab.experiments_together(experiments)
        # each claim's share of what all of them took
        processes = ceil((self.lab.spending.runs - before) / len(claims))
        found: list[Proof | str] = []
        for claim, experiment, trial in zip(claims, experiments, trials, strict=True):
            if trial.result.status is Status.CONFIRMED:
                found.append(claim.change.proof(claim.nodeid, experiment, trial, processes))
            elif len(claims) == 1 and any(map(experiment.is_red, trial.baseline)):
                found.append(trial.result.sentence)
            else:
                found.append(self._by_itself(claim))
        return found

    def show_alone(self, proofs: Sequence[tuple[Claim, Proof]]) -> None:
        """Find out whether the test alone shows it, too: a shorter command for people."""
        crowded = [(claim, proof) for claim, proof in proofs if len(proof.red_setup.nodeids) > 1]
        setups = [
            claim.change.arms(Setup(nodeids=(claim.nodeid,), seed=self.seed))[0] for claim, _ in crowded
        ]
        looks = [Look(setup=setup, why="is it red with no other test?") for setup in setups]
        for (_, proof), setup, seen in zip(crowded, setups, self.lab.look(looks), strict=True):
            proof.processes += 1
            if seen.red(proof.nodeid):
                proof.command = self.lab.command(setup)

    def _start(self, change: Change) -> tuple[bool, bool, bool]:
        """Whether its processes may be forked, nothing may run beside them, and the control is its own."""
        changed, control = change.arms(Setup(nodeids=()))
        has_own_control = bool(control.env or control.imports) or any(control.instruments.values())
        return self.lab.runner.warmth.may_fork(changed), changed.is_undisturbed, has_own_control

    def _experiments(self, claims: Sequence[Claim]) -> list[Experiment]:
        wanted = {claim.nodeid for claim in claims}
        setup = Setup(nodeids=tuple(nodeid for nodeid in self.suite if nodeid in wanted), seed=self.seed)
        idle: dict[str, dict[str, Any]] = {}
        for claim in claims:
            idle.update({name: {} for name in claim.change.arms(setup)[1].instruments})
        setup = setup.plus(instruments=idle)
        experiments = [claim.change.experiment(claim.nodeid, setup) for claim in claims]
        if len({claim.change.name for claim in claims}) < _SHARED_FROM:
            return experiments
        counts = {"repeats": _SHARED_REPEATS, "controls": _SHARED_CONTROLS}
        return [experiment.model_copy(update=counts) for experiment in experiments]

    def _by_itself(self, claim: Claim) -> Proof | str:
        """Alone, in its file, or in the whole suite: the first in which the change makes it red."""
        nodeid, change = claim.nodeid, claim.change
        before = self.lab.spending.runs
        own_file = tuple(each for each in self.suite if file_of(each) == file_of(nodeid))
        for nodeids in dict.fromkeys(((nodeid,), own_file, self.suite)):
            experiment = change.experiment(nodeid, Setup(nodeids=nodeids, seed=self.seed))
            why = f"{change.name}: is it red with fewer tests?"
            (seen,) = self.lab.look([Look(setup=experiment.baseline, why=why)])
            if not seen.red(nodeid):
                continue
            trial = self.lab.experiment(experiment)
            if trial.result.status is Status.CONFIRMED:
                return change.proof(nodeid, experiment, trial, self.lab.spending.runs - before)
            return trial.result.sentence
        return f"it was red once with {change.name}, and not again"
