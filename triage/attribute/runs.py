"""Run red tests on one state of the code, together, and turn what they did into answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from triage.attribute.answers import Answer
from triage.attribute.sequential import SequentialAnswer
from triage.attribute.states import foreign_files
from triage.base.subjects import Subject
from triage.lab.lab import Lab
from triage.lab.protocol import Look, Observation, Setup
from triage.model.failure import Failure
from triage.model.outcome import Outcome, Phase
from triage.model.rate import wilson

_PATIENCE = 5.0
"""Times the slowest test of the first run that a test gets afterwards: states in between may hang."""
_LEAST_TIMEOUT = 10.0
"""Seconds that it gets at least: the first run of a state compiles and fills caches."""
_ONE_SIGMA = 1.0
"""Width of the interval of a flaky test's rate, of which the lower end counts: a rate that is taken too high
makes a few greens in a row a proof."""


@dataclass(frozen=True)
class Seen:
    """What one test did in one run."""

    outcome: Outcome
    failure: Failure | None = None


@dataclass
class RedTests:
    """The tests that the search is about, and how they are run: in the recorded order, in few processes."""

    lab: Lab
    subjects: dict[str, Subject]
    """By node id, in the recorded order; what a control shows of their rates is added."""
    seconds: float = 1.0
    """How long the last run of a state took, for what is announced."""
    notes: list[str] = field(default_factory=list)
    by_themselves: set[str] = field(default_factory=set)
    """Tests that fail alone and not among the other red ones."""
    _seen: dict[str, dict[str, Seen]] = field(default_factory=dict)
    """What each test did on each state, the first time."""

    def has_own_process(self, nodeid: str) -> bool:
        """Whether a test is not run in one process with the other red ones."""
        return nodeid in self.by_themselves or self.subjects[nodeid].fails_alone is False

    def processes(self, tests: Iterable[str]) -> list[tuple[str, ...]]:
        """The node ids of each process: one for all tests that fail alone, one for each that needs others."""
        wanted = set(tests)
        together, own = [], []
        for nodeid, subject in self.subjects.items():
            if nodeid not in wanted:
                continue
            if subject.fails_alone is False:
                own.append((*subject.preceding, nodeid))
            elif nodeid in self.by_themselves:
                own.append((nodeid,))
            else:
                together.append(nodeid)
        return [*([tuple(together)] if together else []), *own]

    def setups(self, state: Setup, tests: Iterable[str]) -> list[Setup]:
        """The state with the node ids of each process."""
        return [state.plus(nodeids=nodeids) for nodeids in self.processes(tests)]

    def run(self, state: Setup, tests: Sequence[str], why: str) -> dict[str, Seen]:
        """What tests do on a state; what was run there before is not run again. Raises `BudgetSpent`."""
        known = self._seen.setdefault(state.model_dump_json(), {})
        unknown = [nodeid for nodeid in tests if nodeid not in known]
        if unknown:
            known.update(self._run_again(state, unknown, why))
        return {nodeid: known[nodeid] for nodeid in tests}

    def repeat_control(self, state: Setup, tests: Sequence[str], times: int) -> None:
        """Run tests again where they are red: who passes is flaky, and followed as such from now on."""
        for number in range(1, times + 1):
            why = f"the control again, {number} of {times}: who is red by chance?"
            for nodeid, seen in self._run_again(state, tests, why).items():
                if seen.outcome.is_red or seen.outcome.is_green:
                    self._count(nodeid, is_red=seen.outcome.is_red)

    def _count(self, nodeid: str, *, is_red: bool) -> None:
        """Take one more run on the head into account."""
        subject = self.subjects[nodeid]
        self.subjects[nodeid] = replace(
            subject,
            runs=subject.runs + 1,
            failed=subject.failed + is_red,
            is_flaky=subject.is_flaky or not is_red,
        )

    def run_by_themselves(self, state: Setup, tests: Sequence[str], why: str) -> dict[str, Seen]:
        """What tests do that did not fail among the others; those that fail alone are run so from now on."""
        self.by_themselves.update(tests)
        known = self._seen.setdefault(state.model_dump_json(), {})
        known.update(self._run_again(state, tests, why))
        self.by_themselves.difference_update(test for test in tests if not known[test].outcome.is_red)
        return {nodeid: known[nodeid] for nodeid in tests}

    def _run_again(self, state: Setup, tests: Sequence[str], why: str) -> dict[str, Seen]:
        looks = [Look(setup=setup, why=why) for setup in self.setups(state, tests)]
        observations = self.lab.look(looks)
        self.seconds = max((observation.seconds for observation in observations), default=self.seconds)
        seen: dict[str, Seen] = {}
        for look, observation in zip(looks, observations, strict=True):
            foreign = foreign_files(observation.measured)
            if foreign:
                self._note(f"{foreign[0]} was imported from the checked-out tree: those runs do not count")
                continue
            for nodeid in tests:
                if nodeid in look.setup.nodeids and nodeid not in seen:
                    seen[nodeid] = _seen(observation, nodeid)
        return {nodeid: seen.get(nodeid, Seen(Outcome.NOT_RUN)) for nodeid in tests}

    def answers(
        self, state: Setup, tests: Sequence[str], why: str, reference: Mapping[str, Seen] | None = None
    ) -> dict[str, Answer]:
        """What tests say of a state; flaky ones are run until the sequential rule answers.

        With a `reference`, a test that fails with another exception than there has no answer.
        """
        answers = {}
        deciding: dict[str, SequentialAnswer] = {}
        for nodeid, seen in self.run(state, tests, why).items():
            answers[nodeid] = answer_of(seen, reference.get(nodeid) if reference else None)
            subject = self.subjects[nodeid]
            if subject.is_flaky and answers[nodeid] is not Answer.UNTESTABLE:
                lowest, _ = wilson(subject.failed, subject.runs, _ONE_SIGMA)
                deciding[nodeid] = SequentialAnswer(lowest)
                deciding[nodeid].add(answers[nodeid] is Answer.RED)
        while open_ones := [nodeid for nodeid, rule in deciding.items() if rule.answer is None]:
            for nodeid, seen in self._run_again(state, open_ones, f"{why} (flaky: run again)").items():
                deciding[nodeid].add(seen.outcome.is_red)
        answers.update({nodeid: rule.answer or Answer.UNTESTABLE for nodeid, rule in deciding.items()})
        return answers

    def lower_limits(self, observed: Iterable[Observation]) -> None:
        """Give tests a few times as long as the slowest of them took: a state in between may hang."""
        slowest = max((seconds for run in observed for seconds in run.durations.values()), default=0.0)
        limits = self.lab.limits
        wanted = max(_LEAST_TIMEOUT, _PATIENCE * slowest)
        if limits.test_timeout is None or wanted < limits.test_timeout:
            self.lab.limits = limits.model_copy(update={"test_timeout": wanted})

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def answer_of(seen: Seen, reference: Seen | None = None) -> Answer:
    """Green, red, or no answer: it did not run, or died of something else than it does in `reference`."""
    outcome = seen.outcome
    if outcome.is_green:
        return Answer.GREEN
    if not outcome.is_red:
        return Answer.UNTESTABLE
    if reference is None:
        return Answer.UNTESTABLE if _cannot_be_collected(seen) else Answer.RED
    same_end = outcome.is_cut_short == reference.outcome.is_cut_short
    if not same_end or _cannot_be_collected(seen) != _cannot_be_collected(reference):
        return Answer.UNTESTABLE
    mine, theirs = seen.failure, reference.failure
    if mine is not None and theirs is not None and mine.exception != theirs.exception:
        return Answer.UNTESTABLE
    return Answer.RED


def _cannot_be_collected(seen: Seen) -> bool:
    return seen.failure is not None and seen.failure.phase is Phase.COLLECT


def _seen(observation: Observation, nodeid: str) -> Seen:
    return Seen(observation.outcome(nodeid), observation.failures.get(nodeid))
