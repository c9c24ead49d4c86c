"""Run probes one after another, likeliest first, until a cause is proven or the budget is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from triage.errors import TriageError
from triage.lab.budget import BudgetSpent
from triage.lab.lab import Lab
from triage.lab.protocol import Answer, Experiment, Step, Trial
from triage.model.experiment import ExperimentResult, RootCause, Status
from triage.probe.api import Case, Finding, Probe, Steps
from triage.probe.claim import examined, is_polluted, unexamined
from triage.probe.declared_repairs import with_repairs
from triage.probe.factors import kind_of_factor
from triage.probe.objections import is_symptom
from triage.probe.probes.blame import RAN
from triage.probe.symptoms import SURVEY, not_read

WORTH_ASKING = 0.01
"""A probe that is less likely than this is not run."""
_PROVES = 0.05
"""Highest p of a confirmed experiment that makes a proof, whatever alpha a probe chose."""
_COUNTS_ITS_OWN = "repeat"
"""This probe reports the runs of the unchanged case itself."""
_ASKED_ONCE = SURVEY
"""What a flaky test uses is known from its first run."""
_KNOWS_WHAT_WORKED = frozenset({"commit", "dependency"})
"""After a condition only a version that worked can tell whether the value or the code is wrong."""


@dataclass
class ProbeRun:
    """What the probes found, in the order in which they ran."""

    findings: list[tuple[str, Finding]] = field(default_factory=list)
    """Name of the probe, and its finding."""
    results: list[ExperimentResult] = field(default_factory=list)
    trials: list[tuple[Experiment, Trial]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unchanged: list[bool] = field(default_factory=list)
    """Whether each further run of the unchanged case failed."""

    @property
    def proven(self) -> Finding | None:
        """The finding that ended the run."""
        for _, finding in self.findings:
            if finding.cause is not None and finding.cause.confidence == "proven":
                return finding
        return None

    @property
    def proof(self) -> Experiment | None:
        """The confirmed experiment behind the answer; None without one."""
        return self.best.proof if self.best is not None else None

    @property
    def best(self) -> Finding | None:
        """The best supported finding; of those without an experiment the last, which knows most."""
        named = [finding for _, finding in self.findings if finding.cause is not None]
        supported = [finding for finding in named if _support(finding) > 0]
        if supported:
            return max(supported, key=_support)  # of equal ones the first
        return named[-1] if named else None

    @property
    def is_settled(self) -> bool:
        """Whether only a version that worked could add to what is known."""
        return any(_support(finding) >= _DEPENDS for _, finding in self.findings)

    @property
    def excluded(self) -> tuple[str, ...]:
        """What experiments ruled out, probe by probe."""
        return tuple(f"{name}: {finding.excluded}" for name, finding in self.findings if finding.excluded)

    def cause(self) -> RootCause:
        """The best finding's cause; an unknown one lists what was excluded."""
        if self.best is not None and self.best.cause is not None:
            return self.best.cause
        excluded = "; ".join(self.excluded) or "nothing was ruled out"
        summary = f"No cause was found. Excluded: {excluded}."
        ran = next((finding.facts[RAN] for _, finding in self.findings if finding.facts.get(RAN)), ())
        if ran:
            summary += (
                f" Of the product the test runs {', '.join(ran)}: if a value is wrong, it is made there."
            )
        if self.not_read:
            summary += f" Not tried, because the traced run did not ask for it: {', '.join(self.not_read)}."
        return RootCause(kind="unknown", summary=summary, confidence="unknown")

    @property
    def not_read(self) -> tuple[str, ...]:
        """What the traced run of the test never asked for, and no probe has tried all the same."""
        surveys = [finding for name, finding in self.findings if name == SURVEY]
        asked = {name for name, _ in self.findings}
        if not surveys:
            return ()
        return tuple(words for name, words in not_read(surveys[-1]).items() if name not in asked)


