"""Recorded orders leave few suspects; the search names exactly who is needed, in few runs."""

from __future__ import annotations

import pytest

from tests.hunt import worlds
from tests.hunt.worlds import World
from triage.hunt.orders import mixed_order, reversed_files, square_order
from triage.hunt.search import find_culprits
from triage.hunt.suspects import Place, explained, suspects, without

SUITE = tuple(f"tests/test_{number // 10:02}.py::test_{number}" for number in range(200))
VICTIM, POLLUTER, OTHER, THIRD = SUITE[40], SUITE[150], SUITE[170], SUITE[12]


def searched(rule, *, effect_is_red, also=()):
    """The culprits, and how many runs it took behind the orders that a hunt makes anyway."""
    world = World(SUITE, {VICTIM: rule})
    squares = [
        square_order(SUITE, 0, 1),
        mixed_order(SUITE, 0, 1),
        square_order(SUITE, 1, 1),
        mixed_order(SUITE, 1, 1),
    ]
    orders = [SUITE, SUITE[::-1], reversed_files(SUITE), *squares]
    known = world.knowledge([*orders, *also, (VICTIM,)])
    before = world.runs
    culprits = find_culprits(VICTIM, known.places(VICTIM), world.run, effect_is_red=effect_is_red)
    return culprits, world.runs - before


def test_one_polluter_among_two_hundred_takes_a_handful_of_runs():
    culprits, runs = searched(worlds.after(POLLUTER), effect_is_red=True)
    assert culprits == (POLLUTER,)
    assert runs <= 8


def test_each_of_three_polluters_is_enough():
    culprits, _ = searched(worlds.after(POLLUTER, OTHER, SUITE[199]), effect_is_red=True)
    assert len(culprits) == 1
    assert set(culprits) <= {POLLUTER, OTHER, SUITE[199]}


def test_two_are_needed_together():
    culprits, _ = searched(worlds.after_all(POLLUTER, OTHER), effect_is_red=True)
    assert set(culprits) == {POLLUTER, OTHER}


def test_a_polluter_earlier_in_file_order_that_another_test_undoes():
    cleaner = SUITE[30]
    cleaned_late = (*tuple(nodeid for nodeid in SUITE if nodeid != cleaner), cleaner)
    rule = worlds.after_unless(THIRD, cleaner)
    culprits, _ = searched(rule, effect_is_red=True, also=[cleaned_late])
    assert culprits == (THIRD,)


def test_a_setter_of_a_brittle_test():
    culprits, runs = searched(worlds.without(THIRD), effect_is_red=False)
    assert culprits == (THIRD,)
    assert runs <= 8


def test_a_chain_of_setters():
    culprits, _ = searched(worlds.without_chain(SUITE[3], SUITE[9], SUITE[21]), effect_is_red=False)
    assert culprits == (SUITE[3], SUITE[9], SUITE[21])


def test_what_was_red_by_chance_has_no_culprits():
    places = [Place(("a", "b"), True), Place((), False)]
    world = World(("a", "b", "v"), {})
    assert find_culprits("v", places, world.run, effect_is_red=True) == ()


def test_tests_of_its_own_file_and_suspects_of_those_that_fail_alike_come_first():
    near = SUITE[45]
    world = World(SUITE, {VICTIM: worlds.after(near)})
    known = world.knowledge([SUITE, SUITE[::-1], (VICTIM,)])
    before = world.runs
    own_file = frozenset(SUITE[40:50])
    places = known.places(VICTIM)
    culprits = find_culprits(VICTIM, places, world.run, effect_is_red=True, preferred=(own_file,))
    assert culprits == (near,)
    assert world.runs - before <= 5  # 9 tests of the file, not 159 behind it


def test_suspects_begin_with_what_every_run_agrees_on():
    places = [
        Place(("a", "p", "b"), True),
        Place(("p", "c", "a"), True),
        Place(("a", "b", "c"), False),
    ]
    first, *others = suspects(places, effect_is_red=True)
    assert first == ("p",)
    assert others[-1] in [place.before for place in places[:2]]


@pytest.mark.parametrize(("culprits", "answer"), [(("p",), True), (("a",), False)])
def test_culprits_explain_the_runs_in_which_they_come_first(culprits, answer):
    places = [Place(("p",), True), Place(("a", "p"), True), Place(("a",), False)]
    assert explained(places, culprits, effect_is_red=True) is answer


def test_runs_without_the_culprits_show_who_else_is_enough():
    places = [Place(("p",), True), Place(("q",), True), Place((), False)]
    assert without(places, ("p",)) == places[1:]
