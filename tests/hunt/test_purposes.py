"""What is run is laid to the purpose that was named last."""

from __future__ import annotations

import pytest

from triage.hunt.purposes import OTHER, SEARCH, Counters, Purposes


def test_inner_purposes_take_what_runs_inside_them():
    ran = [0]
    purposes = Purposes(lambda: Counters(executions=ran[0], processes=ran[0] // 2))
    with purposes.named("orders"):
        ran[0] += 4
        with purposes.named(SEARCH):
            ran[0] += 2
        ran[0] += 1
    ran[0] += 3
    spent = {purpose: counters.executions for purpose, counters in purposes.spent().items()}
    assert spent == {"orders": 5, SEARCH: 2, OTHER: 3}
    assert sum(counters.processes for counters in purposes.spent().values()) == 5


def test_what_ran_before_an_error_is_counted():
    ran = [0]
    purposes = Purposes(lambda: Counters(executions=ran[0]))

    def run_and_fail():
        with purposes.named(SEARCH):
            ran[0] += 2
            raise OSError

    with pytest.raises(OSError):
        run_and_fail()
    ran[0] += 1
    spent = {purpose: counters.executions for purpose, counters in purposes.spent().items()}
    assert spent == {SEARCH: 2, OTHER: 1}
