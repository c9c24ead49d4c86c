"""Run looks and experiments inside a budget; knows nothing of causes."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from triage.lab import questions
from triage.lab.budget import BudgetSpent, Spending
from triage.lab.controls import Controls, rounds_beside
from triage.lab.earlier import EarlierVerdicts
from triage.lab.protocol import Answer, Experiment, Look, Observation, Setup, Step, Trial
from triage.lab.questions import Pace
from triage.lab.record import ExperimentRecord
from triage.lab.runner import SetupRunner
from triage.lab.verdict import decided, judge, lengthened
from triage.lab.warmth import FRESH, Way
from triage.model.base import Progress, Silent
from triage.model.failure import Failure
from triage.model.run import Limits


@dataclass(frozen=True)
class ArmsSeen:
    """Runs of the arms of one experiment that were made before, for it alone."""

    baseline: tuple[Observation, ...] = ()
    treated: tuple[Observation, ...] = ()


@dataclass(kw_only=True)
class Lab:
    """What runs the steps that probes, designs and verifications ask for."""

    runner: SetupRunner
    record: ExperimentRecord
    spending: Spending
    limits: Limits
    """Of each run; a caller may lower them once it knows how long a failure takes."""
    earlier: EarlierVerdicts
    progress: Progress = field(default_factory=Silent)
    reason: Failure | None = None
    """The failure that a baseline must show; set once the claim is checked."""
    notes: list[str] = field(default_factory=list)
    """What the report should say of how it was run."""
    executions: int = 0
    """Tests that its processes ran."""
    _controls: Controls = field(default_factory=Controls)
    _pace: Pace = field(default_factory=lambda: Pace(workers=2))
    """Two arms run side by side."""
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, steps: tuple[Step, ...]) -> tuple[Answer, ...]:
        """Run a batch: its looks side by side, its experiments one after another."""
        looks = [step for step in steps if isinstance(step, Look)]
        observations = iter(self.look(looks))
        return tuple(
            next(observations) if isinstance(step, Look) else self.experiment(step) for step in steps
        )

    def look(self, looks: Sequence[Look]) -> list[Observation]:
        """Run each look once, where no earlier run will do. Raises `BudgetSpent`."""
        known = [self._known(look) for look in looks]
        for look, run in zip(looks, known, strict=True):
            self.record.look(look, run)
        missing = [look for look, run in zip(looks, known, strict=True) if run is None]
        if not missing:
            return [run for run in known if run is not None]
        with self._asking(questions.of_looks(missing), len(missing)):
            new = iter(self._run_all([(look.setup, look.fresh) for look in missing]))
        return [next(new) if run is None else run for run in known]

    def _known(self, look: Look) -> Observation | None:
        return self._controls.measured(look.setup, self.limits) if look.known_will_do else None

    def experiment(self, experiment: Experiment) -> Trial:
        """Interleave the arms until the rule answers; the prediction is on disk before the first run.

        Raises `BudgetSpent` where an arm could not be run even once.
        """
        repeats = self.spending.budget.repeats
        if repeats is not None:
            experiment = experiment.model_copy(update={"repeats": repeats})
        number = next(self._numbers)
        key = self.earlier.key(experiment)
        self.record.predicted(number, key, experiment)
        known = self.earlier.find(key)
        if known is not None:
            result, stamp = known
            self.record.already_known(number, key, result, stamp)
            sentence = f"{result.sentence} Found in {stamp}."
            return Trial(result=result.model_copy(update={"sentence": sentence}))
        new_runs = 2 * experiment.repeats - len(self._kept_for(experiment))
        with self._asking(questions.of_experiment(experiment), new_runs):
            baseline, treated = self._run_arms(experiment)
        trial = self._with_command(judge(experiment, baseline, treated, self.reason), experiment, number)
        self.record.judged(number, key, trial.result)
        self.progress.note(f"{experiment.probe}: {trial.result.status.value} - {trial.result.sentence}")
        return trial

    def experiments_together(
        self, experiments: Sequence[Experiment], seen: Sequence[ArmsSeen] = ()
    ) -> list[Trial]:
        """Run experiments that share arms: each distinct setup runs once a round, whoever needs it.

        An experiment that is decided asks for no further runs. A baseline that runs less often than the
        control it shares has its turns spread over the rounds. `seen` has, for each experiment, runs of its
        arms by itself: they count, and every arm runs once less for each that all experiments have. Raises
        `BudgetSpent` where an arm could not be run even once.
        """
        repeats = self.spending.budget.repeats
        if repeats is not None:
            experiments = [each.model_copy(update={"repeats": repeats}) for each in experiments]
        seen = seen or [ArmsSeen()] * len(experiments)
        numbered = [(next(self._numbers), each) for each in experiments]
        for number, experiment in numbered:
            self.record.predicted(number, self.earlier.key(experiment), experiment)
        shorter = _without_seen(experiments, seen)
        most_runs = sum(map(len, _turns_of_setups(shorter).values()))
        with self._asking(questions.of_experiments(experiments), most_runs):
            runs = self._run_shared_arms(shorter)
        trials = []
        for (number, experiment), known in zip(numbered, seen, strict=True):
            baseline = [*known.baseline, *runs[_key(experiment.baseline)]]
            treated = [*known.treated, *runs[_key(experiment.treated)]]
            trial = judge(experiment, baseline, treated, self.reason)
            trial = self._with_command(trial, experiment, number)
            self.record.judged(number, self.earlier.key(experiment), trial.result)
            trials.append(trial)
        return trials

    def _run_shared_arms(self, experiments: Sequence[Experiment]) -> dict[str, list[Observation]]:
        """Rounds of all setups that some open experiment needs, in turn forwards and backwards.

        The last run of each setup is a new interpreter.
        """
        setups = {_key(arm): arm for each in experiments for arm in (each.baseline, each.treated)}
        runs: dict[str, list[Observation]] = {key: [] for key in setups}
        turns = _turns_of_setups(experiments)
        try:
            for number in range(max(map(max, turns.values()), default=-1) + 1):
                needed: dict[str, None] = {}
                for each in experiments:
                    baseline, treated = _key(each.baseline), _key(each.treated)
                    if decided(each, runs[baseline], runs[treated]):
                        continue
                    needed.update((key, None) for key in (baseline, treated) if number in turns[key])
                keys = list(needed) if number % 2 == 0 else list(needed)[::-1]
                may_fork = self.runner.warmth.may_fork(*(setups[key] for key in keys))
                last = [key for key in keys if not may_fork or number == max(turns[key])]
                forked = [key for key in keys if key not in last]
                for some, fresh in ((forked, False), (last, True)):
                    observations = self._run_all([(setups[key], fresh) for key in some], several=True)
                    for key, observation in zip(some, observations, strict=True):
                        runs[key].append(observation)
        except BudgetSpent:
            if not all(runs.values()):
                raise
        return runs

    def _run_arms(self, experiment: Experiment) -> tuple[list[Observation], list[Observation]]:
        """Run rounds of both arms until they answer, or the budget is spent after the first round.

        What is known of the baseline already is counted, and comes last in it (see `lab.controls`), unless a
        new run passes. Both arms fork or neither does. Where they fork the last round is one of new
        interpreters: forks of one parent share its hash seed, and these draw others. Where that is fixed, an
        arm that a new interpreter has run before needs no further one. If new interpreters contradict forks,
        no run forks any more and the arms are run anew.
        """
        baseline: list[Observation] = []
        treated: list[Observation] = []
        kept = self._kept_for(experiment)
        rounds = rounds_beside(len(kept), experiment.repeats)
        try:
            while rounds and not decided(experiment, [*baseline, *kept], treated):
                arms = rounds.pop(0)
                setups = [experiment.baseline if arm == "A" else experiment.treated for arm in arms]
                forks = self.runner.warmth.may_fork(*setups)
                fresh_arms = frozenset() if rounds else self._fresh_at_last([*baseline, *kept], treated)
                planned = [
                    (setup, not forks or arm in fresh_arms) for arm, setup in zip(arms, setups, strict=True)
                ]
                observations = self._run_all(planned, several=True)
                for arm, observation in zip(arms, observations, strict=True):
                    (baseline if arm == "A" else treated).append(observation)
                if kept and not all(experiment.is_red(run) for run in baseline):
                    kept, rounds = [], rounds_beside(0, experiment.repeats - len(baseline))
                if _forks_are_contradicted(experiment, [*baseline, *kept], treated):
                    self.runner.warmth.stop("an experiment came out otherwise in new interpreters")
                    baseline, treated, kept = [], [], []
                    rounds = rounds_beside(0, experiment.repeats)
                elif not rounds and self.spending.budget.repeats is None:
                    rounds = rounds_beside(0, lengthened(experiment, [*baseline, *kept], treated))
        except BudgetSpent:
            if not (treated and (baseline or kept)):
                raise
        return [*baseline, *kept], treated

    def _fresh_at_last(
        self, baseline: Sequence[Observation], treated: Sequence[Observation]
    ) -> frozenset[str]:
        """The arms, A the baseline, of which the last round is a new interpreter."""
        arms = (("A", baseline), ("B", treated))
        if not self.runner.warmth.has_fixed_hashes:
            return frozenset(arm for arm, _ in arms)
        return frozenset(arm for arm, runs in arms if all(run.forked for run in runs))

    def _kept_for(self, experiment: Experiment) -> list[Observation]:
        """Earlier runs that count in the baseline of an experiment."""
        forks = self.runner.warmth.may_fork(experiment.baseline, experiment.treated)
        return self._controls.for_baseline(experiment, self.limits, forks=forks)

    @contextmanager
    def _asking(self, question: str, runs: int) -> Iterator[None]:
        """Show the question while its runs are made."""
        left = self.spending.seconds_left
        self.progress.start(
            runs,
            questions.with_time(question, runs, self._pace, left),
            left if math.isfinite(left) else None,
        )
        self._pace.seconds, slowest_before = 0.0, self._pace.seconds
        try:
            yield
        finally:
            self._pace.seconds = self._pace.seconds or slowest_before
            self.progress.finish()

    def _with_command(self, trial: Trial, experiment: Experiment, number: int) -> Trial:
        """The trial with both arms as people paste them."""
        commands = {
            "baseline_command": self._command(f"{number:03d}-baseline", experiment.baseline),
            "command": self._command(f"{number:03d}", experiment.treated),
        }
        return trial.model_copy(update={"result": trial.result.model_copy(update=commands)})

    def command(self, setup: Setup) -> str:
        """A shell command for a setup that was run; its files are kept under a name of their own."""
        return self._command(f"shown-{next(self._numbers):03d}", setup)

    def _command(self, name: str, setup: Setup) -> str:
        return self.record.arm_command(name, setup, self.runner.pristine(setup), self.runner.edits(setup))

    def _run_all(self, planned: Sequence[tuple[Setup, bool]], *, several: bool = False) -> list[Observation]:
        """Run each setup once: in a new interpreter where its flag says so, else as it may (`lab.warmth`)."""

        def run(setup: Setup, fresh: bool) -> Observation:
            return self._run(setup, self.runner.warmth.way(setup, fresh=fresh, several=several))

        warmth = self.runner.warmth
        could_fork = warmth.parents is not None
        runs = [partial(run, setup, fresh) for setup, fresh in planned]
        observations = self.runner.side_by_side([setup for setup, _ in planned], runs)
        if not could_fork or warmth.parents is not None:
            return observations
        # a fork of this batch has ended otherwise than a new interpreter: what forks gave counts nowhere
        self._controls.forget_forks()
        return [
            self._run(setup, FRESH) if observation.forked else observation
            for (setup, _), observation in zip(planned, observations, strict=True)
        ]

    def _run(self, setup: Setup, way: Way) -> Observation:
        number = self.spending.take_run()
        observation = self.runner.run(setup, self.limits, number, way, deadline=self.spending.deadline)
        if not (setup.instruments or setup.edits or setup.reverted):
            # their files are gone with the working copy; those of an experiment are kept under arms/
            observation = observation.model_copy(update={"command": self.record.command(setup, number)})
        self._pace.seconds = max(self._pace.seconds, observation.seconds)
        self.record.observed(number, observation)
        with self._counting:
            self.executions += len(observation.order)
            self.notes += [note for note in _meters_that_stopped(observation) if note not in self.notes]
        self._controls.add(setup, self.limits, observation)
        self.progress.step(f"run {number}")
        return observation


def _meters_that_stopped(run: Observation) -> Iterator[str]:
    """A note for each meter that did not look to the end, because its looks took too long."""
    for meter, lines in run.measured.items():
        for line in lines:
            if line.get("event") == "stopped":
                what = "what it compares is too large to be looked at to the end"
                yield f"The meter {meter!r} stopped in {line.get('nodeid')}: {what}."


def _forks_are_contradicted(
    experiment: Experiment, baseline: Sequence[Observation], treated: Sequence[Observation]
) -> bool:
    """Whether new interpreters alone end otherwise: all forks of an arm red and none of those, or so."""
    watch = experiment.treated_watch or experiment.watch
    reds = [(run.forked, experiment.is_red(run)) for run in baseline]
    passes = [(run.forked, run.passed(*watch)) for run in treated]
    for arm in (reds, passes):
        forked = {end for is_fork, end in arm if is_fork}
        fresh = {end for is_fork, end in arm if not is_fork}
        if forked and fresh and forked == {True} and fresh == {False}:
            return True
    return False


def _without_seen(experiments: Sequence[Experiment], seen: Sequence[ArmsSeen]) -> list[Experiment]:
    """The experiments with so many runs less as every one of them has seen of an arm; one of each is left."""
    baselines = min((len(each.baseline) for each in seen), default=0)
    treated = min((len(each.treated) for each in seen), default=0)
    shorter = []
    for each in experiments:
        controls = each.repeats if each.controls is None else each.controls
        counts = {"repeats": max(1, each.repeats - baselines), "controls": max(1, controls - treated)}
        shorter.append(each.model_copy(update=counts))
    return shorter


def _turns_of_setups(experiments: Sequence[Experiment]) -> dict[str, set[int]]:
    """The rounds in which each setup runs: all that some experiment wants of it."""
    turns: dict[str, set[int]] = {}
    for each in experiments:
        controls = each.repeats if each.controls is None else each.controls
        rounds = max(each.repeats, controls)
        for arm, runs in ((each.baseline, each.repeats), (each.treated, controls)):
            turns.setdefault(_key(arm), set()).update(_spread(runs, rounds))
    return turns


def _spread(runs: int, rounds: int) -> set[int]:
    """So many of the rounds, evenly: 2 of 5 are the second and the fourth."""
    return {(2 * turn + 1) * rounds // (2 * runs) for turn in range(runs)}


def _key(setup: Setup) -> str:
    """Names a setup: arms that are alike are run once."""
    return setup.model_dump_json()
