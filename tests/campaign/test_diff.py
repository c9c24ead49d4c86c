"""What changed for a test from one run to the other."""

import pytest

from triage.campaign.diff import compare
from triage.model.outcome import Outcome
from triage.model.run import RunRecord, TestResult


@pytest.mark.parametrize(
    ("was", "now", "change"),
    [
        ("passed", "failed", "broken"),
        ("passed", "flaky", "flaky now"),
        ("failed", "flaky", "flaky now"),
        ("flaky", "flaky", None),
        ("flaky", "passed", None),  # a pass says little of a flaky test
        ("flaky", "failed", "broken"),
        ("failed", "passed", "mended"),
    ],
)
def test_change_of_one_test(was, now, change):
    old, new = (
        RunRecord(
            stamp=stamp, campaign="c", root="/", complete=True,
            results=(TestResult(nodeid="t::a", outcome=Outcome(outcome)),),
        )
        for stamp, outcome in (("1", was), ("2", now))
    )  # fmt: skip
    found = {name.value: nodeids for name, nodeids in compare(old, new, {}, {}).items() if nodeids}
    assert found == ({change: ["t::a"]} if change else {})
