"""Confirm what searches in orders have named: many in the same processes, each in a child of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from triage.hunt.document import NO_TIME
from triage.hunt.proof import ALPHA, REPEATS, Candidate, Proof
from triage.hunt.seen import ALONE, Knowledge
from triage.lab.budget import BudgetSpent
from triage.lab.lab import ArmsSeen, Lab
from triage.lab.protocol import Experiment, Look, Observation, Setup, Trial
from triage.model.experiment import Factor, Status
from triage.model.nodeid import file_of
from triage.model.outcome import Outcome

NOT_AS_ASSUMED = "the only test that all runs leave did not change it by itself"


@dataclass(kw_only=True)
class OrderConfirmer:
    """Runs the experiments on candidates: behind their culprits, and alone."""

    lab: Lab
    suite: tuple[str, ...]
    seed: int
    knowledge: Knowledge
    """Every run of an order."""
    forks: bool
    """Whether children of one process can stand for processes of their own."""

    def confirm(self, candidates: Sequence[Candidate]) -> list[Proof | str]:
        """A proof of each candidate, or why it is none.

        Each arm runs once by itself: the red one in a new interpreter, as people will run it; a run of the
        other one the search has made. Then all red arms are children of one process, and all green ones of
        another, twice; the last of each is a new interpreter. What is not confirmed so has an experiment by
        itself.
        """
        answers: dict[str, Proof | str] = {}
        for batch in self._batches(candidates):
            before = self.lab.spending.runs
            seen = self._seen_by_themselves(batch)
            likely = [each for each in batch if self._is_as_expected(each, seen[each.nodeid])]
            if not likely:
                continue
            trials = self._trials_together(likely, [seen[each.nodeid] for each in likely])
            processes = ceil((self.lab.spending.runs - before) / len(batch))
            for each, trial in zip(likely, trials, strict=True):
                if trial.result.status is Status.CONFIRMED:
                    experiment = self._experiment(each, ())
                    with_commands = self._with_commands(trial, experiment)
                    answers[each.nodeid] = each.proof(experiment, with_commands, processes)
        return [answers.get(each.nodeid) or self._by_itself(each) for each in candidates]

    def _seen_by_themselves(self, batch: Sequence[Candidate]) -> dict[str, ArmsSeen]:
        """A run of each arm of each candidate: one of the search, if it ran just these tests, or a new one.

        Of those with the same culprits the first one's red arm runs in a new interpreter in any case: its
        command is what the report shows.
        """
        arms: dict[tuple[str, bool], Observation] = {}
        missing: list[tuple[tuple[str, bool], Setup]] = []
        shown: set[tuple[str, ...]] = set()
        for each in batch:
            experiment = self._experiment(each, ())
            for setup, is_baseline in ((experiment.baseline, True), (experiment.treated, False)):
                is_shown = is_baseline and each.culprits not in shown
                known = None if is_shown else self._known(each.nodeid, setup)
                if known is None:
                    missing.append(((each.nodeid, is_baseline), setup))
                else:
                    arms[each.nodeid, is_baseline] = known
            shown.add(each.culprits)
        looks = [Look(setup=setup, why="is it so in a process of its own?") for _, setup in missing]
        for (key, _), run in zip(missing, self.lab.look(looks), strict=True):
            arms[key] = run
        return {
            each.nodeid: ArmsSeen((arms[each.nodeid, True],), (arms[each.nodeid, False],)) for each in batch
        }

    def _known(self, nodeid: str, setup: Setup) -> Observation | None:
        """A run of the search in which just these tests ran before the watched one."""
        before = setup.nodeids[:-1]
        for run in self.knowledge.runs:
            if nodeid not in run.position or run.before(nodeid) != before:
                continue
            outcome = run.not_passed.get(nodeid, Outcome.PASSED)
            if outcome is not Outcome.PASSED and not outcome.is_red:
                continue  # skipped: says nothing
            outcomes = {**dict.fromkeys(before, Outcome.PASSED), nodeid: outcome}
            failures = {nodeid: run.failures[nodeid]} if nodeid in run.failures else {}
            return Observation(outcomes=outcomes, failures=failures, order=setup.nodeids, forked=True)
        return None

    @staticmethod
    def _is_as_expected(candidate: Candidate, seen: ArmsSeen) -> bool:
        """Whether one arm was red and the other one green, by themselves."""
        red, green = seen.baseline[0], seen.treated[0]
        return red.red(candidate.nodeid) and green.passed(candidate.nodeid)

    def _with_commands(self, trial: Trial, experiment: Experiment) -> Trial:
        """The trial with the arms as people paste them."""
        commands = {
            "baseline_command": self.lab.command(experiment.baseline),
            "command": self.lab.command(experiment.treated),
        }
        return trial.model_copy(update={"result": trial.result.model_copy(update=commands)})

    def _batches(self, candidates: Sequence[Candidate]) -> list[list[Candidate]]:
        """Those that can share processes: nobody is watched who is a culprit beside it."""
        batches: list[list[Candidate]] = []
        for each in candidates:
            if not self.forks or each.is_by_import:
                continue
            for batch in batches:
                if not any(each.nodeid in other.culprits or other.nodeid in each.culprits for other in batch):
                    batch.append(each)
                    break
            else:
                batches.append([each])
        return batches

    def _trials_together(self, batch: Sequence[Candidate], seen: Sequence[ArmsSeen]) -> list[Trial]:
        plain = [self._experiment(each, ()) for each in batch]
        wanted = {file_of(nodeid) for each in batch for nodeid in (*each.culprits, each.nodeid)}
        files = tuple(path for path in dict.fromkeys(map(file_of, self.suite)) if path in wanted)
        arms = {
            "baseline": self._in_children([experiment.baseline.nodeids for experiment in plain], files),
            "treated": self._in_children([experiment.treated.nodeids for experiment in plain], files),
        }
        return self.lab.experiments_together([each.model_copy(update=arms) for each in plain], seen)

    def _in_children(self, groups: Sequence[tuple[str, ...]], files: tuple[str, ...]) -> Setup:
        """One process that has imported these files, and a child for each group."""
        run = {nodeid for group in groups for nodeid in group}
        nodeids = tuple(nodeid for nodeid in self.suite if nodeid in run)
        return Setup(nodeids=nodeids, imports=files, groups=tuple(groups), seed=self.seed)

    def _by_itself(self, candidate: Candidate) -> Proof | str:
        """In processes that import only the files of these tests; else in ones that import every file."""
        if self.lab.spending.is_over():
            return NO_TIME
        if candidate.is_assumed:
            return NOT_AS_ASSUMED
        before = self.lab.spending.runs
        files = tuple(dict.fromkeys(file_of(each) for each in self.suite))
        for imports in ((),) if candidate.is_by_import else ((), files):
            experiment = self._experiment(candidate, imports)
            self.lab.reason = candidate.failure
            try:
                trial = self.lab.experiment(experiment)
            except BudgetSpent:
                return NO_TIME
            finally:
                self.lab.reason = None
            if trial.result.status is Status.CONFIRMED:
                return candidate.proof(experiment, trial, self.lab.spending.runs - before)
        return f"{' and '.join(candidate.culprits)} did not change it in fresh processes"

    def _experiment(self, candidate: Candidate, imports: tuple[str, ...]) -> Experiment:
        nodeid, culprits = candidate.nodeid, candidate.culprits
        behind = Setup(nodeids=(*culprits, nodeid), imports=imports, seed=self.seed)
        if candidate.is_by_import:
            # files: they are imported, and none of their tests runs
            behind = Setup(nodeids=(nodeid,), imports=(*culprits, file_of(nodeid)), seed=self.seed)
        alone = Setup(nodeids=(nodeid,), imports=imports, seed=self.seed)
        arms = (f"after {' and '.join(culprits)}", ALONE)
        tests: list[Any] = [list(culprits), ALONE]
        if not candidate.effect_is_red:
            arms, tests = (arms[1], arms[0]), tests[::-1]
        return Experiment(
            probe="hunt",
            factor=Factor(kind="order", name="before", from_=tests[0], to=tests[1]),
            prediction=f"{arms[0]} it fails; {arms[1]} it passes.".capitalize(),
            baseline=behind if candidate.effect_is_red else alone,
            treated=alone if candidate.effect_is_red else behind,
            watch=(nodeid,),
            repeats=REPEATS,
            alpha=ALPHA,
            arm_names=arms,
        )
