"""Experiments that share arms, and verdicts on each of several tests."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from triage.evidence.folder import EvidenceFolder
from triage.lab.budget import Budget, Spending
from triage.lab.earlier import EarlierVerdicts
from triage.lab.environment import Environment
from triage.lab.lab import ArmsSeen, Lab
from triage.lab.protocol import Experiment, Look, Observation, Setup
from triage.lab.record import ExperimentRecord
from triage.lab.verdict import judge
from triage.lab.warmth import Warmth, Way
from triage.model.base import World
from triage.model.experiment import Factor, Status
from triage.model.outcome import Outcome
from triage.model.run import Limits

A, B = "test_a.py::test_a", "test_a.py::test_b"
BROKEN = Setup(nodeids=(A, B))


def mended(*places: str) -> Setup:
    return BROKEN.plus(reverted=places)


def observed(a: Outcome, b: Outcome) -> Observation:
    return Observation(outcomes={A: a, B: b})


RED, GREEN = Outcome.FAILED, Outcome.PASSED


def experiment(place: str, *watch: str) -> Experiment:
    return Experiment(
        probe="hunk",
        factor=Factor(kind="hunk", name=place, from_="present", to="reverted"),
        prediction="it passes",
        baseline=BROKEN,
        treated=mended(place),
        watch=watch,
        any_reason=True,
        each_watched=True,
    )


class Runner:
    """Answers setups: the place `a` broke test a, the place `b` broke test b."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.warmth = Warmth.none()
        self.ran: Counter[tuple[str, ...]] = Counter()

    def pristine(self, setup: Setup) -> Path:
        return self.root

    def edits(self, setup: Setup) -> dict[str, str | None]:
        return {}

    def side_by_side(self, setups, runs):
        return [run() for run in runs]

    def run(self, setup: Setup, limits: Limits, number: int, way: Way, **_: object) -> Observation:
        self.ran[setup.reverted] += 1
        return observed(*(GREEN if place in setup.reverted else RED for place in ("a", "b")))


@pytest.fixture
def lab(tmp_path):
    folder = EvidenceFolder.create(tmp_path, "c", "b", "20261130T100000Z")
    world = World(now=lambda: datetime(2026, 11, 30, tzinfo=UTC), monotonic=lambda: 0.0, environ={})
    environment = Environment(
        executor=None, world=world, variables={}, python=None, pytest_args=(), import_path=()
    )
    return Lab(
        runner=Runner(tmp_path),
        record=ExperimentRecord(folder, tmp_path, environment),
        spending=Spending(Budget(seconds=60), lambda: 0.0),
        limits=Limits(),
        earlier=EarlierVerdicts(""),
    )


def test_an_arm_that_several_experiments_share_runs_once_a_round(lab):
    trials = lab.experiments_together([experiment("a", A), experiment("b", B)])
    assert [trial.result.status for trial in trials] == [Status.CONFIRMED, Status.CONFIRMED]
    assert lab.runner.ran == {(): 4, ("a",): 4, ("b",): 4}


def test_few_runs_confirm_beside_a_longer_control_that_all_share(lab):
    few = {"repeats": 2, "controls": 5, "treated": mended("a", "b")}
    broken_at_a = experiment("a", A).model_copy(update={**few, "baseline": mended("b")})
    broken_at_b = experiment("b", B).model_copy(update={**few, "baseline": mended("a")})
    trials = lab.experiments_together([broken_at_a, broken_at_b])
    assert [trial.result.status for trial in trials] == [Status.CONFIRMED, Status.CONFIRMED]
    assert [trial.result.p_value for trial in trials] == [pytest.approx(1 / 21)] * 2
    assert lab.runner.ran == {("a",): 2, ("b",): 2, ("a", "b"): 5}


def test_runs_of_an_arm_that_were_made_before_count_and_are_not_made_again(lab):
    known = ArmsSeen((observed(RED, RED),), (observed(GREEN, GREEN),))
    trials = lab.experiments_together([experiment("a", A), experiment("b", B)], [known, known])
    assert [trial.result.status for trial in trials] == [Status.CONFIRMED, Status.CONFIRMED]
    assert [trial.result.baseline.runs for trial in trials] == [4, 4]
    assert lab.runner.ran == {(): 3, ("a",): 3, ("b",): 3}


def test_an_arm_runs_as_often_as_the_experiment_with_the_fewest_earlier_runs_needs(lab):
    known = ArmsSeen((observed(RED, RED),), ())
    trials = lab.experiments_together([experiment("a", A), experiment("b", B)], [known, ArmsSeen()])
    assert [trial.result.status for trial in trials] == [Status.CONFIRMED, Status.CONFIRMED]
    assert lab.runner.ran == {(): 4, ("a",): 4, ("b",): 4}


def test_an_experiment_that_is_refuted_asks_for_no_further_runs(lab):
    trials = lab.experiments_together([experiment("a", A), experiment("b", A)])
    assert [trial.result.status for trial in trials] == [Status.CONFIRMED, Status.REFUTED]
    assert lab.runner.ran == {(): 4, ("a",): 4, ("b",): 1}


def test_a_verdict_on_each_of_several_tests_needs_all_of_them_red_in_a_run():
    one = experiment("a", A, B)
    some_red = [observed(RED, GREEN)] * 4
    all_red = [observed(RED, RED)] * 4
    all_green = [observed(GREEN, GREEN)] * 4
    assert judge(one, all_red, all_green).result.status is Status.CONFIRMED
    assert judge(one, some_red, all_green).result.status is Status.INVALID_CONTROL
    as_before = one.model_copy(update={"each_watched": False})
    assert judge(as_before, some_red, all_green).result.status is Status.CONFIRMED


def test_a_meter_that_stops_early_is_noted_once(lab):
    stopped = {"event": "stopped", "nodeid": A}
    seen = observed(RED, RED).model_copy(update={"measured": {"writes": (stopped,)}})
    lab.runner.run = lambda *_words, **_named: seen
    lab.look([Look(setup=BROKEN), Look(setup=mended("a"))])
    (note,) = lab.notes
    assert note.startswith(f"The meter 'writes' stopped in {A}: ")
