"""Runs of red tests that are made up, on real repositories: a test is what one file of the state says.

So a whole joint search takes as long as git does, and can be repeated with many seeds.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from tests.fixtures.git_repository import SmallRepository
from triage.attribute.joint import JointSearch
from triage.attribute.runs import RedTests, Seen
from triage.base.subjects import Subject
from triage.lab.protocol import Experiment, Observation, Setup, Trial
from triage.lab.verdict import judge
from triage.model.base import Silent
from triage.model.failure import Failure, Raised
from triage.model.outcome import Outcome, Phase
from triage.process.git import Repository
from triage.text.hunks import Difference

GREEN = Seen(Outcome.PASSED)
RED = Seen(Outcome.FAILED, Failure(nodeid="t", phase=Phase.CALL, chain=(Raised(type="AssertionError"),)))
NOT_COLLECTED = Seen(
    Outcome.ERROR, Failure(nodeid="t", phase=Phase.COLLECT, chain=(Raised(type="ImportError"),))
)


class SimulatedRuns(RedTests):
    """Test `x` reads the file `x.py`: `bad` makes it red, `half` red half of the time, `broken` an error."""

    def __init__(self, repository: SmallRepository, subjects: Sequence[Subject], seed: int) -> None:
        lab = SimpleNamespace(
            progress=Silent(),
            spending=SimpleNamespace(seconds_left=float("inf")),
            experiments_together=self._experiments,
        )
        super().__init__(lab, {subject.nodeid: subject for subject in subjects})  # type: ignore[arg-type]
        self._repository = repository
        self._chance = random.Random(seed)
        self._differences: dict[str, Difference] = {}
        self._texts: dict[tuple[str | None, str], str] = {}
        self.runs = 0

    def know(self, commit: str | None, difference: Difference) -> None:
        """As `SearchedStates` does."""
        self._differences[commit or ""] = difference

    def _run_again(self, state: Setup, tests: Sequence[str], why: str) -> dict[str, Seen]:
        self.runs += 1
        return {test: self._seen_of(state, test) for test in tests}

    def _experiments(self, experiments: Sequence[Experiment]) -> list[Trial]:
        trials = []
        for each in experiments:
            arms = []
            for setup in (each.baseline, each.treated):
                arms.append([self._observation(setup) for _ in range(each.repeats)])
            trials.append(judge(each, *arms))
        return trials

    def _observation(self, setup: Setup) -> Observation:
        seen = self._run_again(setup, setup.nodeids, "")
        failures = {test: each.failure for test, each in seen.items() if each.failure is not None}
        return Observation(outcomes={test: each.outcome for test, each in seen.items()}, failures=failures)

    def _seen_of(self, state: Setup, test: str) -> Seen:
        text = self._text(state, f"{test}.py")
        if "broken" in self._text(state, "package.py"):
            return NOT_COLLECTED
        if "half" in text:
            return self._chance.choice((RED, GREEN))
        return RED if "bad" in text else GREEN

    def _text(self, state: Setup, path: str) -> str:
        edits: dict[str, Any] = dict(state.edits)
        if state.reverted:
            difference = self._differences[state.commit or ""]
            edits = difference.edits(difference.named(state.reverted)) | edits
        if path in edits:
            return edits[path] or ""
        key = (state.commit, path)
        if key not in self._texts:
            if state.commit is None:
                self._texts[key] = (self._repository.root / path).read_text()
            else:
                self._texts[key] = self._repository.git("show", f"{state.commit}:{path}")
        return self._texts[key]


def searched(repository: SmallRepository, subjects: Sequence[Subject], seed: int = 0) -> JointSearch:
    """A whole search from the tag `base` to the tree as it stands."""
    real = Repository.find(repository.root)
    assert real is not None
    base = real.resolve("base")
    assert base is not None
    runs = SimulatedRuns(repository, subjects, seed)
    search = JointSearch(
        runs=runs,
        states=runs,  # type: ignore[arg-type]
        repository=real,
        is_test_file=lambda _path: False,
        progress=Silent(),
    )
    search.run(base, [subject.nodeid for subject in subjects])
    return search
