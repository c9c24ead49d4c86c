"""Which option is recommended follows from figures; nothing is run here."""

from __future__ import annotations

import pytest

from triage.model.criterion import Bound
from triage.model.strength import Strength
from triage.repair import ranking
from triage.repair.document import ChunkRun, Option, PlantedBreak
from triage.repair.options import FileChange
from triage.repair.ranking import against, compare, rank, require_breaks

WHOLE = Strength(before=3, after=3)


GREEN_CHUNK = ChunkRun(
    name="chunk_01", tests=2, passed=2, new_failures=(), unanswered=(), seconds=1.0, evidence="x"
)


TEST_FILE = FileChange(path="tests/test_x.py", kind="test", added=1, removed=0)


def _option(letter: str, **changes) -> Option:
    facts = {
        "title": "",
        "source": "",
        "patch": "",
        "patch_file": "",
        "apply": "",
        "applies": True,
        "why_not": None,
        "files": (TEST_FILE,),
        "added": 1,
        "removed": 0,
        "strength": WHOLE,
        "keywords": (),
        "runs": 2,
        "passed": 2,
        "seconds": 1.0,
        "targeted": (),
        "chunk": GREEN_CHUNK,
        "eligible": True,
    }
    return Option(letter=letter, **(facts | changes))


def _broken(name, caught, calls=1, required=False):
    outcome = "failed" if caught else "passed"
    return PlantedBreak(name=name, calls=calls, outcome=outcome, caught=caught, required=required)


@pytest.mark.parametrize(
    "changes",
    [
        {"applies": False, "why_not": "x"},
        {"passed": 1},
        {"chunk": GREEN_CHUNK.model_copy(update={"new_failures": ("t",)})},
        {"chunk": GREEN_CHUNK.model_copy(update={"unanswered": ("t",)})},
        {"breaks": (_broken("output", caught=False, required=True),)},
        {"cut_off": ("weight",)},
        {"strength": Strength(before=3, after=2)},
        {"strength": Strength(before=3, after=3, skips=1)},
        {"strength": Strength(before=3, after=3, tautologies=1)},
        {"no_longer_run": ("totals.py:12-14",)},
    ],
)
def test_each_fault_alone_rejects_an_option(changes):
    assert against(_option("A")) == ()
    assert len(against(_option("A", **changes))) == 1


def test_which_breaks_must_be_noticed():
    strict = _option("A", breaks=(_broken("output", True), _broken("zero", False), _broken("leaf:w", True)))
    loose = _option(
        "B",
        unreached=("w",),
        breaks=(_broken("output", True), _broken("leaf:w", False), _broken("mine", False, calls=None)),
    )
    marked, marked_loose = require_breaks([strict, loose], "graph-break", ["w"])
    assert [broken.required for broken in marked.breaks] == [True, False, True]
    assert [broken.required for broken in marked_loose.breaks] == [True, True, True]
    assert (marked.cut_off, marked_loose.cut_off) == ((), ("w",))
    assert against(marked) == ()
    assert len(against(marked_loose)) == 2
    (zeroed,) = require_breaks([strict], "zero-signal", [])
    assert against(zeroed) == ("the repaired test does not notice a planted break: zero",)


def test_the_rule_orders_eligible_options():
    options = [
        _option("A", seconds=9.0),
        _option("B", added=5),
        _option("C", new_reads=("f",), added=0),
        _option("D", eligible=False, added=0),
        _option("E", seconds=1.0),
        _option("F", files=(TEST_FILE, TEST_FILE), added=0),
        _option("G", strength=Strength(before=3, after=3, changed=1), added=0),
    ]
    assert [option.letter for option in rank(options)] == ["E", "A", "B", "F", "C", "G"]


def test_floors_reject_only_where_another_option_reaches_them():
    floors = [Bound(quantity="w", above=10.0)]
    weak = _option("A", gradients={"w": 1.0})
    strong = _option("B", gradients={"w": -50.0}, seconds=9.0)
    alone = ranking.compare([weak], cause="zero-signal", cut_off=[], floors=floors)
    assert [(option.eligible, option.below, option.rank) for option in alone] == [(True, ("w",), 1)]
    both = ranking.compare([weak, strong], cause="zero-signal", cut_off=[], floors=floors)
    assert [(option.eligible, option.rank) for option in both] == [(False, None), (True, 1)]
    assert "floors" in both[0].against[0]


def test_an_option_that_slows_its_neighbours_stands_behind_one_that_does_not_and_says_so():
    slow = GREEN_CHUNK.model_copy(update={"slowed": (6.0, 181.25)})
    dear, quick = _option("A", chunk=slow), _option("B", added=50)
    judged = compare([dear, quick], cause="order-dependent", cut_off=[], floors=[], at_fault="test")
    assert [(option.eligible, option.rank) for option in judged] == [(True, 2), (True, 1)]
    assert "slows chunk_01: its tests take 181.2 s, and 6.0 s without" in judged[0].cons


def test_slack_and_time_come_after_every_other_option():
    quick = _option("A", strength=Strength(before=3, after=3, changed=1, loosened=1), added=0)
    waiting = _option("B", strength=Strength(before=3, after=3, waits=1), added=0)
    long = _option("C", added=50, strength=Strength(before=3, after=3, changed=2))
    assert [option.letter for option in rank([quick, waiting, long])] == ["C", "B", "A"]


def test_the_product_is_mended_first_where_it_is_at_fault():
    product = FileChange(path="shop.py", kind="product", added=9, removed=9)
    in_test, in_product = _option("A"), _option("B", files=(product,), added=9)
    judged = ranking.compare(
        [in_test, in_product], cause="order-dependent", cut_off=[], floors=[], at_fault="product"
    )
    assert [option.rank for option in judged] == [2, 1]
    assert "no product code changes" not in judged[0].pros
    beside = ranking.compare([in_test, in_product], cause="order-dependent", cut_off=[], floors=[])
    assert [option.rank for option in beside] == [1, 2]
    assert "no product code changes" in beside[0].pros


def test_behind_a_condition_an_option_beside_the_product_says_what_is_open():
    product = FileChange(path="calc.py", kind="product", added=1, removed=0)
    options = [_option("A"), _option("B", files=(product,))]
    beside, within = ranking.compare(
        options, cause="environment-variable", cut_off=(), floors=(), claim="condition"
    )
    assert any("is not decided" in text for text in beside.cons)
    assert not any("is not decided" in text for text in within.cons)
    (proven, _) = ranking.compare(options, cause="environment-variable", cut_off=(), floors=(), claim="cause")
    assert not any("is not decided" in text for text in proven.cons)


def test_a_test_that_was_blind_before_counts_against_no_repair():
    unseen = (_broken("wrong:store.insert", caught=False),)
    product_file = FileChange(path="store.py", kind="product", added=1, removed=0)
    mends_product = _option("A", breaks=unseen, files=(product_file,))
    changes_test = _option("B", breaks=unseen)

    both = compare([mends_product, changes_test], cause="order-dependent", cut_off=(), floors=())

    assert [option.eligible for option in both] == [True, True]
    assert all("would not notice" in " ".join(option.cons) for option in both)


def test_a_repair_behind_which_the_test_notices_nothing_is_rejected():
    unseen = (_broken("wrong:store.insert", caught=False),)
    changes_test = _option("B", breaks=unseen)

    (alone,) = compare([changes_test], cause="order-dependent", cut_off=(), floors=())

    assert not alone.eligible
    assert alone.against == ("the repaired test notices no wrong result of what it calls",)
