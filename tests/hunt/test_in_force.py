"""What was in force before a test, by what each test was seen to change."""

from __future__ import annotations

from triage.hunt.in_force import InForce, suspected_state
from triage.hunt.seen import SeenRun
from triage.hunt.writers import Changes
from triage.model.outcome import Outcome

TESTS = ("writes", "undoes", "reads", "other")
CHANGES = Changes(
    {"mode": "plain"},
    (("writes", {"mode": "fancy"}), ("undoes", {"mode": "plain"}), ("other", {"box": "full"})),
)


def run(*order, red=(), apart=None):
    not_passed = dict.fromkeys(red, Outcome.FAILED)
    return SeenRun(arm="an order", order=order, not_passed=not_passed, apart=apart)


def test_what_a_test_undoes_is_not_in_force_behind_it():
    state = InForce(CHANGES)
    assert state.behind(("writes",)) == state.written_by("writes")
    assert state.behind(("writes", "undoes")) == 0
    assert state.behind(("other", "writes", "undoes")) == state.written_by("other")
    assert state.writers == {"writes", "other"}


def test_who_runs_apart_finds_what_the_common_tests_left_alone():
    state = InForce(CHANGES)
    before = state.before(run("writes", "other", "reads", apart=1))
    assert before["other"] == before["reads"] == state.written_by("writes")


def test_no_order_of_both_ways_had_in_force_what_is_undone_between():
    state = InForce(CHANGES)
    lacking = state.lacking([run(*TESTS), run(*TESTS[::-1])], TESTS)
    fancy = state.written_by("writes") & state.values
    assert lacking["reads"] == fancy
    assert not lacking["writes"] & fancy  # its own is no matter of others
    assert (
        state.lacking([run("writes", "reads")], ["reads"])["reads"]
        == state.written_by("other") & state.values
    )


def test_who_never_passed_without_a_piece_may_need_it():
    state = InForce(CHANGES)
    runs = [run("other", "reads"), run("other", "writes", "reads")]
    assert state.ever_changed(runs, ["reads"])["reads"] == state.written_by("other") & state.pieces
    assert state.ever_changed([*runs, run("reads")], ["reads"])["reads"] == 0


def test_the_polluter_is_suspected_though_another_test_undid_it_in_a_green_run():
    state = InForce(CHANGES)
    runs = [run(*TESTS), run("other", "reads"), run("other", "writes", "reads", red=["reads"])]
    suspected = suspected_state(state, runs, "reads", effect_is_red=True)
    assert suspected == state.written_by("writes") & state.values
    assert suspected_state(state, runs, "other", effect_is_red=True) == 0
    brittle = [run("reads", red=["reads"]), run("other", "reads")]
    assert (
        suspected_state(state, brittle, "reads", effect_is_red=False)
        == state.written_by("other") & state.values
    )


def test_a_run_is_walked_once_for_all_its_victims(monkeypatch):
    state = InForce(CHANGES)
    steps = []
    step = InForce._after
    monkeypatch.setattr(InForce, "_after", lambda self, *given: steps.append(given) or step(self, *given))
    runs = [run(*TESTS), run(*TESTS[::-1], red=["reads", "other"])]
    for victim in TESTS:
        suspected_state(state, runs, victim, effect_is_red=True)
    assert len(steps) == sum(len(each.order) for each in runs)
