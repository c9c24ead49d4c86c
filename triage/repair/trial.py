"""Run the options: targeted, in their chunk, and with breaks planted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from triage.lab.lab import Lab
from triage.lab.lost_lines import executed_lines
from triage.lab.measurements import Measurements, measurements_of
from triage.lab.protocol import Look, Observation, Setup
from triage.model.outcome import Outcome
from triage.repair.document import PlantedBreak
from triage.repair.inputs import Basis
from triage.repair.mutants import Mutant, mutants
from triage.repair.neighbours import Suspicion, excuses
from triage.repair.options import Applied
from triage.repair.suite_cost import ChunkCost, costs
from triage.text.pattern import pattern

RUNS = 2
"""Of each option alone; the exit criteria ask for more."""
_MOST_MUTANTS, _MOST_OF_ALL = 6, 12
"""Small faults under one option, and under all together: each takes a run of its own."""
_LEAST_TIMEOUT, _TIMES_SLOWER = 10.0, 10.0
"""Seconds for a test under such a fault, or so many times those of the repaired one: some never end."""
METERS: dict[str, dict[str, Any]] = {"gradients": {}, "reads": {}, "lines": {}}

_PLACE = pattern(
    r"(?P<path> [^:]+ ) : (?P<line> \d+ ) (?: - \d+ )?",
    matches=["calc.py:3", "src/shop/rates.py:12-14"],
    rejects=["tests/test_a.py::test_b", "SHOP_SALE", "calc.py"],
    how="fullmatch",
)
"""A culprit that is a place in a file."""
UserBreaks = Mapping[str, Sequence[tuple[str, Applied]]]
"""By an option's letter: the user's own breaks (title and patch) on top of that option."""


@dataclass
class OptionTrial:
    """What running one option gave."""

    applied: Applied
    targeted: list[Observation] = field(default_factory=list)
    chunk: Observation | None = None
    sabotage: Observation | None = None
    """The run under the built-in breaks."""
    mutants: list[tuple[Mutant, Observation]] = field(default_factory=list)
    """Small faults in product lines that the subject executes, and their runs."""
    user_breaks: list[tuple[str, Observation]] = field(default_factory=list)
    """Title of each break of the user's, and its run."""
    cost: ChunkCost | None = None
    """Seconds of the chunk, where the option seemed to make it much slower."""
    excused: dict[str, str] = field(default_factory=dict)
    """Neighbours that were red in the chunk for another reason than the option, with the reason."""

    def passed(self, subject: Sequence[str]) -> int:
        """In how many runs every test of the subject passed."""
        return sum(run.passed(*subject) for run in self.targeted)

    def measured(self) -> Measurements | None:
        """Loss and gradients of the last run."""
        return measurements_of(self.targeted[-1].measured) if self.targeted else None

    def seconds(self, subject: Sequence[str]) -> float | None:
        """Median time of the subject's tests."""
        times = [sum(run.durations.get(nodeid, 0.0) for nodeid in subject) for run in self.targeted]
        return round(median(times), 3) if times else None

    def reads(self) -> set[str]:
        """Data files of the project that the subject read."""
        return {path for run in self.targeted for path in files_read(run)}

    def new_failures(self, basis: Basis) -> tuple[str, ...]:
        """Tests of the chunk that are red because of the option, and were not before."""
        if self.chunk is None:
            return ()
        before = {*basis.tolerated, *basis.subject, *self.excused}
        red = (nodeid for nodeid, outcome in self.chunk.outcomes.items() if outcome.is_red)
        return tuple(sorted(nodeid for nodeid in red if nodeid not in before))

    def breaks(self, subject: Sequence[str]) -> tuple[PlantedBreak, ...]:
        """Each planted break, and whether the repaired test noticed it."""
        return (*self._built_in_breaks(), *self._mutant_breaks(subject), *self._own_breaks(subject))

    def _built_in_breaks(self) -> Iterator[PlantedBreak]:
        if self.sabotage is None:
            return
        lines = [*self.sabotage.lines("sabotage", "sabotage"), *self.sabotage.lines("corrupt", "corruption")]
        for line in lines:
            if line["calls"]:
                outcome = Outcome(line["outcome"])
                yield PlantedBreak(
                    name=line["mode"],
                    calls=line["calls"],
                    outcome=outcome.value,
                    caught=outcome.is_red,
                )

    def _mutant_breaks(self, subject: Sequence[str]) -> Iterator[PlantedBreak]:
        for mutant, run in self.mutants:
            outcome = first_other_outcome(run, subject)
            yield PlantedBreak(name=mutant.name, calls=1, outcome=outcome.value, caught=outcome.is_red)

    def _own_breaks(self, subject: Sequence[str]) -> Iterator[PlantedBreak]:
        for title, run in self.user_breaks:
            outcome = first_other_outcome(run, subject)
            yield PlantedBreak(name=title, calls=None, outcome=outcome.value, caught=outcome.is_red)


