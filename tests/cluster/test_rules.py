"""Rules that people write: bounded, checked by their own examples, applied by every run, or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.cluster.assign import Assignment, assign, preview
from triage.cluster.decisions import merge
from triage.cluster.registry import ClusterRegistry
from triage.cluster.rules import Rules
from triage.cluster.rules_file import parse_rules
from triage.cluster.wildcards import matches
from triage.errors import UsageError
from triage.model.run import RunRecord, TestResult
from triage.signature.api import signatures_of

TODAY = date(2026, 11, 24)
Failing = Callable[..., TestResult]
Run = Callable[..., RunRecord]

GOOD = """
[[rule]]
name = "no disk"
reason = "the build machine is full"
message = "*no space left*"
examples = [{ exception = "OSError", message = "no space left on device" }]
"""


def rules_of(text: str) -> Rules:
    return parse_rules(text, today=TODAY)


def under(
    record: RunRecord, registry: ClusterRegistry, rules: Rules | None, at: str
) -> tuple[Assignment, ClusterRegistry]:
    found = assign(
        record, registry, signer=signatures_of, factory=registry.event_factory(at, "triage run"), rules=rules
    )
    return found, ClusterRegistry.of((*registry.events, *found.events))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[rule]]\nname = 1", "name"),
        ("[[rule]]\nname = 'a'", "would match everything"),
        ("[[rule]]\nname = 'a'\nmessage = '*'\nexamples = [{message = 'x'}]", "matches everything"),
        ("[[rule]]\nname = 'a'\nmessage = ['x*', '**']\ntest = '*'", "matches everything"),
        ("[[rule]]\nname = 'a'\nmessage = ''\nexamples = [{}]", "empty pattern"),
        ("[[rule]]\nname = 'a'\nmessage = 'x*'", "no example"),
        (
            "[[rule]]\nname = 'a'\nmessage = 'x*'\nexamples = [{message = 'y'}]",
            "does not match its own example",
        ),
        ("[[rule]]\nname = 'a'\nmesage = 'x*'\nexamples = [{message = 'x'}]", "mesage"),
        ("[[rule]]\nname = 'a'\nmessage = 'x*'\ncluster = 'seven'\nexamples = [{message = 'x'}]", "cluster"),
        ("[[rule]]\nname = 'a'\nmessage = 'x*'\nexpires = 'soon'\nexamples = [{message = 'x'}]", "expires"),
        ("[[rules]]\nname = 'a'", "unknown key 'rules'"),
        ("[rule]\nname = 'a'", "must be [[rule]]"),
        ("rule = 3", "must be [[rule]]"),
        ("[[rule\n", "line"),
        (GOOD + GOOD, "two rules have the name"),
    ],
)
def test_a_bad_file_is_one_clear_line_and_decides_nothing(text: str, says: str) -> None:
    with pytest.raises(UsageError) as error:
        rules_of(text)
    assert says.lower() in str(error.value).lower()
    assert "\n" not in str(error.value)
    assert error.value.slug == "bad-rules"


def test_a_rule_gathers_failures_and_every_later_run_keeps_them(failing: Failing, run: Run) -> None:
    record = run(
        failing("a.py::a", "OSError: no space left on device", "src/a.py:write"),
        failing("b.py::b", "RuntimeError: cannot save: no space left", "src/b.py:save"),
        failing("c.py::c", "ValueError: other"),
    )
    found, registry = under(record, ClusterRegistry.of(()), rules_of(GOOD), "2026-11-24T06:00:00Z")
    assert found.cluster_of == {("a.py::a", 0): "C1", ("b.py::b", 0): "C1", ("c.py::c", 0): "C2"}
    assert registry.cluster("C1").title == "no disk"
    assert registry.cluster("C1").why[0].kind == "rule"
    again, after = under(record, registry, rules_of(GOOD), "2026-11-25T06:00:00Z")
    assert again.cluster_of == found.cluster_of
    assert again.events == ()
    assert after.next_number == 3


def test_a_rule_that_comes_later_moves_failures_and_takes_no_signature(failing: Failing, run: Run) -> None:
    record = run(failing("a.py::a", "OSError: no space left on device", "src/a.py:write"))
    _, registry = under(record, ClusterRegistry.of(()), None, "2026-11-24T06:00:00Z")
    ruled, later = under(record, registry, rules_of(GOOD), "2026-11-25T06:00:00Z")
    assert ruled.cluster_of == {("a.py::a", 0): "C2"}
    without, _ = under(record, later, None, "2026-11-26T06:00:00Z")
    assert without.cluster_of == {("a.py::a", 0): "C1"}, "when the rule is gone, the signature is back home"


def test_a_rule_may_name_an_existing_cluster_by_alias_and_a_test(failing: Failing, run: Run) -> None:
    record = run(
        failing("a.py::a", "KeyError: 'x'", "src/m.py:f"),
        failing("b.py::b", "KeyError: 'x'", "src/m.py:f"),
        failing("c.py::c", "ValueError: other"),
    )
    _, registry = under(record, ClusterRegistry.of(()), None, "2026-11-24T06:00:00Z")
    text = "[[rule]]\nname='b'\ncluster='C2'\ntest='b.py::*'\nexamples=[{test='b.py::b'}]"
    found, _ = under(record, registry, rules_of(text), "2026-11-25T06:00:00Z")
    assert found.cluster_of == {("a.py::a", 0): "C1", ("b.py::b", 0): "C2", ("c.py::c", 0): "C2"}
    with pytest.raises(UsageError, match="names C9, and there is no such cluster"):
        under(record, registry, rules_of(text.replace("C2", "C9")), "2026-11-25T06:00:00Z")


def test_an_expired_rule_decides_nothing_and_is_named(failing: Failing, run: Run) -> None:
    text = GOOD + "expires = 2026-11-23\n"
    rules = rules_of(text)
    assert rules.expired == ("no disk",)
    assert rules.rules == ()
    assert rules_of(GOOD + "expires = 2026-11-24\n").expired == ()


def test_the_preview_says_what_would_move_and_records_nothing(failing: Failing, run: Run) -> None:
    record = run(
        failing("a.py::a", "OSError: no space left on device"), failing("c.py::c", "ValueError: other")
    )
    _, registry = under(record, ClusterRegistry.of(()), None, "2026-11-24T06:00:00Z")
    factory = registry.event_factory("2026-11-25T06:00:00Z", "ada")
    moves = preview(record, registry, rules_of(GOOD), signer=signatures_of, factory=factory)
    assert [tuple(move) for move in moves] == [("a.py::a", "C1", "C3", ("no disk",))]


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("abc", "abc", True), ("abc", "abcd", False), ("a*c", "abbbc", True), ("a*c", "abcd", False),
        ("*b*", "abc", True), ("a?c", "abc", True), ("a?c", "ac", False), ("*a*a*", "a", False),
        ("ab*ba", "aba", False), ("*ab", "aab", True), ("a*b?d*", "axxbcdyy", True), ("", "", True),
        ("x  y", "x y", False), ("x*y", "x\n\t y", True),
    ],
)  # fmt: skip
def test_patterns(pattern: str, text: str, fits: bool) -> None:
    assert matches(pattern, text) is fits


@settings(max_examples=400, deadline=None)
@given(st.text("ab*?", max_size=8), st.text("ab", max_size=12))
def test_patterns_agree_with_regular_expressions(pattern: str, text: str) -> None:
    expression = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    assert matches(pattern, text) is bool(re.fullmatch(expression, text, re.DOTALL))


def test_no_pattern_takes_long() -> None:
    """A backtracking matcher would take years for these; that they end is the test."""
    assert not matches("*a" * 200 + "b", "a" * 10_000)
    assert not matches("*a?" * 100 + "b", "a" * 10_000)


@pytest.mark.parametrize(
    "fields",
    [
        "exception = '?*'", "test = '*::*'", "phase = ['call', 'setup', 'teardown', 'collect']",
        "file = '*.py'", "message = ['nothing', '*?*']", "frame = '*:*'\nphase = '*'", "test = '**?**'",
    ],
)  # fmt: skip
def test_wild_cards_in_disguise_match_everything_too(fields: str) -> None:
    with pytest.raises(UsageError, match="matches everything"):
        rules_of(f"[[rule]]\nname = 'all'\n{fields}\nexamples = [{{}}]")


def test_a_rule_that_names_much_is_no_rule_that_matches_everything() -> None:
    for fields, example in (
        ("exception = '*Error'", "exception = 'KeyError'"),
        ("phase = 'setup'", "phase = 'setup'"),
        ("test = 'tests/*'", "test = 'tests/a.py::a'"),
    ):
        assert len(rules_of(f"[[rule]]\nname='a'\n{fields}\nexamples=[{{{example}}}]").rules) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "[[rule]]\nname = 'a'\ntitle = \"one\\ntwo\"\nmessage = 'x'\nexamples = [{message = 'x'}]",
            "one line",
        ),
        (f"[[rule]]\nname = 'a'\nmessage = '{'x' * 501}'\nexamples = [{{message = 'x'}}]", "500"),
        ("#" * (1 << 20) + "\n", "larger than"),
        ("a = " + "[" * 9000 + "]" * 9000, "bad-rules"),
        ("[[rule]]\nname = 'a'\nexamples = 'x'\nmessage = 'x'", "examples"),
        ("rule = [3]", "rule 1"),
    ],
)
def test_what_nobody_would_write_is_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(UsageError) as error:
        rules_of(text)
    assert says in f"{error.value} {error.value.slug}"
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("*" + "a?" * 240 + "c*", "a" * 10_000),
        ("*".join(["a?a"] * 120) + "*b", "a" * 10_000),
        ("(a+)+$", "a" * 10_000 + "!"),
        ("*(a|aa)+b", "a" * 10_000),
    ],
)
def test_what_is_catastrophic_for_a_backtracking_matcher_is_not_here(pattern: str, text: str) -> None:
    """Each ends at once; a regular expression `(a+)+$` would need more steps than there are atoms."""
    for _ in range(20):
        assert not matches(pattern, text)


def test_an_expression_is_plain_text(failing: Failing) -> None:
    assert matches("(a+)+$", "(a+)+$")
    assert matches("*[Errno 2]*", "OSError: [Errno 2] no")


def test_of_two_rules_the_first_decides_and_the_preview_names_both(failing: Failing, run: Run) -> None:
    text = (
        GOOD + "[[rule]]\nname = 'writing'\nexception = 'OSError'\nmessage = '*device*'\n"
        "examples = [{exception = 'OSError', message = 'no space left on device'}]\n"
    )
    record = run(failing("a.py::a", "OSError: no space left on device", "src/a.py:write"))
    _, registry = under(record, ClusterRegistry.of(()), None, "2026-11-24T06:00:00Z")
    (move,) = preview(
        record,
        registry,
        rules_of(text),
        signer=signatures_of,
        factory=registry.event_factory("2026-11-25T06:00:00Z", "ada"),
    )
    assert move.rules == ("no disk", "writing")
    _, after = under(record, registry, rules_of(text), "2026-11-25T06:00:00Z")
    assert after.rules == {"no disk": "C2"}


def test_a_rule_for_a_merged_cluster_means_the_one_that_lives(failing: Failing, run: Run) -> None:
    record = run(
        failing("a.py::a", "KeyError: 'x'", "src/m.py:f"),
        failing("b.py::b", "ValueError: other", "src/n.py:f"),
    )
    _, registry = under(record, ClusterRegistry.of(()), None, "2026-11-24T06:00:00Z")
    merged = ClusterRegistry.of(
        (
            *registry.events,
            *merge(registry, registry.event_factory("2026-11-24T07:00:00Z", "ada"), ["C2", "C1"]),
        )
    )
    text = "[[rule]]\nname='b'\ncluster='C1'\nexception='IOError'\nexamples=[{exception='IOError'}]"
    more = run(*record.results, failing("c.py::c", "IOError: no", "src/o.py:f"))
    found, _ = under(more, merged, rules_of(text), "2026-11-25T06:00:00Z")
    assert set(found.cluster_of.values()) == {"C2"}
