"""A treatment that revives another path is a condition; a gradient of zero is no broken graph."""

from __future__ import annotations

import pytest

from tests.planted.faults.conditions import PLANTS
from tests.planted.hostile.forked import Fork
from triage.probe.claim import examined
from triage.probe.probes.gradient import Gradient
from triage.probe.probes.signal import Signal
from triage.testing.probes import drive

pytestmark = pytest.mark.slow
REVIVED = {"model.py": "def loss(x, scale: float = 0.0):\n    return (x * scale).sum()\n"}
REVIVED_TEST = """
import torch, model
def test_other():
    assert model.loss(torch.ones(2), scale=2.0) == 4
def test_gradient():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    model.loss(x).backward()
    assert x.grad.abs().max() > 0
"""


class Examined:
    """A probe whose finding is examined, as the schedule does it."""

    name = "examined"

    def __init__(self, probe):
        self._probe = probe
        self.name = probe.name

    def investigate(self, case):
        finding = yield from self._probe.investigate(case)
        return (yield from examined(case, finding))


def cause_of(tmp_path, probe, files, subject):
    pytest.importorskip("torch")
    world = Fork(tmp_path, files)
    return drive(Examined(probe), world.case(subject), world).finding.cause


def test_a_gradient_of_zero_is_no_broken_graph(tmp_path):
    one = next(plant for plant in PLANTS if plant.name == "closed-gate-beside-a-right-detach")
    cause = cause_of(tmp_path, Gradient(), one.files, one.subject)
    assert (cause.kind, cause.confidence, cause.claim) == ("zero-signal", "likely", "condition")
    assert cause.culprits[0] == one.culprit


def test_a_treatment_that_revives_the_dead_operation_is_the_cause(tmp_path):
    files = {**REVIVED, "tests/test_g.py": REVIVED_TEST}
    cause = cause_of(tmp_path, Signal(), files, "tests/test_g.py::test_gradient")
    assert (cause.kind, cause.claim, cause.confidence) == ("zero-signal", "cause", "proven")
    assert "tests/test_g.py:4 gives scale=2.0" in cause.summary
