"""How criteria and floors follow from cause, proof and settings; nothing is run here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.config import Settings
from triage.model.cluster import Cluster
from triage.model.criterion import Bound, Conditions, allowed_rate
from triage.model.experiment import ExperimentResult, Factor, ProbeReport, RootCause, Status, Tally
from triage.model.outcome import Outcome
from triage.model.run import Chunk, Limits, Plan, RunRecord, TestResult
from triage.repair.asked import pytest_command, runs_for
from triage.repair.criteria import Control, Ground, capture_command, criteria_for, floor_below
from triage.repair.design_document import control_of
from triage.repair.inputs import Basis

CONTROL = {
    "loss": 983760.69,
    "gradients": {"cell_a": 7782.17, "cell_b": -2947.32, "cell_alpha": 1.66, "flat": 0.0},
}
MEASURED = Control(**CONTROL)
FACTOR = Factor(kind="config", name="simulator.CrystalConfig.default_F", from_=0.0, to=100.0)


def _basis(tmp_path, kind="zero-signal", failed=4, culprits=(), factor=FACTOR):
    result = ExperimentResult(
        probe="signal",
        factor=factor,
        prediction="",
        status=Status.CONFIRMED,
        baseline=Tally(runs=4, failed=failed),
        treated=Tally(runs=4, failed=0),
        measurements={"treated": CONTROL},
    )
    cause = RootCause(kind=kind, summary="", factor=factor, culprits=culprits, confidence="proven")
    report = ProbeReport(
        subject=("t.py::x",), cluster="C19", reproduced=True, experiments=(result,), root_cause=cause
    )
    outcomes = {"t.py::a": Outcome.PASSED, "t.py::x": Outcome.FAILED, "u.py::red": Outcome.ERROR}
    record = RunRecord(
        stamp="20260101T000000Z",
        campaign="x",
        root="/",
        complete=True,
        results=tuple(TestResult(nodeid=nodeid, outcome=outcome) for nodeid, outcome in outcomes.items()),
        plan=Plan(
            chunks=(
                Chunk(name="chunk_01", nodeids=("t.py::a", "t.py::x")),
                Chunk(name="chunk_02", nodeids=("u.py::red",)),
            ),
            limits=Limits(),
            durations_from="x",
        ),
    )
    return Basis(Cluster(id="C19", title="t"), report, tmp_path / "probe.json", record, tmp_path)


def _criteria(basis, *, controls=(MEASURED,), kinds=("test",), keywords=(), settings=None):
    ground = Ground(
        basis=basis,
        settings=settings or Settings(),
        controls=controls,
        keywords=tuple(keywords),
        kinds=frozenset(kinds),
    )
    return {criterion.name: criterion for criterion in criteria_for(ground)}


def test_the_campaigns_criteria_follow_from_its_proof(tmp_path):
    found = _criteria(_basis(tmp_path), keywords=["hkl_path"])
    assert list(found) == ["targeted", "loss", "gradients", "chunk", "docstring", "ledgers"]
    floors = {bound.quantity: bound.above for bound in found["gradients"].bounds}
    assert floors == {"cell_a": 1000.0, "cell_b": 1000.0, "cell_alpha": 1.0}
    assert found["loss"].bounds[0].holds(1e-30)
    assert not found["loss"].bounds[0].holds(0.0)
    assert found["docstring"].mentions == ("default_F", "hkl_path")
    assert found["chunk"].nodeids == ("t.py::a", "t.py::x")
    assert found["chunk"].tolerated == ("u.py::red",)


def test_settings_decide_floors_by_pattern(tmp_path):
    settings = Settings(gradient_floors={"cell_[abc]": 500.0, "cell_a": 600.0, "cell_*": 0.5, "flat": 0.25})
    found = _criteria(_basis(tmp_path), settings=settings)
    floors = {bound.quantity: bound.above for bound in found["gradients"].bounds}
    assert floors == {"cell_a": 600.0, "cell_b": 500.0, "cell_alpha": 0.5, "flat": 0.25}


def test_a_floor_lies_below_every_control(tmp_path):
    weak = Control(loss=1.0, gradients={"cell_a": -3.2, "cell_b": None, "cell_alpha": 5.0})
    found = _criteria(_basis(tmp_path), controls=(MEASURED, weak))
    floors = {bound.quantity: bound.above for bound in found["gradients"].bounds}
    assert floors == {"cell_a": 1.0, "cell_alpha": 1.0}


def test_a_repair_of_data_alone_needs_no_note_in_the_test(tmp_path):
    assert "docstring" in _criteria(_basis(tmp_path), kinds=["test", "data"])
    assert "docstring" not in _criteria(_basis(tmp_path), kinds=["data"])


def test_a_change_of_the_product_must_answer_in_the_suite(tmp_path):
    found = _criteria(_basis(tmp_path), kinds=["product"])
    assert "suite" in found
    assert "docstring" not in found
    assert found["suite"].nodeids == ()
    found = _criteria(_basis(tmp_path), kinds=["product"], settings=Settings(selectors=("tests/unit",)))
    assert found["suite"].nodeids == ("tests/unit",)


def test_a_failure_that_needs_others_is_checked_behind_them(tmp_path):
    basis = _basis(tmp_path, kind="order-dependent", culprits=("t.py::a", "gone.py::z"), factor=None)
    found = _criteria(basis, controls=())
    assert list(found) == ["context", "chunk", "suite", "ledgers"]
    assert found["context"].nodeids == ("t.py::a", "t.py::x")


def test_rare_failures_need_more_runs(tmp_path):
    assert _criteria(_basis(tmp_path))["targeted"].runs == 4
    assert _criteria(_basis(tmp_path, failed=1))["targeted"].runs == 11
    assert runs_for(0.01) == 100
    assert runs_for(0.0) == runs_for(1.0) == 4


@given(st.floats(min_value=0.031, max_value=0.999))
def test_so_many_passes_exclude_the_old_failure_rate(rate):
    assert allowed_rate(runs_for(rate)) <= rate + 1e-9 or runs_for(rate) == 4


@pytest.mark.parametrize(
    ("n", "rate"), [(1, 0.95), (3, 0.63), (10, 0.26), (20, 0.14), (100, 0.03), (300, 0.01)]
)
def test_the_allowed_rate_is_the_published_one(n, rate):
    assert allowed_rate(n) == pytest.approx(rate, abs=0.006)
    assert allowed_rate(0) is None


@pytest.mark.parametrize(
    ("value", "floor"), [(7782.17, 1000.0), (1.66, 1.0), (1.0, 1.0), (0.911, 0.1), (1e-12, 1e-12)]
)
def test_a_floor_is_the_power_of_ten_below(value, floor):
    assert floor_below(value) == pytest.approx(floor)


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), 0.5, -0.5, 1.0])
def test_a_bound_holds_only_above(value):
    assert not Bound(quantity="x", above=1.0).holds(value)


def test_commands_quote_what_a_shell_would_read():
    settings = Settings(env={"B": "x y", "A": "-1"}, python="/opt/my python")
    command = pytest_command(settings, ["t.py::x[a b]", "-k"])
    assert (
        command == "env A=-1 'B=x y' '/opt/my python' -m pytest -vv 't.py::x[a b]' -k" or "B='x y'" in command
    )
    assert "triage.instruments.meters.gradients" in capture_command(settings, ["t.py::x"])


def test_a_proof_without_gradients_is_no_control(tmp_path):
    basis = _basis(tmp_path)
    assert control_of(basis) == MEASURED
    bare = basis.report.experiments[0].model_copy(update={"measurements": {"treated": {}}})
    report = basis.report.model_copy(update={"experiments": (bare,)})
    assert control_of(Basis(basis.cluster, report, basis.probe, basis.run, basis.run_folder)) is None


def test_a_victim_must_pass_in_the_red_order_and_not_where_it_passed_before(tmp_path):
    order = Factor(kind="order", name="before", from_=["t.py::a"], to="alone")
    found = _criteria(_basis(tmp_path, "order-dependent", culprits=("t.py::a",), factor=order), controls=())
    assert "targeted" not in found
    assert found["context"].nodeids == ("t.py::a", "t.py::x")


def test_a_brittle_test_must_pass_alone(tmp_path):
    order = Factor(kind="order", name="before", from_="alone", to=["t.py::a"])
    found = _criteria(_basis(tmp_path, "order-dependent", culprits=("t.py::a",), factor=order), controls=())
    assert found["targeted"].nodeids == ("t.py::x",)
    assert "context" not in found


def test_a_test_that_an_import_breaks_must_pass_beside_that_import(tmp_path):
    order = Factor(kind="order", name="imports", from_=["u.py"], to="t.py")
    found = _criteria(_basis(tmp_path, "order-dependent", culprits=("u.py",), factor=order), controls=())
    assert "targeted" not in found
    assert found["imports"].imports == ("u.py", "t.py")
    assert found["imports"].command.endswith("u.py t.py::x --deselect u.py")


def test_criteria_run_under_the_conditions_of_the_run_that_failed(tmp_path):
    """A patch of a comment was recommended where the run had variables and arguments of its own."""
    conditions = Conditions(env={"MODE": "ci", "LEVEL": None}, pytest_args=("--runslow",))
    ground = Ground(_basis(tmp_path), Settings(), (MEASURED,), (), frozenset({"test"}), conditions)
    found = {criterion.name: criterion for criterion in criteria_for(ground)}
    assert found["targeted"].conditions == found["chunk"].conditions == conditions
    assert found["ledgers"].conditions is None
    for name in ("targeted", "chunk"):
        assert "env -u LEVEL" in found[name].command
        assert "MODE=ci" in found[name].command
        assert "--runslow" in found[name].command
    assert "MODE=ci" in found["targeted"].command
    assert "--runslow" in found["targeted"].command


AT_ONCE = Factor(kind="workers", name="tests at once", from_=3, to=0)
IN_WORKERS = Factor(kind="env", name="PYTEST_XDIST_WORKER", from_="gw0", to=None)


@pytest.mark.parametrize(
    ("factor", "culprits", "nodeids", "command"),
    [
        (AT_ONCE, ("t.py::a", "out.txt", "app.py:3"), ("t.py::a", "t.py::x"), "-n 3 --dist load"),
        (AT_ONCE, ("127.0.0.1:80", "t.py::x"), ("t.py::x",), "-n 3 --dist each"),
        (IN_WORKERS, ("PYTEST_XDIST_WORKER",), ("t.py::x",), "-n 1 --dist each"),
    ],
)
def test_what_fails_in_several_processes_only_is_asked_there(tmp_path, factor, culprits, nodeids, command):
    """Alone, in one process, the tests pass before any repair."""
    basis = _basis(tmp_path, kind="resource", culprits=culprits, factor=factor)
    ground = Ground(basis=basis, settings=Settings(), controls=[], keywords=(), kinds=frozenset({"product"}))
    found = {criterion.name: criterion for criterion in criteria_for(ground)}
    assert "targeted" not in found
    assert found["workers"].nodeids == nodeids
    assert command in found["workers"].command
    assert basis.failing_setup().workers == found["workers"].workers
