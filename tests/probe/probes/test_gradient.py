"""`gradient` on real torch code: half-broken graphs, hooks, and a wrong gradient that is nobody's line."""

from __future__ import annotations

import pytest

from tests.planted.faults.graph import PLANTS
from tests.planted.hostile.forked import Fork
from triage.probe.probes.gradient import Gradient
from triage.testing.probes import drive

NAMES = ("wrong-hook", "break-partly", "decoy-right-gradient")
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", NAMES)
def test_the_line_that_spoils_the_gradient_is_proven(name, tmp_path):
    pytest.importorskip("torch")
    one = next(plant for plant in PLANTS if plant.name == name)
    world = Fork(tmp_path, one.files)
    cause = drive(Gradient(), world.case(one.subject), world).finding.cause
    if one.decoy:
        assert cause is None or cause.confidence != "proven"
        return
    assert (cause.kind, cause.confidence) == (one.kinds[0], "proven")
    assert cause.culprits[0].startswith(f"{one.culprit}:")
