"""Options are run, not discussed: targeted, in their chunk, and with breaks planted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from triage.lab.lab import Lab
from triage.lab.measurements import measurements
from triage.lab.protocol import Look, Observation, Setup
from triage.model.outcome import Outcome
from triage.repair.inputs import Basis
from triage.repair.options import Applied

RUNS = 2
"""Of each option alone; the exit criteria ask for more."""
METERS: dict[str, dict[str, Any]] = {"gradients": {}, "reads": {}}


@dataclass
class Trial:
    """What running one option gave."""

    applied: Applied
    targeted: list[Observation] = field(default_factory=list)
    chunk: Observation | None = None
    sabotage: Observation | None = None
    planted: list[tuple[str, Observation]] = field(default_factory=list)
    """The user's own breaks: name and run."""

    def passed(self, subject: Sequence[str]) -> int:
        """In how many runs every test of the subject passed."""
        return sum(seen.passed(*subject) for seen in self.targeted)

    def measured(self) -> dict[str, Any]:
        """Loss and gradients of the last run."""
        return measurements(self.targeted[-1].measured) if self.targeted else {}

    def seconds(self, subject: Sequence[str]) -> float | None:
        """Median time of the subject's tests."""
        times = [sum(seen.durations.get(nodeid, 0.0) for nodeid in subject) for seen in self.targeted]
        return round(median(times), 3) if times else None

    def reads(self) -> list[str]:
        """Data files of the project that the subject read."""
        return sorted({line["path"] for seen in self.targeted for line in seen.lines("reads", "read")})

    def new_failures(self, basis: Basis) -> list[str]:
        """Tests of the chunk that are red with the option and were not before."""
        if self.chunk is None:
            return []
        before = {*basis.tolerated, *basis.subject}
        return sorted(n for n, outcome in self.chunk.outcomes.items() if outcome.is_red and n not in before)

    def breaks(self, subject: Sequence[str]) -> list[dict[str, Any]]:
        """Each planted break, and whether the repaired test noticed it."""
        found = [
            {"name": line["mode"], "calls": line["calls"], "outcome": line["outcome"]}
            for line in (
                *(self.sabotage.lines("sabotage", "sabotage") if self.sabotage else []),
                *(self.sabotage.lines("corrupt", "corruption") if self.sabotage else []),
            )
            if line["calls"]
        ]
        for name, seen in self.planted:
            outcome = next(
                (o.value for n in subject if (o := seen.outcome(n)) is not Outcome.PASSED), "passed"
            )
            found.append({"name": name, "calls": None, "outcome": outcome})
        return [{**one, "caught": Outcome(one["outcome"]).is_red} for one in found]


@dataclass
class Trials:
    """The subject as it is, and every option."""

    as_is: Observation
    options: list[Trial]


def run_options(
    lab: Lab, basis: Basis, options: Sequence[Applied], sabotages: dict[str, list[tuple[str, Applied]]]
) -> Trials:
    """Run everything: the tree as it is, each option alone and in its chunk, then the breaks.

    `sabotages` holds, by an option's letter, the user's breaks applied on top of it.
    """
    trials = [Trial(option) for option in options]
    living = [trial for trial in trials if trial.applied.why_not is None]
    looks = [_look(basis.context, {}, "the tree as it is")]
    for trial in living:
        looks += [_look(basis.context, trial.applied.edits, f"option {trial.applied.proposal.letter}")] * RUNS
        if basis.chunk is not None:
            looks.append(_chunk_look(basis, trial.applied))
    seen = iter(lab.look(looks))
    as_is = next(seen)
    for trial in living:
        trial.targeted = [next(seen) for _ in range(RUNS)]
        trial.chunk = next(seen) if basis.chunk is not None else None
    _plant(lab, basis, living, sabotages)
    return Trials(as_is, trials)


def _plant(
    lab: Lab, basis: Basis, living: Sequence[Trial], sabotages: dict[str, list[tuple[str, Applied]]]
) -> None:
    """Breaks make sense only in a test that passes: of the graph where it differentiates, else of results."""
    passing = [trial for trial in living if trial.passed(basis.subject)]
    own = [
        (trial, name, broken)
        for trial in passing
        for name, broken in sabotages.get(trial.applied.proposal.letter, [])
        if broken.why_not is None
    ]
    looks = [
        Look(
            setup=Setup(nodeids=basis.subject, edits=trial.applied.edits, instruments={_breaker(trial): {}}),
            why=f"breaks planted under option {trial.applied.proposal.letter}",
        )
        for trial in passing
    ]
    looks += [
        Look(setup=Setup(nodeids=basis.context, edits=broken.edits), why=f"break {name} on top of an option")
        for _, name, broken in own
    ]
    seen = iter(lab.look(looks) if looks else [])
    for trial in passing:
        trial.sabotage = next(seen)
    for trial, name, _ in own:
        trial.planted.append((name, next(seen)))


def _breaker(trial: Trial) -> str:
    return "sabotage" if trial.measured().get("backward_calls") else "corrupt"


def _look(nodeids: Sequence[str], edits: dict[str, str | None], why: str) -> Look:
    return Look(setup=Setup(nodeids=tuple(nodeids), edits=edits, instruments=METERS), why=why)


def _chunk_look(basis: Basis, option: Applied) -> Look:
    assert basis.chunk is not None
    setup = Setup(nodeids=basis.chunk.nodeids, edits=option.edits)
    return Look(setup=setup, why=f"option {option.proposal.letter} in {basis.chunk.name}")
