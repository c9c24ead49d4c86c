"""Which failures are chance, which passes are luck, and who is in quarantine."""

from datetime import date

import pytest

from triage.cluster.chance import Chance
from triage.cluster.quarantine import quarantine_of_cluster, quarantine_of_test
from triage.model.cluster import Cluster
from triage.model.outcome import Outcome
from triage.model.quarantine import Quarantine
from triage.model.rate import FlakyRecord
from triage.model.run import Reruns, TestResult

CLUSTER = Cluster(id="C1", title="t", signatures=("s/1:a",), members=("t::a",))
HALF = FlakyRecord(runs=10, failed=5, signatures=frozenset({"s/1:a"}))


def explains(outcome: str, record: FlakyRecord | None = None, reruns: Reruns | None = None) -> bool:
    result = TestResult(nodeid="t::a", outcome=Outcome(outcome), reruns=reruns)
    records = {"t::a": record} if record else {}
    return Chance({"t::a": result}, records).explains(CLUSTER, ["t::a"])


def test_flaky_in_this_run():
    assert explains("flaky", reruns=Reruns(runs=2, failed=0))


def test_red_without_a_record_is_no_chance():
    assert not explains("failed", reruns=Reruns(runs=2, failed=2))
    assert not Chance().explains(CLUSTER, ["t::a"]), "a file that failed to collect has no result"


@pytest.mark.parametrize(("reds", "chance"), [(0, True), (2, True), (19, False)])
def test_red_as_often_as_the_recorded_rate_lets_happen(reds, chance):
    assert explains("failed", HALF, Reruns(runs=reds, failed=reds)) is chance


def test_green_alone_and_on_record():
    assert explains("failed", HALF, Reruns(runs=6, failed=1))


@pytest.mark.parametrize(("reds_before", "turned"), [(0, True), (2, True), (19, False)])
def test_it_turns_steady_once(reds_before, turned):
    """Later runs know it: the cluster is open, and nothing is new."""
    record = HALF.model_copy(update={"reds_since": reds_before})
    red = TestResult(nodeid="t::a", outcome=Outcome.FAILED, reruns=Reruns(runs=19, failed=19))
    assert Chance({"t::a": red}, {"t::a": record}).turned_steady(CLUSTER, ["t::a"]) is turned
    assert not Chance({"t::a": red}).turned_steady(CLUSTER, ["t::a"]), "never flaky"


def test_another_reason_is_no_chance():
    other = HALF.model_copy(update={"signatures": frozenset({"s/1:b"})})
    assert not explains("failed", other, Reruns(runs=2, failed=2))


def test_all_members_or_none():
    flaky = TestResult(nodeid="t::a", outcome=Outcome.FLAKY)
    red = TestResult(nodeid="t::b", outcome=Outcome.FAILED)
    assert not Chance({"t::a": flaky, "t::b": red}).explains(CLUSTER, ["t::a", "t::b"])


def test_fixed_after_as_many_passes_as_the_rate_asks_for():
    passed = {"t::a": TestResult(nodeid="t::a", outcome=Outcome.PASSED)}
    assert not Chance(passed).leaves_open(CLUSTER), "a steady failure that passes is fixed"
    assert Chance(passed, {"t::a": HALF}).leaves_open(CLUSTER)
    for greens, still_open in [(3, True), (4, False)]:  # with this one 5: 0.5 ^ 5 = 3 %
        record = HALF.model_copy(update={"runs": 10 + greens, "greens_since": greens})
        assert Chance(passed, {"t::a": record}).leaves_open(CLUSTER) is still_open


def test_green_on_the_commit_on_which_it_was_red_is_luck_at_first():
    passed = {"t::a": TestResult(nodeid="t::a", outcome=Outcome.PASSED)}
    steady = FlakyRecord(runs=3, failed=3, signatures=frozenset({"s/1:a"}))
    assert Chance(passed, on_commit={"t::a": steady}).leaves_open(CLUSTER)
    assert not Chance(passed, on_commit={}).leaves_open(CLUSTER), "another commit may have mended it"
    red = {"t::a": TestResult(nodeid="t::a", outcome=Outcome.FAILED)}
    assert not Chance(red, on_commit={"t::a": steady}).explains(CLUSTER, ["t::a"]), "no excuse for a red"


def quarantine(until: str, **subject) -> Quarantine:
    return Quarantine(until=date.fromisoformat(until), owner="o", reason="r", by="b", at="T", **subject)


@pytest.mark.parametrize(
    ("named", "covered"),
    [("t.py::a", True), ("t.py::a[1]", True), ("t.py", True), ("t", False), ("t.py::ab", False)],
)
def test_a_quarantine_covers_what_is_inside_of_its_subject(named, covered):
    assert quarantine("2026-01-01", nodeid=named).covers("t.py::a[1]") is covered


def test_the_longest_of_a_test_and_the_shortest_of_a_cluster():
    long, short = quarantine("2026-03-01", nodeid="t::a"), quarantine("2026-02-01", cluster="C1")
    assert quarantine_of_test("t::a", ["C1"], [short, long]) is long
    assert quarantine_of_cluster("C1", ["t::a", "t::b"], [long, short]) is short
    assert quarantine_of_cluster("C1", ["t::a", "t::b"], [long]) is None, "one of its tests has none"
    assert quarantine_of_cluster("C1", ["t::a"], [long]) is long
