"""Answers of `triage mcp` fit into a context, and nothing of them is lost."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.cli.agent_server.bounded import MOST_BYTES, Answers, size
from triage.errors import UsageError


def rest_of(answers, cut):
    """What `more` gives from a cut on, joined."""
    cursor, parts = cut["cursor"], []
    while cursor is not None:
        part = answers.more(cursor)
        assert size(part) <= MOST_BYTES
        assert part["items"], "a part without anything would go on for ever"
        parts += list(part["items"])
        cursor = part["next_cursor"]
    return parts


def test_a_short_answer_is_left_as_it_is():
    document = {"a": [1, 2, 3], "text": "ä"}
    assert Answers().bounded(document) is document


def test_20000_members_are_all_to_be_had():
    members = [f"tests/test_{number}.py::test_a[{number}]" for number in range(20_000)]
    answers = Answers()
    answer = answers.bounded({"schema_version": 1, "id": "C1", "members": members})
    assert size(answer) <= MOST_BYTES
    (cut,) = answer["cut"]
    assert (cut["path"], cut["total"]) == ("/members", 20_000)
    assert answer["members"] + rest_of(answers, cut) == members


def test_a_long_text_and_a_table_are_to_be_had_too():
    table = {f"tests/a~b/test_{number}.py": [{"message": "x" * 30}] for number in range(2_000)}
    document = {"log": "é" * 50_000, "members": table}
    answers = Answers()
    answer = answers.bounded(document)
    cuts = {cut["path"]: cut for cut in answer["cut"]}
    assert answer["log"] + "".join(rest_of(answers, cuts["/log"])) == document["log"]
    assert {**answer["members"], **dict(rest_of(answers, cuts["/members"]))} == table


@pytest.mark.parametrize("cursor", ["", "answer1/members+0", "answer9/x+1", "/+1", "answer1", "a/b+c"])
def test_a_cursor_of_nothing_is_refused(cursor):
    with pytest.raises(UsageError, match="no answer has"):
        Answers().more(cursor)


def test_names_so_long_that_their_cuts_do_not_fit_beside_the_rest():
    """The lists that lack most are told, as many as fit."""
    table = {f"{number:02d}" + "é" * 170: ["x" * 9] * (7 + number) for number in range(40)}
    answer = Answers().bounded({"rows": table})
    assert size(answer) <= MOST_BYTES
    totals = [cut["total"] for cut in answer["cut"]]
    assert totals == list(range(46, 46 - len(totals), -1))
    assert 0 < len(totals) < 12


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=200).map(lambda text: text * 10),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=100), inner, max_size=20),
    max_leaves=20,
)


# What is drawn is small, since drawing takes long; most are too large for an answer when they are repeated.
@pytest.mark.slow
@given(document=st.dictionaries(st.text(max_size=20), JSON, max_size=10), times=st.integers(1, 20))
def test_any_answer_fits(document, times):
    grown = {"rows": [document] * times, "nested": {"again": [[document] * 3] * times}}
    answer = Answers().bounded(grown)
    assert size(answer) <= MOST_BYTES
    json.dumps(answer)
