"""Claims on several factors: one control for all, two runs of each, and a command of the test alone."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from triage.evidence.folder import EvidenceFolder
from triage.hunt.changes import OtherSurroundings
from triage.hunt.factors import Surroundings
from triage.hunt.prove_changes import ChangeProver, Claim
from triage.hunt.proving import failure_with
from triage.hunt.seen import ended
from triage.lab.budget import Budget, Spending
from triage.lab.earlier import EarlierVerdicts
from triage.lab.environment import Environment
from triage.lab.lab import Lab
from triage.lab.protocol import Observation
from triage.lab.record import ExperimentRecord
from triage.lab.warmth import Warmth
from triage.model.base import World
from triage.model.experiment import Factor
from triage.model.outcome import Outcome
from triage.model.run import Limits

SUITE = tuple(f"test_{name}.py::test_{name}" for name in "abcd")


def surroundings(name: str, *, is_alone: bool = False) -> Surroundings:
    factor = Factor(kind="env", name=name, to="1")
    instruments = {"beside": {"on": True}} if is_alone else {}
    return Surroundings(
        name, "environment", "environment-variable", factor, env={name: "1"}, instruments=instruments
    )


class Runner:
    """The test of a letter is red where its variable is set."""

    def __init__(self, root) -> None:
        self.root = root
        self.warmth = Warmth.none()
        self.ran: Counter[tuple[frozenset[str], int]] = Counter()
        self.needs = 1
        """So many tests have to run."""

    def pristine(self, setup):
        return self.root

    def edits(self, setup):
        return {}

    def side_by_side(self, setups, runs):
        return [run() for run in runs]

    def run(self, setup, limits, number, way, **_):
        self.ran[frozenset(setup.env), len(setup.nodeids)] += 1
        variables = setup.env if len(setup.nodeids) >= self.needs else ()
        red = {f"test_{name.lower()}.py::test_{name.lower()}" for name in variables}
        outcomes = {each: Outcome.FAILED if each in red else Outcome.PASSED for each in setup.nodeids}
        return Observation(outcomes=outcomes, order=setup.nodeids)


@pytest.fixture
def prover(tmp_path):
    folder = EvidenceFolder.create(tmp_path, "c", "b", "20261130T100000Z")
    world = World(now=lambda: datetime(2026, 11, 30, tzinfo=UTC), monotonic=lambda: 0.0, environ={})
    environment = Environment(
        executor=None, world=world, variables={}, python=None, pytest_args=(), import_path=()
    )
    lab = Lab(
        runner=Runner(tmp_path),
        record=ExperimentRecord(folder, tmp_path, environment),
        spending=Spending(Budget(seconds=60), lambda: 0.0),
        limits=Limits(),
        earlier=EarlierVerdicts(""),
    )
    return ChangeProver(lab=lab, suite=SUITE, seed=1)


def claims(letters):
    return [
        Claim(f"test_{letter}.py::test_{letter}", OtherSurroundings(surroundings(letter.upper())))
        for letter in letters
    ]


def test_three_factors_share_one_control_and_each_is_shown_by_its_test_alone(prover):
    wanted = claims("abc")
    proofs = prover.prove(wanted)
    assert [proof.culprits for proof in proofs] == [("A",), ("B",), ("C",)]
    assert all(proof.trial.result.p_value <= 0.05 for proof in proofs)
    ran = prover.lab.runner.ran
    assert ran == {(frozenset(), 3): 5, **{(frozenset(name), 3): 2 for name in "ABC"}}
    prover.show_alone(list(zip(wanted, proofs, strict=True)))
    assert proofs[1].command.endswith("env B=1 " + proofs[1].command.partition("env B=1 ")[2])
    assert "test_b.py::test_b" in proofs[1].command
    assert "test_a.py" not in proofs[1].command


def test_one_factor_has_a_control_of_its_own(prover):
    (proof,) = prover.prove(claims("a"))
    assert proof.processes == 6
    assert proof.command == ""


def test_a_proof_knows_how_its_test_failed_although_nobody_saw_it_before(prover):
    (proof,) = prover.prove(claims("a"))
    assert failure_with(proof, SUITE[0]) == ended(SUITE[0], Outcome.FAILED)


def test_what_is_not_confirmed_in_company_is_tried_by_itself(prover):
    wrong = Claim(SUITE[3], OtherSurroundings(surroundings("A")))
    answers = prover.prove([*claims("abc"), wrong])
    assert answers[3] == "it was red once with A, and not again"


def test_a_test_that_needs_others_of_its_file_is_tried_with_them(prover):
    prover.suite = (SUITE[0], f"{SUITE[0]}_too")
    prover.lab.runner.needs = 2
    (proof,) = prover.prove(claims("a"))
    assert proof.experiment.baseline.nodeids == prover.suite


def test_what_examines_two_processes_is_in_no_batch_with_others(prover):
    beside = Claim(SUITE[3], OtherSurroundings(surroundings("D", is_alone=True)))
    batches = list(prover.batches([*claims("ab"), beside]))
    assert [[claim.nodeid for claim in batch] for batch in batches] == [list(SUITE[:2]), [SUITE[3]]]
