"""A test that failed each time it was repeated and passes later is flaky: what was asked is asked again."""

from __future__ import annotations

from itertools import count

from triage.lab.protocol import Look, Setup
from triage.model.experiment import RootCause
from triage.probe.api import Finding, look
from triage.probe.probes.repeat import Repeat
from triage.probe.registry import RankedProbe
from triage.probe.schedule import run_probes
from triage.testing.probes import case_of, seen

T = "tests/test_a.py::test_it"


class Lab:
    """The case passes from its nth run on; treated runs never count."""

    def __init__(self, passes_from):
        self._numbers, self._passes_from = count(1), passes_from

    def answer(self, steps):
        assert all(isinstance(step, Look) for step in steps)
        return tuple(seen(T, next(self._numbers) >= self._passes_from) for _ in steps)


class Screening:
    """Looks once with a meter or a treatment, and keeps what it was told of the case."""

    name = "screening"

    def __init__(self, **changes):
        self._changes, self.flaky = changes, []

    def likelihood(self, case):
        return 0.5

    def investigate(self, case):
        self.flaky.append(case.flaky)
        yield from look(case.base.plus(**self._changes), why="-")
        if case.flaky:
            return Finding(cause=RootCause(kind="seed", summary="chance", confidence="likely"))
        return Finding(excluded="nothing")


def climbed(probe, passes_from):
    case = case_of(T, lambda setup: seen(T, False), Setup(nodeids=(T,)))
    return run_probes(Lab(passes_from), case, [RankedProbe(Repeat), probe])


def test_a_pass_under_a_meter_makes_the_steady_case_flaky_and_asks_again():
    probe = Screening(instruments={"usage": {}})
    run = climbed(probe, passes_from=4)
    assert probe.flaky == [False, True]
    assert run.cause().kind == "seed"
    assert "it is flaky" in run.notes[0]


def test_a_pass_under_a_treatment_says_nothing_of_the_unchanged_case():
    for changes in ({"instruments": {"seed": {"seed": 1}}}, {"env": {"X": "1"}}):
        probe = Screening(**changes)
        climbed(probe, passes_from=4)
        assert probe.flaky == [False]


def test_a_steady_failure_is_asked_once():
    probe = Screening(instruments={"usage": {}})
    assert climbed(probe, passes_from=99).cause().kind == "unknown"
    assert probe.flaky == [False]
