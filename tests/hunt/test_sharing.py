"""Who shares the culprits of a proven test: all who wait, in two runs, however they fail."""

from __future__ import annotations

from types import SimpleNamespace

from tests.hunt.worlds import World, after, without
from triage.hunt.in_force import InForce
from triage.hunt.prove import OrderProver
from triage.hunt.writers import Changes

TESTS = tuple(f"t.py::test_{letter}" for letter in "abcdefgh")
NOTHING_SEEN = Changes({}, ())
SETTER, POLLUTER, VICTIMS = TESTS[0], TESTS[7], TESTS[2:6]


def prover_of(world, changes=NOTHING_SEEN):
    known = world.knowledge([TESTS, TESTS[::-1]])
    return OrderProver(
        lab=SimpleNamespace(spending=SimpleNamespace(runs=0)),
        warm=world,
        knowledge=known,
        keep=known.add,
        suite=TESTS,
        seed=1,
        signature=lambda failure: "",
        in_force=InForce(changes),
        refuted=set(),
        time_left=lambda: 1.0,
    )


def proof_of(dependence, *culprits):
    return SimpleNamespace(dependence=dependence, culprits=culprits)


def test_brittle_tests_that_any_test_would_help_share_the_one_that_was_found():
    world = World(TESTS, {victim: without(SETTER, TESTS[1]) for victim in VICTIMS})
    prover = prover_of(world)
    shared = prover.sharing(proof_of("brittle", SETTER), VICTIMS[1:], likely=())
    assert shared == list(VICTIMS[1:])


def test_victims_of_other_polluters_and_setters_do_not_share():
    rules = {
        VICTIMS[0]: after(POLLUTER),
        VICTIMS[1]: after(TESTS[6]),
        VICTIMS[2]: without(SETTER),
        VICTIMS[3]: after(VICTIMS[0]),  # red behind another of those who wait
    }
    prover = prover_of(World(TESTS, rules))
    assert prover.sharing(proof_of("polluted", POLLUTER), VICTIMS, likely=VICTIMS) == [VICTIMS[0]]


def test_two_runs_are_enough_for_all_who_are_likely():
    world = World(TESTS, {victim: after(POLLUTER) for victim in VICTIMS})
    prover = prover_of(world)
    for victim in VICTIMS:
        prover._alone_is_red(victim)
    before = world.runs
    assert prover.sharing(proof_of("polluted", POLLUTER), VICTIMS, likely=VICTIMS) == list(VICTIMS)
    assert world.runs - before == 2


def test_apart_one_run_says_who_shares():
    rules = {VICTIMS[0]: after(POLLUTER), VICTIMS[1]: after(TESTS[6]), VICTIMS[3]: after(VICTIMS[0])}
    world = World(TESTS, rules, forks=True)
    prover = prover_of(world)
    for victim in VICTIMS:
        prover._alone_is_red(victim)
    before = world.runs
    assert prover.sharing(proof_of("polluted", POLLUTER), VICTIMS, likely=()) == [VICTIMS[0]]
    assert world.runs - before == 1


def test_whom_all_runs_leave_alone_is_assumed_without_a_run():
    world = World(TESTS, {VICTIMS[0]: after(POLLUTER), VICTIMS[1]: after(POLLUTER, TESTS[6])}, forks=True)
    prover = prover_of(world)
    prover.bisect(VICTIMS[:2])
    before = world.runs
    (assumed,) = [each for each in prover.assumed(VICTIMS[:1]) if each.is_assumed]
    assert (assumed.culprits, assumed.dependence) == ((POLLUTER,), "polluted")
    assert world.runs == before
