"""The probe `signal` in a world that is a function: it finds the default that kills the signal."""

from __future__ import annotations

import pytest

from triage.lab.protocol import Setup
from triage.model.experiment import Status
from triage.probe.probes.signal import Signal
from triage.probe.registry import RankedProbe
from triage.testing.probes import case_of, conforms, seen

T = "tests/test_grad.py::test_flow"
SOURCE = (
    "import torch\ndef test_flow():\n    config = LensConfig(focus=1)\n    assert run(config).backward()\n"
)


def line(field, value, owner="optics.LensConfig"):
    return {
        "event": "default",
        "owner": owner,
        "field": field,
        "value": value,
        "caller": "tests/test_grad.py:3",
    }


def backward(loss, *grads, unreached=()):
    leaves = [
        {"name": f"p{n}", "grad": g, "max_abs": abs(g), "nonfinite": 0, "reached": True}
        for n, g in enumerate(grads)
    ]
    return {
        "event": "backward",
        "loss": loss,
        "has_graph": True,
        "leaves": leaves,
        "unreached": list(unreached),
    }


def world_where(*needed, fields=("gain", "offset", "phase"), fails_loud=()):
    """Loss is non-zero once every field of `needed` is overridden; `fails_loud` fields break the test."""

    def world(setup: Setup):
        overrides = setup.instruments.get("defaults", {}).get("overrides", {})
        names = {path.rpartition(".")[2] for path in overrides}
        alive = set(needed) <= names and not names & set(fails_loud)
        measured = {"gradients": (backward(9.0, 2.0, -3.0) if alive else backward(0.0, 0.0, 0.0),)}
        if "configs" in setup.instruments:
            measured["configs"] = (*(line(field, 0.0) for field in fields), line("size", 8))
        return seen(T, alive, "At least one gradient should be non-zero", measured)

    return world


def sourced(world):
    return case_of(T, world, source=lambda path: SOURCE if path == "tests/test_grad.py" else None)


@pytest.mark.parametrize("field", ["gain", "offset", "phase"])
def test_the_one_field_is_found_without_being_told(field):
    world = world_where(field)
    driven = conforms(RankedProbe(Signal), sourced(world), world)
    cause = driven.finding.cause
    assert (cause.kind, cause.confidence) == ("zero-signal", "proven")
    assert cause.factor.name == f"optics.LensConfig.{field}"
    assert (cause.factor.from_, cause.factor.to) == (0.0, 100.0)
    (result,) = driven.results
    assert result.status is Status.CONFIRMED
    assert result.measurements["baseline"]["loss"] == 0.0
    assert result.measurements["treated"]["gradients"] == {"p0": 2.0, "p1": -3.0}


def test_a_default_that_another_test_gives_is_tried_first_and_ends_the_search():
    setups: list[Setup] = []
    alive = world_where("phase", fields=("gain", "offset", "bias", "phase"))

    def world(setup: Setup):
        setups.append(setup)
        return alive(setup)

    source = SOURCE + "def test_other():\n    run(LensConfig(phase=2.0))\n"
    files = {"tests/test_grad.py": source}
    case = case_of(T, world, source=files.get, files=tuple(files))
    setups.clear()
    assert conforms(RankedProbe(Signal), case, world).finding.cause.confidence == "proven"
    changed = [
        setup.instruments["defaults"]["overrides"] for setup in setups if "defaults" in setup.instruments
    ]
    tried = {path for overrides in changed for path in overrides}
    assert tried == {"optics.LensConfig.phase"}


def test_the_repair_is_a_keyword_in_the_fixture():
    world = world_where("gain")
    (patch,) = conforms(RankedProbe(Signal), sourced(world), world).finding.patches
    assert "+    config = LensConfig(focus=1, gain=100.0)" in patch.diff


def test_two_fields_together_are_found_and_no_third():
    world = world_where("gain", "phase")
    cause = conforms(RankedProbe(Signal), sourced(world), world).finding.cause
    assert cause.confidence == "proven"
    assert set(cause.factor.name.split(" + ")) == {"optics.LensConfig.gain", "optics.LensConfig.phase"}


def test_where_no_default_helps_it_says_likely_and_not_proven():
    world = world_where("elsewhere")
    cause = conforms(RankedProbe(Signal), sourced(world), world).finding.cause
    assert (cause.kind, cause.confidence, cause.factor) == ("zero-signal", "likely", None)


def test_a_living_signal_is_excluded():
    def world(setup):
        return seen(T, False, measured={"gradients": (backward(3.0, 1.0),)})

    finding = conforms(RankedProbe(Signal), sourced(world), world).finding
    assert finding.cause is None
    assert "signal is there" in finding.excluded


def test_a_broken_graph_is_not_called_a_missing_signal():
    def world(setup):
        return seen(T, False, measured={"gradients": (backward(0.0, unreached=({"name": "a"},)),)})

    assert conforms(RankedProbe(Signal), sourced(world), world).finding.cause is None


def test_a_test_that_passes_because_it_no_longer_looks_is_no_proof():
    def world(setup):
        overridden = bool(setup.instruments.get("defaults", {}).get("overrides"))
        measured = {"gradients": (backward(0.0, 0.0),), "configs": (line("strict", 0.0),)}
        return seen(T, overridden, "gradient", measured)

    assert conforms(RankedProbe(Signal), sourced(world), world).finding.cause.confidence == "likely"
