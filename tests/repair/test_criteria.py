"""How criteria, floors and verdicts on options follow from figures; nothing is run here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.config import Settings
from triage.errors import UsageError
from triage.lab.measurements import magnitude
from triage.model.cluster import Cluster
from triage.model.criterion import Bound, allowed_rate
from triage.model.experiment import ExperimentResult, Factor, ProbeReport, RootCause, Status, Tally
from triage.model.outcome import Outcome
from triage.model.run import Chunk, Limits, Plan, RunRecord, TestResult
from triage.repair import ranking
from triage.repair.assertion_strength import Strength, compare
from triage.repair.criteria import (
    Control,
    Ground,
    capture_command,
    criteria_for,
    floor_below,
    pytest_command,
    runs_for,
)
from triage.repair.design_document import control_of
from triage.repair.document import ChunkRun, Option, PlantedBreak
from triage.repair.inputs import Basis
from triage.repair.options import Applied, FileChange, Proposal, gather, kind_of
from triage.repair.ranking import against, rank, require_breaks

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
    assert list(found) == ["targeted", "context", "chunk", "suite", "ledgers"]
    assert found["context"].nodeids == ("t.py::a", "t.py::x")
    assert found["targeted"].nodeids == ("t.py::x",)


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


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (-2.0, 2.0),
        (3, 3.0),
        ([1.0, -4.0], 4.0),
        ([[1], [-2]], 2.0),
        ({"norm": 5.0}, 5.0),
        ([], None),
        (None, None),
        (True, None),
        ("x", None),
        (float("nan"), None),
        (float("inf"), None),
        ("NaN", None),
        ({}, None),
    ],
)
def test_the_size_of_a_gradient(value, size):
    assert magnitude(value) == size


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


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("tests/test_x.py", "test"),
        ("x_test.py", "test"),
        ("conftest.py", "test"),
        ("tests/util.py", "test"),
        ("src/x.py", "product"),
        ("tests/data/a.hkl", "data"),
        ("README.md", "data"),
        ("contest.py", "product"),
    ],
)
def test_files_are_told_apart(path, kind):
    assert kind_of(path) == kind


def test_keywords_are_what_added_lines_set():
    added = "+    default_F=100.0,\n+f(hkl_path=str(p))\n+assert a == b\n"
    patch = f"--- a/t.py\n+++ b/t.py\n@@ -1 +1,3 @@\n-x = 1\n{added}"
    applied = Applied(proposal=Proposal(letter="A", title="", source="", patch=patch))
    assert applied.keywords == ("default_F", "hkl_path")


def test_more_options_than_letters_are_refused(tmp_path):
    path = tmp_path / "x.patch"
    path.write_text("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
    report = _basis(tmp_path).report
    assert [proposal.letter for proposal in gather([path] * 3, report)] == ["A", "B", "C"]
    with pytest.raises(UsageError):
        gather([path] * 27, report)


WHOLE = Strength(before=3, after=3)
GREEN_CHUNK = ChunkRun(
    name="chunk_01", tests=2, passed=2, new_failures=(), unanswered=(), seconds=1.0, evidence="x"
)
TEST_FILE = FileChange(path="tests/test_x.py", kind="test", added=1, removed=0)


def _option(letter: str, **changes) -> Option:
    facts = {
        "title": "",
        "source": "",
        "patch": "",
        "patch_file": "",
        "apply": "",
        "applies": True,
        "why_not": None,
        "files": (TEST_FILE,),
        "added": 1,
        "removed": 0,
        "strength": WHOLE,
        "keywords": (),
        "runs": 2,
        "passed": 2,
        "seconds": 1.0,
        "targeted": (),
        "chunk": GREEN_CHUNK,
        "eligible": True,
    }
    return Option(letter=letter, **(facts | changes))


def _broken(name, caught, calls=1, required=False):
    outcome = "failed" if caught else "passed"
    return PlantedBreak(name=name, calls=calls, outcome=outcome, caught=caught, required=required)


@pytest.mark.parametrize(
    "changes",
    [
        {"applies": False, "why_not": "x"},
        {"passed": 1},
        {"chunk": GREEN_CHUNK.model_copy(update={"new_failures": ("t",)})},
        {"chunk": GREEN_CHUNK.model_copy(update={"unanswered": ("t",)})},
        {"breaks": (_broken("output", caught=False, required=True),)},
        {"cut_off": ("weight",)},
        {"strength": Strength(before=3, after=2)},
        {"strength": Strength(before=3, after=3, skips=1)},
        {"strength": Strength(before=3, after=3, tautologies=1)},
    ],
)
def test_each_fault_alone_rejects_an_option(changes):
    assert against(_option("A")) == ()
    assert len(against(_option("A", **changes))) == 1


def test_which_breaks_must_be_noticed():
    strict = _option("A", breaks=(_broken("output", True), _broken("zero", False), _broken("leaf:w", True)))
    loose = _option(
        "B",
        unreached=("w",),
        breaks=(_broken("output", True), _broken("leaf:w", False), _broken("mine", False, calls=None)),
    )
    marked, marked_loose = require_breaks([strict, loose], "graph-break", ["w"])
    assert [broken.required for broken in marked.breaks] == [True, False, True]
    assert [broken.required for broken in marked_loose.breaks] == [True, True, True]
    assert (marked.cut_off, marked_loose.cut_off) == ((), ("w",))
    assert against(marked) == ()
    assert len(against(marked_loose)) == 2
    (zeroed,) = require_breaks([strict], "zero-signal", [])
    assert against(zeroed) == ("the repaired test does not notice a planted break: zero",)


def test_the_rule_orders_eligible_options():
    options = [
        _option("A", seconds=9.0),
        _option("B", added=5),
        _option("C", new_reads=("f",), added=0),
        _option("D", eligible=False, added=0),
        _option("E", seconds=1.0),
        _option("F", files=(TEST_FILE, TEST_FILE), added=0),
        _option("G", strength=Strength(before=3, after=3, changed=1), added=0),
    ]
    assert [option.letter for option in rank(options)] == ["E", "A", "B", "F", "C", "G"]


def test_floors_reject_only_where_another_option_reaches_them():
    floors = [Bound(quantity="w", above=10.0)]
    weak = _option("A", gradients={"w": 1.0})
    strong = _option("B", gradients={"w": -50.0}, seconds=9.0)
    alone = ranking.compare([weak], cause="zero-signal", cut_off=[], floors=floors)
    assert [(option.eligible, option.below, option.rank) for option in alone] == [(True, ("w",), 1)]
    both = ranking.compare([weak, strong], cause="zero-signal", cut_off=[], floors=floors)
    assert [(option.eligible, option.rank) for option in both] == [(False, None), (True, 1)]
    assert "floors" in both[0].against[0]


def test_a_proof_without_gradients_is_no_control(tmp_path):
    basis = _basis(tmp_path)
    assert control_of(basis) == MEASURED
    bare = basis.report.experiments[0].model_copy(update={"measurements": {"treated": {}}})
    report = basis.report.model_copy(update={"experiments": (bare,)})
    assert control_of(Basis(basis.cluster, report, basis.probe, basis.run, basis.run_folder)) is None


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("assert a == 1", "assert a == 1", {}),
        ("assert a == 1", "assert f(a) == 1", {"changed": 1}),
        ("assert a == 1", "a == 1", {"after": 0, "changed": 1}),
        ("assert a == 1", "assert a == 1 or True", {"changed": 1, "tautologies": 1}),
        ("assert a == 1", "assert (a == 1, 'message')", {"changed": 1, "tautologies": 1}),
        ("assert a == 1", "assert a == a", {"changed": 1, "tautologies": 1}),
        ("assert a == 1", "assert not None", {"changed": 1, "tautologies": 1}),
        ("assert a == 1", "try:\n    assert a == 1\nexcept Exception:\n    pass", {"swallows": 1}),
        ("assert a == 1", "with suppress(AssertionError):\n    assert a == 1", {"swallows": 1}),
        ("assert a == 1", "try:\n    assert a == 1\nexcept ValueError:\n    raise", {}),
        ("assert a == 1", "import pytest\npytest.skip('x')\nassert a == 1", {"skips": 1}),
        ("self.assertEqual(a, 1)", "self.assertTrue(a)", {"changed": 1}),
        ("with pytest.raises(E):\n    f()", "f()", {"after": 0, "changed": 1}),
        ("assert a == 1", "def (", {"after": 0, "changed": 1}),
    ],
)
def test_what_a_patch_takes_from_a_test_is_seen(before, after, expected):
    whole = {"before": 1, "after": 1, "changed": 0, "tautologies": 0, "skips": 0, "swallows": 0}
    assert compare([(before, after)]).model_dump() == whole | expected
