"""What a confirmed experiment shows: the cause, or only a condition on which the test depends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from triage.lab.protocol import Experiment, Setup
from triage.model.experiment import Factor, RootCause
from triage.probe.api import Finding
from triage.probe.claim import examined
from triage.testing.probes import case_of, drive, seen

T = "tests/test_a.py::test_it"
SOURCE = "def total(rows):\n    result = 0\n    for row in rows:\n        result += row\n    return result\n"


class Examining:
    """Drives `examined` as if it were a probe."""

    name = "examining"

    def __init__(self, finding):
        self._finding = finding

    def investigate(self, case):
        return examined(case, self._finding)


def executed(lines):
    told = [[0, line] for line in lines]
    return {"event": "executed", "nodeid": T, "detail": "lines", "files": ["totals.py"], "lines": told}


def examine(
    factor,
    failing=(2, 3, 4, 5),
    treated=(2, 3, 4, 5),
    *,
    files=None,
    facts=None,
    kind="environment-variable",
    **more,
):
    """The claim for a factor whose arms run these lines of `totals.py`."""
    files = {"totals.py": SOURCE, **(files or {})}

    def world(setup):
        passes = setup.env.get("FIX") == "1"
        answer = seen(T, passes)
        if "lines" in setup.instruments:
            measured = {"lines": (executed(treated if passes else failing),)}
            answer = answer.model_copy(update={"measured": measured})
        return answer

    base = Setup(nodeids=(T,))
    case = case_of(T, world, base, files=tuple(files), source=files.get, facts=facts or {})
    proof = Experiment(
        probe="p",
        factor=factor,
        prediction="-",
        baseline=base,
        treated=base.plus(env={"FIX": "1"}),
        watch=(T,),
    )
    cause = RootCause(kind=kind, summary="it flips", factor=factor, culprits=("x",), confidence="proven")
    return drive(Examining(Finding(cause=cause, proof=proof, **more)), case, world).finding.cause


VARIABLE = Factor(kind="env", name="FIX", from_=None, to="1")


@pytest.mark.parametrize(
    ("default", "files", "claim"),
    [
        ("", {"Makefile": "test:\n\tFIX=1 pytest\n"}, "cause"),
        (", ''", {"Makefile": "test:\n\tFIX=1 pytest\n"}, "cause"),
        (", '2'", {"Makefile": "test:\n\tFIX=1 pytest\n"}, "condition"),
        (", '2'", {"README.md": "FIX=1 is needed\n"}, "cause"),
    ],
    ids=["no default", "empty", "a default that fails", "prescribed in words"],
)
def test_a_run_that_sets_a_variable_may_work_around_a_fault_of_its_default(default, files, claim):
    source = f"import os\n\n\ndef total():\n    return os.environ.get('FIX'{default})\n"
    test = {T.partition("::")[0]: "import totals\n"}
    assert examine(VARIABLE, files={**test, "totals.py": source, **files}).claim == claim


def test_a_documented_value_is_the_cause_and_the_place_is_named():
    cause = examine(VARIABLE, files={".env.example": "FIX=1\n"})
    assert (cause.claim, cause.confidence) == ("cause", "proven")
    assert ".env.example:1 says FIX=1" in cause.summary


def test_a_documented_value_that_empties_the_loop_is_a_condition_and_the_product_is_suspected():
    cause = examine(VARIABLE, treated=(2, 3, 5), files={".env.example": "FIX=1\n"})
    assert (cause.claim, cause.confidence, cause.kind) == ("condition", "likely", "product-defect")
    assert cause.lines_no_longer_run == ("totals.py:4",)
    assert cause.culprits[0] == "totals.py:4"
    assert "it passes with FIX=1, but then totals.py:4 does not run" in cause.summary


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("FIX turns the new path on.", "condition"),
        ("FIX=1 turns the new path on.", "condition"),
        ("You must set FIX=1 before running the tests.", "cause"),
        ("Always export FIX=1.", "cause"),
        ("You must set FIX=2.", "condition"),
        ("On Windows, set FIX=1 before you start the server.", "condition"),
        ("Benchmarks need FIX=1, which takes the short path.", "condition"),
        ("FIX=1 must be set when tests run.", "cause"),
    ],
)
def test_prose_has_to_prescribe_the_value(text, claim):
    assert examine(VARIABLE, files={"README.md": f"# X\n\n{text}\n"}).claim == claim


JOBS = """\
jobs:
  lint:
    env:
      FIX: {lint}
    steps:
      - run: ruff check
  test:
    env:
      FIX: {test}
    steps:
      - run: python -m pytest
      - run: mypy
        env:
          FIX: {step}
"""
TOX = """\
[testenv]
commands = pytest
setenv =
    A=1
[testenv:legacy]
setenv =
    FIX=1