@dataclass
class DesignRuns:
    """The subject as it is, and every option."""

    as_is: Observation
    options: list[OptionTrial]


def first_other_outcome(run: Observation, subject: Sequence[str]) -> Outcome:
    """The outcome of the first test of the subject that did not pass; `passed` where all did."""
    for nodeid in subject:
        if run.outcome(nodeid) is not Outcome.PASSED:
            return run.outcome(nodeid)
    return Outcome.PASSED


def files_read(run: Observation) -> set[str]:
    """Data files of the project that a run read."""
    return {line["path"] for line in run.lines("reads", "read")}


def run_options(
    lab: Lab,
    basis: Basis,
    options: Sequence[Applied],
    user_breaks: UserBreaks,
    source: Callable[[str], str | None],
) -> DesignRuns:
    """Run everything: the tree as it is, each option alone and in its chunk, then the breaks.

    `source` gives the text of a file as the tree has it.
    """
    trials = [OptionTrial(option) for option in options]
    applying = [trial for trial in trials if trial.applied.why_not is None]
    as_is = _run_alone_and_in_chunk(lab, basis, applying)
    _examine_neighbours(lab, basis, applying)
    _examine_costs(lab, basis, applying)
    # a break says something only of a test that passes without it
    passing = [trial for trial in applying if trial.passed(basis.subject)]
    _plant_built_in_breaks(lab, basis, passing)
    _plant_mutants(lab, basis, passing, source, _places_of_fault(basis, as_is))
    _plant_user_breaks(lab, basis, passing, user_breaks)
    return DesignRuns(as_is, trials)


def _run_alone_and_in_chunk(lab: Lab, basis: Basis, trials: Sequence[OptionTrial]) -> Observation:
    """Run the tree as it is, then each option alone and in its chunk; returns what the tree gave.

    The chunks take longest, and begin before the last runs: at the end no worker waits for one of them.
    """
    alone: list[Look] = []
    in_chunk: list[Look] = []
    for trial in trials:
        changes, letter = trial.applied.changes, trial.applied.proposal.letter
        alone.append(_targeted(basis, changes, f"option {letter}"))
        if basis.chunk is not None:
            setup = Setup(nodeids=basis.chunk.nodeids, **changes)
            in_chunk.append(Look(setup=setup, why=f"option {letter} in {basis.chunk.name}"))
    as_is = _targeted(basis, {}, "the tree as it is")
    seen, *others = lab.look([as_is, *alone, *in_chunk, *alone * (RUNS - 1)])
    observations = iter(others)
    for trial in trials:
        trial.targeted.append(next(observations))
    for trial, _ in zip(trials, in_chunk, strict=False):
        trial.chunk = next(observations)
    for trial in [*trials] * (RUNS - 1):
        trial.targeted.append(next(observations))
    return seen


def _examine_neighbours(lab: Lab, basis: Basis, trials: Sequence[OptionTrial]) -> None:
    if basis.chunk is None:
        return
    suspicions = [Suspicion(trial.applied.changes, trial.new_failures(basis)) for trial in trials]
    for trial, reasons in zip(trials, excuses(lab, basis.chunk, suspicions), strict=True):
        trial.excused = reasons


