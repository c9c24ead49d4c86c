"""Results of tests from recorded events."""

from __future__ import annotations

from triage.model.outcome import Outcome
from triage.run.origins import Origins
from triage.run.results import result_of_event

ORIGINS = Origins("/p")


def result_with(properties: list[list[object]]):
    event = {"e": "finish", "outcome": "passed", "stages": {}, "failures": [], "properties": properties}
    return result_of_event(("t.py::a", 0), event, "chunk_01", 1, ORIGINS)


def test_what_a_test_records_of_itself_is_kept_as_text_in_its_order():
    result = result_with([["ticket", "T-17"], ["tries", 3], ["seen", {"a": [1, None]}], ["ticket", "T-18"]])
    assert result.outcome is Outcome.PASSED
    assert result.properties == (
        ("ticket", "T-17"),
        ("tries", "3"),
        ("seen", '{"a": [1, null]}'),
        ("ticket", "T-18"),
    )


def test_a_test_that_records_without_end_does_not_fill_the_results():
    properties = result_with([["step", "x" * 10_000]] * 1000).properties
    assert properties is not None
    assert len(properties) == 50
    assert all(len(value) == 2000 for _, value in properties)


def test_most_tests_record_nothing():
    assert result_with([]).properties is None
    plain = result_of_event(("t.py::a", 0), {"e": "finish", "d": [0.1, 0.2, 0.1]}, "chunk_01", 1, ORIGINS)
    assert plain.properties is None