"""


@pytest.mark.parametrize(
    ("name", "text", "claim"),
    [
        (".github/workflows/ci.yml", JOBS.format(lint=1, test=0, step=0), "condition"),
        (".github/workflows/ci.yml", JOBS.format(lint=0, test=0, step=1), "condition"),
        (".github/workflows/ci.yml", JOBS.format(lint=0, test=1, step=0), "cause"),
        (".github/workflows/ci.yml", "env:\n  FIX: 1\n" + JOBS.format(lint=0, test=0, step=0), "cause"),
        ("tox.ini", TOX, "condition"),
        ("tox.ini", TOX.replace("A=1", "FIX=1"), "cause"),
        ("tox.ini", TOX.replace("commands = pytest", "deps = pytest-cov"), "cause"),
    ],
    ids=["a job that lints", "a step", "the tests' job", "all jobs", "one of two", "both", "the only one"],
)
def test_settings_of_a_run_count_where_that_run_is_one_of_the_tests(name, text, claim):
    assert examine(VARIABLE, files={name: text}).claim == claim


@pytest.mark.parametrize(
    ("name", "text", "claim"),
    [
        (".env.example", "FIX=0\n", "condition"),
        (".env.example", "FIX=0  # must be off for tests\n", "cause"),
        (".env.example", "FIX=on\n", "cause"),
        (".github/workflows/ci.yml", "env:\n  FIX: 0\n", "cause"),
        ("totals.py", '"""FIX=on"""\n', "condition"),
        ("tests/test_b.py", "FIX = 'on'\n", "condition"),
    ],
)
def test_a_switch_that_an_example_turns_off_is_an_option(name, text, claim):
    value = "on" if "on\n" in text or "on'" in text or 'on"' in text else "0"
    variable = Factor(kind="env", name="FIX", from_=None, to=value)
    assert examine(variable, files={name: text}).claim == claim


def test_the_run_in_which_it_passed_says_which_value_is_right():
    unset = Factor(kind="env", name="FIX", from_="odd", to=None)
    assert examine(unset).claim == "condition"
    assert examine(unset, facts={"environment_when_passing": {"OTHER": "1"}}).claim == "cause"
    assert examine(unset, facts={"environment_when_passing": {"FIX": "odd"}}).claim == "condition"


@pytest.mark.parametrize(
    "factor",
    [
        Factor(kind="seed", name="generators", to=2),
        Factor(kind="dtype", name="default", to="float64"),
        Factor(kind="clock", name="now", to="2026-01-01"),
        Factor(kind="config", name="totals.Config.smoothing", from_=0.0, to=100.0),
        Factor(kind="literal", name="tests/test_a.py:3", from_="1", to="2"),
        Factor(kind="network", name="x", to="answered"),
        Factor(kind="tolerance", name="approx", to=10.0),
        Factor(kind="limit", name="test-timeout", to=8.0),
        Factor(kind="joint", name="env:A + seed:generators", to=["1", 2]),
        Factor(kind="order", name="before", from_="alone", to=["tests/test_a.py::test_setter"]),
    ],
    ids=lambda factor: factor.kind,
)
def test_an_input_without_a_reason_and_a_symptom_are_conditions(factor):
    lost = (2, 3, 5) if factor.kind == "order" else (2, 3, 4, 5)
    assert examine(factor, treated=lost).claim == "condition"


def test_slack_is_no_cause_whatever_speaks_for_it():
    slack = Factor(kind="tolerance", name="approx", to=10.0)
    assert examine(slack, because="it is rounding").claim == "condition"


def test_a_reason_of_the_probe_counts():
    file = Factor(kind="file", name="data/a.txt", from_="absent", to="an empty file")
    assert examine(file, because="the failure says that data/a.txt is not there").claim == "cause"
    assert examine(file).claim == "condition"


def test_another_caller_says_what_a_default_should_be():
    default = Factor(kind="config", name="totals.Config.scale", from_=0.0, to=100.0)
    other = {"tests/test_b.py": "def test_b():\n    config = Config(scale=5.0)\n"}
    assert examine(default, files=other, kind="zero-signal").claim == "cause"
    assert (
        examine(default, files={"tests/test_b.py": "Config(scale=0.0)\n"}, kind="zero-signal").claim
        == "condition"
    )


@pytest.mark.parametrize("kind", ["commit", "restore", "backward"])
def test_what_changes_the_code_or_undoes_a_leak_is_not_compared_by_lines(kind):
    assert examine(Factor(kind=kind, name="x", from_="a", to="b"), treated=(2,)).claim == "cause"


@pytest.mark.parametrize(
    ("taken_back", "treated", "claim"),
    [
        ({"flags.py": "FAST = False\n"}, (2, 3, 5), "condition"),
        ({"flags.py": "FAST = False\n"}, (2, 3, 4, 5), "cause"),
        ({"totals.py": SOURCE.replace("        result += row\n", "        pass\n")}, (2, 3, 5), "cause"),
    ],
    ids=["older lines are skipped", "all run", "the lines are the commit's own"],
)
def test_a_commit_that_only_chooses_is_compared_by_the_older_lines_that_it_runs(taken_back, treated, claim):
    commit = Factor(kind="commit", name="revision", from_="b2", to="a1")
    beside = Setup(nodeids=(T,), env={"FIX": "1"}, edits=taken_back)
    cause = examine(commit, treated=treated, kind="first-bad-commit", beside=beside)
    assert cause.claim == claim
    if claim == "condition":
        assert "it passes without that change, but then totals.py:4 does not run" in cause.summary
        assert cause.culprits == ("x", "totals.py:4")


def test_what_the_probe_has_seen_speaks_against_its_cause():
    commit = Factor(kind="commit", name="revision", from_="b2", to="a1")
    cause = examine(commit, kind="first-bad-commit", against=("the tests ask for more since",))
    assert (cause.claim, cause.confidence) == ("condition", "likely")
    assert "the tests ask for more since: whether that change or older code is wrong" in cause.summary


def test_a_condition_is_no_proven_cause():
    with pytest.raises(ValueError, match="a condition is no proven cause"):
        RootCause(kind="seed", summary="", confidence="proven", claim="condition")
    with pytest.raises(ValueError, match="no proven cause"):
        RootCause(kind="seed", summary="", confidence="proven", lines_no_longer_run=("a.py:1",))


def test_an_arm_of_a_flaky_test_runs_until_it_fails():
    outcomes = iter([True, True, False, True, False, False, False, False])

    def world(setup):
        passes = setup.env.get("FIX") == "1" or next(outcomes)
        lines = (2, 3, 5) if setup.env.get("FIX") == "1" else (2, 3, 4, 5)
        return seen(T, passes, measured={"lines": (executed(lines),)})

    base = Setup(nodeids=(T,))
    case = replace(case_of(T, world, base, source={"totals.py": SOURCE}.get), rate=0.5, runs=4)
    proof = Experiment(
        probe="p",
        factor=VARIABLE,
        prediction="-",
        baseline=base,
        treated=base.plus(env={"FIX": "1"}),
        watch=(T,),
    )
    cause = RootCause(kind="seed", summary="it flips", factor=VARIABLE, confidence="proven")
    found = drive(Examining(Finding(cause=cause, proof=proof)), case, world).finding.cause
    assert found.lines_no_longer_run == ("totals.py:4",)


def traced(place, *, hands_zero, number=0):
    return {
        "event": "op",
        "n": number,
        "op": "mul",
        "where": place,
        "grad_zero": False,
        "hands_zero": hands_zero,
    }


def signal(mask_is_dead_after):
    """A mask that kills the gradient beside a smoothing that is off; the treatment turns the smoothing on."""
    backward = {"event": "backward", "loss": 0.0, "leaves": [{"name": "x", "max_abs": 0.0, "grad": 0.0}]}

    def world(setup):
        passes = setup.env.get("FIX") == "1"
        ops = (
            traced("model.py:9", hands_zero=mask_is_dead_after if passes else True),
            traced("model.py:10", hands_zero=not passes, number=1),
        )
        return seen(T, passes, measured={"trace": ops, "gradients": (backward,), "lines": (executed(()),)})

    base = Setup(nodeids=(T,))
    case = case_of(T, world, base)
    factor = Factor(kind="config", name="model.Config.smoothing", from_=0.0, to=100.0)
    proof = Experiment(
        probe="p",
        factor=factor,
        prediction="-",
        baseline=base,
        treated=base.plus(env={"FIX": "1"}),
        watch=(T,),
    )
    cause = RootCause(kind="zero-signal", summary="it flips", factor=factor, confidence="proven")
    finding = Finding(cause=cause, proof=proof, because="the manual says so")
    return drive(Examining(finding), case, world).finding.cause


def test_a_treatment_that_revives_another_path_is_a_condition_and_the_dead_operation_is_named():
    cause = signal(mask_is_dead_after=True)
    assert (cause.claim, cause.kind, cause.culprits[0]) == ("condition", "zero-signal", "model.py:9")
    assert "the signal still dies in mul (model.py:9)" in cause.summary
    revived = signal(mask_is_dead_after=False)
    assert revived.claim == "cause"
    assert "the signal dies in mul (model.py:10)" in revived.summary
    assert "model.py:10" in revived.culprits


def test_without_a_record_of_the_lines_nothing_is_a_cause():
    """Where coverage owns the tracer, or a test runs too many lines to name."""
    base = Setup(nodeids=(T,))
    factor = Factor(kind="threads", name="torch", to="one")
    proof = Experiment(
        probe="p",
        factor=factor,
        prediction="-",
        baseline=base,
        treated=base.plus(env={"FIX": "1"}),
        watch=(T,),
    )
    cause = RootCause(kind="threads", summary="it flips", factor=factor, confidence="proven")

    def world(detail):
        record = executed((2, 3)) | {"detail": detail}
        return lambda setup: seen(T, setup.env.get("FIX") == "1", measured={"lines": (record,)})

    def claim(detail):
        one = world(detail)
        finding = drive(Examining(Finding(cause=cause, proof=proof)), case_of(T, one, base), one).finding
        return finding.cause.claim

    assert (claim("lines"), claim("functions"), claim("nothing")) == ("cause", "condition", "condition")
