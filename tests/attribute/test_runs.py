"""How red tests are run together, and what their outcomes answer."""

from __future__ import annotations

import pytest

from triage.attribute.answers import Answer
from triage.attribute.runs import RedTests, Seen, answer_of
from triage.base.subjects import Subject
from triage.model.failure import Failure, Raised
from triage.model.outcome import Outcome, Phase

FAILED, PASSED = Outcome.FAILED, Outcome.PASSED


def seen(outcome: Outcome, exception: str = "", phase: Phase = Phase.CALL) -> Seen:
    failure = Failure(nodeid="t", phase=phase, chain=(Raised(type=exception, message="m"),))
    return Seen(outcome, failure if outcome.has_failures else None)


@pytest.mark.parametrize(
    ("now", "reference", "answer"),
    [
        (seen(PASSED), seen(FAILED, "KeyError"), Answer.GREEN),
        (seen(FAILED, "KeyError"), seen(FAILED, "KeyError"), Answer.RED),
        (seen(FAILED, "NameError"), seen(FAILED, "KeyError"), Answer.UNTESTABLE),
        (seen(FAILED, "NameError"), None, Answer.RED),
        (seen(Outcome.ERROR, "ImportError", Phase.COLLECT), None, Answer.UNTESTABLE),
        (
            seen(Outcome.ERROR, "ImportError", Phase.COLLECT),
            seen(Outcome.ERROR, "ImportError", Phase.COLLECT),
            Answer.RED,
        ),
        (seen(Outcome.SKIPPED), seen(FAILED, "KeyError"), Answer.UNTESTABLE),
        (seen(Outcome.NOT_RUN), None, Answer.UNTESTABLE),
        (seen(Outcome.TIMEOUT), seen(FAILED, "KeyError"), Answer.UNTESTABLE),
        (seen(Outcome.CRASHED), seen(Outcome.CRASHED), Answer.RED),
    ],
)
def test_what_an_outcome_answers(now, reference, answer):
    assert answer_of(now, reference) is answer


def test_tests_run_in_the_recorded_order_and_those_that_need_others_behind_them():
    subjects = {
        "b": Subject("b", (None, None)),
        "needy": Subject("needy", (None, None), fails_alone=False, preceding=("x", "y")),
        "a": Subject("a", (None, None)),
        "shy": Subject("shy", (None, None)),
    }
    runs = RedTests(None, subjects, by_themselves={"shy"})  # type: ignore[arg-type]
    assert runs.processes(["a", "shy", "needy", "b"]) == [("b", "a"), ("x", "y", "needy"), ("shy",)]
    assert [test for test in subjects if runs.has_own_process(test)] == ["needy", "shy"]
