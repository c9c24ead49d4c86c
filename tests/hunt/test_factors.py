"""Surroundings: each names one factor, and its arms differ in nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

from triage.hunt.factors import Machine, every_factor, imported_backwards, in_groups, worth_trying
from triage.instruments.registry import MODULES
from triage.lab.protocol import Setup

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
MACHINE = Machine(
    now=NOW,
    local=lambda *fields: datetime(*fields, tzinfo=UTC).timestamp(),
    path_without_git="/nowhere",
    locale="de_DE.UTF-8",
)


def test_every_factor_has_a_name_of_its_own_and_known_instruments():
    factors = every_factor(MACHINE)
    assert len({factor.name for factor in factors}) == len(factors) >= 35
    assert {name for factor in factors for name in factor.instruments} <= set(MODULES)
    assert {factor.group for factor in factors} == {"environment", "time", "chance", "numbers"}


def test_the_arms_carry_the_same_instruments_and_differ_in_the_factor():
    for factor in every_factor(MACHINE):
        changed, idle = factor.arms(Setup(nodeids=("t.py::t",)))
        assert changed != idle, factor.name
        assert changed.instruments.keys() == idle.instruments.keys()
        assert idle.env == factor.control_env
        for name, settings in idle.instruments.items():
            assert settings == factor.control.get(name, {}), factor.name


def test_the_other_arm_of_a_date_has_the_same_clock_at_the_present():
    for factor in every_factor(MACHINE):
        if factor.group == "time":
            changed, present = factor.arms(Setup(nodeids=("t.py::t",)))
            assert present.env == changed.env
            assert present.instruments["clock"]["at"] == NOW.timestamp()
            assert present.instruments["clock"]["freeze"] == changed.instruments["clock"]["freeze"]


def test_leap_day_and_new_year_are_real_days_to_come():
    at = {
        factor.name: datetime.fromtimestamp(factor.instruments["clock"]["at"], UTC)
        for factor in every_factor(MACHINE)
        if "clock" in factor.instruments
    }
    assert at["29 February"].strftime("%m-%d") == "02-29"
    assert at["29 February"] > NOW
    assert at["31 December 2026 23:59:59"].isoformat() == "2026-12-31T23:59:59+00:00"
    assert at["in five years"].year == 2031


def test_numbers_are_tried_where_the_suite_computes():
    factors = every_factor(MACHINE)
    without = worth_trying(factors, frozenset())
    assert not any(factor.group == "numbers" for factor in without)
    assert len(worth_trying(factors, frozenset({"numpy", "torch"}))) == len(factors)


def test_what_has_to_be_there_at_the_start_is_not_tried_in_a_fork():
    at_start = {factor.name for factor in every_factor(MACHINE) if factor.at_start}
    assert "PYTHONHASHSEED=1" in at_start
    assert "LC_ALL=C" in at_start
    assert not any("clock" in f.instruments for f in every_factor(MACHINE) if f.at_start)


def test_factors_that_are_there_at_once_do_not_meet():
    factors = [factor for factor in every_factor(MACHINE) if not factor.at_start]
    groups = in_groups(factors)
    assert sorted(factor.name for group in groups for factor in group) == sorted(f.name for f in factors)
    assert len(groups) <= len(factors) // 3
    for group in groups:
        touched = [name for factor in group for name in (*factor.env, *factor.instruments)]
        assert len(touched) == len(set(touched))


def test_the_import_of_files_is_turned_around_for_any_test():
    changed, control = imported_backwards(["a.py", "b.py"]).arms(Setup(nodeids=("c.py::t",)))
    assert (changed.imports, control.imports) == (("b.py", "a.py"), ("a.py", "b.py"))
    assert changed.nodeids == control.nodeids
