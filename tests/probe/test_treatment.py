"""A treatment that leads the test past what failed is no proof; slack beyond rounding is none either."""

from __future__ import annotations

from dataclasses import replace

import pytest

from triage.lab.protocol import Setup
from triage.model.experiment import Factor
from triage.model.failure import Failure, Frame, Raised
from triage.probe.api import Case, Finding
from triage.probe.probes.environment import Environment, setting
from triage.probe.probes.numeric import Numeric
from triage.probe.probes.user_factor import UserFactor
from triage.probe.treatment import settle, watching_failed_statement
from triage.testing.probes import drive, seen

T = "tests/test_a.py::test_it"
SOURCE = """import os

def test_it():
    for row in rows():
        assert (
            valid(row)
        )
"""


def case(message="assert False", line=5, source=SOURCE):
    frame = Frame(path="tests/test_a.py", lineno=line, function="test_it", origin="test")
    failure = Failure(
        nodeid=T, phase="call", chain=(Raised(type="AssertionError", message=message, frames=(frame,)),)
    )
    return Case(
        nodeid=T,
        base=Setup(nodeids=(T,)),
        failure=failure,
        context="alone",
        runs=4,
        env={"ROWS": "1"},
        source={"tests/test_a.py": source}.get,
    )


class Unset:
    name = "unset"

    def likelihood(self, one):
        return 1.0

    def investigate(self, one):
        return (yield from settle(self.name, one, [setting(one, "ROWS", None)], "unset"))


def world(hit, hollow=False):
    def run(setup):
        cured = setup.env.get("ROWS", "1") is None
        answer = seen(T, cured)
        if "reach" in setup.instruments:
            line = {"event": "reached", "nodeid": T, "hit": hit, "hollow": hollow}
            answer = answer.model_copy(update={"measured": {"reach": (line,)}})
        return answer

    return run


def reason(run):
    """The world's failures are the case's own."""

    def answer(setup):
        found = run(setup)
        return found.model_copy(update={"failures": {T: case().failure} if found.red(T) else {}})

    return answer


@pytest.mark.parametrize(
    ("hit", "hollow", "confidence"),
    [(True, False, "proven"), (False, False, "likely"), (True, True, "likely")],
)
def test_a_pass_that_never_came_to_the_assertion_is_only_likely(hit, hollow, confidence):
    finding = drive(Unset(), case(), reason(world(hit, hollow))).finding
    assert finding.cause.kind == "environment-variable"
    assert finding.cause.confidence == confidence
    assert ("does not reach the statement that failed" in finding.cause.summary) == (confidence == "likely")


def test_a_guess_that_leads_past_what_failed_is_not_even_likely():
    class Guess(Unset):
        def investigate(self, one):
            guess = setting(one, "ROWS", None).model_copy(update={"sure": False})
            found = yield from settle(self.name, one, [guess], "unset")
            return found or Finding(excluded="nothing")

    driven = drive(Guess(), case(), reason(world(hit=False)))
    assert driven.finding.cause is None
    assert driven.experiments == []


def test_the_whole_statement_is_watched_and_edited_files_are_not():
    told = watching_failed_statement(case(), Setup(nodeids=(T,))).instruments["reach"]
    assert (told["first"], told["last"]) == (5, 7)
    edited = Setup(nodeids=(T,), edits={"tests/test_a.py": ""})
    assert watching_failed_statement(case(), edited) == edited


@pytest.mark.parametrize(
    ("relative", "confidence"), [(2.9e-5, "likely"), (3e-3, "likely"), (4e-16, "proven"), (8e-13, "proven")]
)
def test_slack_proves_a_tight_limit_only_where_the_miss_is_rounding(relative, confidence):
    miss = {
        "event": "miss", "name": "pytest.approx", "where": "tests/test_a.py:5", "ratio": 3.0,
        "relative": relative, "dtype": "float64", "nonfinite": False,
    }  # fmt: skip

    def run(setup):
        loose = setup.instruments.get("tolerance", {}).get("factor", 1.0) > 3
        answer = seen(T, loose)
        return answer.model_copy(
            update={
                "measured": {"tolerance": (miss,)},
                "failures": {} if loose else {T: case("not close").failure},
            }
        )

    cause = drive(Numeric(), case("not close"), run).finding.cause
    assert (cause.kind, cause.confidence) == ("tolerance", confidence)


@pytest.mark.parametrize(("hit", "confidence"), [(True, "proven"), (False, "likely")])
def test_what_the_user_asks_for_proves_nothing_by_a_way_around(hit, confidence):
    asked = replace(case(), factors=(Factor(kind="env", name="ROWS", from_="1", to=None),))
    assert drive(UserFactor(), asked, reason(world(hit))).finding.cause.confidence == confidence


@pytest.mark.parametrize(
    ("text", "confidence"), [("KeyError: 'ROWS'", "proven"), ("assert 91.0 == 19.0", "likely")]
)
def test_setting_what_is_missing_proves_only_where_the_failure_names_it(text, confidence):
    lines = ({"what": "variable", "name": "ROWS", "where": "tests/test_a.py:4", "set": False},)
    one = replace(case(text), env={}, facts={"survey": Finding(excluded="-", facts={"usage": lines})})

    def run(setup):
        cured = setup.env.get("ROWS") is not None
        failures = {} if cured else {T: one.failure}
        return seen(T, cured).model_copy(update={"failures": failures})

    cause = drive(Environment(), one, run).finding.cause
    assert (cause.kind, cause.confidence) == ("environment-variable", confidence)


def test_a_coarse_miss_by_five_tolerances_is_a_wrong_result():
    miss = {
        "event": "miss", "name": "pytest.approx", "where": "tests/test_a.py:5", "ratio": 5.0,
        "relative": 1e-3, "dtype": "float64", "nonfinite": False,
    }  # fmt: skip

    def run(setup):
        return seen(T, False, "not close").model_copy(update={"measured": {"tolerance": (miss,)}})

    driven = drive(Numeric(), case("not close"), run)
    assert driven.finding.cause is None
    assert not [look for look in driven.looks if look.setup.instruments.get("tolerance")]
