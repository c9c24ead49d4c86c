"""The same test failing for another reason is not the same; a changed message with the same cause is proposed
as the same: pairs that a careless identity confuses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from triage.cluster.assign import assign
from triage.cluster.registry import ClusterRegistry
from triage.model.run import RunRecord, TestResult
from triage.signature.api import signatures_of

Failing = Callable[..., TestResult]
Run = Callable[..., RunRecord]
T = "tests/test_beam.py::test_energy"


class Said(NamedTuple):
    """What a test said, and where."""

    text: str
    frame: str | None = "src/beam.py:energy"
    code: str | None = None


def after(failing: Failing, run: Run, *then: Said) -> list[tuple[str, list[str]]]:
    """Cluster and events of each run, one after the other."""
    registry, found = ClusterRegistry.of(()), []
    for day, said in enumerate(then, start=1):
        record = run(failing(T, said.text, said.frame, said.code), stamp=f"202611{day:02}T060000Z")
        factory = registry.event_factory(f"2026-11-{day:02}T06:00:00Z", "x")
        result = assign(record, registry, signer=signatures_of, factory=factory)
        registry = ClusterRegistry.of((*registry.events, *result.events))
        found.append((result.cluster_of[T, 0], [event.event for event in result.events]))
    return found


ANOTHER = {
    "another exception with the same words": (
        Said("ValueError: energy is not positive"), Said("TypeError: energy is not positive"),
    ),
    "another place with the same short words": (
        Said("ValueError: bad value"), Said("ValueError: bad value", "src/crystal.py:cell"),
    ),
    "precisions exchanged": (
        Said("RuntimeError: wants Float, not Double"), Said("RuntimeError: wants Double, not Float"),
    ),
    "dtype instead of dtype": (
        Said("ValueError: no kernel for float16 on this device"),
        Said("ValueError: no kernel for bfloat16 on this device"),
    ),
    "nan instead of a number": (
        Said("AssertionError: assert nan == 1.0", None, "assert energy == 1.0"),
        Said("AssertionError: assert 1.5 == 1.0", None, "assert energy == 1.0"),
    ),
    "zero instead of a number": (
        Said("AssertionError: assert 0.0 > 0", None, "assert beam.energy > 0"),
        Said("AssertionError: assert -2.5 > 0", None, "assert beam.energy > 0"),
    ),
    "off by a lot instead of by noise": (
        Said("AssertionError: assert 2e-06 < 1e-06", None, "assert error < 1e-6"),
        Said("AssertionError: assert 3.0 < 1e-06", None, "assert error < 1e-6"),
    ),
    "another key": (Said("KeyError: 'energy'"), Said("KeyError: 'flux'")),
    "another attribute": (
        Said("AttributeError: 'Beam' object has no attribute 'energy'"),
        Said("AttributeError: 'Beam' object has no attribute 'flux'"),
    ),
    "another module": (
        Said("ModuleNotFoundError: No module named 'numba'"),
        Said("ModuleNotFoundError: No module named 'cupy'"),
    ),
    "another device": (
        Said("RuntimeError: the tensor must live on cuda for this"),
        Said("RuntimeError: the tensor must live on cpu for this"),
    ),
    "the opposite": (
        Said("ConfigError: the mask is allowed here"), Said("ConfigError: the mask is not allowed here"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ANOTHER)
def test_the_same_test_for_another_reason_is_another_cluster(failing: Failing, run: Run, name: str) -> None:
    one, other = ANOTHER[name]
    (first, _), (second, events), (third, _), (back, said) = after(failing, run, one, other, other, one)
    assert (first, second, third, back) == ("C1", "C2", "C2", "C1")
    assert said == [], "what is known keeps its id when it comes back"
    assert events[0] == "cluster_opened"


@pytest.mark.parametrize("name", sorted(ANOTHER.keys() - {"the opposite", "another key", "another attribute",
    "another module"}))  # fmt: skip
def test_another_reason_is_not_even_proposed(failing: Failing, run: Run, name: str) -> None:
    one, other = ANOTHER[name]
    (_, _), (_, events) = after(failing, run, one, other)
    assert events == ["cluster_opened"]


SAME = {
    "reworded": (
        Said("ConfigError: step must not be negative"), Said("ConfigError: please give a step above zero"),
    ),
    "a hint was added": (
        Said("ValueError: the mosaic has no blocks"),
        Said("ValueError: the mosaic has no blocks; set mosaic_blocks or a spread"),
    ),
    "translated": (Said("DataError: nothing in the file"), Said("DataError: keine Reflexe in der Datei")),
    "an assertion got a message": (
        Said("AssertionError: assert False", "src/beam.py:check", "assert ok"),
        Said("AssertionError: beam is not ready", "src/beam.py:check", "assert ok, 'beam is not ready'"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_a_changed_message_at_the_same_place_is_proposed_as_the_same(
    failing: Failing, run: Run, name: str
) -> None:
    (first, _), (second, events), (_, third) = after(failing, run, *SAME[name], SAME[name][1])
    assert (first, second) == ("C1", "C2"), "proposed, not decided"
    assert events == ["cluster_opened", "proposal_made"]
    assert third == [], "proposed once"


NOISE = {
    "numbers": (Said("ValueError: 17 of 20 parts are bad"), Said("ValueError: 3 of 20 parts are bad")),
    "numbers that are equal once": (
        Said("ValueError: 5 of 5 layers have no width"), Said("ValueError: 4 of 5 layers have no width"),
    ),
    "addresses and temporary folders": (
        Said("OSError: <Beam at 0x7f00aa> lost /tmp/pytest-of-a/pytest-1/x0/f.bin"),
        Said("OSError: <Beam at 0x7fbb11> lost /tmp/pytest-of-b/pytest-2/x0/f.bin"),
    ),
    "times": (
        Said("TimeoutError: no answer at 2026-11-24T06:00:00Z"),
        Said("TimeoutError: no answer at 2026-12-01 09:30:01"),
    ),
    "a little more error": (
        Said("AssertionError: assert 2.1e-06 < 1e-06", None, "assert error < 1e-6"),
        Said("AssertionError: assert 7.7e-06 < 1e-06", None, "assert error < 1e-6"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOISE)
def test_what_is_accidental_changes_no_id(failing: Failing, run: Run, name: str) -> None:
    (first, _), (second, _) = after(failing, run, *NOISE[name])
    assert first == second == "C1"


def test_a_reworded_failure_beside_the_old_one_is_no_continuation(failing: Failing, run: Run) -> None:
    """Both are there: whoever still fails with the old words has not been reworded."""
    one, other = SAME["translated"]
    registry = ClusterRegistry.of(())
    first = run(failing(T, one.text, one.frame))
    registry = ClusterRegistry.of(
        assign(
            first, registry, signer=signatures_of, factory=registry.event_factory("2026-11-01T06:00:00Z", "x")
        ).events
    )
    both = run(failing("tests/test_b.py::b", one.text, one.frame), failing(T, other.text, other.frame))
    found = assign(
        both, registry, signer=signatures_of, factory=registry.event_factory("2026-11-02T06:00:00Z", "x")
    )
    assert sorted(found.cluster_of.values()) == ["C1", "C2"]
    made = [event for event in found.events if event.event == "proposal_made"]
    assert not [event for event in made if "with other words" in event.why[0].detail]