_PROVEN, _DEPENDS, _AVOIDS, _SYMPTOM = 4, 3, 2, 1
"""How well a finding is supported; 0 where no experiment changed the outcome."""


def _support(finding: Finding) -> int:
    """Rank a finding by what its experiment has shown, whatever was found before or after it."""
    cause = finding.cause
    if cause is None:
        return 0
    if cause.confidence == "proven":
        return _PROVEN
    if cause.claim != "condition":
        return 0
    if cause.factor is not None and is_symptom(cause.factor):
        return _SYMPTOM
    # without a proof the test passed beside the statement that failed, or a sibling of it did
    return _AVOIDS if cause.avoids or finding.proof is None else _DEPENDS


def run_probes(lab: Lab, case: Case, probes: Sequence[Probe], *, only: bool = False) -> ProbeRun:
    """Run the probes in the order of their likelihood, which is evaluated again after each of them.

    `only` runs all of them, however unlikely they are. A probe that raises is noted and passed by.
    """
    run = ProbeRun()
    waiting, done = list(probes), list[Probe]()
    while waiting and run.proven is None:
        waiting.sort(key=lambda probe: -probe.likelihood(case))
        probe = waiting.pop(0)
        if not only and not _is_worth_asking(probe, case, run):
            continue
        first_trial = len(run.trials)
        try:
            finding = _finding_of(lab, case, probe, run)
        except BudgetSpent:
            left = ", ".join(other.name for other in waiting) or "none"
            run.notes.append(f"The budget was spent in the probe {probe.name}; not run: {left}.")
            _keep_confirmed(probe, run, run.trials[first_trial:])
            break
        except TriageError:
            raise
        except Exception as error:
            # A plugin's fault must not take the other probes' findings along.
            run.notes.append(f"The probe {probe.name} broke: {error!r}.")
            continue
        run.findings.append((probe.name, finding))
        run.results.extend(finding.experiments)
        case = _with_finding(case, probe.name, finding)
        done.append(probe)
        if not case.flaky and not all(run.unchanged):
            case = _found_flaky(case, run)
            waiting += [other for other in done if other.name != _ASKED_ONCE]
    return run


def _is_worth_asking(probe: Probe, case: Case, run: ProbeRun) -> bool:
    if run.is_settled and probe.name not in _KNOWS_WHAT_WORKED:
        return False
    return probe.likelihood(case) >= WORTH_ASKING


def _keep_confirmed(probe: Probe, run: ProbeRun, trials: Sequence[tuple[Experiment, Trial]]) -> None:
    """Keep what the interrupted probe had confirmed: a proof is not lost because the time ended behind it.

    Which tests pollute says more than what they leak, which is tried behind it: both are kept then.
    """
    confirmed = [
        (experiment, factor, trial.result.sentence)
        for experiment, trial in trials
        if trial.result.status is Status.CONFIRMED and (factor := trial.result.factor) is not None
    ]
    if not confirmed:
        return
    polluting = [entry for entry in confirmed if is_polluted(entry[1])]
    experiment, factor, sentence = polluting[0] if polluting else confirmed[-1]
    cause = unexamined(kind_of_factor(factor), factor, sentence)
    if polluting:
        tests = [nodeid for _, other, _ in polluting for nodeid in other.from_]
        restorings = [said for _, other, said in confirmed if other.kind == "restore"]
        cause = cause.model_copy(
            update={
                "culprits": tuple(dict.fromkeys(tests)),
                "summary": " ".join([cause.summary, *restorings]),
            }
        )
    run.findings.append((probe.name, Finding(cause=cause, proof=experiment)))


