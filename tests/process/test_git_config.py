"""Which settings keep git from starting what a repository's configuration names: pure."""

from __future__ import annotations

import pytest

from triage.process.git_config import ALWAYS, Configured, configured, environment, overrides, withheld_filters


def test_a_listing_is_read_in_pairs():
    listing = "system\0core.pager\0local\0filter.my.x.clean\0"
    assert configured(listing) == (
        Configured("system", "core.pager"), Configured("local", "filter.my.x.clean"),
    )  # fmt: skip
    assert configured("") == ()


@pytest.mark.parametrize(
    ("name", "emptied"),
    [
        ("filter.mine.clean", ["filter.mine.clean", "filter.mine.smudge", "filter.mine.process"]),
        ("filter.a.b c.process", ["filter.a.b c.clean", "filter.a.b c.smudge", "filter.a.b c.process"]),
        ("diff.word.textconv", ["diff.word.textconv", "diff.word.command"]),
        ("merge.ours.driver", ["merge.ours.driver"]),
        ("hook.lint.command", ["hook.lint.command"]),
    ],
)
@pytest.mark.parametrize("scope", ["local", "worktree", "global", "system", "command"])
def test_what_a_configuration_names_is_emptied(scope, name, emptied):
    settings = overrides([Configured(scope, name)])
    assert all(settings[each] == "" for each in emptied)


@pytest.mark.parametrize("name", ["filter.clean", "filter.lfs.required", "core.bare", "diff.x.binary", ""])
def test_a_name_that_names_no_program_changes_nothing(name):
    assert overrides([Configured("local", name)]) == ALWAYS


def test_a_filter_of_several_levels_is_withheld_once():
    names = [Configured("global", "filter.lfs.process"), Configured("local", "filter.lfs.clean")]
    assert overrides(names)["filter.lfs.process"] == ""
    assert withheld_filters(names) == ("lfs",)


@pytest.mark.parametrize(
    ("inherited", "first"), [({}, 0), ({"GIT_CONFIG_COUNT": "2"}, 2), ({"GIT_CONFIG_COUNT": "x"}, 0)]
)
def test_settings_stand_behind_those_of_the_job(inherited, first):
    variables = environment({"gc.auto": "0"}, inherited)
    assert variables["GIT_CONFIG_COUNT"] == str(first + 1)
    assert variables[f"GIT_CONFIG_KEY_{first}"] == "gc.auto"
