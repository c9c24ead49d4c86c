"""Selecting items: by an index made beforehand, as a fork does, the same ones as by all ids."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from triage.recorder.select import exactly, index_of, indexed, numbered

IDS = st.sampled_from(["test_a.py::test_x", "test_a.py::test_x[1]", "test_b.py::test_y"])
PAIRS = st.tuples(IDS | st.just("test_gone.py::test_z"), st.integers(0, 3))


@given(ids=st.lists(IDS, max_size=8), wanted=st.lists(PAIRS, max_size=8, unique=True))
def test_index_finds_what_a_search_finds(ids: list[str], wanted: list[tuple[str, int]]) -> None:
    items = [object() for _ in ids]
    places = index_of(ids, numbered(ids))
    assert indexed(items, places, wanted) == exactly(items, ids, wanted)
