"""Which runs fork from a warm parent, and how forks prove themselves and are contradicted."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from triage.evidence.folder import EvidenceFolder
from triage.lab.budget import Budget, Spending
from triage.lab.earlier import EarlierVerdicts
from triage.lab.environment import Environment
from triage.lab.lab import Lab
from triage.lab.protocol import Experiment, Look, Observation, Setup
from triage.lab.record import ExperimentRecord
from triage.lab.warmth import ForkProofs, Warmth, Way
from triage.model.base import World
from triage.model.experiment import EXPERIMENTS_FILE, Factor, Status, Tally
from triage.model.outcome import Outcome
from triage.model.run import Limits

T = "tests/test_a.py::test_it"
BASE = Setup(nodeids=(T,))
RED, GREEN = Outcome.FAILED, Outcome.PASSED


class Parents:
    """Stands for parents that serve every request."""

    unfit = ""


class Runner:
    """Answers setups by a function of the setup and of how the run was started."""

    def __init__(self, root: Path, warmth: Warmth, answer) -> None:
        self.root, self.warmth, self._answer = root, warmth, answer
        self.started: list[str] = []

    def pristine(self, setup: Setup) -> Path:
        return self.root

    def edits(self, setup: Setup) -> dict[str, str | None]:
        return {}

    def side_by_side(self, setups, runs):
        return [run() for run in runs]

    def run(self, setup: Setup, limits: Limits, number: int, way: Way, **_: object) -> Observation:
        if way.learns is not None:
            way.learns.write_text(
                json.dumps({"steps": self.steps, "collected": [], "later": [], "early": []})
            )
        self.started.append("fork" if way.forks else "fresh")
        seen = Observation(outcomes={T: self._answer(setup, way.forks)}, forked=way.forks)
        self.warmth.take(setup, way, seen)
        return seen

    steps: list[object] = ["json", "numpy"]


@pytest.fixture
def opened(tmp_path):
    """opened(answer): a laboratory on such a runner."""

    def open_one(answer) -> Lab:
        world = World(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), monotonic=lambda: 0.0, environ={})
        folder = EvidenceFolder.create(tmp_path, "t", "b", "20260101T000000Z")
        environment = Environment(
            executor=None, world=world, variables={}, python=None, pytest_args=(), import_path=()
        )  # type: ignore[arg-type]
        notes: list[str] = []
        warmth = Warmth(Parents(), tmp_path, notes.append)  # type: ignore[arg-type]
        return Lab(
            runner=Runner(tmp_path, warmth, answer),  # type: ignore[arg-type]
            record=ExperimentRecord(folder, tmp_path, environment),
            spending=Spending(Budget(seconds=60.0), world.monotonic),
            limits=Limits(),
            earlier=EarlierVerdicts(""),
            notes=notes,
        )

    return open_one


def looked(lab: Lab, *setups: Setup) -> list[str]:
    """How the runs of these setups were started, one after another."""
    before = len(lab.runner.started)
    for setup in setups:
        lab.look([Look(setup=setup)])
    return lab.runner.started[before:]


def warmed(lab: Lab) -> Lab:
    """The same, once its first fork has shown what a new interpreter showed."""
    assert looked(lab, BASE, BASE) == ["fresh", "fork"]
    return lab


def test_a_look_for_which_a_known_run_will_do_takes_no_run(opened):
    lab = opened(lambda setup, forks: RED)
    measured = BASE.measuring("lines")
    assert looked(lab, measured) == ["fresh"]
    (known,) = lab.look([Look(setup=measured, known_will_do=True)])
    assert known.red(T)
    lab.look([Look(setup=measured)])
    assert len(lab.runner.started) == 2
    lines = (lab.record.run_folder(1).parents[1] / EXPERIMENTS_FILE).read_text().splitlines()
    assert [("answered_by" in line) for line in lines if '"event": "look"' in line] == [False, True, False]


def test_what_acts_behind_the_imports_forks(opened):
    lab = warmed(opened(lambda setup, forks: RED))
    late = [
        BASE.plus(env={"APP_MODE": "1"}),
        BASE.plus(edits={"app.py": "x = 1\n"}),
        BASE.plus(commit="abc"),
        BASE.plus(instruments={"seed": {"seed": 1}}),
        BASE.measuring("usage", "network"),
        BASE.plus(instruments={"clock": {"at": 0.0}}),
        BASE.plus(nodeids=("tests/test_b.py::test_other", T)),
    ]
    assert looked(lab, *late) == ["fork"] * len(late)


def test_what_acts_on_imports_is_a_new_interpreter(opened):
    lab = warmed(opened(lambda setup, forks: RED))
    early = [
        BASE.plus(packages={"numpy": "1.26"}),
        BASE.plus(env={"PYTHONHASHSEED": "1"}),
        BASE.plus(instruments={"machine": {"cores": 1}}),
        BASE.plus(instruments={"network": {"answers": True}}),
    ]
    assert looked(lab, *early) == ["fresh"] * len(early)


def warmth_with(folder: Path, proofs: ForkProofs, code: str) -> Warmth:
    return Warmth(Parents(), folder, lambda _why: None, proofs=proofs, code=code)  # type: ignore[arg-type]


def test_the_next_laboratory_forks_at_once_where_code_and_test_files_are_the_same(opened, tmp_path):
    proofs = ForkProofs()
    lab = opened(lambda setup, forks: RED)
    lab.runner.warmth = warmth_with(tmp_path, proofs, "one state")
    warmed(lab)
    same, changed = warmth_with(tmp_path, proofs, "one state"), warmth_with(tmp_path, proofs, "another")
    other = Setup(nodeids=("tests/test_b.py::test_other",))
    assert not same.way(other).forks
    assert not changed.way(BASE).forks
    again = warmth_with(tmp_path, proofs, "one state")
    assert again.way(BASE).forks
    assert again.may_fork(BASE)
    assert not again.way(BASE, fresh=True).forks
    assert not again.may_fork(BASE.plus(env={"PYTHONHASHSEED": "1"}))


def test_forks_that_are_contradicted_are_no_longer_trusted_by_others(opened, tmp_path):
    proofs = ForkProofs()
    lab = opened(lambda setup, forks: RED)
    lab.runner.warmth = warmth_with(tmp_path, proofs, "one state")
    warmed(lab)
    warmth_with(tmp_path, proofs, "one state").stop("an experiment came out otherwise in new interpreters")
    assert not warmth_with(tmp_path, proofs, "one state").way(BASE).forks


def test_a_session_whose_code_was_changed_proves_nothing_for_others(opened, tmp_path):
    proofs = ForkProofs()
    lab = opened(lambda setup, forks: RED)
    lab.runner.warmth = warmth_with(tmp_path, proofs, "one state")
    edited = BASE.plus(edits={"conftest.py": ""})
    assert looked(lab, edited, edited, edited) == ["fresh", "fork", "fork"]
    assert not warmth_with(tmp_path, proofs, "one state").way(BASE).forks


def test_code_that_sets_a_variable_before_an_import_may_not_change(opened):
    lab = opened(lambda setup, forks: RED)
    lab.runner.steps = [["OMP_NUM_THREADS", "1"], "numpy"]
    warmed(lab)
    assert looked(lab, BASE, BASE.plus(edits={"conftest.py": ""})) == ["fork", "fresh"]


@pytest.mark.parametrize(("fork_gives", "forks_then"), [(RED, True), (GREEN, False)])
def test_the_first_fork_may_be_over_before_what_it_repeats(tmp_path, fork_gives, forks_then):
    """Two workers run one setup side by side, behind a run from which the modules were learned."""
    warmth = Warmth(Parents(), tmp_path, lambda _why: None)  # type: ignore[arg-type]
    other = BASE.plus(seed=3)
    learning = warmth.way(other)
    learning.learns.write_text(json.dumps({"steps": ["json"], "collected": [], "later": [], "early": []}))
    warmth.take(other, learning, Observation(outcomes={T: RED}))
    fresh, fork = warmth.way(BASE), warmth.way(BASE)
    assert (fresh.forks, fork.forks) == (False, True)
    warmth.take(BASE, fork, Observation(outcomes={T: fork_gives}, forked=True))
    assert not warmth.may_fork(BASE)
    warmth.take(BASE, fresh, Observation(outcomes={T: RED}))
    assert warmth.may_fork(BASE) is forks_then


def test_a_fork_that_ends_otherwise_is_the_last_one(opened):
    lab = opened(lambda setup, forks: GREEN if forks else RED)
    # the fork is run anew, so that nobody gets what it gave
    assert looked(lab, BASE, BASE, BASE) == ["fresh", "fork", "fresh", "fresh"]
    assert "otherwise than in a new interpreter" in lab.notes[0]
    assert lab._controls.measured(BASE, lab.limits).red(T)


def test_two_repeats_fork_before_one_is_proven_and_meters_do_not_matter(opened):
    lab = opened(lambda setup, forks: RED)
    assert looked(lab, BASE) == ["fresh"]
    before = len(lab.runner.started)
    lab.look([Look(setup=BASE), Look(setup=BASE.measuring("usage"))])
    assert lab.runner.started[before:] == ["fork", "fork"]
    assert lab.runner.warmth.may_fork(BASE)


def test_no_third_fork_starts_before_one_is_proven(tmp_path):
    warmth = Warmth(Parents(), tmp_path, lambda _why: None)  # type: ignore[arg-type]
    learning = warmth.way(BASE)
    learning.learns.write_text(json.dumps({"steps": ["json"], "collected": [], "later": [], "early": []}))
    warmth.take(BASE, learning, Observation(outcomes={T: RED}))
    assert [warmth.way(BASE).forks for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("has_fixed_hashes", [True, False])
def test_an_arm_that_a_new_interpreter_has_run_is_not_confirmed_again(opened, has_fixed_hashes):
    """Unless each interpreter orders sets in its own way."""
    treated = BASE.plus(instruments={"defaults": {"overrides": {"a.b": 1}}})
    lab = opened(lambda setup, forks: RED if setup == BASE else GREEN)
    lab.runner.warmth.has_fixed_hashes = has_fixed_hashes
    # the first run of a case never counts, the second one does
    lab.look([Look(setup=BASE), Look(setup=BASE, fresh=True), Look(setup=BASE)])
    trial = lab.experiment(experiment(treated))
    assert trial.result.status is Status.CONFIRMED
    assert [run.forked for run in trial.baseline] == [True, has_fixed_hashes, False, True]
    assert [run.forked for run in trial.treated] == [True, True, True, False]


def experiment(treated: Setup) -> Experiment:
    factor = Factor(kind="config", name="x", from_=0, to=1)
    return Experiment(
        probe="p", factor=factor, prediction="-", baseline=BASE, treated=treated, watch=(T,), any_reason=True
    )


def test_an_experiment_is_confirmed_in_new_interpreters(opened):
    treated = BASE.plus(instruments={"defaults": {"overrides": {"a.b": 1}}})
    lab = warmed(opened(lambda setup, forks: RED if setup == BASE else GREEN))
    trial = lab.experiment(experiment(treated))
    assert trial.result.status is Status.CONFIRMED
    # of the looks at the unchanged case, all but the first count as well
    assert [run.forked for run in trial.baseline] == [True, True, False, True]
    assert [run.forked for run in trial.treated] == [True, True, True, False]
    lines = [json.loads(line) for line in (lab.record._folder.path / EXPERIMENTS_FILE).open()]
    assert [line["start"] for line in lines if line["event"] == "observed"][-4:] == [
        "fork", "fork", "fresh", "fresh",
    ]  # fmt: skip
    assert trial.result.baseline == Tally(runs=4, failed=4)


def test_kept_runs_do_not_count_where_a_new_one_passes(opened):
    """As where the idle instrument of the baseline already makes the test pass."""
    treated = BASE.plus(instruments={"defaults": {"overrides": {"a.b": 1}}})
    idle = BASE.plus(instruments={"defaults": {}})
    lab = warmed(opened(lambda setup, forks: RED if setup == BASE else GREEN))
    trial = lab.experiment(experiment(treated).model_copy(update={"baseline": idle}))
    assert trial.result.status is Status.INVALID_CONTROL
    assert trial.result.baseline == Tally(runs=4, failed=0)


def test_both_arms_are_new_interpreters_where_one_has_to_be(opened):
    treated = BASE.plus(packages={"numpy": "1.26"})
    lab = warmed(opened(lambda setup, forks: RED if setup == BASE else GREEN))
    trial = lab.experiment(experiment(treated))
    assert not any(run.forked for run in (*trial.baseline, *trial.treated))


def test_new_interpreters_that_contradict_forks_decide(opened):
    treated = BASE.plus(edits={"app.py": "x = 1\n"})
    lab = warmed(opened(lambda setup, forks: GREEN if setup == treated and forks else RED))
    trial = lab.experiment(experiment(treated))
    assert trial.result.status is Status.REFUTED
    assert not any(run.forked for run in (*trial.baseline, *trial.treated))
    assert "came out otherwise in new interpreters" in lab.notes[0]
    assert looked(lab, BASE) == ["fresh"]


def test_a_meter_that_changes_how_a_test_ends_is_no_matter_of_forks(opened):
    """As where the test meets the limit of recursion elsewhere under a tracer."""
    lab = opened(lambda setup, forks: GREEN if "lines" in setup.instruments else RED)
    assert looked(lab, BASE) == ["fresh"]
    before = len(lab.runner.started)
    lab.look([Look(setup=BASE), Look(setup=BASE.measuring("lines"))])
    assert lab.runner.started[before:] == ["fork", "fork"]
    assert lab.runner.warmth.may_fork(BASE)
    assert lab.notes == []


def test_a_metered_setup_proves_itself_where_no_plain_one_has_run(opened):
    lab = opened(lambda setup, forks: RED)
    metered = BASE.measuring("gradients")
    assert looked(lab, metered, metered, BASE) == ["fresh", "fork", "fork"]
