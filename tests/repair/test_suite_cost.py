"""What a repair costs its neighbours is measured where it seems much, beside the tree as it is."""

from __future__ import annotations

from triage.lab.protocol import Observation
from triage.model.run import Chunk
from triage.repair.suite_cost import ChunkCost, costs

CHUNK = Chunk(name="chunk_01", nodeids=("t.py::x", "t.py::y"))
DEAR, CHEAP = {"edits": {"conftest.py": "dear"}}, {"edits": {"conftest.py": "cheap"}}


def run(seconds):
    return Observation(outcomes={}, durations={"t.py::x": seconds / 2, "t.py::y": seconds / 2}, seconds=99.0)


class Lab:
    """Answers each look by the seconds of its edits."""

    def __init__(self, seconds):
        self.seconds, self.asked = seconds, []

    def look(self, looks):
        self.asked += [each.setup for each in looks]
        return [run(self.seconds[each.setup.edits.get("conftest.py")]) for each in looks]


def test_a_slow_run_is_measured_again_beside_the_tree_as_it_is():
    lab = Lab({None: 6.0, "dear": 170.0})
    found = costs(lab, CHUNK, 5.0, [(DEAR, run(175.0)), (CHEAP, run(6.0))])
    assert found == [ChunkCost(170.0, 6.0), None]
    assert found[0].is_dear
    assert [setup.nodeids for setup in lab.asked] == [CHUNK.nodeids] * 2


def test_what_was_slow_by_chance_is_not_dear():
    lab = Lab({None: 9.0, "dear": 10.0})
    (found,) = costs(lab, CHUNK, 5.0, [(DEAR, run(12.0))])
    assert found is not None
    assert not found.is_dear


def test_nothing_is_run_where_nothing_took_long():
    lab = Lab({})
    assert costs(lab, CHUNK, 0.1, [(DEAR, run(1.0))]) == [None], "ten times, but less than a second"
    assert costs(lab, CHUNK, None, [(DEAR, run(10.0)), (CHEAP, run(9.0))]) == [None, None]
    assert lab.asked == []
