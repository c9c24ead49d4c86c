"""The last word on a steady failure is said only after other interpreters have failed, too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from triage.lab.protocol import Look, Setup
from triage.model.failure import Frame, Raised
from triage.probe.api import Finding, look
from triage.probe.probes.blame import SAYS_OTHER, Blame
from triage.probe.registry import RankedProbe
from triage.probe.schedule import run_probes
from triage.testing.probes import case_of, seen

T = "tests/test_a.py::test_it"


class Lab:
    """What forks see is red; new interpreters see what they are told to."""

    def __init__(self, *, passes_fresh):
        self._passes_fresh, self.fresh = passes_fresh, 0

    def answer(self, steps):
        assert all(isinstance(step, Look) for step in steps)
        self.fresh += sum(step.fresh for step in steps)
        return tuple(seen(T, step.fresh and self._passes_fresh) for step in steps)


class Chance:
    """Named where the case is flaky."""

    name = "chance"

    def likelihood(self, case):
        return 0.5

    def investigate(self, case):
        yield from look()
        return Finding(excluded="" if case.flaky else "nothing", facts={"was_flaky": case.flaky})


def climbed(lab, **env):
    case = replace(case_of(T, lambda setup: seen(T, False), Setup(nodeids=(T,))), env=env)
    frame = Frame(path="app.py", lineno=3, function="f", origin="product")
    raised = Raised(type="ValueError", message="", frames=(frame,))
    case = replace(case, failure=case.failure.model_copy(update={"chain": (raised,)}))
    return run_probes(lab, case, [RankedProbe(Blame), Chance()])


def test_what_fails_in_other_interpreters_too_is_blamed_on_the_product():
    lab = Lab(passes_fresh=False)
    run = climbed(lab)
    assert (run.cause().kind, run.cause().culprits) == ("product-defect", ("app.py:3",))
    assert lab.fresh == 2


def test_what_passes_in_another_interpreter_is_flaky_and_probed_again():
    run = climbed(Lab(passes_fresh=True))
    assert run.cause().kind == "unknown"
    assert [finding.facts["was_flaky"] for name, finding in run.findings if name == "chance"] == [False, True]


@pytest.mark.parametrize(("seed", "fresh"), [("0", 0), ("random", 2)])
def test_where_hashes_are_fixed_nobody_asks(seed, fresh):
    lab = Lab(passes_fresh=False)
    climbed(lab, PYTHONHASHSEED=seed)
    assert lab.fresh == fresh


class Measuring(Lab):
    """Each run carries the product lines that the test executes."""

    def answer(self, steps):
        lines = {"event": "executed", "nodeid": T, "detail": "lines", "files": ["app.py"],
                 "lines": [[0, number] for number in self.lines]}  # fmt: skip
        runs = super().answer(steps)
        return tuple(run.model_copy(update={"measured": {"lines": (lines,)}}) for run in runs)


@pytest.mark.parametrize(
    ("lines", "said"), [((3, 4, 5, 9), "app.py:3-5, app.py:9"), (range(1, 60, 2), None)], ids=["few", "many"]
)
def test_an_unknown_cause_names_the_few_product_lines_that_the_test_runs(lines, said):
    lab = Measuring(passes_fresh=False)
    lab.lines = lines
    case = case_of(T, lambda setup: seen(T, False), Setup(nodeids=(T,)))
    summary = run_probes(lab, case, [RankedProbe(Blame)]).cause().summary
    if said is None:
        assert "Of the product" not in summary
    else:
        assert f"Of the product the test runs {said}: " in summary


@pytest.mark.parametrize(
    ("message", "says_other"), [("<f at 0x7f11>", False), ("{'b', 'a'}", True)], ids=["address", "order"]
)
def test_another_message_in_another_interpreter_is_noted(message, says_other):
    class Talking(Lab):
        def answer(self, steps):
            return tuple(seen(T, False, message if step.fresh else "<f at 0x5500>") for step in steps)

    case = case_of(T, lambda setup: seen(T, False, "<f at 0x5500>"), Setup(nodeids=(T,)))
    ((_, finding),) = run_probes(Talking(passes_fresh=False), case, [RankedProbe(Blame)]).findings
    assert finding.facts[SAYS_OTHER] is says_other
