"""What `triage probe --all` and `triage run --attribute` say of the causes that a joint search found."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from triage.cli.context import App
from triage.text.plural import counted_noun

if TYPE_CHECKING:
    from triage.model.joint_search import JointCause, JointReport

_MOST_TESTS = 3
"""Tests of a cause that are shown; all are in its cluster."""
_MOST_HIDDEN = 5
_MOST_REASONS = 10
"""Why tests have no cause, each with the tests that it is said of."""


def say_causes(app: App, report: JointReport) -> None:
    """The causes with their lines, then what has none, then what the search took."""
    from triage.attribute.wording import cost_in_words

    hidden = len(report.hidden_causes)
    more = f", and {hidden} more behind them" if hidden else ""
    found = counted_noun(len(report.causes), "cause")
    app.say(f"{counted_noun(len(report.tests), 'red test')}, {found}{more}:")
    by_cluster = sorted(report.causes, key=lambda cause: int((cause.cluster or "C0")[1:]))
    for cause in by_cluster:
        _say_cause(app, cause)
    say_hidden(app, report)
    for factor in report.factors:
        app.say(
            f"{factor.factor} mends {counted_noun(len(factor.tests), 'more test')}, as in {factor.known_from}"
        )
        for nodeid in factor.tests[:_MOST_TESTS]:
            app.say(f"        {nodeid}")
    say_unexplained(app, report)
    for note in report.notes:
        app.say(f"note: {note}")
    for line in cost_in_words(report.cost):
        app.say(f"cost: {line}")
    app.say(f"causes: {report.folder}/joint.json")
    if report.unexplained:
        app.say(f"next: triage probe {shlex.quote(report.unexplained[0].nodeid)}   # by itself, base or not")


def say_hidden(app: App, report: JointReport) -> None:
    """The causes that show only once others are gone."""
    if report.hidden_causes:
        places = ", ".join(report.hidden_causes[:_MOST_HIDDEN])
        more = len(report.hidden_causes) - _MOST_HIDDEN
        app.say(f"behind other causes, of the same tests: {places}{f' and {more} more' if more > 0 else ''}")


def say_unexplained(app: App, report: JointReport) -> None:
    """The tests without a cause, by the reason."""
    tests_of: dict[str, list[str]] = {}
    for each in report.unexplained:
        tests_of.setdefault(each.reason, []).append(each.nodeid)
    for reason, tests in list(tests_of.items())[:_MOST_REASONS]:
        others = f" and {counted_noun(len(tests) - 1, 'more test')}" if len(tests) > 1 else ""
        app.say(f"no cause for {tests[0]}{others}: {reason}")
    left_out = sum(len(tests) for tests in list(tests_of.values())[_MOST_REASONS:])
    if left_out:
        rest = counted_noun(left_out, "more test")
        app.say(f"no cause for {rest}: {report.folder}/joint.json has the reasons")


def _say_cause(app: App, cause: JointCause) -> None:
    app.say(
        f"{cause.cluster or '-':<5} {cause.confidence:<7} {counted_noun(len(cause.tests), 'test', 4):<10}"
    )
    for hunk in cause.hunks:
        app.say(f"      {hunk.in_words}")
        for sign, text in (("-", hunk.before), ("+", hunk.after)):
            for line in text.splitlines()[:_MOST_LINES]:
                app.say(f"        {sign} {line}")
    for commit in cause.commits[:_MOST_COMMITS]:
        app.say(f"      commit {commit.shown}")
    app.say(f"      {cause.summary}")
    for nodeid in cause.tests[:_MOST_TESTS]:
        app.say(f"        {nodeid}")
    if len(cause.tests) > _MOST_TESTS:
        app.say(f"        and {len(cause.tests) - _MOST_TESTS} more")


_MOST_LINES = 6
"""Lines of a hunk that are shown; the whole is in git."""
_MOST_COMMITS = 4
