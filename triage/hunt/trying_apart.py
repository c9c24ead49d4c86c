"""Arms whose tests run apart, each in a child of one process: alone, twice, behind what others leave."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from triage.hunt.apart import Apart, Observed
from triage.hunt.seen import ALONE, TWICE, SeenRun
from triage.hunt.state import Hunt
from triage.hunt.writers import halves, prefixes

BEHIND = "behind what tests leave"
"""The arm that runs each test directly behind those that leave something behind."""
MOST_PREFIXES = 2
"""What one test overwrites of another is in force behind the second."""
_MOST_HALVES = 2
"""Pairs of halves of the tests that leave something: three of four pairs of tests are in two halves once."""
_TOGETHER = 40
"""Tests whose children share a working copy; where one of them leaves a file each gets a copy of its own."""


def try_alone_and_twice(hunt: Hunt, limit: float) -> int:
    """Tests with nothing before them, and once more behind themselves; the processes that it took.

    Where the tracer has seen all tests, only those run twice that changed something which they may read, and
    only those alone that never passed without some piece of state that they may read changed before them: of
    the others the runs in other orders show what they need. A later hunt on the same files tries the others,
    too.
    """
    twice, alone = _worth_apart(hunt)
    groups = [(group, True) for group in _sharing(hunt, twice)]
    groups += [(group, False) for group in _sharing(hunt, alone)]
    width = hunt.request.workers
    runs = tried = 0
    for start in range(0, len(groups), width):
        if start and hunt.seconds > limit:
            hunt.notes.append(f"{ALONE}: {tried} of {len(twice) + len(alone)} were run in time")
            break
        batch = [
            Apart(first_time=group, is_twice=is_twice) for group, is_twice in groups[start : start + width]
        ]
        for apart, observed in zip(batch, _run_all(hunt, batch, limit), strict=True):
            runs += 1 + _take_alone(hunt, apart, observed)
            tried += len(apart.first_time)
    return runs


def _worth_apart(hunt: Hunt) -> tuple[list[str], list[str]]:
    """The tests that are to run alone and a second time, and those that are to run alone only."""
    todo = [nodeid for nodeid in hunt.knowledge.tests if nodeid not in hunt.earlier.alone]
    goes_on = bool(hunt.earlier.arms) and not hunt.request.resume
    if goes_on or not hunt.changes.are_known:
        return todo, []
    changing = {nodeid for nodeid, keys in hunt.changes.of_tests if hunt.readers.may_read_any(nodeid, keys)}
    always = hunt.in_force().ever_changed(hunt.knowledge.runs, todo)
    twice = [nodeid for nodeid in todo if nodeid in changing]
    alone = [nodeid for nodeid in todo if nodeid not in changing and always[nodeid]]
    return twice, alone


def _sharing(hunt: Hunt, nodeids: Sequence[str]) -> list[tuple[str, ...]]:
    """Tests whose children share a working copy; who leaves files gets one alone."""
    by_themselves = hunt.changes.leaving_files
    sharing = [nodeid for nodeid in nodeids if nodeid not in by_themselves]
    groups = [tuple(sharing[start : start + _TOGETHER]) for start in range(0, len(sharing), _TOGETHER)]
    return groups + [(nodeid,) for nodeid in nodeids if nodeid in by_themselves]


def _take_alone(hunt: Hunt, apart: Apart, observed: Observed) -> int:
    """Keep what tests gave alone and the second time; how many further processes that took."""
    hunt.keep_second(SeenRun.of(TWICE, observed.second))
    if not observed.left_files or len(apart.first_time) == 1:
        for run in observed.singles(ALONE):
            hunt.keep(run)
        return 0
    orders = [(nodeid,) for nodeid in apart.first_time]
    hunt.warm.run_all(orders, lambda _number, seen: hunt.keep(SeenRun.of(ALONE, seen)))
    return len(orders)


def try_behind_writers(hunt: Hunt, limit: float) -> int:
    """Tests directly behind what others leave, where no run had that in force; the processes that it took."""
    missing = _Missing(hunt)
    several: list[Apart] = []
    for prefix in prefixes(hunt.changes, MOST_PREFIXES):
        if not several:
            for half, other in halves(prefix, _MOST_HALVES):
                several += missing.behind(half, other)
        here = frozenset(prefix)
        others = [nodeid for nodeid in hunt.knowledge.tests if nodeid not in here]
        # a test that breaks its own next run is red behind itself, whatever else is there
        again = [nodeid for nodeid in prefix if nodeid not in hunt.twice_red]
        several += missing.behind(prefix, others, again)
    width = hunt.request.workers
    for start in range(0, len(several), width):
        batch = several[start : start + width]
        if start and hunt.seconds > limit:
            hunt.notes.append(f"{BEHIND}: {start} of {len(several)} were run in time")
            return start
        for apart, observed in zip(batch, _run_all(hunt, batch, limit), strict=True):
            for run in observed.runs(BEHIND, apart):
                hunt.keep(run)
    return len(several)


class _Missing:
    """What each test has not run behind yet, of all that others leave."""

    def __init__(self, hunt: Hunt) -> None:
        self._files_last = hunt.files_last
        self._in_force = hunt.in_force()
        self._of_test = self._in_force.lacking(hunt.knowledge.runs, hunt.knowledge.tests)

    def behind(self, here: tuple[str, ...], others: Sequence[str], again: Sequence[str] = ()) -> list[Apart]:
        """Those tests behind the common ones that miss what these leave; nothing where nobody does."""
        left = self._in_force.behind(here)
        first_time = [nodeid for nodeid in others if self._of_test.get(nodeid, 0) & left]
        again = [nodeid for nodeid in again if self._of_test.get(nodeid, 0) & left]
        if not (first_time or again):
            return []
        wanted = 0
        for nodeid in (*first_time, *again):
            wanted |= self._of_test[nodeid] & left
            self._of_test[nodeid] &= ~left
        common = self._leaving(here, wanted, again)
        return [Apart(here=common, first_time=self._files_last(first_time), again=self._files_last(again))]

    def _leaving(self, here: tuple[str, ...], wanted: int, again: Sequence[str]) -> tuple[str, ...]:
        """The common tests that change what is wanted, or what these need for it; and who runs again."""
        kept = set(again)
        for nodeid in kept:
            wanted |= self._in_force.readable(nodeid)
        is_growing = True
        while is_growing:
            changing = [
                nodeid for nodeid in here if nodeid not in kept and self._in_force.changed_by(nodeid) & wanted
            ]
            kept.update(changing)
            for nodeid in changing:
                # what it leaves may hang on what others have left
                wanted |= self._in_force.readable(nodeid)
            is_growing = bool(changing)
        return tuple(nodeid for nodeid in here if nodeid in kept)


def _run_all(hunt: Hunt, several: Sequence[Apart], limit: float) -> list[Observed]:
    """Side by side, up to so many seconds of the hunt; who has not run by then is left out."""
    until = hunt.started + limit
    with ThreadPoolExecutor(len(several)) as pool:
        return list(pool.map(lambda apart: hunt.warm.run_apart(apart, until), several))
