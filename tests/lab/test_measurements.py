"""Numbers of one run from what the gradient meter wrote."""

from __future__ import annotations

import pytest

from triage.lab.measurements import Measurements, magnitude, measurements_of, recorded_measurements


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


def backward(**fields):
    return {"event": "backward", "has_graph": True, "leaves": [], **fields}


def leaf(name, grad, max_abs=1.0):
    return {"name": name, "grad": grad, "max_abs": max_abs}


def test_the_last_call_speaks_for_a_run_in_which_nothing_went_wrong():
    calls = [backward(loss=1.0, leaves=[leaf("w", 2.0)]), backward(loss=3.0, leaves=[leaf("w", 4.0)])]
    measured = measurements_of({"gradients": [{"event": "start"}, *calls]})
    assert (measured.loss, measured.gradients, measured.graph) == (3.0, {"w": 4.0}, "intact")
    assert measured.backward_calls == 2


def test_the_first_call_that_went_wrong_speaks_for_its_run():
    calls = [
        backward(loss=0.0, leaves=[leaf("w", 0.0, max_abs=0.0)], unreached=[{"name": "b"}]),
        backward(loss=3.0, leaves=[leaf("w", 4.0)]),
    ]
    measured = measurements_of({"gradients": calls})
    assert (measured.loss, measured.graph, measured.unreached) == (0.0, "broken", ("b",))


def test_a_run_that_differentiates_nothing_has_no_numbers():
    assert measurements_of({}) is None
    assert measurements_of({"gradients": [{"event": "start"}]}) is None


def test_what_was_recorded_is_read_back_and_nonsense_is_none():
    measured = Measurements(loss="NaN", graph="intact", gradients={"w": [1.0, None]}, backward_calls=3)
    assert recorded_measurements(measured.model_dump(mode="json")) == measured
    assert recorded_measurements({"loss": 1.0, "gradients": {"w": 2.0}, "later": 1}).gradients == {"w": 2.0}
    for nonsense in (None, {}, [], {"gradients": 3}, {"graph": "odd"}):
        assert recorded_measurements(nonsense) is None
