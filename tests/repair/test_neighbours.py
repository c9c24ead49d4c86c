"""A neighbour that is red by chance is not held against a repair; one that the repair breaks is."""

from __future__ import annotations

from triage.lab.protocol import Observation
from triage.model.outcome import Outcome
from triage.model.run import Chunk
from triage.repair.neighbours import Suspicion, excuses

CHUNK = Chunk(name="chunk_01", nodeids=("t.py::x", "t.py::flaky", "t.py::broken"))
EDITS = {"app.py": "x = 1\n"}


class Lab:
    """Answers looks in turn: without the option, then with it; `red` are the red tests of each run."""

    def __init__(self, without, option):
        self._red = {False: iter(without), True: iter(option)}
        self.asked = []

    def look(self, looks):
        return [self._answer(each.setup) for each in looks]

    def _answer(self, setup):
        self.asked.append(setup)
        red = next(self._red[bool(setup.edits)])
        return Observation(
            outcomes={nodeid: Outcome.FAILED if nodeid in red else Outcome.PASSED for nodeid in setup.nodeids}
        )


def test_a_test_that_is_red_without_the_option_or_never_again_is_excused():
    lab = Lab(
        without=[(), ("t.py::flaky",), ()],
        option=[("t.py::broken",)] * 3,
    )
    suspicion = Suspicion({"edits": EDITS}, ("t.py::broken", "t.py::flaky", "t.py::x"))
    (found,) = excuses(lab, CHUNK, [suspicion])
    assert set(found) == {"t.py::flaky", "t.py::x"}
    assert "1 of 3 runs" in found["t.py::flaky"]
    assert "1 of 4 runs" in found["t.py::x"]
    assert all(setup.nodeids == CHUNK.nodeids for setup in lab.asked), "in the same order"


def test_nothing_is_run_where_nothing_is_newly_red():
    lab = Lab(without=[], option=[])
    assert excuses(lab, CHUNK, [Suspicion({"edits": EDITS}, ())]) == [{}]
    assert lab.asked == []
