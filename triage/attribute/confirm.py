"""Confirm culprits in both directions, with repeats: the state without them, and the base with them alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from triage.attribute.answers import Answer
from triage.attribute.hunk_search import HunkSearch
from triage.attribute.hunk_stage import Culprits, Hunks, HunkStage
from triage.lab.budget import BudgetSpent
from triage.lab.protocol import Experiment, Setup, Trial
from triage.lab.verdict import repeats_for
from triage.model.experiment import ExperimentResult, Factor, Status
from triage.text.hunks import Hunk
from triage.text.plural import counted_noun

PROBE = "hunk"
"""How these experiments sign."""
_REPEATS = 4
"""Of each arm where the failure is steady: four of four against none of four is p = 0.014."""
_ALPHA_OF_FLAKY = 0.01


class Judged(NamedTuple):
    """An experiment with its verdict."""

    experiment: Experiment
    result: ExperimentResult


@dataclass
class Confirmed:
    """What the experiments on one set of culprits said."""

    tests: tuple[str, ...]
    culprits: Culprits
    judged: list[Judged] = field(default_factory=list)
    without: Status | None = None
    """Of: the bad state without them passes. None where there was no time."""
    alone: Status | None = None
    """Of: the good state with them alone fails."""
    _flaky: dict[str, str] = field(default_factory=dict)
    """Tests that were red and green in one arm, with their figures."""

    @property
    def is_proven(self) -> bool:
        """Whether both directions are confirmed."""
        return self.without is Status.CONFIRMED and self.alone is Status.CONFIRMED

    def leave_out_flaky(self) -> dict[str, str]:
        """Take the tests out that repeats have shown to be flaky, and give them with their figures.

        What was judged with them says nothing of the others.
        """
        flaky, self._flaky = self._flaky, {}
        if flaky:
            self.tests = tuple(test for test in self.tests if test not in flaky)
            self.judged.clear()
            self.without = None
        return flaky

    def take(self, experiment: Experiment, trial: Trial, steady: Collection[str]) -> None:
        """Take in an experiment on their reversal; `steady` are the tests that nobody knows to be flaky."""
        self.without = _worse(self.without, trial.result.status)
        for test in experiment.watch:
            for arm in (trial.baseline, trial.treated):
                red = sum(run.red(test) for run in arm)
                if test in steady and 0 < red < len(arm):
                    self._flaky[test] = f"{red} of {len(arm)} runs of one state are red"


def confirm(stage: HunkStage) -> list[Confirmed]:
    """Confirm every set that the search of a stage found; what the budget leaves no time for stays open."""
    groups: dict[Culprits, list[str]] = {}
    for test, culprits in stage.found.items():
        groups.setdefault(culprits, []).append(test)
    confirmed = [Confirmed(tuple(tests), culprits) for culprits, tests in groups.items()]
    try:
        _without(stage, confirmed)
        again = [each for each in confirmed if _leave_out_flaky(stage, each)]
        _without(stage, [each for each in again if each.tests])
        _alone(stage, confirmed)
    except BudgetSpent:
        pass  # what is confirmed by now stands
    return [each for each in confirmed if each.tests and not _leave_out_refuted(stage, each)]


def _leave_out_flaky(stage: HunkStage, each: Confirmed) -> bool:
    """Whether some tests of a set turned out to be flaky: single runs led the search to where it came to."""
    flaky = each.leave_out_flaky()
    for test, figures in flaky.items():
        stage.leave_out(test, f"it is flaky ({figures}), and was searched as if it were not")
    return bool(flaky)


def _leave_out_refuted(stage: HunkStage, each: Confirmed) -> bool:
    """Whether repeats contradict what single runs have shown: then nothing is known."""
    if each.without not in (Status.REFUTED, Status.INVALID_CONTROL):
        return False
    for test in each.tests:
        stage.leave_out(
            test, f"single runs led to {factor_name(each.culprits.all)}, and repeats contradict them"
        )
    return True


def _without(stage: HunkStage, confirmed: Sequence[Confirmed]) -> None:
    """The bad state passes without them, and what else fails there does not."""
    experiments: list[tuple[Confirmed, Experiment]] = []
    others: list[tuple[Confirmed, Experiment]] = []
    for each in confirmed:
        hunks = each.culprits.all
        name = factor_name(hunks)
        broke_it = f"Without {name} it passes: those lines broke it."
        for experiment in _reversals(stage, hunks, each.tests, broke_it):
            experiments.append((each, experiment))
        staying = [test for test in stage.stays_red(hunks) if test not in each.tests]
        too = f"Without {name} these pass too, as {each.tests[0]} does: they have one cause."
        for experiment in _reversals(stage, hunks, staying, too):
            others.append((each, experiment))
    trials = _run(stage, [experiment for _, experiment in (*experiments, *others)])
    for (each, experiment), trial in zip((*experiments, *others), trials, strict=True):
        each.judged.append(Judged(experiment, trial.result))
    steady = {test for test in stage.found if not stage.runs.subjects[test].is_flaky}
    for (each, experiment), trial in zip(experiments, trials, strict=False):
        each.take(experiment, trial, steady)


def _reversals(stage: HunkStage, hunks: Hunks, tests: Sequence[str], prediction: str) -> Iterator[Experiment]:
    """The bad state, and the same without these hunks."""
    name = factor_name(hunks)
    factor = Factor(kind=PROBE, name=name, from_="present", to="reverted")
    asked = _Asked(factor, prediction, ("with the change", f"without {name}"))
    for watched, arms in _arms(stage, tests, stage.state, stage.without(hunks)):
        yield _experiment(stage, watched, arms, asked)


def _alone(stage: HunkStage, confirmed: Sequence[Confirmed]) -> None:
    """On the good state they alone make the tests fail; else what else is needed is searched."""
    whole = frozenset(stage.difference.hunks)
    for each in confirmed:
        if each.culprits.hunks == whole:
            each.alone = each.without  # they are the whole difference: without them is the base itself
    waiting = [each for each in confirmed if each.without is Status.CONFIRMED and each.alone is None]
    _test_alone(stage, waiting)
    incomplete = [each for each in waiting if each.alone is Status.INVALID_CONTROL and _complete(stage, each)]
    for each in incomplete:
        each.alone = None
    _test_alone(stage, incomplete)


def _test_alone(stage: HunkStage, confirmed: Sequence[Confirmed]) -> None:
    experiments: list[tuple[Confirmed, Experiment]] = []
    for each in confirmed:
        if each.culprits.hunks:
            name = factor_name(each.culprits.hunks)
            good = stage.without(stage.difference.hunks)
            for tests, arms in _arms(stage, each.tests, stage.only(each.culprits.hunks), good):
                prediction = f"On the base {name} alone makes it fail; the base itself passes."
                names = (f"on the base with {name} alone", "on the base")
                factor = Factor(kind=PROBE, name=name, from_="alone", to="base")
                experiments.append((each, _experiment(stage, tests, arms, _Asked(factor, prediction, names))))
    trials = _run(stage, [experiment for _, experiment in experiments])
    for (each, experiment), trial in zip(experiments, trials, strict=True):
        each.judged.append(Judged(experiment, trial.result))
        each.alone = _worse(each.alone, trial.result.status)


def _complete(stage: HunkStage, each: Confirmed) -> bool:
    """Add hunks without which the culprits do no harm on the good state: a condition of two parts."""
    steady = [test for test in each.tests if not stage.runs.subjects[test].is_flaky]
    hunks = each.culprits.hunks
    stage.cost.experiments += 1
    seen = stage.runs.answers(stage.only(hunks), steady, f"the base with {factor_name(hunks)} alone")
    harmless = [test for test, answer in seen.items() if answer is Answer.GREEN]
    if not harmless:
        return False

    def ask(applied: Hunks, tests: Sequence[str]) -> dict[str, Answer]:
        answers = stage.runs.answers(
            stage.only(applied | hunks), tests, f"the base with {factor_name(applied)}"
        )
        return {test: answer.opposite for test, answer in answers.items()}

    rest = [hunk for hunk in stage.difference.hunks if hunk not in hunks]
    search: HunkSearch[Hunk, str] = HunkSearch(rest, harmless[:1], ask, lambda hunk: hunk.path)
    found = search.run()
    stage.cost.experiments += search.experiments
    each.culprits = Culprits(hunks.union(*found.values()), each.culprits.also)
    return bool(found)


def _arms(
    stage: HunkStage, tests: Sequence[str], baseline: Setup, treated: Setup
) -> list[tuple[tuple[str, ...], tuple[Setup, Setup]]]:
    """Tests that are watched together, each with both arms; the steady ones run as they did in the search.

    A flaky test, and one that needs the tests before it, has arms of its own.
    """
    runs = stage.runs
    found = []
    steady = [test for test in tests if not runs.subjects[test].is_flaky and not runs.has_own_process(test)]
    if steady:
        everyone = [test for test in stage.found if not runs.has_own_process(test)]
        setups = [stage.runs.setups(state, everyone)[0] for state in (baseline, treated)]
        found.append((tuple(steady), (setups[0], setups[1])))
    for test in tests:
        if test not in steady:
            setups = [stage.runs.setups(state, [test])[0] for state in (baseline, treated)]
            found.append(((test,), (setups[0], setups[1])))
    return found


class _Asked(NamedTuple):
    """What an experiment changes and predicts, and how sentences call its arms."""

    factor: Factor
    prediction: str
    arm_names: tuple[str, str]


def _experiment(
    stage: HunkStage, tests: tuple[str, ...], arms: tuple[Setup, Setup], asked: _Asked
) -> Experiment:
    subject = stage.runs.subjects[tests[0]]
    return Experiment(
        probe=PROBE,
        factor=asked.factor,
        prediction=asked.prediction,
        baseline=arms[0],
        treated=arms[1],
        watch=tests,
        repeats=repeats_for(subject.rate, _ALPHA_OF_FLAKY) if subject.is_flaky else _REPEATS,
        any_reason=True,
        each_watched=True,
        arm_names=asked.arm_names,
    )


def _run(stage: HunkStage, experiments: Sequence[Experiment]) -> list[Trial]:
    if not experiments:
        return []
    setups = {arm.model_dump_json() for each in experiments for arm in (each.baseline, each.treated)}
    predictions = counted_noun(len(experiments), "prediction")
    arms = counted_noun(len(setups), "arm")
    stage.say(
        f"confirming {predictions}: {arms}, {_REPEATS} times each, about {stage.runs.seconds:.0f} s a run"
    )
    progress = stage.runs.lab.progress
    runs = len(setups) * _REPEATS
    progress.start(runs, f"confirming by repeats: {counted_noun(runs, 'run')}")
    try:
        return stage.runs.lab.experiments_together(experiments)
    finally:
        progress.finish()


def _worse(one: Status | None, other: Status) -> Status:
    """Confirmed only where all are."""
    return other if one in (None, Status.CONFIRMED) else one or other


_MOST_NAMED = 3
"""Hunks in a factor's name; a set of more is named by these and their number."""


def factor_name(hunks: Hunks) -> str:
    """Hunks as the name of a factor."""
    names = sorted(hunk.name for hunk in hunks)
    shown = " + ".join(names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return f"{shown} + {more} more" if more > 0 else shown