def _finding_of(lab: Lab, case: Case, probe: Probe, run: ProbeRun) -> Finding:
    """Drive one probe until it returns a finding, then examine what that shows and try repairs of it.

    Raises `BudgetSpent` where no run is left, and whatever the probe raises.
    """
    first_result, first_trial = len(run.results), len(run.trials)
    finding = _driven(lab, case, probe.name, probe.investigate(case), run)
    finding = _proven_by_experiment_only(finding, (*run.results[first_result:], *finding.experiments))
    finding = _with_own_proof(finding, run.trials[first_trial:])
    finding = _driven(lab, case, probe.name, examined(case, finding), run)
    try:
        return _driven(lab, case, probe.name, with_repairs(case, finding), run)
    except BudgetSpent:
        run.notes.append(f"The budget was spent while repairs of {probe.name}'s finding were tried.")
        return finding


def _driven(lab: Lab, case: Case, name: str, steps: Steps, run: ProbeRun) -> Finding:
    """Answer the batches of a generator until it returns a finding."""
    try:
        batch: tuple[Step, ...] = next(steps)
        while True:
            answers = lab.answer(batch)
            for step, answer in zip(batch, answers, strict=True):
                if name != _COUNTS_ITS_OWN:
                    run.unchanged += _unchanged_runs(case, step, answer)
                if isinstance(step, Experiment) and isinstance(answer, Trial):
                    run.trials.append((step, answer))
                    run.results.append(answer.result)
            batch = steps.send(answers)
    except StopIteration as end:
        finding: Finding = end.value
        return finding
    finally:
        steps.close()


def _unchanged_runs(case: Case, step: Step, answer: Answer) -> list[bool]:
    """Whether the case failed, for each run to which only meters and idle instruments were added."""
    setup = step.baseline if isinstance(step, Experiment) else step.setup
    # An instrument with settings that are all empty changes nothing.
    idle = not any(any(settings.values()) for settings in setup.instruments.values())
    same = setup.model_copy(update={"instruments": case.base.instruments}) == case.base
    if not idle or not same:
        return []
    observations = answer.baseline if isinstance(answer, Trial) else (answer,)
    nodeid = case.nodeid
    return [seen.red(nodeid) for seen in observations if seen.red(nodeid) or seen.passed(nodeid)]


def _proven_by_experiment_only(finding: Finding, own: Sequence[ExperimentResult]) -> Finding:
    """Lower a proof to likely unless an experiment of the probe itself was confirmed."""
    cause = finding.cause
    if cause is None or cause.confidence != "proven":
        return finding
    for result in own:
        if result.status is Status.CONFIRMED and result.p_value is not None and result.p_value <= _PROVES:
            return finding
    return finding.model_copy(update={"cause": cause.model_copy(update={"confidence": "likely"})})


def _with_own_proof(finding: Finding, own: Sequence[tuple[Experiment, Trial]]) -> Finding:
    """Add the confirmed experiment of a probe that says proven and does not name it."""
    if finding.proof is not None or finding.cause is None or finding.cause.confidence != "proven":
        return finding
    confirmed = [step for step, trial in own if trial.result.status is Status.CONFIRMED]
    return finding.model_copy(update={"proof": confirmed[-1]}) if confirmed else finding


def _with_finding(case: Case, name: str, finding: Finding) -> Case:
    """Add what later probes should know: the finding, and the failure rate where it was measured."""
    facts = {**case.facts, name: finding}
    if name == _COUNTS_ITS_OWN and finding.experiments:
        tally = finding.experiments[0].baseline
        return replace(case, rate=tally.failed / tally.runs, runs=tally.runs, facts=facts)
    return replace(case, facts=facts)


def _found_flaky(case: Case, run: ProbeRun) -> Case:
    """Lower the failure rate of a case that failed whenever it was repeated, and passed unchanged later.

    What was concluded from a steady failure counts for little then, so the probes are run again.
    """
    failed, runs = sum(run.unchanged), len(run.unchanged)
    run.notes.append(
        f"Unchanged it passed {runs - failed} of {runs} more times: it is flaky, and probed again as such."
    )
    return replace(case, rate=(case.runs + failed) / (case.runs + runs), runs=case.runs + runs)
