"""Try what earlier probes have proven for one cluster on all other red tests: once, then properly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from triage.attribute.runs import RedTests
from triage.cluster.tried_factors import is_specific
from triage.evidence.folder import EvidenceFolder
from triage.lab.budget import BudgetSpent
from triage.lab.protocol import Experiment, Setup
from triage.model.experiment import EXPERIMENTS_FILE, ExperimentResult, ProbeReport, Status
from triage.text.plural import counted_noun

_OF_THE_RECORD = ("at", "event", "experiment", "key")
"""Fields of a line that are no part of the experiment."""
_REPEATS = 4
_MOST_FACTORS = 20
"""The newest ones: each takes a run of the red tests."""


@dataclass(frozen=True)
class KnownFactor:
    """A factor that a probe has confirmed for some test."""

    text: str
    """KIND:NAME=VALUE."""
    experiment: Experiment
    evidence: str
    """The probe's document, relative to the root."""

    @property
    def tests(self) -> tuple[str, ...]:
        """The tests that it was confirmed for."""
        return self.experiment.watch

    def arms(self) -> tuple[Setup, Setup]:
        """Both arms without node ids."""
        return self.experiment.baseline.plus(nodeids=()), self.experiment.treated.plus(nodeids=())


@dataclass(frozen=True)
class FactorOnOthers:
    """What a known factor did to further red tests."""

    known: KnownFactor
    tests: tuple[str, ...]
    """Those that pass with it, confirmed by repeats."""
    experiment: Experiment
    result: ExperimentResult


def known_factors(output: Path) -> list[KnownFactor]:
    """The factors that named a cause in some sealed probe, each once, the newest first."""
    found: dict[str, KnownFactor] = {}
    for folder in reversed(EvidenceFolder.all(output, phase="b")):
        if folder.sealed:
            for known in _read(folder, output):
                found.setdefault(known.text, known)
    return list(found.values())[:_MOST_FACTORS]


def try_on(
    runs: RedTests, factors: Iterable[KnownFactor], tests: Sequence[str], say: Callable[[str], None]
) -> Iterator[FactorOnOthers]:
    """Run all tests once with each factor; who turns green gets an experiment. Raises `BudgetSpent`."""
    waiting = list(tests)
    for known in factors:
        others = [test for test in waiting if test not in known.tests]
        if not others:
            continue
        more = counted_noun(len(others), "other red test")
        say(f"{known.text} mended {known.tests[0]}: does it mend {more}?")
        baseline, treated = known.arms()
        seen = runs.run(treated, others, f"with {known.text}")
        mended = [test for test in others if seen[test].outcome.passes]
        if not mended:
            continue
        unchanged = runs.run(baseline, mended, f"the control of {known.text}")
        mended = [test for test in mended if unchanged[test].outcome.is_red]
        for group in runs.processes(mended):
            # a test that needs others comes last, behind those that preceded it
            watched = tuple(test for test in group if test in mended)
            experiment = known.experiment.model_copy(
                update={
                    "prediction": f"{known.text} mended {known.tests[0]}; it mends these too: one cause.",
                    "baseline": baseline.plus(nodeids=group),
                    "treated": treated.plus(nodeids=group),
                    "watch": watched,
                    "treated_watch": (),
                    "repeats": _REPEATS,
                    "any_reason": True,
                    "each_watched": True,
                    "arm_names": None,
                }
            )
            (trial,) = runs.lab.experiments_together([experiment])
            if trial.result.status is Status.CONFIRMED:
                waiting = [test for test in waiting if test not in watched]
                yield FactorOnOthers(known, watched, experiment, trial.result)


def tried_on_others(
    runs: RedTests, factors: Iterable[KnownFactor], tests: Sequence[str], say: Callable[[str], None]
) -> tuple[list[FactorOnOthers], bool]:
    """All that was found, and whether the budget ended it."""
    found: list[FactorOnOthers] = []
    try:
        for each in try_on(runs, factors, tests, say):
            found.append(each)
    except BudgetSpent:
        return found, True
    return found, False


def _read(folder: EvidenceFolder, output: Path) -> Iterator[KnownFactor]:
    """The confirmed experiments on the factor that the probe's report names; a damaged line is none."""
    try:
        report = ProbeReport.model_validate_json((folder.path / "probe.json").read_bytes())
        lines = (folder.path / EXPERIMENTS_FILE).read_text("utf-8", "replace").splitlines()
    except (OSError, ValueError):
        return
    named = report.root_cause.factor
    if named is None or report.root_cause.confidence == "unknown" or not is_specific(named.spelled()):
        return
    predicted: dict[int, Experiment] = {}
    for text in lines:
        try:
            line = json.loads(text)
            number = line.get("experiment")
            if line.get("event") == "predicted":
                fields = {name: value for name, value in line.items() if name not in _OF_THE_RECORD}
                predicted[number] = Experiment.model_validate(fields)
            elif line.get("event") in ("judged", "known") and number in predicted:
                result = ExperimentResult.model_validate(line["result"])
                experiment = predicted[number]
                if result.status is Status.CONFIRMED and result.factor == named and _is_portable(experiment):
                    where = f"{folder.relative(output)}/probe.json"
                    yield KnownFactor(named.spelled(), experiment, where)
        except (ValueError, ValidationError, KeyError, AttributeError):
            continue


def _is_portable(experiment: Experiment) -> bool:
    """Whether the arms differ in something that other tests can be run with.

    An order, another test, and another state of the code are about the test itself.
    """
    baseline, treated = experiment.baseline, experiment.treated
    same_tests = baseline.nodeids == treated.nodeids
    is_of_code = treated.commit is not None or bool(treated.reverted)
    return same_tests and not is_of_code and not experiment.treated_watch