def _examine_costs(lab: Lab, basis: Basis, trials: Sequence[OptionTrial]) -> None:
    runs = [(trial.applied.changes, trial.chunk) for trial in trials if trial.chunk is not None]
    if basis.chunk is None or len(runs) < len(trials):
        return
    for trial, cost in zip(trials, costs(lab, basis.chunk, basis.chunk_seconds, runs), strict=True):
        trial.cost = cost


def _plant_built_in_breaks(lab: Lab, basis: Basis, trials: Sequence[OptionTrial]) -> None:
    looks = []
    for trial in trials:
        instruments: dict[str, dict[str, Any]] = {_breaker(trial): {}}
        setup = Setup(nodeids=basis.subject, instruments=instruments, **trial.applied.changes)
        looks.append(Look(setup=setup, why=f"breaks planted under option {trial.applied.proposal.letter}"))
    observations = lab.look(looks) if looks else []
    for trial, observation in zip(trials, observations, strict=True):
        trial.sabotage = observation


def _plant_mutants(
    lab: Lab,
    basis: Basis,
    trials: Sequence[OptionTrial],
    source: Callable[[str], str | None],
    near: Sequence[tuple[str, int]],
) -> None:
    """Run each repaired test with small faults in the product lines that it executes."""
    looks, planted = [], []
    most = min(_MOST_MUTANTS, _MOST_OF_ALL // max(1, len(trials)))
    for trial in trials:
        edits = trial.applied.edits
        run = trial.targeted[-1]
        lines = executed_lines(run, *basis.subject)

        def repaired(path: str, edits: Mapping[str, str | None] = edits) -> str | None:
            return edits.get(path, source(path))

        for mutant in mutants(lines, repaired, most, near):
            setup = basis.failing_setup(
                **{**trial.applied.changes, "edits": {**edits, mutant.path: mutant.text}},
                test_timeout=max(_LEAST_TIMEOUT, _TIMES_SLOWER * (trial.seconds(basis.subject) or 0.0)),
            )
            looks.append(Look(setup=setup, why=f"a fault in {mutant.path}:{mutant.line}"))
            planted.append((trial, mutant))
    observations = lab.look(looks) if looks else []
    for (trial, mutant), observation in zip(planted, observations, strict=True):
        trial.mutants.append((mutant, observation))


def _places_of_fault(basis: Basis, as_is: Observation) -> list[tuple[str, int]]:
    """Path and line of the culprits, and of the frames through which the failure went."""
    named = [_PLACE.fullmatch(culprit) for culprit in basis.report.root_cause.culprits]
    places = [(found["path"], int(found["line"])) for found in named if found is not None]
    for failure in as_is.failures.values():
        frames = [frame for raised in failure.chain for frame in raised.frames]
        places += [(frame.path, frame.lineno) for frame in frames if frame.lineno is not None]
    return places


def _plant_user_breaks(
    lab: Lab, basis: Basis, trials: Sequence[OptionTrial], user_breaks: UserBreaks
) -> None:
    planted = [
        (trial, title, broken)
        for trial in trials
        for title, broken in user_breaks.get(trial.applied.proposal.letter, ())
        if broken.why_not is None
    ]
    looks = [
        Look(
            setup=basis.failing_setup(**broken.changes),
            why=f"break {title} on top of an option",
        )
        for _, title, broken in planted
    ]
    observations = lab.look(looks) if looks else []
    for (trial, title, _), observation in zip(planted, observations, strict=True):
        trial.user_breaks.append((title, observation))


def _breaker(trial: OptionTrial) -> str:
    """The instrument that breaks gradients where the subject differentiates, else results of calls."""
    return "sabotage" if trial.measured() is not None else "corrupt"


def _targeted(basis: Basis, changes: dict[str, Any], why: str) -> Look:
    return Look(setup=basis.failing_setup(instruments=METERS, **changes), why=why)
