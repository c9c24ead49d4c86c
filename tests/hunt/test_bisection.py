"""One bisection for all victims: as many runs as the longest search needs, whoever is searched beside it."""

from __future__ import annotations

from tests.hunt.worlds import World, after, after_all, without
from triage.hunt.bisection import bisect_together, half_of
from triage.hunt.orders import reversed_files
from triage.hunt.seen import SeenRun
from triage.hunt.suspects import agreed

TESTS = tuple(f"tests/test_{number // 10:02}.py::test_{number}" for number in range(200))


def bisected(rules, orders):
    world = World(TESTS, rules)
    known = world.knowledge(orders)
    alone_is_red = {victim: world.run((victim,)).red(victim) for victim in rules}
    before = world.runs

    def suspects_now():
        return {
            victim: agreed(known.places(victim), effect_is_red=not is_red)
            for victim, is_red in alone_is_red.items()
        }

    def run(half, victims):
        known.add(SeenRun.of("bisection", world.run((*half, *victims))))

    bisect_together(suspects_now, run)
    return suspects_now(), world.runs - before


def test_twenty_victims_are_searched_in_the_runs_of_one():
    rules = {TESTS[number]: after(TESTS[199 - 3 * number]) for number in range(20)}
    found, runs = bisected(rules, [TESTS, TESTS[::-1], reversed_files(TESTS)])
    assert found == {TESTS[number]: (TESTS[199 - 3 * number],) for number in range(20)}
    assert runs <= 10  # alone: 20 searches of up to 8


def test_setters_of_brittle_tests_are_searched_beside_polluters():
    rules = {TESTS[50]: without(TESTS[7]), TESTS[60]: after(TESTS[150]), TESTS[61]: after(TESTS[150])}
    found, _ = bisected(rules, [TESTS, TESTS[::-1]])
    assert found == {TESTS[50]: (TESTS[7],), TESTS[60]: (TESTS[150],), TESTS[61]: (TESTS[150],)}


def test_a_victim_that_pollutes_another_one_is_told_from_its_polluter():
    rules = {TESTS[10]: after(TESTS[190]), TESTS[20]: after(TESTS[180])}
    found, _ = bisected(rules, [TESTS, TESTS[::-1]])
    assert found == {TESTS[10]: (TESTS[190],), TESTS[20]: (TESTS[180],)}


def test_a_search_that_no_run_helps_ends():
    pair = after_all(TESTS[120], TESTS[130])
    found, runs = bisected({TESTS[5]: pair, TESTS[6]: after(TESTS[140])}, [TESTS, TESTS[::-1]])
    assert found[TESTS[6]] == (TESTS[140],)
    assert runs <= 10


def test_half_of_what_each_victim_suspects_and_no_victim():
    suspects = {"v": ("a", "b", "c", "d"), "w": ("c", "d", "v", "e")}
    half = half_of(suspects)
    assert "v" not in half
    assert len(set(half) & {"a", "b", "c", "d"}) == 2
    assert len(set(half) & {"c", "d", "e"}) in (1, 2)
