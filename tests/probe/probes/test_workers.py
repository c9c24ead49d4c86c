"""What of several processes a test does not stand: asked of worlds that are functions."""

from __future__ import annotations

import pytest

from triage.lab.protocol import Setup
from triage.model.outcome import Outcome
from triage.probe.probes.workers import Workers
from triage.probe.registry import RankedProbe
from triage.testing.probes import case_of, conforms, drive, seen

T, A, B = "tests/test_a.py::test_it", "tests/test_a.py::test_a", "tests/test_b.py::test_b"
EACH = Setup(nodeids=(T,), workers=2, distribution="each")
SHARED_OUT = Setup(nodeids=(A, B, T), workers=2)


def asked(world, base, **more):
    case = case_of(T, world, base, context="workers", **more)
    assert round(RankedProbe(Workers).likelihood(case), 2) == 0.99
    return conforms(RankedProbe(Workers), case, world).finding


@pytest.mark.parametrize("variable", ["PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"])
def test_a_variable_of_its_workers_decides_in_one_process_too(variable):
    def world(setup):
        return seen(T, not setup.workers and variable not in setup.env)

    finding = asked(world, EACH)
    assert (finding.cause.kind, finding.cause.culprits[0]) == ("environment-variable", variable)
    assert finding.proof.treated.workers == 0


def test_being_in_a_worker_is_a_condition():
    finding = asked(lambda setup: seen(T, not setup.workers), EACH)
    assert (finding.cause.kind, finding.cause.claim) == ("resource", "condition")
    assert "a worker of pytest-xdist" in finding.cause.summary
    assert (finding.proof.baseline.workers, finding.proof.treated.workers) == (1, 0)


def held(*names):
    return {"holds": tuple({"event": "hold", "name": name, "where": "app.py:3"} for name in names)}


def test_a_test_that_disturbs_its_copy_is_told_what_both_hold():
    def world(setup):
        if "holds" in setup.instruments:
            return seen(T, True, measured=held("the address 127.0.0.1:80"))
        return seen(T, setup.distribution != "each")

    cause = asked(world, EACH).cause
    assert (cause.kind, cause.confidence) == ("resource", "proven")
    assert cause.culprits == ("127.0.0.1:80", "app.py:3", T)
    assert "two processes run it at once: both hold the address 127.0.0.1:80 (app.py:3)" in cause.summary


def test_a_copy_with_which_it_shares_nothing_may_only_take_its_time():
    cause = asked(lambda setup: seen(T, setup.distribution != "each"), EACH).cause
    assert (cause.kind, cause.confidence, cause.culprits) == ("resource", "likely", (T,))


def beside(*others):
    """A world in which the test fails while one of these runs in another process."""

    def world(setup):
        if "holds" in setup.instruments:
            names = ["the file out.txt", f"the file of {setup.nodeids[0]}"]
            return seen(T, True, measured=held(*names))
        red = bool(setup.workers) and any(other in setup.nodeids for other in others)
        return seen(T, not red).model_copy(update={"at_once": {T: (B, A)}})

    return world


def test_the_test_that_runs_at_the_same_time_is_named_with_what_both_hold():
    finding = asked(beside(B), SHARED_OUT)
    assert finding.cause.culprits == (B, "out.txt", "app.py:3")
    assert f"fails while {B} runs in another process: both use the file out.txt" in finding.cause.summary
    assert finding.proof.baseline.nodeids == (B, T), "the fewest tests, in the order of the suite"
    assert finding.proof.treated == finding.proof.baseline.plus(workers=0)


def test_what_one_writes_and_the_other_reads_is_shared():
    def world(setup):
        if "holds" in setup.instruments:
            event = "hold" if setup.nodeids == (B,) else "read"
            line = {"event": event, "name": "the file out.txt", "where": "app.py:3"}
            return seen(T, True, measured={"holds": (line,)})
        return beside(B)(setup)

    assert asked(world, SHARED_OUT).cause.culprits == (B, "out.txt", "app.py:3")


def test_those_that_were_seen_beside_it_are_tried_first():
    case = case_of(T, beside(B), SHARED_OUT, context="workers")
    driven = drive(Workers(), case, beside(B))
    pairs = [look.setup.nodeids for look in driven.looks if len(look.setup.nodeids) == 2]
    assert pairs[0] == (B, T)


def test_where_only_all_of_them_are_enough_it_is_a_condition():
    def world(setup):
        return seen(T, not (setup.workers and len(setup.nodeids) == 3))

    finding = asked(world, SHARED_OUT, rate=0.9, runs=10)
    assert finding.cause.claim == "condition"
    assert "no single test beside it is enough" in finding.cause.summary


def test_what_fails_in_one_process_too_does_not_depend_on_their_number():
    assert asked(lambda setup: seen(T, False), SHARED_OUT).cause is None


def test_a_skip_in_one_process_proves_nothing():
    def world(setup):
        return seen(T, Outcome.FAILED if setup.workers else Outcome.SKIPPED)

    assert asked(world, EACH).cause is None
